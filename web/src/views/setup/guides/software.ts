import { getWith, postForm, postJson } from '../commands'
import type { Guide } from './guide'

/** Whatever speaks goip's own format. */
export const OWN: Guide = {
  name: 'http',
  group: 'any',
  about: 'makes.http.about',
  words: 'curl script cron api json webhook own format',
  confidence: 'high',
  steps: [
    { text: 'makes.http.1', fields: ({ url }) => [{ label: 'Heartbeat URL', value: `${url}/api/device/heartbeat` }] },
    { text: 'makes.http.2', fields: ({ url }) => [{ label: 'Received SMS URL', value: `${url}/api/sms/receive` }] },
    { text: 'makes.http.3', fields: ({ key }) => [{ label: 'HTTP header', value: `Authorization: Bearer ${key}` }] },
  ],
  tryIt: ({ url, key, tryId }) =>
    postJson(
      `${url}/api/device/heartbeat`,
      {
        deviceId: tryId, batteryLevel: 87, signalStrength: 23, intervalSeconds: 60,
        simSlots: [{ slotIndex: 0, carrierName: 'Example Mobile', phoneNumber: '+15550100', signalStrength: 23 }],
      },
      { Authorization: `Bearer ${key}` },
    ),
}

/** Programs that hold SMPP links or modems of their own. */
export const SOFTWARE: readonly Guide[] = [
  {
    name: 'kannel',
    group: 'software',
    about: 'makes.kannel.about',
    words: 'sms-service get-url smsbox bearerbox',
    confidence: 'high',
    naming: 'possible',
    namingText: 'setup.gatewayNameSmsc',
    speaksBySms: true,
    steps: [
      {
        text: 'makes.kannel.1',
        fields: ({ address }) => [{
          label: 'kannel.conf',
          isBlock: true,
          value: [
            'group = sms-service', 'keyword = default', 'catch-all = true', 'max-messages = 0', 'omit-empty = true',
            `get-url = "${address}?from=%p&to=%P&text=%b&charset=%C&coding=%c&time=%T&id=%I&smsc=%i&dlr=%d"`,
          ].join('\n'),
        }],
      },
      {
        text: 'makes.kannel.2',
        fields: () => [{ label: 'group = smsbox', isBlock: true, value: 'http-request-retry = 1000\nhttp-queue-delay = 10\nmo-recode = true' }],
      },
      { text: 'makes.kannel.3', fields: ({ address }) => [{ label: 'dlr-url', value: `${address}?dlr=%d&id=YOUR-ID&to=%P` }] },
    ],
    tryIt: ({ tryAddress, tryId }) =>
      getWith(tryAddress, { from: '+15550101', to: '+15550100', text: 'A test from the page', id: tryId }),
  },
  {
    name: 'jasmin',
    group: 'software',
    about: 'makes.jasmin.about',
    words: 'smpp jcli httpccm morouter',
    confidence: 'high',
    speaksBySms: true,
    steps: [
      {
        text: 'makes.jasmin.1',
        fields: ({ address }) => [{ label: 'jcli', isBlock: true, value: `httpccm -a\ncid goip\nurl ${address}\nmethod POST\nok` }],
      },
      {
        text: 'makes.jasmin.2',
        fields: () => [{ label: 'jcli', isBlock: true, value: 'morouter -a\ntype DefaultRoute\nconnector http(goip)\nok\npersist' }],
      },
      { text: 'makes.jasmin.3', fields: ({ address }) => [{ label: 'dlr-url', value: address }] },
    ],
    tryIt: ({ tryAddress, tryId }) =>
      postForm(tryAddress, { id: tryId, from: '+15550101', to: '+15550100', 'origin-connector': 'smpp-1', content: 'A test from the page' }),
  },
]
