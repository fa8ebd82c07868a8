/** Times in a spelling that a mapping file describes: `dd.MM.yyyy HH:mm:ss`, `M/d/yy h:mm a`. */
import { moment, readEpoch, readTime, type WallClock } from './local-time.ts'

/** Epoch ms, or `null` when the text is not of the format. */
export type TimeReader = (text: string, clock: WallClock) => number | null

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'fraction' | 'half' | 'zone'

const tokens: Readonly<Record<string, readonly [Part, string]>> = {
  yyyy: ['year', '\\d{4}'],
  yy: ['year', '\\d{2}'],
  MM: ['month', '\\d{2}'],
  M: ['month', '\\d{1,2}'],
  dd: ['day', '\\d{2}'],
  d: ['day', '\\d{1,2}'],
  HH: ['hour', '\\d{2}'],
  H: ['hour', '\\d{1,2}'],
  hh: ['hour', '\\d{2}'],
  h: ['hour', '\\d{1,2}'],
  mm: ['minute', '\\d{2}'],
  ss: ['second', '\\d{2}'],
  SSS: ['fraction', '\\d{1,9}'],
  a: ['half', '[AaPp]\\.?[Mm]\\.?'],
  Z: ['zone', 'Z|[+-]\\d{2}:?\\d{2}'],
}
const tokenPattern = /yyyy|yy|MM|M|dd|d|HH|H|hh|h|mm|ss|SSS|a|Z/g

/** `auto`, `epoch`, or tokens with whatever stands between them. Throws when a format gives no whole time. */
export function timeReader(format: string): TimeReader {
  if (format === 'auto') return readTime
  if (format === 'epoch') return text => readEpoch(text.trim())
  const order: Part[] = []
  let pattern = ''
  let at = 0
  for (const match of format.matchAll(tokenPattern)) {
    const token = tokens[match[0]]
    if (token === undefined) continue
    pattern += `${escaped(format.slice(at, match.index))}(${token[1]})`
    order.push(token[0])
    at = match.index + match[0].length
  }
  const expression = new RegExp(`^${pattern}${escaped(format.slice(at))}$`)
  const missing = (['year', 'month', 'day', 'hour', 'minute'] as const).filter(part => !order.includes(part))
  if (missing.length > 0) {
    throw new Error(
      `the time format ${JSON.stringify(format)} has no ${missing.join(', ')}: write one such as dd.MM.yyyy HH:mm:ss`,
    )
  }
  return (text, clock) => {
    const found = expression.exec(text.trim())
    if (found === null) return null
    const part = new Map(order.map((name, index) => [name, found[index + 1] ?? '']))
    const number = (name: Part): number => Number(part.get(name) ?? '0')
    const year = number('year')
    const shown = {
      year: year < 100 ? 2000 + year : year,
      month: number('month'),
      day: number('day'),
      hour: hourOf(number('hour'), part.get('half') ?? null),
      minute: number('minute'),
      second: number('second'),
    }
    return moment(shown, Math.floor(Number(`0.${part.get('fraction') ?? '0'}`) * 1000), part.get('zone') ?? null, clock)
  }
}

/** 12 am is midnight, 12 pm is noon. */
function hourOf(hour: number, half: string | null): number {
  if (half === null) return hour
  return (hour % 12) + (half.toLowerCase().startsWith('p') ? 12 : 0)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
