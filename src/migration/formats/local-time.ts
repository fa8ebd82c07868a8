/** Times as records write them, most of them without a zone: those are of the zone that is given. */

/** Which moment a wall clock's time was. */
export interface WallClock {
  /**
   * Epoch ms. `month` counts from 1. A time that the clock skipped (spring) is taken as if it had not been put forward yet; of one
   * that it showed twice (autumn) the first is meant.
   */
  at(year: number, month: number, day: number, hour: number, minute: number, second: number, ms: number): number
}

const quarterHourMs = 15 * 60_000
const mostRemembered = 10_000

/** A wall clock of an IANA zone (`Europe/Berlin`, `UTC`). Throws when there is no such zone. */
export function wallClock(zone: string): WallClock {
  const format = formatOf(zone)
  const remembered = new Map<number, number>()
  // Offsets change at full quarters of an hour at the earliest, and asking for one costs 5 µs.
  const offsetAt = (at: number): number => {
    const quarter = Math.floor(at / quarterHourMs)
    const known = remembered.get(quarter)
    if (known !== undefined) return known
    const offset = shownAt(format, quarter * quarterHourMs) - quarter * quarterHourMs
    if (remembered.size >= mostRemembered) remembered.clear()
    remembered.set(quarter, offset)
    return offset
  }
  return {
    at(year, month, day, hour, minute, second, ms) {
      const shown = Date.UTC(year, month - 1, day, hour, minute, second, ms)
      // Zones lie within a day of UTC: the offsets before and after any change near here.
      const before = offsetAt(shown - 86_400_000)
      const after = offsetAt(shown + 86_400_000)
      if (before === after) return shown - before
      const early = shown - before
      return offsetAt(early) === before ? early : offsetAt(shown - after) === after ? shown - after : early
    },
  }
}

/** `2026-11-22` of the moment in the zone. */
export function dayIn(zone: string): (at: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return at => format.format(at)
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const numeric = 'numeric' as const
  const fields = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric }
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...fields })
  } catch (cause) {
    const hint = 'write one such as Europe/Berlin, America/New_York or UTC'
    throw new RangeError(`${JSON.stringify(timeZone)} is no time zone: ${hint}`, { cause })
  }
}

/** What the clock shows at a moment, as if it were UTC. */
function shownAt(format: Intl.DateTimeFormat, at: number): number {
  const shown: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(at)) shown[type] = Number(value)
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

const written =
  /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d{2}:?\d{2})?$/
const year1990 = Date.UTC(1990, 0, 1)
const year2100 = Date.UTC(2100, 0, 1)

/**
 * Epoch ms of `2026-11-22 06:36:55` and its usual spellings, ISO 8601, or epoch seconds, ms or µs; `null` for what is no time
 * between 1990 and 2100.
 */
export function readTime(text: string, clock: WallClock): number | null {
  const bare = text.trim()
  const found = written.exec(bare)
  if (found === null) return readEpoch(bare)
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone] = found
  return moment(
    {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
    },
    Math.floor(Number(`0.${fraction}`) * 1000),
    zone ?? null,
    clock,
  )
}

export interface ShownTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** The moment at which a clock showed this; `zone` is `Z` or `+01:00`, `null` for the clock's own. `null` when no clock shows it. */
export function moment(shown: ShownTime, ms: number, zone: string | null, clock: WallClock): number | null {
  const { year, month, day, hour, minute, second } = shown
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate()
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth || hour > 23 || minute > 59 || second > 60) return null
  if (zone === null) return plausible(clock.at(year, month, day, hour, minute, second, ms))
  return plausible(Date.UTC(year, month - 1, day, hour, minute, second, ms) - offsetMs(zone))
}

/** Seconds (with a fraction), ms or µs since 1970, told by their size. */
export function readEpoch(text: string): number | null {
  if (!/^\d{9,16}(?:\.\d{1,9})?$/.test(text)) return null
  const value = Number(text)
  return plausible(value < 1e11 ? value * 1000 : value < 1e14 ? value : value / 1000)
}

function offsetMs(zone: string): number {
  if (zone === 'Z') return 0
  const digits = zone.replace(':', '')
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5))
  return (digits.startsWith('-') ? -minutes : minutes) * 60_000
}

function plausible(at: number): number | null {
  const ms = Math.floor(at)
  return ms >= year1990 && ms < year2100 ? ms : null
}
