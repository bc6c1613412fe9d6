/** Finds one-time codes: 4 to 8 digits (or a grouped 3-3, 4-4) that stand near a word which announces a code. */

const WORDS = [
  'code', 'codes', 'otp', 'pin', 'passcode', 'password', 'passwort', 'verification', 'verify', 'one-time', 'token',
  'login', 'log-in', 'signin', 'sign-in', 'tan', 'mtan', 'kod', 'kodu', 'código', 'codigo', 'clave', 'codice',
  'mot de passe', 'senha', 'kode', 'sandi', 'код', 'пароль', 'رمز', 'كود', 'کد', 'کُد', 'קוד', '验证码', '驗證碼',
  '校验码', '動態密碼', '認証コード', '確認コード', '인증번호', 'mã', 'รหัส', 'कोड', 'ওটিপি', 'کوڈ',
]

// How far (in characters) the word may stand from the digits.
const REACH = 48

// Latin and Cyrillic words must stand alone ("decode" is no "code"); scripts without spaces may not be held to that.
const ANNOUNCES = new RegExp(
  WORDS.map((word) => (/^[\p{Script=Latin}\p{Script=Cyrillic} -]+$/u.test(word) ? `(?<!\\p{L})${word}(?!\\p{L})` : word)).join('|'),
  'giu',
)

// "G-123456" is a code with its sender's letter; "+49 170 …", "12:30", "1,299.00", "€1234" and "12/2026" are none.
const DIGITS = /(?<![\d+€$£₹#*]|\d[-.,:/ ])(\d{4,8}|\d{3}[- ]\d{3}|\d{4}[- ]\d{4})(?![\d/€$£₹%]|[.,:]\d|[- ]\d)/gu

const YEAR = /^(19|20)\d\d$/

/** The code as one would type it (no separators), or null. Of several, the one nearest to an announcing word. */
export function findOtp(text: string): string | null {
  const words = Array.from(text.matchAll(ANNOUNCES), (hit) => [hit.index, hit.index + hit[0].length] as const)
  if (!words.length) return null
  let best: { code: string; distance: number } | null = null
  for (const hit of text.matchAll(DIGITS)) {
    const start = hit.index
    const end = start + hit[0].length
    for (const [from, to] of words) {
      // A code that follows its word is the usual order: one that stands before it counts as a little farther.
      const distance = start >= to ? start - to : from - end + 4
      const far = YEAR.test(hit[0]) ? 16 : REACH
      if (distance >= 0 && distance <= far && (!best || distance < best.distance)) {
        best = { code: hit[0].replace(/[- ]/g, ''), distance }
      }
    }
  }
  return best?.code ?? null
}
