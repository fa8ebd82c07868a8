/** Any table of calls, one call a row, read as a mapping file says. */
import { createHash } from 'node:crypto'
import type { Outcome } from '../../events/outcome.ts'
import type { Fault, Found, HistoricCall, Place } from '../historic-call.ts'
import { quoted } from '../historic-call.ts'
import { type Columns, columnsOf, hasColumn, type NamedFields, namedFields } from './columns.ts'
import { type CsvRecord, CsvRecords } from './csv-records.ts'
import { type HistoryReader, type RowMeaning, SplitReader } from './history-format.ts'
import type { WallClock } from './local-time.ts'
import { type Mapping, outcomeOf, type Template, wordIn } from './mapping-file.ts'
import { fileNameOf, outcomes, party } from './parties.ts'

export function mappedCsv(mapping: Mapping, clock: WallClock): HistoryReader {
  const { separator, backslash } = mapping
  return new SplitReader(() => new CsvRecords({ separator, backslash }), new MappedRows(mapping, clock))
}

class MappedRows implements RowMeaning<CsvRecord> {
  readonly #mapping: Mapping
  readonly #clock: WallClock
  #columns: Columns | null = null
  #names: CsvRecord = []
  #missing: string | null = null

  constructor(mapping: Mapping, clock: WallClock) {
    this.#mapping = mapping
    this.#clock = clock
  }

  begin(): void {
    this.#columns = null
    this.#missing = null
  }

  take(record: CsvRecord, place: Place): readonly Found[] {
    if (this.#columns === null) {
      const { header } = this.#mapping
      this.#names = header ? record : record.map((_, index) => String(index + 1))
      this.#columns = columnsOf(this.#names)
      this.#missing = missingColumns(this.#mapping, this.#columns)
      if (header) return []
    }
    if (this.#missing !== null) {
      const fix = `the file has ${this.#names.slice(0, 12).map(quoted).join(', ')}: correct the mapping, or its separator`
      return [refusal(place, { reason: 'the file has no such column', detail: this.#missing, fix })]
    }
    const call = callOf(namedFields(this.#columns, record), this.#mapping, this.#clock)
    return 'reason' in call ? [refusal(place, call)] : [{ kind: 'call', call, place }]
  }

  end(): readonly Found[] {
    return []
  }
}

function refusal(place: Place, fault: Fault): Found {
  return { kind: 'refusal', refusal: { ...fault, ...place } }
}

function missingColumns(mapping: Mapping, columns: Columns): string | null {
  const { id, call_id, from, to, started_at, answered_at, ended_at, duration, talk_time, wait_time, agent, recording } = mapping
  const templates = [id, call_id, from, to, started_at, answered_at, ended_at, duration, talk_time, wait_time, agent, recording]
  const all = [...templates, mapping.from_name, mapping.direction?.column, mapping.outcome?.column].flatMap(each => each ?? [])
  const missing = all.flatMap(part => ('column' in part && !hasColumn(columns, part.column) ? [quoted(part.column)] : []))
  return missing.length === 0 ? null : [...new Set(missing)].join(', ')
}

function callOf(fields: NamedFields, mapping: Mapping, clock: WallClock): HistoricCall | Fault {
  const read = (template: Template | undefined): string => (template === undefined ? '' : filled(template, fields))
  const times = timesOf(mapping, read, clock)
  if ('reason' in times) return times
  const { direction, outcome } = mapping
  const way = direction === undefined ? null : wordIn(direction.values, read(direction.column))
  if (direction !== undefined && way === null) return unmapped('direction', read(direction.column))
  const end = outcome === undefined ? null : wordIn(outcome.values, read(outcome.column))
  if (outcome !== undefined && end === null) return unmapped('outcome', read(outcome.column))
  const how: Outcome = end !== null ? outcomeOf(end) : times.answeredAt !== null ? outcomes.completed : outcomes.noAnswer
  const from = read(mapping.from)
  const to = read(mapping.to)
  const sipCallId = read(mapping.call_id)
  const recording = fileNameOf(read(mapping.recording))
  const id = read(mapping.id) || contentId([from, to, String(times.startedAt), String(times.endedAt)])
  return {
    system: 'csv',
    id,
    names: [id],
    sipCallIds: sipCallId === '' ? [] : [sipCallId],
    from: party(from, read(mapping.from_name)),
    to: party(to),
    answeredBy: read(mapping.agent) || null,
    direction: way,
    ...times,
    answeredAt: how.reason === 'completed' ? times.answeredAt : null,
    outcome: how,
    recordings: recording === '' ? [] : [recording],
    tags: mapping.tags,
  }
}

type Times = Pick<HistoricCall, 'startedAt' | 'answeredAt' | 'endedAt'>

function timesOf(mapping: Mapping, read: (template: Template | undefined) => string, clock: WallClock): Times | Fault {
  const start = read(mapping.started_at)
  const startedAt = mapping.time_format(start, clock)
  if (startedAt === null) return unreadable('started_at', start)
  const wait = durationOf(read(mapping.wait_time))
  const talk = durationOf(read(mapping.talk_time))
  const whole = durationOf(read(mapping.duration))
  const end = read(mapping.ended_at)
  const endedAt = end === '' ? startedAt + (whole ?? (wait ?? 0) + (talk ?? 0)) : mapping.time_format(end, clock)
  if (endedAt === null) return unreadable('ended_at', end)
  const answer = read(mapping.answered_at)
  if (answer !== '') {
    const answeredAt = mapping.time_format(answer, clock)
    return answeredAt === null ? unreadable('answered_at', answer) : { startedAt, answeredAt, endedAt }
  }
  if (talk !== null) return { startedAt, answeredAt: talk > 0 ? endedAt - talk : null, endedAt }
  if (wait !== null) return { startedAt, answeredAt: startedAt + wait < endedAt ? startedAt + wait : null, endedAt }
  // Nothing tells when the call was answered; whether it was is told by the outcome alone.
  return { startedAt, answeredAt: mapping.outcome === undefined ? null : startedAt, endedAt }
}

/** ms of `95`, `95.2`, `1:35` or `0:01:35`; `null` when it is none of these. */
function durationOf(text: string): number | null {
  if (/^\d{1,9}(?:\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000)
  if (!/^\d{1,4}(?::\d{1,2}){1,2}$/.test(text)) return null
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1000
}

function filled(template: Template, fields: NamedFields): string {
  return template
    .map(part => ('column' in part ? fields.get(part.column) : part.text))
    .join('')
    .trim()
}

function unreadable(key: string, text: string): Fault {
  return {
    reason: 'a time cannot be read',
    detail: `${key} is ${quoted(text)}`,
    fix: 'set time_format in the mapping file to how the file writes times, for example dd.MM.yyyy HH:mm:ss',
  }
}

function unmapped(key: 'direction' | 'outcome', text: string): Fault {
  return {
    reason: `the ${key} has no word in the mapping`,
    detail: `it is ${quoted(text)}`,
    fix: `add ${quoted(text)} to ${key}.values in the mapping file`,
  }
}

/** A row without an id is known again by what it says. */
function contentId(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)
}
