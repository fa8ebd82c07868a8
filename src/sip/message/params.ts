/** `;name=value` parameters and quoted strings, as header fields use them (RFC 3261 section 25.1). Total; blanks around `;` and `=` are tolerated. */

/** Names in lower case, values unquoted; a parameter without value maps to `null`. */
export type Params = ReadonlyMap<string, string | null>

export const NO_PARAMS: Params = new Map()

/** Parses `;a=1;b;c="x;y"` from `from` to the end; the leading `;` may be missing. Of a repeated name the first counts. */
export function parseParams(text: string, from = 0): Params {
  if (from >= text.length) return NO_PARAMS
  const params = new Map<string, string | null>()
  let at = from
  while (at < text.length) {
    const end = endOfParam(text, at)
    const equals = text.indexOf('=', at)
    const hasValue = equals !== -1 && equals < end
    const name = text
      .slice(at, hasValue ? equals : end)
      .trim()
      .toLowerCase()
    if (name !== '' && !params.has(name)) params.set(name, hasValue ? unquote(text.slice(equals + 1, end).trim()) : null)
    at = end + 1
  }
  return params
}

function endOfParam(text: string, from: number): number {
  const semicolon = text.indexOf(';', from)
  const end = semicolon === -1 ? text.length : semicolon
  const quote = text.indexOf('"', from)
  if (quote === -1 || quote >= end) return end
  const next = text.indexOf(';', endOfQuoted(text, quote))
  return next === -1 ? text.length : next
}

/** The index behind the closing quote of the quoted string that opens at `from`; the end of the text when it never closes. */
export function endOfQuoted(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 92) at++
    else if (code === 34) return at + 1
  }
  return text.length
}

/** Writes `;a=1;b`; a value that is no token or host is quoted. */
export function formatParams(params: Params): string {
  let text = ''
  for (const [name, value] of params) text += value === null ? `;${name}` : `;${name}=${isPlain(value) ? value : quote(value)}`
  return text
}

const PLAIN = /^[A-Za-z0-9\-.!%*_+`'~:[\]/@?&$]+$/
const isPlain = (value: string): boolean => PLAIN.test(value)

/** The text in double quotes, with `\` before quotes and backslashes. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** The text of a quoted string; any other text as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text
  const inner = text.slice(1, -1)
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner
}
