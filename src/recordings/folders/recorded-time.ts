/** Reads the moment a file name or a form gives, in the ways that recorders write it. */

const parts =
  /^(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?:[-_.T ]?(\d{2})[-_.:h]?(\d{2})[-_.:m]?(\d{2})(?:[.,](\d{1,9}))?)?s?(Z|[+-]\d{2}:?\d{2})?$/i

/**
 * Epoch ms, or `null` for what is no time between 1990 and 2100. Takes epoch seconds with or without a fraction (`1795329426.4`),
 * epoch milliseconds, `20261122-063717` in its usual spellings, and ISO 8601. A time without a zone is that of this machine,
 * which is where the recorder's files lie.
 */
export function readRecordedTime(text: string): number | null {
  if (/^\d{9,10}(?:\.\d{1,9})?$/.test(text)) return plausible(Number(text) * 1000)
  if (/^\d{12,13}$/.test(text)) return plausible(Number(text))
  const found = parts.exec(text)
  if (found === null) return null
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone] = found
  const numbers = [year, month, day, hour, minute, second].map(Number)
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = numbers
  if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 59) return null
  const ms = Math.floor(Number(`0.${fraction}`) * 1000)
  if (zone === undefined) return plausible(new Date(y, mo - 1, d, h, mi, s, ms).getTime())
  return plausible(Date.UTC(y, mo - 1, d, h, mi, s, ms) - zoneMs(zone))
}

function zoneMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const digits = zone.replace(':', '')
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5))
  return (digits.startsWith('-') ? -minutes : minutes) * 60_000
}

const year1990 = Date.UTC(1990, 0, 1)
const year2100 = Date.UTC(2100, 0, 1)

function plausible(at: number): number | null {
  const ms = Math.round(at)
  return ms >= year1990 && ms < year2100 ? ms : null
}
