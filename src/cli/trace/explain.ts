/** Why two calls of a capture were not made one, and what would do it: for those of which a person would think that they are. Pure. */
import type { Call } from '../../events/call.ts'
import type { CallId, CallParty } from '../../events/event.ts'
import type { Doubt } from '../../events/guess.ts'
import type { KnownHosts } from '../../sip/hep/ends.ts'
import { placeOf } from './hosts.ts'
import { type Replay, type SipTrace, startOf, type TracedCall } from './replay.ts'

export interface Alone {
  readonly older: CallId
  readonly younger: CallId
  readonly party: string
  /** How long both went on, ms. */
  readonly overlapMs: number
  /** The names that each was known by. */
  readonly names: { readonly older: readonly string[]; readonly younger: readonly string[] }
  readonly why: string
  /** What would join them; the dialplan's lines are said once (`dialplanAdvice`). */
  readonly remedies: readonly string[]
}

const mostPairs = 50
/** Numbers with so many digits at their end in common may be the same. */
const tailDigits = 7

/** The pairs with a wanted call in them, at most 50, and whether these are all. */
export function standingAlone(
  replay: Replay,
  hosts: KnownHosts,
  callIdHeader: string,
  isWanted: (id: CallId) => boolean,
): { readonly pairs: readonly Alone[]; readonly isAll: boolean } {
  const owners = fieldOwners(replay)
  const pairs: Alone[] = []
  for (const [older, younger, party] of suspects(replay)) {
    if (!isWanted(older.call.id) && !isWanted(younger.call.id)) continue
    if (pairs.length >= mostPairs) return { pairs, isAll: false }
    const until = Math.min(endOf(older.call, replay), endOf(younger.call, replay))
    pairs.push({
      older: older.call.id,
      younger: younger.call.id,
      party,
      overlapMs: until - startOf(younger.call),
      names: { older: older.call.keys, younger: younger.call.keys },
      why: whyAlone(older, younger, replay, hosts),
      remedies: remediesFor(older, younger, replay, owners, callIdHeader),
    })
  }
  return { pairs, isAll: true }
}

/** What a PBX has to be told so that it names the caller's SIP call in those that it makes. */
export function dialplanAdvice(callIdHeader: string): readonly string[] {
  return [
    `Asterisk (PJSIP), in the dialplan:`,
    `  same => n,Dial(PJSIP/…,,b(names^s^1(\${CHANNEL(pjsip,call-id)})))`,
    `  [names]`,
    `  exten => s,1,Set(PJSIP_HEADER(add,${callIdHeader})=\${ARG1})`,
    `   same => n,Return()`,
    `FreeSWITCH, before bridge:`,
    `  <action application="export" data="nolocal:sip_h_${callIdHeader}=\${sip_call_id}"/>`,
    `Others: the same Session-ID (RFC 7989) on both sides, or the same value in a field of your own`,
    `  that sip.unique_headers names.`,
  ]
}

/** Two calls at a time that share a party, where the younger begins at a machine that the older went to: as a PBX goes on with a call. */
function* suspects(replay: Replay): Generator<readonly [TracedCall, TracedCall, string]> {
  const talking = new Map<string, TracedCall[]>()
  for (const younger of replay.calls) {
    const seen = new Set<TracedCall>()
    for (const party of partiesOf(younger.call)) {
      const others = (talking.get(party) ?? []).filter(({ call }) => endOf(call, replay) >= startOf(younger.call))
      for (const older of others) {
        if (seen.has(older) || !goesOnFrom(older, younger, replay)) continue
        seen.add(older)
        yield [older, younger, party]
      }
      talking.set(party, [...others, younger])
    }
  }
}

/** Over TCP whoever calls has a port of its own choice. */
function goesOnFrom(older: TracedCall, younger: TracedCall, { traces }: Replay): boolean {
  const source = traceOf(younger, traces)?.invite?.source
  const reached = traceOf(older, traces)?.invite?.destination
  if (source === undefined || source.address !== reached?.address) return false
  return source.port === reached.port || source.transport !== 'udp'
}

function whyAlone(older: TracedCall, younger: TracedCall, { traces }: Replay, hosts: KnownHosts): string {
  const names = 'no name of the one is a name of the other'
  const source = traceOf(younger, traces)?.invite?.source
  if (younger.began === null) return `${names}, and the beginning of ${younger.call.id} is not in the capture`
  if (!younger.began.isFromPbx) {
    const place = source === undefined ? 'it' : placeOf(source, hosts)
    return `${names}, and nothing is guessed of calls that a PBX does not make: ${place} is not known as one`
  }
  if (!younger.began.doubts.has(older.call.id)) return `${names}, and they had no party in common when the younger began`
  const doubt = younger.began.doubts.get(older.call.id) ?? null
  if (doubt !== null) return `${names}, and a guess was none: ${doubtWords(doubt)}`
  const fitting = [...younger.began.doubts].filter(([, each]) => each === null).map(([id]) => id)
  return fitting.length > 1
    ? `${names}, and a guess was none: ${fitting.length} calls fitted (${fitting.slice(0, 3).join(', ')})`
    : `${names}, and better candidates for a guess were there`
}

function doubtWords(doubt: Doubt): string {
  switch (doubt) {
    case 'begun-by-pbx':
      return 'the PBX began the older one, too'
    case 'caller-gone':
      return 'the caller of the older one had hung up'
    case 'caller-reached':
      return 'the caller of the older one talked to somebody already'
    case 'other-parties':
      return 'only one party is the same, and not in the same place'
    case 'too-late':
      return 'only the callee is the same, and more than 5 seconds had passed'
    default:
      return doubt satisfies never
  }
}

function remediesFor(
  older: TracedCall,
  younger: TracedCall,
  replay: Replay,
  owners: ReadonlyMap<string, ReadonlySet<CallId>>,
  callIdHeader: string,
): readonly string[] {
  const remedies: string[] = []
  const [first, second] = [older, younger].map(({ call }) => ({ call, fields: fieldsOf(call, replay.traces) }))
  for (const [mine, other] of [
    [second, first],
    [first, second],
  ]) {
    const ids = new Set(other?.call.sipCalls.map(({ sipCallId }) => sipCallId))
    for (const [name, value] of mine?.fields ?? [])
      if (ids.has(value)) remedies.push(`${name} holds the Call-ID of the other: add ${name} to sip.call_id_headers`)
  }
  for (const [name, value] of second?.fields ?? [])
    if (first?.fields.get(name) === value && owners.get(`${name}\n${value}`)?.size === 2 && !/^.{0,5}$/.test(value))
      remedies.push(`both have ${name}: ${value}, and no other call has: add ${name} to sip.unique_headers`)
  if (younger.began !== null && !younger.began.isFromPbx) {
    const source = traceOf(younger, replay.traces)?.invite?.source
    if (source !== undefined)
      remedies.push(`if ${source.address} is the PBX: add it to hep.pbx (here: --pbx ${source.address}:${source.port})`)
  }
  const leg = younger.call.sipCalls[0]?.sipCallId ?? younger.call.id
  return [...remedies, `${callIdHeader} in the INVITE of ${leg}, with the Call-ID of the caller's SIP call: see below`]
}

/** Which calls have a field with a value. */
function fieldOwners({ calls, traces }: Replay): ReadonlyMap<string, ReadonlySet<CallId>> {
  const owners = new Map<string, Set<CallId>>()
  for (const { call } of calls) {
    for (const [name, value] of fieldsOf(call, traces)) {
      const key = `${name}\n${value}`
      owners.set(key, (owners.get(key) ?? new Set()).add(call.id))
    }
  }
  return owners
}

function fieldsOf({ sipCalls }: Call, traces: Replay['traces']): ReadonlyMap<string, string> {
  return new Map(sipCalls.flatMap(({ sipCallId }) => [...(traces.get(sipCallId)?.invite?.fields ?? [])]))
}

function traceOf({ call: { sipCalls } }: TracedCall, traces: Replay['traces']): SipTrace | undefined {
  return traces.get(sipCalls[0]?.sipCallId ?? '')
}

/** When a call was over; one that is not, at the capture's end. */
function endOf({ phase }: Call, { span }: Replay): number {
  return phase.kind === 'ended' ? phase.endedAt : (span?.until ?? 0)
}

function partiesOf({ sipCalls }: Call): readonly string[] {
  return [...new Set(sipCalls.flatMap(({ from, to }) => [nameOf(from), nameOf(to)]))].filter(name => name !== '')
}

/** One name for all ways to write a number; none for callers who hide. */
function nameOf({ kind, value }: CallParty): string {
  if (kind === 'anonymous') return ''
  const digits = value.replace(/\D/g, '')
  return digits.length >= tailDigits ? `…${digits.slice(-tailDigits)}` : value
}
