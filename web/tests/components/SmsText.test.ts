import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import SmsText from '@/components/SmsText.vue'

const HOSTILE = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg/onload=alert(1)>',
  '{{ constructor.constructor("alert(1)")() }}',
  'javascript:alert(1) https://evil.example/login',
  '<a href="https://evil.example">bank</a>',
  '&lt;b&gt; &amp; &#x3c;',
  '\u202eevil\u202c',
  'a\u0000b',
  'x'.repeat(20_000),
  `z${'\u0301'.repeat(2_000)}`,
  '\ud83d',
]

describe('SmsText', () => {
  it.each(HOSTILE)('keeps hostile text text (%#)', (text) => {
    const wrapper = mount(SmsText, { props: { text, clamp: 1_000_000 } })
    expect(wrapper.findAll('a, script, img, svg, iframe, b')).toHaveLength(0)
    const plain = [...text].filter((character) => !/[\u202a-\u202e\u0000\ud800-\udfff]/u.test(character)).join('')
    const shown = wrapper.get('.sms-body').element.cloneNode(true) as HTMLElement
    for (const symbol of shown.querySelectorAll('.sms-symbol')) symbol.remove()
    expect(shown.textContent).toBe(plain)
  })

  it('stands in its own direction', () => {
    const body = mount(SmsText, { props: { text: 'مرحبا' } }).get('.sms-body')
    expect(body.element.tagName).toBe('BDI')
    expect(body.attributes('dir')).toBe('auto')
  })

  it('shows what hides as a named symbol', () => {
    const symbols = mount(SmsText, { props: { text: 'a\u202eb' } }).findAll('.sms-symbol')
    expect(symbols.map((symbol) => symbol.text())).toEqual(['RLO'])
    expect(symbols[0]!.attributes('title')).toContain('RLO')
  })

  it('cuts long text and shows it when asked', async () => {
    const wrapper = mount(SmsText, { props: { text: 'x'.repeat(900), clamp: 100 } })
    expect(wrapper.get('.sms-body').text()).toHaveLength(101)
    const button = wrapper.get('button')
    expect(button.text()).toContain('800')
    expect(button.attributes('aria-expanded')).toBe('false')
    await button.trigger('click')
    expect(wrapper.get('.sms-body').text()).toHaveLength(900)
  })

  it('takes one line in a list', () => {
    const wrapper = mount(SmsText, { props: { text: 'a\n\n  b', line: true } })
    expect(wrapper.text()).toBe('a b')
    expect(wrapper.find('button').exists()).toBe(false)
  })

  it('marks what was searched for', () => {
    const wrapper = mount(SmsText, { props: { text: 'Your Code', marks: ['code'] } })
    expect(wrapper.get('mark').text()).toBe('Code')
  })
})
