/** Commands to paste into a shell, as somebody would write them by hand: readable, and safe whatever the values hold. */

/** One word to a POSIX shell. */
export const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** One option a line: the same to a shell, and readable. */
const lines = (...words: string[]) => words.join(' \\\n  ')

export function postJson(address: string, body: unknown, headers: Record<string, string> = {}): string {
  const sent = Object.entries({ ...headers, 'Content-Type': 'application/json' })
  return lines(`curl -X POST ${quoted(address)}`, ...sent.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`), `-d ${quoted(JSON.stringify(body))}`)
}

export function postForm(address: string, form: Record<string, string>): string {
  return lines(`curl -X POST ${quoted(address)}`, ...Object.entries(form).map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`))
}

export function getWith(address: string, query: Record<string, string>): string {
  return lines(`curl -G ${quoted(address)}`, ...Object.entries(query).map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`))
}

/** One datagram; the answer is shown, then it ends. */
export function sendDatagram(text: string, host: string, port: string): string {
  return `printf '%s' ${quoted(text)} | nc -u -w1 ${host} ${port}`
}
