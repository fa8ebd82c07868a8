/**
 * FreeSWITCH's mod_json_cdr: one JSON object for each leg of a call, a file each or one a line. The legs of a call name the
 * caller's leg in `call_uuid`.
 * https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_json_cdr_5046544/
 */
import { z } from 'zod'
import type { Outcome } from '../../events/outcome.ts'
import type { Found, Place } from '../historic-call.ts'
import { CallWindow, type OpenCall } from './call-window.ts'
import { type HistoryReader, type RowMeaning, SplitReader } from './history-format.ts'
import { JsonValues } from './json-values.ts'
import { readEpoch } from './local-time.ts'
import { extensionOf, fileNameOf, outcomeOfCause, outcomes, party } from './parties.ts'

const text = z.union([z.string(), z.number()]).transform(String)
const recordSchema = z.object({
  variables: z.record(z.string(), z.unknown()),
  callflow: z.union([z.array(z.unknown()), z.unknown().transform(() => [])]).optional(),
})
const profileSchema = z.object({
  caller_profile: z.object({
    caller_id_number: text.optional(),
    caller_id_name: text.optional(),
    destination_number: text.optional(),
  }),
})

interface Leg {
  readonly uuid: string
  readonly callUuid: string
  /** Whether the call came to FreeSWITCH by this leg, rather than that FreeSWITCH placed it. */
  readonly isCaller: boolean
  readonly from: string
  readonly fromName: string
  readonly to: string
  readonly channel: string
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number
  readonly cause: string
  readonly q850: number
  readonly lastApp: string
  readonly sipCallId: string
  readonly recordings: readonly string[]
}

export function freeswitchJson(): HistoryReader {
  return new SplitReader<unknown>(() => new JsonValues(), new LegRows())
}

class LegRows implements RowMeaning<unknown> {
  readonly #window = new CallWindow<Leg>(callOfLegs)

  begin(): void {}

  take(value: unknown, place: Place): readonly Found[] {
    const leg = readLeg(value)
    if (typeof leg === 'string') {
      const fix = 'this is no record of mod_json_cdr, or its variables were taken out of it'
      return [{ kind: 'refusal', refusal: { ...place, reason: 'the record does not describe a leg', detail: leg, fix } }]
    }
    return this.#window.add(leg.callUuid, leg, place)
  }

  end(): readonly Found[] {
    return this.#window.end()
  }
}

/** A leg, or what is missing. */
function readLeg(value: unknown): Leg | string {
  const record = recordSchema.safeParse(value)
  if (!record.success) return 'it has no `variables`'
  const { variables, callflow = [] } = record.data
  const read = (...names: readonly string[]): string => {
    for (const name of names) {
      const parsed = text.safeParse(variables[name])
      if (parsed.success && parsed.data !== '') return decoded(parsed.data)
    }
    return ''
  }
  // µs where they are, for waits of less than a second; 0 is "never".
  const time = (name: string): number | null => readEpoch(read(`${name}_uepoch`)) ?? readEpoch(read(`${name}_epoch`))
  const uuid = read('uuid', 'call_uuid')
  const startedAt = time('start')
  const endedAt = time('end')
  if (uuid === '') return 'it has no uuid'
  if (startedAt === null || endedAt === null) return `it has no ${startedAt === null ? 'start_epoch' : 'end_epoch'}`
  // The newest step of the call flow comes first; the last one is the call as it came in.
  const profile = profileSchema.safeParse(callflow.at(-1)).data?.caller_profile
  return {
    uuid,
    callUuid: read('call_uuid', 'originating_leg_uuid') || uuid,
    isCaller: read('direction') !== 'outbound',
    from: decoded(profile?.caller_id_number ?? '') || read('caller_id_number', 'sip_from_user', 'effective_caller_id_number'),
    fromName: decoded(profile?.caller_id_name ?? '') || read('caller_id_name'),
    to: decoded(profile?.destination_number ?? '') || read('destination_number', 'sip_req_user', 'sip_to_user'),
    channel: read('channel_name'),
    startedAt,
    answeredAt: time('answer'),
    endedAt,
    cause: read('hangup_cause'),
    q850: Number(read('hangup_cause_q850')) || 0,
    lastApp: read('last_app').toLowerCase(),
    sipCallId: read('sip_call_id'),
    recordings: ['record_name', 'record_file', 'cc_record_filename', 'recording_file']
      .map(name => fileNameOf(read(name)))
      .filter(Boolean),
  }
}

function callOfLegs({ key, place, parts }: OpenCall<Leg>): Found {
  const legs = [...parts].sort((a, b) => a.startedAt - b.startedAt)
  const caller = legs.find(leg => leg.uuid === key) ?? legs.find(leg => leg.isCaller) ?? legs[0]
  if (caller === undefined) throw new RangeError('a call has at least one leg')
  const others = legs.filter(leg => leg !== caller)
  const phone = others.filter(leg => leg.answeredAt !== null).sort((a, b) => (a.answeredAt ?? 0) - (b.answeredAt ?? 0))[0]
  const wasVoicemail = caller.lastApp === 'voicemail'
  // Where only the caller's legs are logged, its own answer is all there is.
  const answering = phone ?? (caller.answeredAt !== null && !wasVoicemail ? caller : null)
  return {
    kind: 'call',
    place,
    call: {
      system: 'freeswitch',
      id: key,
      names: [...new Set([key, ...legs.map(leg => leg.uuid)])],
      sipCallIds: [caller, ...others].map(leg => leg.sipCallId).filter(id => id !== ''),
      from: party(caller.from, caller.fromName),
      to: party(caller.to),
      answeredBy: phone === undefined ? null : (extensionOf(phone.channel) ?? phone.to),
      direction: null,
      startedAt: Math.min(...legs.map(leg => leg.startedAt)),
      answeredAt: answering?.answeredAt ?? null,
      endedAt: Math.max(...legs.map(leg => leg.endedAt)),
      outcome:
        answering !== null ? { ...outcomes.completed, q850: caller.q850 || null } : outcomeUnanswered(caller, wasVoicemail),
      recordings: [...new Set(legs.flatMap(leg => leg.recordings))],
      tags: [],
    },
  }
}

function outcomeUnanswered({ cause, q850, answeredAt }: Leg, wasVoicemail: boolean): Outcome {
  if (answeredAt !== null && wasVoicemail) return outcomes.voicemail
  switch (cause) {
    case 'ORIGINATOR_CANCEL':
      return outcomes.callerHungUp
    // The cause of a hangup that nobody forced: an unanswered caller's own.
    case 'NORMAL_CLEARING':
      return outcomes.callerHungUp
    case 'LOSE_RACE':
      return { status: 'connected', reason: 'answered-elsewhere', sipCode: null, q850: q850 || null }
    case 'USER_BUSY':
      return { ...outcomes.busy, q850: q850 || null }
    case 'CALL_REJECTED':
      return { ...outcomes.rejected, q850: q850 || null }
    default:
      return q850 > 0 ? outcomeOfCause(q850, true) : outcomes.noAnswer
  }
}

/** mod_json_cdr percent-encodes values unless told not to. */
function decoded(value: string): string {
  if (!/%[0-9A-Fa-f]{2}/.test(value)) return value
  try {
    return decodeURIComponent(value)
  } catch {
    // A percent sign that was meant: the value is not encoded.
    return value
  }
}
