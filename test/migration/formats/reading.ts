/** Reads a text as a format does, in pieces of a size that falls into fields and escapes. */
import { chosenFormat, type FormatChoice } from '../../../src/migration/formats/formats.ts'
import type { HistoryReader } from '../../../src/migration/formats/history-format.ts'
import { wallClock } from '../../../src/migration/formats/local-time.ts'
import { type Mapping, readMapping } from '../../../src/migration/formats/mapping-file.ts'
import type { Found, HistoricCall, Refusal } from '../../../src/migration/historic-call.ts'

export function readAll(reader: HistoryReader, files: Readonly<Record<string, string>>, pieceSize = 7): readonly Found[] {
  const found: Found[] = []
  for (const [file, text] of Object.entries(files)) {
    reader.open(file)
    for (let at = 0; at < text.length; at += pieceSize) found.push(...reader.push(text.slice(at, at + pieceSize)).found)
    found.push(...reader.close().found)
  }
  return [...found, ...reader.end().found]
}

export function read(
  name: Exclude<FormatChoice['name'], 'csv'>,
  text: string,
  zone = 'UTC',
): { readonly calls: readonly HistoricCall[]; readonly refusals: readonly Refusal[] } {
  return sorted(readAll(chosenFormat({ name, clock: wallClock(zone) }).reader, { 'records.csv': text }))
}

export function readCsv(mapping: object, text: string, zone = 'UTC') {
  const choice = { name: 'csv', clock: wallClock(zone), mapping: mappingOf(mapping) } as const
  return sorted(readAll(chosenFormat(choice).reader, { 'calls.csv': text }))
}

export function mappingOf(value: object): Mapping {
  const result = readMapping(value)
  if (result.kind === 'refused') throw new Error(result.problems.join('\n'))
  return result.mapping
}

export function sorted(found: readonly Found[]) {
  return {
    calls: found.flatMap(each => (each.kind === 'call' ? [each.call] : [])),
    refusals: found.flatMap(each => (each.kind === 'refusal' ? [each.refusal] : [])),
  }
}

/** What most tests look at. */
export function brief(call: HistoricCall | undefined): string {
  if (call === undefined) return 'no call'
  const { from, to, outcome, startedAt, answeredAt, endedAt, answeredBy } = call
  const who = from.anonymous ? 'anonymous' : from.user
  const wait = ((answeredAt ?? endedAt) - startedAt) / 1000
  const talk = answeredAt === null ? 0 : (endedAt - answeredAt) / 1000
  return `${who} → ${to.user}${answeredBy === null ? '' : ` (${answeredBy})`}: ${outcome.status} ${outcome.reason}, ${wait} s + ${talk} s`
}
