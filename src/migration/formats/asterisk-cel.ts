/**
 * Asterisk's channel event log, as cel_custom writes it with its sample mapping: one row for each thing that happened to a channel,
 * and LINKEDID_END when the last channel of a call is gone. It tells more than CDRs: who hung up, and why.
 * https://docs.asterisk.org/Configuration/Reporting/Channel-Event-Logging-CEL/
 */
import type { Outcome } from '../../events/outcome.ts'
import type { Fault, Found, Place } from '../historic-call.ts'
import { quoted } from '../historic-call.ts'
import { type CallPart, CallRows } from './call-rows.ts'
import { CallWindow, type OpenCall } from './call-window.ts'
import { columnsOf, type NamedFields, NamedRecords } from './columns.ts'
import { CsvRecords } from './csv-records.ts'
import { type HistoryReader, SplitReader } from './history-format.ts'
import { readTime, type WallClock } from './local-time.ts'
import { extensionOf, outcomeOfCause, outcomes, party } from './parties.ts'

interface CelEvent {
  readonly type: string
  readonly at: number
  readonly name: string
  readonly number: string
  readonly exten: string
  readonly channel: string
  readonly app: string
  readonly uniqueId: string
  /** The JSON of the last column, as far as it is some. */
  readonly extra: Readonly<Record<string, unknown>>
}

/** cel_custom.conf's sample: `Master.csv`. */
const masterColumns = columnsOf(
  `eventtype eventtime cidname cidnum cidani cidrdnis ciddnid exten context channame appname appdata amaflags accountcode uniqueid
   linkedid bridgepeer userfield userdeftype eventextra`.split(/\s+/),
)
/** What says nothing about who talked to whom. */
const ignored = new Set(['STREAM_BEGIN', 'STREAM_END', 'DTMF', 'APP_START', 'APP_END', 'BRIDGE_EXIT', 'PARK_START', 'PARK_END'])

export function asteriskCel(clock: WallClock): HistoryReader {
  const records = new NamedRecords(masterColumns, ['eventtype', 'linkedid'])
  const rows = new CallRows(records, new CallWindow(callOfEvents, 20_000), fields => readEvent(fields, clock))
  return new SplitReader(() => new CsvRecords({ separator: ',' }), rows)
}

function readEvent(fields: NamedFields, clock: WallClock): CallPart<CelEvent> | Fault | null {
  const time = fields.get('eventtime')
  const at = readTime(time, clock)
  const linkedId = fields.get('linkedid')
  if (at === null || linkedId === '') {
    const detail = at === null ? `the time is ${quoted(time)}` : 'it has no linkedid'
    const fix = 'this is no line of cel_custom’s sample mapping; give the first line with the names of the columns'
    return { reason: 'the row is no channel event', detail, fix }
  }
  const type = fields.get('eventtype')
  if (ignored.has(type)) return null
  const event: CelEvent = {
    type: type === 'USER_DEFINED' ? fields.get('userdeftype') : type,
    at,
    name: fields.get('cidname'),
    number: fields.get('cidnum'),
    exten: fields.get('exten'),
    channel: fields.get('channame'),
    app: fields.get('appname').toLowerCase(),
    uniqueId: fields.get('uniqueid'),
    extra: readExtra(fields.get('eventextra', 'extra')),
  }
  return { key: linkedId, part: event, isLast: type === 'LINKEDID_END' }
}

function callOfEvents({ key, place, parts }: OpenCall<CelEvent>): Found {
  const events = [...parts].sort((a, b) => a.at - b.at)
  const [first] = events
  const caller = events.filter(event => event.uniqueId === key)
  const begun = caller.find(event => event.type === 'CHAN_START')
  if (first === undefined || begun === undefined) return withoutBeginning(key, place)
  const answer = answerOf(events, key)
  const wasVoicemail = caller.some(event => event.type === 'ANSWER' && event.app === 'voicemail')
  return {
    kind: 'call',
    place,
    call: {
      system: 'asterisk',
      id: key,
      names: [...new Set([key, ...events.map(event => event.uniqueId)])],
      sipCallIds: events.flatMap(event =>
        event.type === 'SIPCALLID' && typeof event.extra.extra === 'string' ? [event.extra.extra] : [],
      ),
      from: party(begun.number || (caller.find(event => event.number !== '')?.number ?? ''), begun.name),
      to: party(begun.exten),
      answeredBy: answer === null || answer.uniqueId === key ? null : extensionOf(answer.channel),
      direction: null,
      startedAt: begun.at,
      answeredAt: answer?.at ?? null,
      endedAt: events.at(-1)?.at ?? begun.at,
      outcome: answer === null ? (wasVoicemail ? outcomes.voicemail : outcomeUnanswered(caller)) : outcomes.completed,
      recordings: [],
      tags: [],
    },
  }
}

/** When a phone was answered, else when the dialplan answered for something else than a mailbox or a queue. */
function answerOf(events: readonly CelEvent[], callerId: string): CelEvent | null {
  const answers = events.filter(event => event.type === 'ANSWER')
  const phone = answers.find(event => event.uniqueId !== callerId)
  const own = answers.find(event => event.uniqueId === callerId && !['voicemail', 'queue'].includes(event.app))
  return phone ?? own ?? null
}

function outcomeUnanswered(caller: readonly CelEvent[]): Outcome {
  const hangup = caller.find(event => event.type === 'HANGUP')
  const { dialstatus, hangupcause, hangupsource } = hangup?.extra ?? {}
  switch (dialstatus) {
    case 'BUSY':
      return outcomes.busy
    case 'CANCEL':
      return outcomes.callerHungUp
    case 'NOANSWER':
      return outcomes.noAnswer
    case 'CHANUNAVAIL':
    case 'CONGESTION':
      return outcomes.unavailable
    default:
  }
  if (typeof hangupsource === 'string' && hangupsource !== '' && hangupsource === hangup?.channel) return outcomes.callerHungUp
  return typeof hangupcause === 'number' && hangupcause > 0 ? outcomeOfCause(hangupcause, true) : outcomes.noAnswer
}

function withoutBeginning(linkedId: string, place: Place): Found {
  const fix = 'it began before this log did: give the log before it (Master.csv.1) in the same command, in front of this one'
  return {
    kind: 'refusal',
    refusal: { ...place, reason: 'the beginning of the call is missing', detail: `linkedid ${quoted(linkedId)}`, fix },
  }
}

function readExtra(text: string): CelEvent['extra'] {
  if (!text.startsWith('{')) return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // The column may hold anything that a dialplan wrote; only JSON says something to us.
    return {}
  }
}
