import { describe, expect, it } from 'vitest'
import { canBeReplayed, itemsOf, summaryOf, textOf, wrongFieldsOf } from '@/views/device/frames'
import { frame } from './framesFixture'

describe('a frame of the wire log', () => {
  it('is summed up by its head, else by how its text begins, else by its bytes', () => {
    expect(summaryOf(frame(1, { head: 'POST /in/jasmin/•••\nHost: h', text: 'a=b' }))).toBe('POST /in/jasmin/•••')
    expect(summaryOf(frame(1, { text: 'RECEIVE:1;msg:one\ntwo' }))).toBe('RECEIVE:1;msg:one')
    expect(summaryOf(frame(1, { text: null, base64: '//4=' }))).toBe('//4=')
    expect(summaryOf(frame(1, { text: '' }))).toBe('')
  })

  it('is copied whole', () => {
    expect(textOf(frame(1, { head: 'GET /x', text: 'body' }))).toBe('GET /x\n\nbody')
    expect(textOf(frame(1, { head: 'GET /x', text: '' }))).toBe('GET /x')
    expect(textOf(frame(1, { text: null, base64: '//4=' }))).toBe('//4=')
  })

  it('is decoded again where it is whole and not ours', () => {
    expect(canBeReplayed(frame(1))).toBe(true)
    expect(canBeReplayed(frame(1, { verdict: 'refused' }))).toBe(true)
    expect(canBeReplayed(frame(1, { direction: 'out' }))).toBe(false)
    expect(canBeReplayed(frame(1, { isCut: true }))).toBe(false)
  })
})

describe('what was understood', () => {
  it('is told by kind, with each field as text', () => {
    const understood = [{ kind: 'heartbeat', deviceId: 'gw-1', counter: 3, simSlots: [{ slotIndex: 0 }] }, { kind: 'fax', pages: 2 }]
    expect(itemsOf({ understood, refused: null })).toEqual([
      {
        kind: 'heartbeat',
        word: 'device.kindHeartbeat',
        fields: [
          { name: 'deviceId', text: 'gw-1' },
          { name: 'counter', text: '3' },
          { name: 'simSlots', text: '[\n  {\n    "slotIndex": 0\n  }\n]' },
        ],
      },
      { kind: 'fax', word: null, fields: [{ name: 'pages', text: '2' }] },
    ])
  })

  it('names the fields that were wrong', () => {
    const refused = { error: 'sender is required', code: 'invalid_payload', fields: { sender: ['Is required.', 'Really.'] } }
    expect(wrongFieldsOf({ understood: [], refused })).toEqual([{ name: 'sender', text: 'Is required. Really.' }])
    expect(wrongFieldsOf({ understood: [], refused: null })).toEqual([])
  })
})
