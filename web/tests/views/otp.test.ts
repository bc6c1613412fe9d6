import { describe, expect, it } from 'vitest'
import { findOtp } from '@/views/inbox/otp'

describe('finding a one-time code', () => {
  it.each([
    ['Your verification code is 482913.', '482913'],
    ['482913 is your Facebook code', '482913'],
    ['G-274811 is your Google verification code.', '274811'],
    ['Your code: 123-456', '123456'],
    ['Your WhatsApp code: 123 456\nDo not share it', '123456'],
    ['PIN 0042', '0042'],
    ['OTP:998877 valid until 12:30 on 05.11.2026', '998877'],
    ['Ihr mTAN lautet 77123456', '77123456'],
    ['Код подтверждения: 5521', '5521'],
    ['رمز التحقق الخاص بك هو 90431', '90431'],
    ['您的验证码是123456，请勿泄露', '123456'],
    ['【公司】验证码：8812', '8812'],
    ['Use 2026 as your PIN code', '2026'],
    ['Call +4917012345678. Your login code is 31415', '31415'],
    ['Su clave es 6677', '6677'],
  ])('%s', (text, code) => {
    expect(findOtp(text)).toBe(code)
  })

  it.each([
    ['Balance is 123456 EUR'],
    ['See you at 1230'],
    ['Call me on +4917012345678 with the code word'],
    ['The decoder 123456 arrived'],
    ['Your code expires in 123 days'],
    ['Invoice of €12345, promo code SUMMER'],
    ['Paid 1,299.00 with discount code'],
    ['card code 123456789012'],
    ['In the year 2024 we wrote much, and later somebody made up the code'],
    [''],
  ])('finds none in: %s', (text) => {
    expect(findOtp(text)).toBeNull()
  })

  it('does not hang on a long hostile text', () => {
    const before = performance.now()
    findOtp('code '.repeat(2000) + '1234 '.repeat(2000))
    expect(performance.now() - before).toBeLessThan(1000)
  })
})
