/** `tickets.hours`: when somebody is expected to answer. */
import { z } from 'zod'
import { closest } from './closest.ts'
import { complain } from './fields.ts'
import { type Parsed, parsed, refused } from './problems.ts'

const days: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const dayMinutes = 24 * 60

/** In minutes since midnight, the end not included. */
interface Span {
  readonly from: number
  readonly to: number
}

const spans = z.union([z.string(), z.array(z.string()).max(12)], {
  error: complain('is neither a time span nor a list of them', 'write "09:00-17:00", or ["09:00-12:00", "13:00-17:00"]'),
})

export const hours = z
  .strictObject({
    timezone: z
      .string()
      .transform((text, context) => {
        const result = parseTimezone(text)
        if (result.ok) return result.value
        context.addIssue({ code: 'custom', message: complain(result.reason, result.fix) })
        return z.NEVER
      })
      .prefault('UTC')
      .describe('The time zone of the hours, and of the times in tickets, such as Europe/Berlin (IANA).'),
    week: z
      .record(z.string(), spans)
      .transform((week, context) => {
        const parsedWeek: Span[][] = days.map(() => [])
        for (const [key, value] of Object.entries(week)) {
          const result = parseDay(key, typeof value === 'string' ? [value] : value)
          if (!result.ok) {
            context.addIssue({ code: 'custom', path: [key], message: complain(result.reason, result.fix) })
            continue
          }
          for (const { day, span } of result.value) parsedWeek[day]?.push(span)
        }
        return parsedWeek
      })
      .prefault({})
      .meta({
        description:
          'Open hours by day (mon, sat), by days (mon-fri) or lists of them (mon,wed); days that are missing are closed.',
        example: { 'mon-fri': ['09:00-12:30', '13:30-17:00'], sat: '10:00-14:00' },
      }),
    holidays: z
      .array(
        z
          .string()
          .refine(isDate, { error: complain('is not a date', 'write it as 2026-12-25') })
          .meta({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
      )
      .max(1000)
      .prefault([])
      .meta({ description: 'Days on which nobody is there.', example: ['2026-12-25', '2027-01-01'] }),
  })
  .prefault({})
  .describe('When somebody is expected to answer, for `hours: open` and `hours: closed` in rules.')

function parseTimezone(text: string): Parsed<string> {
  if (text === 'UTC') return parsed(text) // without asking Intl, whose first answer takes a good part of a start
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return parsed(text)
  } catch {
    // The only thing it can object to is the name.
    const meant = closest(text, Intl.supportedValuesOf('timeZone'))
    return refused('is not a time zone', meant === null ? 'write an IANA name, such as Europe/Berlin' : `did you mean ${meant}?`)
  }
}

/** `mon-fri` with its spans, day by day. A span that ends before it begins goes on past midnight. */
function parseDay(key: string, texts: readonly string[]): Parsed<readonly { readonly day: number; readonly span: Span }[]> {
  const chosen = daysIn(key)
  if (chosen === null) return refused(`${key} is no day`, `write ${days.join(', ')}, a range such as mon-fri, or mon,wed`)
  const result: { day: number; span: Span }[] = []
  for (const text of texts) {
    const span = spanIn(text)
    if (span === null)
      return refused(`"${text.slice(0, 40)}" is not a time span`, 'write two times of a day, such as "09:00-17:00"')
    for (const day of chosen) {
      if (span.from < span.to) result.push({ day, span })
      else
        result.push(
          { day, span: { from: span.from, to: dayMinutes } },
          { day: (day + 1) % days.length, span: { from: 0, to: span.to } },
        )
    }
  }
  return parsed(result)
}

/** 0 is Monday; `null`: not all of them are days. `fri-mon` goes over the weekend. */
function daysIn(key: string): readonly number[] | null {
  const chosen: number[] = []
  for (const part of key.toLowerCase().split(',')) {
    const [first, last, ...more] = part.split('-').map(name => days.indexOf(name.trim()))
    if (first === undefined || first < 0 || last === -1 || more.length > 0) return null
    const count = last === undefined ? 1 : ((last - first + days.length) % days.length) + 1
    for (let i = 0; i < count; i += 1) chosen.push((first + i) % days.length)
  }
  return [...new Set(chosen)]
}

function spanIn(text: string): Span | null {
  const match = /^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/.exec(text)
  if (match === null) return null
  const [from, to] = [minuteOf(match[1], match[2]), minuteOf(match[3], match[4])]
  return from === null || to === null || from === dayMinutes || from === to ? null : { from, to }
}

function minuteOf(hour: string | undefined, minute: string | undefined): number | null {
  const total = Number(hour) * 60 + Number(minute)
  return Number(minute) < 60 && total <= dayMinutes ? total : null
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}
