/**
 * 3CX's CDR file: one line a call, with or without `Call ` in front. Which fields it has is chosen in 3CX; this is the order that
 * its documentation lists them in, unless the first line names them.
 * https://www.3cx.com/docs/cdr-call-data-records/
 */
import type { Outcome } from '../../events/outcome.ts'
import type { Fault, Found } from '../historic-call.ts'
import { quoted } from '../historic-call.ts'
import { type CallPart, CallRows } from './call-rows.ts'
import { CallWindow, type OpenCall } from './call-window.ts'
import { columnsOf, type NamedFields, NamedRecords } from './columns.ts'
import { CsvRecords } from './csv-records.ts'
import { type HistoryReader, SplitReader } from './history-format.ts'
import { readTime, type WallClock } from './local-time.ts'
import { outcomes, party } from './parties.ts'

interface Segment {
  readonly from: string
  readonly fromName: string
  readonly to: string
  readonly answeredBy: string
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number
  readonly reason: string
  readonly toVoicemail: boolean
}

const documentedColumns = columnsOf(
  `historyid callid duration time-start time-answered time-end reason-terminated from-no to-no from-dn to-dn dial-no reason-changed
   final-number final-dn bill-code bill-rate bill-cost bill-name chain from-type to-type final-type from-dispname to-dispname
   final-dispname missed-queue-calls`.split(/\s+/),
)

export function threeCx(clock: WallClock): HistoryReader {
  const records = new NamedRecords(documentedColumns, ['time-start'])
  const rows = new CallRows(records, new CallWindow(callOfSegments), fields => readSegment(fields, clock))
  return new SplitReader(() => new CsvRecords({ separator: ',' }), rows)
}

function readSegment(fields: NamedFields, clock: WallClock): CallPart<Segment> | Fault {
  const start = fields.get('time-start')
  const end = fields.get('time-end')
  const startedAt = readTime(start, clock)
  const endedAt = readTime(end, clock)
  const id = fields.get('callid') || bare(fields.get('historyid'))
  if (startedAt === null || endedAt === null || id === '') {
    const detail =
      id === '' ? 'it has no callid' : startedAt === null ? `time-start is ${quoted(start)}` : `time-end is ${quoted(end)}`
    const fix =
      'enable every field in 3CX’s CDR settings, in the documented order, or put a first line with the names of yours into the file'
    return { reason: 'the row is no call', detail, fix }
  }
  return { key: id, part: segmentOf(fields, startedAt, endedAt, clock) }
}

function segmentOf(fields: NamedFields, startedAt: number, endedAt: number, clock: WallClock): Segment {
  return {
    from: numberOf(fields.get('from-no') || fields.get('from-dn')),
    fromName: fields.get('from-dispname'),
    to: numberOf(fields.get('dial-no') || fields.get('to-no') || fields.get('to-dn')),
    answeredBy: numberOf(fields.get('final-dn') || fields.get('final-number') || fields.get('to-dn') || fields.get('to-no')),
    startedAt,
    // Empty, or the beginning of time, when nobody answered.
    answeredAt: readTime(fields.get('time-answered'), clock),
    endedAt,
    reason: fields.get('reason-terminated').toLowerCase(),
    toVoicemail: /v(?:oice)?mail/i.test(`${fields.get('to-type')} ${fields.get('final-type')}`),
  }
}

function callOfSegments({ key, place, parts }: OpenCall<Segment>): Found {
  const segments = [...parts].sort((a, b) => a.startedAt - b.startedAt)
  const first = segments[0]
  const last = segments.at(-1)
  if (first === undefined || last === undefined) throw new RangeError('a call has at least one segment')
  const answering = segments.find(segment => segment.answeredAt !== null && !segment.toVoicemail) ?? null
  const wasVoicemail = segments.some(segment => segment.answeredAt !== null && segment.toVoicemail)
  return {
    kind: 'call',
    place,
    call: {
      system: '3cx',
      id: key,
      names: [key],
      sipCallIds: [],
      from: party(first.from, first.fromName),
      to: party(first.to),
      answeredBy: answering?.answeredBy ?? null,
      direction: null,
      startedAt: first.startedAt,
      answeredAt: answering?.answeredAt ?? null,
      endedAt: Math.max(...segments.map(segment => segment.endedAt)),
      outcome: answering !== null ? outcomes.completed : wasVoicemail ? outcomes.voicemail : outcomeUnanswered(last.reason),
      recordings: [],
      tags: [],
    },
  }
}

/** `reason-terminated` has been spelled in several ways over the versions. */
const byReason: readonly (readonly [RegExp, Outcome])[] = [
  [/busy/, outcomes.busy],
  [/reject|declin/, outcomes.rejected],
  [/no.?answer|not.?answered|time.?out/, outcomes.noAnswer],
  [/bysrc|src_participant|cancel/, outcomes.callerHungUp],
  [/not.?avail|unavail|not.?regist|unreach/, outcomes.unavailable],
  [/fail/, outcomes.failed],
]

function outcomeUnanswered(reason: string): Outcome {
  return byReason.find(([pattern]) => pattern.test(reason))?.[1] ?? outcomes.noAnswer
}

/** `Ext.100`, `Call 1234`. */
const numberOf = (text: string): string => text.replace(/^ext\.?\s*/i, '')
const bare = (text: string): string => text.replace(/^call\s+/i, '')
