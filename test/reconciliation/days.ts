/** Calls, recordings, CDRs and deliveries of a day, and the facts that a run reads of them. */
import type { Cdr } from '../../src/events/cdr.ts'
import type { CallId, CallParty, CallSnapshot, Direction } from '../../src/events/event.ts'
import type { AudioItem, RecordingId, RecordingItem, VoicemailItem } from '../../src/events/recording.ts'
import { CdrList } from '../../src/reconciliation/cdr-list.ts'
import type { OpenDelivery, Period, StoredFacts } from '../../src/reconciliation/facts.ts'
import type { Finding } from '../../src/reconciliation/finding.ts'
import { type Reconciliation, reconcile } from '../../src/reconciliation/reconcile.ts'
import type { ReconciliationRules } from '../../src/reconciliation/rules.ts'

export const minute = 60_000
export const hour = 60 * minute
/** Now; a day lies behind it. */
export const now = Date.UTC(2026, 10, 22, 20)

export const rules: ReconciliationRules = {
  graceMs: 10 * minute,
  recordingGraceMs: 25 * minute,
  toleranceMs: 10_000,
  recordings: { expected: 'all', directions: ['inbound', 'outbound', 'internal'], numbers: [], minTalkMs: 5_000 },
}

export const outside = (value: string): CallParty => ({ kind: 'e164', value, display: null })
export const inside = (value: string): CallParty => ({ kind: 'extension', value, display: null })
export const anonymous: CallParty = { kind: 'anonymous', value: 'anonymous', display: null }

export interface CallMore extends Partial<CallSnapshot> {
  /** How long before now it began, ms. */
  readonly ago?: number
  readonly talkMs?: number | null
}

/** A call two hours ago, with a minute of talk after five seconds of ringing, unless told otherwise. */
export function aCall(name: string, { ago = 2 * hour, talkMs = minute, ...more }: CallMore = {}): CallSnapshot {
  const startedAt = now - ago
  const answeredAt = talkMs === null ? null : startedAt + 5_000
  const endedAt = startedAt + 5_000 + (talkMs ?? 0)
  const connected = { status: 'connected', reason: 'completed', sipCode: 200, q850: null } as const
  const missed = { status: 'missed', reason: 'no-answer', sipCode: 480, q850: null } as const
  return {
    id: name as CallId,
    from: outside('+14155550100'),
    to: inside('1001'),
    direction: 'inbound',
    outcome: talkMs === null ? missed : connected,
    startedAt,
    answeredAt,
    endedAt,
    durationMs: talkMs ?? 0,
    waitMs: 5_000,
    holdMs: 0,
    agents: [],
    tags: [],
    legs: [],
    ...more,
  }
}

/** A whole recording of the call from its answer to its end. */
export function aRecording(call: CallSnapshot | null, more: Partial<RecordingItem> = {}): RecordingItem {
  const startedAt = call?.answeredAt ?? now - 2 * hour
  return {
    kind: 'recording',
    id: `rec_${call?.id ?? 'loose'}` as RecordingId,
    state: 'delivered',
    reason: null,
    sourcePath: `/monitor/${call?.id ?? 'loose'}.wav`,
    sourceSize: 1,
    sourceMtimeMs: startedAt,
    foundAt: startedAt,
    startedAt,
    source: { durationMs: call?.durationMs ?? minute, channels: 1, sampleRate: 8_000 },
    encoded: null,
    callId: call?.id ?? null,
    hints: { sipCallId: null, unique: null, from: null, to: null, startedAt: null },
    matchedBy: call === null ? null : 'call-id',
    ...more,
  }
}

export function aVoicemail(name: string, more: Partial<VoicemailItem> = {}): VoicemailItem {
  const { hints: _hints, matchedBy: _by, kind: _kind, ...base } = aRecording(null)
  const at = now - 2 * hour
  const parties = { from: outside('+14155550100'), to: inside('1001'), mailbox: '1001' }
  return { ...base, kind: 'voicemail', id: `vm_${name}` as RecordingId, startedAt: at, receivedAt: at, ...parties, ...more }
}

/** What the PBX says of the call, with the names that both know it by, unless told otherwise. */
export function aCdr(call: CallSnapshot, more: Partial<Cdr> = {}): Cdr {
  return {
    id: `asterisk:hq:${call.id}`,
    from: call.from,
    to: call.to,
    direction: call.direction satisfies Direction,
    keys: [`unique:${call.id}`],
    startedAt: Math.floor(call.startedAt / 1000) * 1000,
    endedAt: Math.floor((call.endedAt ?? call.startedAt) / 1000) * 1000,
    answeredAt: call.answeredAt,
    phoneAnsweredAt: call.answeredAt,
    recordings: [],
    hasCaller: true,
    partiesAt: call.startedAt,
    ...more,
  }
}

export function aDelivery(name: string, more: Partial<OpenDelivery> = {}): OpenDelivery {
  const at = now - 2 * hour
  return {
    seq: 1,
    id: name,
    kind: 'event',
    lane: 'event',
    callId: 'a' as CallId,
    state: 'pending',
    createdAt: at,
    updatedAt: at,
    runAt: now + minute,
    attempts: 0,
    reason: null,
    isHead: true,
    ...more,
  }
}

export interface Day {
  readonly calls?: readonly CallSnapshot[]
  readonly recordings?: readonly RecordingItem[]
  /** Audio without a call, in any state. */
  readonly loose?: readonly AudioItem[]
  readonly deliveries?: readonly OpenDelivery[]
  readonly cdrs?: readonly Cdr[]
  /** By lane, epoch ms. */
  readonly lastDelivery?: number
  readonly pauses?: Readonly<Record<string, string>>
  readonly troubles?: readonly string[]
  readonly rules?: Partial<ReconciliationRules>
}

/** The facts of a store that holds the day; a call is known as `unique:ID` and `sip:ID@pbx`. */
export function storeOf({
  calls = [],
  recordings = [],
  loose = [],
  deliveries = [],
  lastDelivery,
  pauses = {},
}: Day): StoredFacts {
  const inOrder = [...calls].sort((a, b) => a.startedAt - b.startedAt)
  const within = ({ since, until }: Period) => inOrder.filter(({ startedAt }) => startedAt >= since && startedAt < until)
  const known = new Map(inOrder.flatMap(({ id }) => [`unique:${id}`, `sip:${id}@pbx`].map(key => [key, id] as const)))
  const unfinished = loose.map((item, index) => ({ seq: index + 1, item }))
  return {
    sliceEnd: async (period, count) => Math.max(within(period)[count]?.startedAt ?? period.until, period.since + 1),
    calls: async period => within(period).map(call => ({ call, ended: call.endedAt !== null })),
    recordingsOf: async ids => recordings.filter(({ callId }) => callId !== null && ids.includes(callId)),
    endsOf: async ids => new Map(inOrder.flatMap(({ id, endedAt }) => (ids.includes(id) ? [[id, endedAt] as const] : []))),
    callIdsByKeys: async keys =>
      new Map(keys.flatMap(key => [known.get(key)].flatMap(id => (id === undefined ? [] : [[key, id] as const])))),
    openDeliveries: async (state, after, limit) =>
      deliveries.filter(each => each.state === state && each.seq > after).slice(0, limit),
    lastDeliveryAround: async () => lastDelivery ?? null,
    unfinishedItems: async (state, after, limit) =>
      unfinished.filter(({ item, seq }) => item.state === state && seq > after).slice(0, limit),
    async *itemsWithoutCall(since) {
      yield loose.filter(({ state, foundAt }) => state !== 'waiting' && state !== 'quarantined' && foundAt >= since)
    },
    pauses: async () => new Map(Object.entries(pauses)),
  }
}

/** Reconciles the day. */
export async function reconciled(day: Day, mostOfAKind = 100): Promise<Reconciliation> {
  const period = { since: now - 24 * hour, until: now }
  const records = new CdrList(period)
  for (const cdr of day.cdrs ?? []) records.add(cdr)
  const options = { stored: storeOf(day), records, rules: { ...rules, ...day.rules }, period, now, mostOfAKind }
  return await reconcile({ ...options, troubles: day.troubles ?? [] }, new AbortController().signal)
}

/** `KIND: CAUSE` of everything found. */
export async function found(day: Day): Promise<readonly string[]> {
  const { findings } = await reconciled(day)
  return findings.map(({ kind, cause }: Finding) => `${kind}: ${cause}`)
}
