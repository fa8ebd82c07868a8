/** Ties a recording to its call: by the names that the call goes by, else by parties and time. */
import { callIdSpellings } from '../../events/call-id-spellings.ts'
import type { CallId, CallSnapshot } from '../../events/event.ts'
import type { MatchedBy, RecordingHints, RecordingItem } from '../../events/recording.ts'
import type { RecordingLedger } from '../ledger.ts'

/** The model's guess by parties and time (events/matching.ts); it refuses when more than one call fits. */
export type MatchCall = (
  hints: RecordingHints,
  startedAt: number,
  durationMs: number,
  candidates: readonly CallSnapshot[],
) => { readonly callId: CallId } | { readonly reason: string }

export type Finding =
  | { readonly kind: 'found'; readonly callId: CallId; readonly matchedBy: MatchedBy }
  | { readonly kind: 'unknown'; readonly reason: string }

/** The ledger keys under which this recording's call may be known. */
export function callKeys(hints: RecordingHints): readonly { readonly key: string; readonly matchedBy: MatchedBy }[] {
  const bySip =
    hints.sipCallId === null
      ? []
      : callIdSpellings(hints.sipCallId).map(id => ({ key: `sip:${id}`, matchedBy: 'call-id' as const }))
  const byUnique = hints.unique === null ? [] : [{ key: `unique:${hints.unique}`, matchedBy: 'unique' as const }]
  return [...bySip, ...byUnique]
}

/** How far a recording's times may lie from its call's: clocks differ, and a file's time is a guess. */
const marginMs = 60_000
const mostCandidates = 200

/** `guess` allows parties and time. Rejects when the ledger does. */
export async function findCall(item: RecordingItem, guess: boolean, ledger: RecordingLedger, match: MatchCall): Promise<Finding> {
  const keys = callKeys(item.hints)
  for (const { key, matchedBy } of keys) {
    const callId = await ledger.callByKey(key)
    if (callId !== null) return { kind: 'found', callId, matchedBy }
  }
  const unknown =
    keys.length === 0 ? 'its name gives no call id' : `no call is known as ${keys.map(({ key }) => key).join(' or ')}`
  if (!guess) return { kind: 'unknown', reason: unknown }
  const durationMs = item.source?.durationMs ?? 0
  const candidates = await ledger.callsAlive({
    from: item.startedAt - marginMs,
    to: item.startedAt + durationMs + marginMs,
    limit: mostCandidates,
  })
  const matched = match(item.hints, item.startedAt, durationMs, candidates)
  if ('callId' in matched) return { kind: 'found', callId: matched.callId, matchedBy: 'parties-and-time' }
  return { kind: 'unknown', reason: `${unknown}; by parties and time: ${matched.reason}` }
}
