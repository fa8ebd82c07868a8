/** Durations, sizes and bit rates as people write them. All parsers are total. */
import { type Parsed, parsed, refused } from './problems.ts'

const millisecondsIn: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const bytesIn: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

export const durationPattern = '^\\d{1,9}(\\.\\d{1,3})?(ms|s|m|h|d)$'
export const sizePattern = '^\\d{1,9}(\\.\\d{1,3})?(B|kB|MB|GB|KiB|MiB|GiB|TiB)$'

/** `500ms`, `10s`, `1.5h` to whole milliseconds. */
export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text)
  const factor = millisecondsIn[match?.[2] ?? '']
  if (match === null || factor === undefined)
    return refused('is not a duration', 'write a number and a unit, such as 500ms, 10s, 15m, 4h or 7d')
  return parsed(Math.round(Number(match[1]) * factor))
}

/** `2GiB`, `500MB` to whole bytes. */
export function parseSize(text: string): Parsed<number> {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(B|kB|MB|GB|KiB|MiB|GiB|TiB)$/.exec(text)
  const factor = bytesIn[match?.[2] ?? '']
  if (match === null || factor === undefined)
    return refused('is not a size', 'write a number and a unit, such as 500MiB, 2GiB or 100MB')
  return parsed(Math.round(Number(match[1]) * factor))
}

/** Whole milliseconds as one writes them: `90s`, `7d`; the largest unit that leaves nothing over. */
export function formatDuration(ms: number): string {
  return inLargestUnit(ms, millisecondsIn)
}

/** Whole bytes as one writes them: `500MB`, `2GiB`. */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, bytesIn)
}

function inLargestUnit(amount: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, factor]) => amount % factor === 0)
  const [unit, factor] = fitting.reduce((largest, each) => (amount !== 0 && each[1] > largest[1] ? each : largest))
  return `${amount / factor}${unit}`
}
