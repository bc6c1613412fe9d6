import type {
  CardPlace, Device, DeviceReboot, DeviceRemoved, DeviceStatus, SimConflict, SimInserted, SimMoved, SimVanished, Sms, SmsRecovered, StatusChange,
  WireEvent,
} from '@/api/types'
import { visibleName } from '@/components/visibleText'
import { t, type Key } from '@/i18n/t'

/** A fact of a device's life, in words. `tone` is what it means for whoever runs the fleet. */
export interface Fact {
  id: string
  at: string
  tone: 'good' | 'warn' | 'bad' | 'plain'
  title: string
  text: string
}

const STATUS_WORDS: Record<DeviceStatus, Key> = {
  online: 'parts.online', late: 'parts.late', offline: 'parts.offline', unknown: 'parts.unknown',
}
const TONES: Record<DeviceStatus, Fact['tone']> = { online: 'good', late: 'warn', offline: 'bad', unknown: 'plain' }

const statusWord = (status: DeviceStatus): string => (STATUS_WORDS[status] ? t(STATUS_WORDS[status]) : status)

type Words = Omit<Fact, 'id' | 'at'>

function statusFact(change: StatusChange): Words {
  const to = statusWord(change.currentStatus)
  const isFirst = change.isNewDevice || change.previousStatus === null
  const title = isFirst ? t('device.factCreated', { status: to }) : t('device.factStatus', { from: statusWord(change.previousStatus!), to })
  return { tone: TONES[change.currentStatus] ?? 'plain', title, text: visibleName(change.reason ?? '') }
}

function rebootFact({ previousCounter, counter }: DeviceReboot): Words {
  const text = previousCounter === null || counter === null ? '' : t('device.factRebootText', { from: previousCounter, to: counter })
  return { tone: 'warn', title: t('device.factReboot'), text }
}

type AnyCard = SimInserted | SimMoved | SimVanished | SimConflict

const cardName = ({ iccid, imsi, phoneNumber }: AnyCard): string => visibleName(phoneNumber ?? iccid ?? imsi ?? '')
const placeName = ({ deviceId, slotIndex }: CardPlace): string => t('device.cardPlace', { device: visibleName(deviceId), slot: slotIndex })

function vanishedText(card: SimVanished): string {
  return card.nowAt ? t('device.factSimNowAt', { card: cardName(card), place: placeName(card.nowAt) }) : cardName(card)
}

function wordsOf(event: WireEvent): Words {
  switch (event.event) {
    case 'device-status-change':
      return statusFact(event.data as StatusChange)
    case 'device-reboot':
      return rebootFact(event.data as DeviceReboot)
    case 'device-updated':
      return { tone: 'plain', title: t('device.factUpdated'), text: visibleName((event.data as Device).name ?? '') }
    case 'device-removed':
      return { tone: 'bad', title: t((event.data as DeviceRemoved).isRejected ? 'device.factRejected' : 'device.factRemoved'), text: '' }
    case 'device-readmitted':
      return { tone: 'plain', title: t('device.factReadmitted'), text: '' }
    case 'sim-inserted': {
      const card = event.data as SimInserted
      return { tone: 'good', title: t('device.factSimInserted', { slot: card.slotIndex }), text: cardName(card) }
    }
    case 'sim-moved': {
      const card = event.data as SimMoved
      const text = t('device.factSimFrom', { card: cardName(card), place: placeName(card.from) })
      return { tone: 'plain', title: t('device.factSimMoved', { slot: card.slotIndex }), text }
    }
    case 'sim-vanished': {
      const card = event.data as SimVanished
      return { tone: 'warn', title: t('device.factSimVanished', { slot: card.slotIndex }), text: vanishedText(card) }
    }
    case 'sim-conflict': {
      const card = event.data as SimConflict
      const text = t('device.factSimAlsoAt', { card: cardName(card), place: placeName(card.alsoAt) })
      return { tone: 'bad', title: t('device.factSimConflict'), text }
    }
    case 'sms-received':
      return { tone: 'plain', title: t('device.factSms'), text: visibleName((event.data as Sms).sender ?? '') }
    case 'sms-recovered':
      return { tone: 'good', title: t('device.factRecovered', { n: (event.data as SmsRecovered).nMessages }), text: '' }
    default:
      // A fact that a newer server knows is still worth its name.
      return { tone: 'plain', title: event.event, text: '' }
  }
}

export const factOf = (event: WireEvent): Fact => ({ id: String(event.seq), at: event.at, ...wordsOf(event) })

const STATES = new Set(['device-heartbeat', 'stats-update', 'state'])

/** True for a fact about this device; heartbeats are states, not facts. */
export function isFactOf(event: WireEvent, deviceId: string): boolean {
  return !STATES.has(event.event) && (event.data as { deviceId?: string } | null)?.deviceId === deviceId
}
