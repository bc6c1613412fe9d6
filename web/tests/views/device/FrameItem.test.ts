import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError } from '@/api/client'
import type { Replay, WireFrame } from '@/api/types'
import FrameItem from '@/views/device/FrameItem.vue'
import { frame } from './framesFixture'

const saveFile = vi.hoisted(() => vi.fn())
vi.mock('@/components/saveFile', () => ({ saveFile }))

async function opened(change: Partial<WireFrame> = {}) {
  const wrapper = mount(FrameItem, { props: { frame: frame(7, change) } })
  await wrapper.get('button').trigger('click')
  return wrapper
}

type Item = Awaited<ReturnType<typeof opened>>
const buttons = (wrapper: Item) => wrapper.findAll('button').map((button) => button.text())
const press = async (wrapper: Item, name: string) => {
  await wrapper.findAll('button').find((button) => button.text() === name)!.trigger('click')
  await flushPromises()
}
const answer = (replay: Replay) => vi.spyOn(api, 'post').mockResolvedValue(replay)

afterEach(() => vi.restoreAllMocks())

describe('a frame in the wire log', () => {
  it.each([
    ['accepted', 'in', 'Accepted', 'text-ok'],
    ['refused', 'in', 'Refused', 'text-bad'],
    ['ignored', 'in', 'Ignored', 'text-warn'],
    ['accepted', 'out', 'Sent', 'text-muted'],
  ] as const)('that was %s, %s, says so by word, colour and shape', (verdict, direction, word, colour) => {
    const wrapper = mount(FrameItem, { props: { frame: frame(1, { verdict, direction }) } })
    const mark = wrapper.get(`span.${colour}`)
    expect(mark.text()).toBe(word)
    expect(mark.find('svg').exists()).toBe(true)
  })

  it('is opened and closed by its line, which says which it is', async () => {
    const wrapper = mount(FrameItem, { props: { frame: frame(1, { reason: 'this key is not known' }) } })
    expect(wrapper.get('button').attributes('aria-expanded')).toBe('false')
    expect(wrapper.text()).not.toContain('this key is not known')
    await wrapper.get('button').trigger('click')
    expect(wrapper.get('button').attributes('aria-expanded')).toBe('true')
    expect(wrapper.text()).toContain('this key is not known')
    await wrapper.get('button').trigger('click')
    expect(wrapper.text()).not.toContain('this key is not known')
  })

  it('keeps whatever stood on the wire text', async () => {
    const hostile = '<img src=x onerror=alert(1)><script>alert(1)</script>\u202e{{ 7*7 }}'
    answer({ understood: [{ kind: '<b>x</b>', '<i>': hostile, nested: { a: hostile } }], refused: null })
    const wrapper = await opened({ text: hostile, head: `POST /${hostile}`, reason: hostile, make: hostile, address: hostile })
    await press(wrapper, 'How it was understood')
    expect(wrapper.findAll('img, script, b, i, a, iframe')).toHaveLength(0)
    expect(wrapper.text()).toContain('<img src=x onerror=alert(1)>')
    expect(wrapper.text()).toContain('{{ 7*7 }}')
  })

  it('shows bytes that are no text in base64, and says what was left out', async () => {
    const wrapper = await opened({ text: null, base64: '//4=', nBytes: 20_000, isCut: true })
    expect(wrapper.text()).toContain('//4=')
    expect(wrapper.text()).toContain('base64')
    expect(wrapper.text()).toContain('Only the beginning of its 20,000 bytes was kept.')
    expect(buttons(wrapper)).not.toContain('How it was understood')
  })

  it('of somebody who was not let in says that it is a claim', async () => {
    expect((await opened({ isAdmitted: false })).text()).toContain('Not let in')
    expect((await opened()).text()).not.toContain('Not let in')
  })

  it('is decoded again', async () => {
    const post = answer({ understood: [{ kind: 'sms', sender: 'BANK', message: 'hello' }], refused: null })
    const wrapper = await opened()
    await press(wrapper, 'How it was understood')
    expect(post).toHaveBeenCalledWith('/api/frames/7/replay')
    const region = wrapper.get('[role=region]')
    expect(region.get('h3').text()).toBe('Received message')
    expect(region.findAll('dt').map((one) => one.text())).toEqual(['sender', 'message'])
    expect(region.findAll('dd').map((one) => one.text())).toEqual(['BANK', 'hello'])
  })

  it('that is not taken says why, and which fields were wrong', async () => {
    const fields = { sender: ['Is required.'] }
    answer({ understood: [], refused: { error: 'sender is required', code: 'invalid_payload', fields } })
    const wrapper = await opened({ verdict: 'refused' })
    await press(wrapper, 'How it was understood')
    const region = wrapper.get('[role=region]')
    expect(region.text()).toContain('Not taken: sender is required')
    expect(region.get('dl').text()).toContain('Is required.')
  })

  it('that tells nothing says so', async () => {
    answer({ understood: [], refused: null })
    const wrapper = await opened()
    await press(wrapper, 'How it was understood')
    expect(wrapper.get('[role=region]').text()).toContain('It tells nothing that is recorded.')
  })

  it('that is gone says so', async () => {
    vi.spyOn(api, 'post').mockRejectedValue(new ApiError(404, 'unknown_frame', 'this frame is not kept any more'))
    const wrapper = await opened()
    await press(wrapper, 'How it was understood')
    expect(wrapper.get('[role=alert]').text()).toContain('this frame is not kept any more')
  })

  it('is taken along as a fixture', async () => {
    const get = vi.spyOn(api, 'get').mockResolvedValue({ form: 'goip-frames/1', frames: [] })
    await press(await opened(), 'Download as fixture')
    expect(get).toHaveBeenCalledWith('/api/frames/7', { format: 'fixture' })
    const [name, text, type] = saveFile.mock.calls[0]!
    expect([name, type]).toEqual(['frame-dbl-7.json', 'application/json'])
    expect(JSON.parse(text)).toEqual({ form: 'goip-frames/1', frames: [] })
  })
})
