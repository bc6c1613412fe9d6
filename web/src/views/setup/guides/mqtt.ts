import { quoted } from '../commands'
import type { Guide } from './guide'

const PLACE = /^(mqtts?):\/\/(.+):(\d+)\/(.+)$/

/** The topic of a device, from the address of the broker with the device's name behind it. */
function topicOf(address: string, name: string): string {
  const topic = PLACE.exec(address)?.[4]
  return topic ? decodeURIComponent(topic) : `goip/${name}`
}

/** As somebody at the broker would do it by hand; empty where the server is given none. */
function publish(address: string, kind: string, payload: unknown): string {
  const place = PLACE.exec(address)
  if (!place) return ''
  const [, scheme, host = '', port] = place
  const tls = scheme === 'mqtts' ? ' --tls-use-os-certs' : ''
  return [
    `mosquitto_pub -h ${quoted(host.replace(/^\[(.*)\]$/, '$1'))} -p ${port}${tls} -u USER -P PASSWORD -q 1`,
    `-t ${quoted(`${topicOf(address, '')}/${kind}`)}`,
    `-m ${quoted(JSON.stringify(payload))}`,
  ].join(' \\\n  ')
}

/** Whatever publishes to a broker that goip is a client of. */
export const MQTT: Guide = {
  name: 'mqtt',
  group: 'any',
  about: 'makes.mqtt.about',
  words: 'mosquitto emqx hivemq rabbitmq broker topic publish subscribe esp8266 esp32 tasmota iot',
  confidence: 'high',
  naming: 'needed',
  needsNoKey: true,
  steps: [
    { text: 'makes.mqtt.1', fields: ({ address }) => [{ label: 'GOIP_MQTT', value: address ? '' : 'mqtt://USER:PASSWORD@BROKER/goip' }] },
    {
      text: 'makes.mqtt.2',
      fields: ({ address, name }) => [
        { label: 'Heartbeat topic', value: `${topicOf(address, name)}/heartbeat` },
        { label: 'Received SMS topic', value: `${topicOf(address, name)}/sms` },
      ],
    },
    { text: 'makes.mqtt.3', fields: ({ address, name }) => [{ label: 'Last will topic', value: `${topicOf(address, name)}/status` }] },
  ],
  tryIt: ({ tryAddress }) =>
    publish(tryAddress, 'heartbeat', {
      batteryLevel: 87, signalStrength: 23, intervalSeconds: 60,
      simSlots: [{ slotIndex: 0, carrierName: 'Example Mobile', phoneNumber: '+15550100', signalStrength: 23 }],
    }),
}
