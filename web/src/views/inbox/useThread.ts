import { nextTick, shallowRef } from 'vue'
import { api } from '@/api/client'
import type { Sms, SmsPage } from '@/api/types'
import { onLiveEvent, onReconnect } from '@/live/vue'
import { useFeed } from '../useFeed'
import { peerOf, type OpenThread } from './inboxQuery'

const PAGE = 50
/** A message that was asked for is looked for so far back; beyond, the conversation just opens at its end. */
const MOST_PAGES = 20

/** The messages of one conversation, newest first, live, back to the one that was asked for. */
export function useThread(thread: OpenThread) {
  const isSought = shallowRef(thread.messageId !== null)

  const feed = useFeed<Sms>({
    idOf: (message) => message.id,
    async fetchPage(cursor, signal) {
      const query = { deviceId: thread.deviceId, peer: thread.peer, limit: PAGE, cursor }
      const page = await api.get<SmsPage>('/api/sms', query, signal)
      return { items: page.messages, nextCursor: page.nextCursor, total: page.total }
    },
  })

  /** Loads pages until the message is among them, then says so. */
  async function seek(messageId: string, found: () => void): Promise<void> {
    isSought.value = true
    for (let page = 0; page < MOST_PAGES; page += 1) {
      if (feed.items.value.some((message) => message.id === messageId)) {
        await nextTick()
        found()
        break
      }
      if (!feed.hasMore.value || feed.error.value) break
      await feed.loadMore()
    }
    isSought.value = false
  }

  onLiveEvent((event) => {
    if (event.event !== 'sms-received') return
    const message = event.data as Sms
    if (message.deviceId === thread.deviceId && peerOf(message) === thread.peer) feed.put(message)
  })
  onReconnect(feed.reload)
  return { ...feed, seek, isSought }
}
