/** Whether somebody is expected to answer at a given time: the week, the holidays, and the time zone they are in. */

/** `week` begins on Monday; spans are in minutes since midnight, the end not included. */
export interface OfficeHours {
  /** IANA: `Europe/Berlin`. */
  readonly timezone: string
  readonly week: readonly (readonly { readonly from: number; readonly to: number }[])[]
  /** `2026-12-25`: closed all day. */
  readonly holidays: readonly string[]
}

/** `why` says in a few words what made it open or closed: `Sunday`, `holiday 2026-12-25`, `Friday 17:31`. */
export interface OfficeState {
  readonly open: boolean
  readonly why: string
}

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

/** Reads the wall clock of the hours' time zone. The formatter is costly to make, so it is made once. */
export function officeClock(hours: OfficeHours): (at: number) => OfficeState {
  const clock = wallClock(hours.timezone)
  const holidays = new Set(hours.holidays)
  return at => {
    const { date, day, minute } = clock(at)
    if (holidays.has(date)) return { open: false, why: `holiday ${date}` }
    const spans = hours.week[day] ?? []
    const name = days[day] ?? ''
    if (spans.length === 0) return { open: false, why: name }
    const open = spans.some(({ from, to }) => from <= minute && minute < to)
    return { open, why: `${name} ${timeOf(minute)}` }
  }
}

/** `2026-11-22 10:30` in a time zone, for people. */
export function localTime(timezone: string): (at: number) => string {
  const clock = wallClock(timezone)
  return at => {
    const { date, minute } = clock(at)
    return `${date} ${timeOf(minute)}`
  }
}

/** `day`: 0 is Monday. */
interface WallTime {
  readonly date: string
  readonly day: number
  readonly minute: number
}

function wallClock(timezone: string): (at: number) => WallTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  return at => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
    const date = `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
    return { date, day: (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7, minute }
  }
}

function timeOf(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}
