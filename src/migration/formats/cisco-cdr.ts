/**
 * Cisco Unified Communications Manager: CDR files (`cdr_StandAloneCluster_…`) and, when they are given too, call management records
 * (`cmr_…`) with the quality of each leg. The first line names the columns, the second one their types.
 * https://www.cisco.com/c/en/us/td/docs/voice_ip_comm/cucm/service/ (Call Detail Records Administration Guide)
 */
import type { Outcome } from '../../events/outcome.ts'
import type { Fault, Found, Place } from '../historic-call.ts'
import { quoted } from '../historic-call.ts'
import { CallWindow, type OpenCall } from './call-window.ts'
import { QualityNotes, qualityOf } from './cisco-quality.ts'
import { type NamedFields, NamedRecords } from './columns.ts'
import { type CsvRecord, CsvRecords } from './csv-records.ts'
import { type HistoryReader, type RowMeaning, SplitReader } from './history-format.ts'
import { readEpoch } from './local-time.ts'
import { outcomeOfCause, outcomes, party } from './parties.ts'

interface Leg {
  readonly from: string
  readonly called: string
  readonly reached: string
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number
  readonly callerCause: number
  readonly calleeCause: number
  readonly toVoicemail: boolean
}

/** CMR files have to be read first: `ciscoFileOrder` puts them there. */
export function ciscoCdr(): HistoryReader {
  return new SplitReader(() => new CsvRecords({ separator: ',' }), new CiscoRows())
}

/** Puts CMR files, which are named so, in front of the others. */
export function ciscoFileOrder(a: string, b: string): number {
  const rank = (path: string): number => (/(?:^|[\\/])cmr[_-][^\\/]*$/i.test(path) ? 0 : 1)
  return rank(a) - rank(b)
}

class CiscoRows implements RowMeaning<CsvRecord> {
  readonly #quality = new QualityNotes()
  readonly #window = new CallWindow<Leg>(open => this.#callOf(open))
  readonly #rows = new NamedRecords(null, ['cdrRecordType'])

  begin(): void {
    this.#rows.begin()
  }

  take(record: CsvRecord, place: Place): readonly Found[] {
    const row = this.#rows.read(record)
    if (row === 'header') return []
    if (/^(?:INTEGER|VARCHAR|UNIQUEIDENTIFIER)/.test(record[0] ?? '')) return []
    if (row === 'nameless')
      return [refusal(place, 'the columns are not named', 'the first line of the file has to begin with cdrRecordType')]
    const id = ['globalCallId_ClusterID', 'globalCallID_callManagerId', 'globalCallID_callId']
      .map(name => row.get(name))
      .join(':')
    if (row.get('cdrRecordType') === '2') {
      this.#quality.note(id, qualityOf(row))
      return []
    }
    const leg = readLeg(row)
    return 'reason' in leg ? [{ kind: 'refusal', refusal: { ...leg, ...place } }] : this.#window.add(id, leg, place)
  }

  end(): readonly Found[] {
    return this.#window.end()
  }

  #callOf({ key, place, parts }: OpenCall<Leg>): Found {
    const legs = [...parts].sort((a, b) => a.startedAt - b.startedAt)
    const [first] = legs
    if (first === undefined) throw new RangeError('a call has at least one leg')
    const answering = legs.find(leg => leg.answeredAt !== null && !leg.toVoicemail) ?? null
    const wasVoicemail = legs.some(leg => leg.answeredAt !== null && leg.toVoicemail)
    return {
      kind: 'call',
      place,
      call: {
        system: 'cisco',
        id: key,
        names: [key],
        sipCallIds: [],
        from: party(first.from),
        to: party(first.called || first.reached),
        answeredBy: answering?.reached ?? null,
        direction: null,
        startedAt: first.startedAt,
        answeredAt: answering?.answeredAt ?? null,
        endedAt: Math.max(...legs.map(leg => leg.endedAt)),
        outcome:
          answering !== null ? outcomes.completed : wasVoicemail ? outcomes.voicemail : outcomeUnanswered(legs.at(-1) ?? first),
        recordings: [],
        tags: this.#quality.tagsOf(key),
      },
    }
  }
}

function readLeg(row: NamedFields): Leg | Fault {
  const origination = row.get('dateTimeOrigination')
  const disconnect = row.get('dateTimeDisconnect')
  const startedAt = readEpoch(origination)
  const endedAt = readEpoch(disconnect)
  if (startedAt === null || endedAt === null) {
    const detail =
      startedAt === null ? `dateTimeOrigination is ${quoted(origination)}` : `dateTimeDisconnect is ${quoted(disconnect)}`
    return {
      reason: 'a time cannot be read',
      detail,
      fix: 'CUCM writes seconds since 1970; a spreadsheet may have rewritten them',
    }
  }
  return {
    from: row.get('callingPartyNumber'),
    called: row.get('originalCalledPartyNumber'),
    reached: row.get('finalCalledPartyNumber'),
    startedAt,
    // 0 when the call never connected.
    answeredAt: readEpoch(row.get('dateTimeConnect')),
    endedAt,
    callerCause: Number(row.get('origCause_value')) || 0,
    calleeCause: Number(row.get('destCause_value')) || 0,
    // Unity Connection's ports.
    toVoicemail: /^Cisco(?:UM|VM)/i.test(row.get('destDeviceName')),
  }
}

/** Normal clearing by the side that called, without an answer, is a caller who gave up. */
function outcomeUnanswered({ callerCause, calleeCause }: Leg): Outcome {
  if (calleeCause > 0 && calleeCause !== 16) return outcomeOfCause(calleeCause, true)
  if (callerCause > 0 && callerCause !== 16) return outcomeOfCause(callerCause, true)
  return callerCause === 16 ? outcomes.callerHungUp : outcomes.noAnswer
}

function refusal(place: Place, reason: string, fix: string): Found {
  return { kind: 'refusal', refusal: { ...place, reason, detail: 'no header was seen', fix } }
}
