import { getWith, postJson, sendDatagram } from '../commands'
import type { Guide } from './guide'

/** An older Dinstar box has room for so many characters in each of two fields: a key fits when it is cut in two. */
const DINSTAR_FIELD = 16
const secretOf = (key: string) => key.slice(key.lastIndexOf('_') + 1)

/** GSM gateways: boxes with SIM cards in them. */
export const BOXES: readonly Guide[] = [
  {
    name: 'dbl',
    group: 'box',
    about: 'makes.dbl.about',
    words: 'dbltek hybertone goip-1 goip-4 goip-8 goip-16 goip-32 udp 44444 sms server',
    confidence: 'high',
    naming: 'needed',
    namingText: 'setup.gatewayNameLines',
    steps: [
      { text: 'makes.dbl.1' },
      {
        text: 'makes.dbl.2',
        fields: ({ host, port }) => [
          { label: 'SMS Server IP', value: host },
          { label: 'SMS Server Port', value: port },
        ],
      },
      {
        text: 'makes.dbl.3',
        fields: ({ name, key }) => [
          { label: 'SMS Client ID', value: `${name}-1` },
          { label: 'Password', value: key },
        ],
      },
      { text: 'makes.dbl.4' },
    ],
    tryIt: ({ tryId, key, host, port }) =>
      port && sendDatagram(`req:1;id:${tryId};pass:${key};num:;signal:23;gsm_status:LOGIN;voip_status:LOGOUT;pro:Example Mobile;`, host, port),
  },
  {
    name: 'ejoin',
    group: 'box',
    about: 'makes.ejoin.about',
    words: 'skyline acom goip_get_status dev-status sms to http',
    confidence: 'high',
    naming: 'needed',
    steps: [
      {
        text: 'makes.ejoin.1',
        fields: ({ address }) => [{
          label: 'goip_get_status.html',
          value: `http://BOX/goip_get_status.html?username=USER&password=PASSWORD&period=60&all_sims=1&url=${encodeURIComponent(address)}`,
          isBlock: true,
        }],
      },
      { text: 'makes.ejoin.2', fields: ({ address }) => [{ label: 'SMS to HTTP', value: address }] },
      { text: 'makes.ejoin.3', fields: ({ name }) => [{ label: 'GOIP_EJOIN', value: `${name}=http://USER:PASSWORD@BOX` }] },
    ],
    tryIt: ({ tryAddress }) =>
      postJson(tryAddress, {
        type: 'dev-status', seq: 1, expires: 180, mac: '02-00-5e-00-53-01', 'max-ports': 1, 'max-slots': 1,
        status: [{ port: '1.01', seq: 1, st: 3, sig: 23, opr: '00101 Example Mobile', imei: '350000000000006' }],
      }),
  },
  {
    name: 'dinstar',
    group: 'box',
    about: 'makes.dinstar.about',
    words: 'uc2000 dwg new version api push',
    confidence: 'high',
    naming: 'possible',
    speaksBySms: true,
    steps: [
      { text: 'makes.dinstar.1' },
      { text: 'makes.dinstar.2', fields: ({ address }) => [{ label: 'URL', value: address }] },
      { text: 'makes.dinstar.3' },
      {
        text: 'makes.dinstar.4',
        fields: ({ name }) => [{ label: 'GOIP_DINSTAR', value: `${name || 'SERIAL'}=https://USER:PASSWORD@BOX` }],
      },
    ],
    tryIt: ({ tryAddress }) =>
      postJson(tryAddress, {
        sn: '0000-0000-0000-0000',
        register: [{ port: 0, iccid: '8900000000000000000', imsi: '001010000000000', number: '15550100', status: 'up' }],
      }),
  },
  {
    name: 'dinstar-tcp',
    group: 'box',
    about: 'makes.dinstar-tcp.about',
    words: 'dwg sms api 12000 tcp',
    confidence: 'medium',
    steps: [
      {
        text: 'makes.dinstar-tcp.1',
        fields: ({ host, port }) => [
          { label: 'Server', value: host },
          { label: 'Port', value: port },
        ],
      },
      {
        text: 'makes.dinstar-tcp.2',
        fields: ({ key }) => [
          { label: 'User', value: secretOf(key).slice(0, DINSTAR_FIELD) },
          { label: 'Password', value: secretOf(key).slice(DINSTAR_FIELD) },
        ],
      },
      { text: 'makes.dinstar-tcp.3' },
    ],
  },
  {
    name: 'yeastar',
    group: 'box',
    about: 'makes.yeastar.about',
    words: 'neogate tg100 tg200 tg400 tg800 tg1600 ami 5038',
    confidence: 'high',
    naming: 'needed',
    needsNoKey: true,
    steps: [
      { text: 'makes.yeastar.1', fields: ({ host }) => [{ label: 'IP', value: host }] },
      { text: 'makes.yeastar.2', fields: ({ name }) => [{ label: 'GOIP_YEASTAR', value: `${name}=tcp://USER:PASSWORD@BOX` }] },
    ],
  },
  {
    name: 'openvox',
    group: 'box',
    about: 'makes.openvox.about',
    words: 'voxstack swg gsm gateway sms to http',
    confidence: 'low',
    naming: 'needed',
    speaksBySms: true,
    steps: [
      { text: 'makes.openvox.1' },
      {
        text: 'makes.openvox.2',
        fields: ({ address }) => [
          { label: 'URL', value: `${address}?phonenumber=phonenumber&portname=portname&message=message&time=time&imsi=imsi`, isBlock: true },
        ],
      },
      { text: 'makes.openvox.3' },
    ],
    tryIt: ({ tryAddress }) => getWith(tryAddress, { phonenumber: '+15550101', portname: 'gsm-1.1', message: 'A test from the page' }),
  },
]
