/** Times in recording metadata: RFC 3339, and what clients make of it. */

const PATTERN = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i

/**
 * Epoch milliseconds; `null` for anything else. `+0200` is read like `+02:00`. A time without zone (Oracle, Avaya) is read as UTC:
 * the client's zone is not known.
 */
export function parseTimestamp(text: string | null): number | null {
  const match = text === null || text.length > 64 ? null : PATTERN.exec(text.trim())
  if (match === null) return null
  const [, date = '', time = '', zone = 'Z'] = match
  const offset = /^([+-]\d\d):?(\d\d)?$/.exec(zone)
  const at = Date.parse(
    `${date}T${time.replace(',', '.').slice(0, 12)}${offset === null ? 'Z' : `${offset[1]}:${offset[2] ?? '00'}`}`,
  )
  return Number.isNaN(at) ? null : at
}
