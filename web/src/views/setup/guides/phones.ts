import { postForm, postJson } from '../commands'
import type { Given, Guide } from './guide'

const CAPCOM6_EVENTS = 'sms:received sms:data-received mms:downloaded sms:sent sms:delivered sms:failed sms:cancelled system:ping app:started'

/** One call for each event: the app registers them one by one. */
function registerWebhooks({ address }: Given): string {
  return [
    `for event in ${CAPCOM6_EVENTS}; do`,
    `  curl -u USER:PASSWORD -H 'Content-Type: application/json' http://PHONE:8080/webhooks \\`,
    `    -d '{"id":"goip-'$event'","event":"'$event'","url":"${address}"}'`,
    'done',
  ].join('\n')
}

const FORWARDER_TEMPLATE =
  '{"from": "%from%", "text": "%text%", "sentStamp": %sentStamp%, "receivedStamp": %receivedStamp%, "sim": "%sim%", "battery": %battery%, "power": "%power%"}'
const SMSFORWARDER_PARAMETERS =
  '{"from": "[from]", "org_content": "[org_content]", "timestamp": "[timestamp]", "card_slot": "[card_slot]", "receive_time": "[receive_time]"}'

/** Android phones with one app or another. */
export const PHONES: readonly Guide[] = [
  {
    name: 'capcom6',
    group: 'phone',
    about: 'makes.capcom6.about',
    words: 'sms-gate.app smsgate android webhook',
    confidence: 'high',
    needsHttps: true,
    naming: 'possible',
    steps: [
      { text: 'makes.capcom6.1', fields: ({ key }) => [{ label: 'Signing Key', value: key }] },
      { text: 'makes.capcom6.2', fields: () => [{ label: 'Interval (seconds)', value: '300' }] },
      { text: 'makes.capcom6.3' },
      { text: 'makes.capcom6.4', fields: (given) => [{ label: 'curl', value: registerWebhooks(given), isBlock: true }] },
      { text: 'makes.capcom6.5' },
    ],
    tryIt: ({ tryAddress, tryId }) =>
      postJson(tryAddress, {
        deviceId: tryId, event: 'system:ping', id: tryId, webhookId: 'goip-system:ping',
        payload: { health: { status: 'pass', checks: { 'battery:level': { observedValue: 87, status: 'pass' } } } },
      }),
  },
  {
    name: 'httpsms',
    group: 'phone',
    about: 'makes.httpsms.about',
    words: 'android server url api key',
    confidence: 'high',
    needsHttps: true,
    isKnownByNumber: true,
    steps: [
      { text: 'makes.httpsms.1' },
      {
        text: 'makes.httpsms.2',
        fields: ({ address }) => [
          { label: 'API Key', value: 'goip' },
          { label: 'Server URL', value: address },
        ],
      },
      { text: 'makes.httpsms.3' },
    ],
    tryIt: ({ address, tryId }) => postJson(`${address}/v1/heartbeats`, { charging: true, phone_numbers: [tryId] }),
  },
  {
    name: 'textbee',
    group: 'phone',
    about: 'makes.textbee.about',
    words: 'android webhook',
    confidence: 'high',
    comesFromInternet: true,
    speaksBySms: true,
    steps: [
      { text: 'makes.textbee.1' },
      {
        text: 'makes.textbee.2',
        fields: ({ address, key }) => [
          { label: 'Delivery URL', value: address },
          { label: 'Signing Secret', value: key },
        ],
      },
      { text: 'makes.textbee.3' },
    ],
    tryIt: ({ address, tryId }) =>
      postJson(address, {
        webhookEvent: 'MESSAGE_RECEIVED', deviceId: tryId, smsId: tryId, idempotencyKey: tryId, sender: '+15550101',
        message: 'A test from the page', receivedAt: new Date().toISOString(),
      }),
  },
  {
    name: 'forwarder',
    group: 'phone',
    about: 'makes.forwarder.about',
    words: 'incoming sms to url gateway webhook bogkonstantin pppscn smsforwarder android json template tasker macrodroid',
    confidence: 'medium',
    naming: 'needed',
    speaksBySms: true,
    steps: [
      {
        text: 'makes.forwarder.1',
        fields: ({ address }) => [
          { label: 'Sender', value: '*' },
          { label: 'Webhook URL', value: address },
          { label: 'JSON template', value: FORWARDER_TEMPLATE, isBlock: true },
        ],
      },
      { text: 'makes.forwarder.2', fields: ({ address }) => [{ label: 'Heartbeat URL', value: `${address}?heartbeat=15` }] },
      {
        text: 'makes.forwarder.3',
        fields: ({ address }) => [
          { label: 'Webhook Server', value: address },
          { label: 'Params', value: SMSFORWARDER_PARAMETERS, isBlock: true },
        ],
      },
      { text: 'makes.forwarder.4' },
    ],
    tryIt: ({ tryAddress }) =>
      postJson(tryAddress, { from: '+15550101', text: 'A test from the page', sentStamp: Date.now(), sim: 'SIM1' }),
  },
  {
    name: 'smssync',
    group: 'phone',
    about: 'makes.smssync.about',
    words: 'ushahidi android sync url',
    confidence: 'high',
    naming: 'needed',
    speaksBySms: true,
    steps: [
      {
        text: 'makes.smssync.1',
        fields: ({ address }) => [{ label: 'Sync URL', value: address }],
      },
      { text: 'makes.smssync.2' },
    ],
    tryIt: ({ tryAddress, tryId }) =>
      postForm(tryAddress, { from: '+15550101', message: 'A test from the page', message_id: tryId, sent_timestamp: String(Date.now()), device_id: tryId }),
  },
]
