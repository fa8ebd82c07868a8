/**
 * A ladder of messages in plain text, at most 100 characters wide: a column for each address, an arrow for each message. Where there are
 * too many addresses for columns, a line for each message says the same.
 */

export interface Rung {
  /** Epoch ms. */
  readonly at: number
  readonly from: string
  readonly to: string
  readonly text: string
  /** Stands before the arrow: which of several SIP calls it belongs to. */
  readonly mark: string
  /** How often it was sent again. */
  readonly repeats: number
}

export interface Place {
  readonly name: string
  readonly role: string
}

export const ladderWidth = 100
const timeWidth = 13
/** Between two columns: an arrow with a few words, or at most so much. */
const narrowest = 22
const widest = 34

/** Lines without an end of line; `start` (epoch ms) is the ladder's zero. */
export function ladder(rungs: readonly Rung[], places: readonly Place[], start: number): readonly string[] {
  const longest = Math.max(0, ...places.map(({ name }) => name.length))
  const left = timeWidth + Math.ceil(longest / 2)
  const gaps = Math.max(1, places.length - 1)
  const gap = Math.min(widest, Math.floor((ladderWidth - left - Math.ceil(longest / 2)) / gaps))
  if (gap < narrowest || longest > gap - 2) return rungs.map(rung => listed(rung, start))
  const columns = new Map(places.map(({ name }, i) => [name, left + i * gap]))
  const heads = [places.map(({ name }) => name), places.map(({ role }) => role)]
  const headLines = heads.filter(words => words.some(word => word !== '')).map(words => headLine(words, [...columns.values()]))
  return [...headLines, ...rungs.map(rung => rungLine(rung, columns, start))]
}

/** `+0.012`, `+1:02:03.004`: since the start; what a clock that was set back calls earlier has a minus. */
export function since(start: number, at: number): string {
  const ms = Math.round(Math.abs(at - start))
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60]
  const tail = `${seconds}.${String(ms % 1000).padStart(3, '0')}`
  const two = (n: number | string, width = 2) => String(n).padStart(width, '0')
  const text = hours > 0 ? `${hours}:${two(minutes)}:${two(tail, 6)}` : minutes > 0 ? `${minutes}:${two(tail, 6)}` : tail
  return `${at < start ? '-' : '+'}${text}`
}

function listed({ at, mark, from, to, text, repeats }: Rung, start: number): string {
  return `${since(start, at).padStart(timeWidth - 3)} ${mark} ${from} → ${to}  ${text}${timesOf(repeats)}`
}

function headLine(words: readonly string[], columns: readonly number[]): string {
  return words.reduce((line, word, i) => line.padEnd((columns[i] ?? 0) - Math.floor(word.length / 2)) + word, '').trimEnd()
}

function rungLine({ at, mark, from, to, text, repeats }: Rung, columns: ReadonlyMap<string, number>, start: number): string {
  const [source, target] = [columns.get(from) ?? 0, columns.get(to) ?? 0]
  const [low, high] = [Math.min(source, target), Math.max(source, target)]
  const head = `${since(start, at).padStart(timeWidth - 3)} ${mark}`
  const cells = [...head.padEnd(ladderWidth)]
  for (const column of columns.values()) cells[column] = '│'
  const write = (word: string, column: number): void => {
    for (const [i, letter] of [...word].entries()) cells[column + i] = letter
  }
  const words = `${text}${timesOf(repeats)}`
  if (low === high) write(` ↺ ${words}`.slice(0, ladderWidth - low), low + 1)
  else {
    const room = high - low - 1
    const label = ` ${cut(words, room - 6)} `
    const before = Math.floor((room - label.length) / 2)
    const line = `${'─'.repeat(before)}${label}${'─'.repeat(room - before - label.length)}`
    write(source < target ? `${line.slice(0, -1)}▶` : `◀${line.slice(1)}`, low + 1)
  }
  return cells.slice(0, ladderWidth).join('').trimEnd()
}

const timesOf = (repeats: number): string => (repeats === 0 ? '' : ` ×${repeats + 1}`)

const cut = (text: string, room: number): string => (text.length <= room ? text : `${text.slice(0, room - 1)}…`)
