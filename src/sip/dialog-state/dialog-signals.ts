/**
 * What a change of a dialog means for the model: the same signals as its SIP messages would have made, under the dialog's own Call-ID
 * and tags, so that a call which is seen on the wire as well is one call. Pure.
 *
 * Documents that name no dialog (Asterisk) or do not say who called make no signals; they tell of presence only.
 */
import type { CallSignal, Tie, WireParty } from '../../events/signal.ts'
import { parseUri } from '../message/uri.ts'
import { type DialogElement, type DialogSide, rendersNothing } from './dialog-info.ts'
import type { DialogChange } from './dialog-table.ts'

/** Who took part, as far as the document says. `null` where it says nothing. */
export function partyOf({ uri: written, target, display }: DialogSide): WireParty | null {
  const uri = parseUri(written ?? target ?? '')
  if (uri === null) return null
  const user = uri.user ?? ''
  const anonymous = user.toLowerCase() === 'anonymous' || uri.host.toLowerCase() === 'anonymous.invalid'
  return anonymous ? { user: '', display: null, anonymous } : { user, display, anonymous }
}

/** The signals of a change that was heard of at `at` (epoch ms), in the order in which they happened. */
export function signalsOf({ before, after }: DialogChange, at: number): readonly CallSignal[] {
  const names = namesOf(after)
  if (names === null || (before === null && after.state === 'terminated')) return []
  const { sipCallId, fromTag, toTag } = names
  const base = { at, source: 'dialog-state', sipCallId, fromTag } as const
  const known = before === null ? null : namesOf(before)
  const signals: CallSignal[] = []
  const isRecipient = after.direction === 'recipient'
  // The phone that rings or answers is the watched one; of a phone that is called elsewhere only the number is known.
  const party = isRecipient ? partyOf(after.local) : null
  if (known === null) {
    const [caller, callee] = isRecipient ? [after.remote, after.local] : [after.local, after.remote]
    const from = partyOf(caller) ?? { user: '', display: null, anonymous: true }
    const to = partyOf(callee) ?? { user: '', display: null, anonymous: false }
    const startedAt = at - (after.durationMs ?? 0)
    // The PBX stands between: it calls the extension, or is called by it.
    signals.push({ ...base, at: startedAt, kind: 'invited', from, to, side: null, isFromPbx: isRecipient, ties: tiesOf(after) })
  } else if (before?.replaces === null && after.replaces !== null) {
    signals.push({ ...base, kind: 'tied', ties: tiesOf(after) })
  }
  if (after.state === 'terminated') return [...signals, ...endOf(before, after, names, at)]
  if (toTag === null) return signals
  const isNews = known?.toTag !== toTag || before?.state !== after.state
  if (isNews && after.state === 'early') signals.push({ ...base, kind: 'ringing', toTag, sipCode: 180, party })
  if (after.state !== 'confirmed') return signals
  if (isNews) signals.push({ ...base, kind: 'answered', toTag, party })
  for (const side of ['local', 'remote'] as const) {
    const wasHeld = !isNews && before !== null && holds(before, side)
    if (wasHeld === holds(after, side)) continue
    const [holder, other] = (side === 'local') === isRecipient ? [toTag, fromTag] : [fromTag, toTag]
    signals.push({ ...base, kind: wasHeld ? 'resumed' : 'held', fromTag: holder, toTag: other })
  }
  return signals
}

/** The dialog that this one took the place of (RFC 3891). */
function tiesOf({ replaces }: DialogElement): readonly Tie[] {
  return replaces === null ? [] : [{ key: `sip:${replaces.callId}`, reason: 'dialog-info replaces' }]
}

interface Names {
  readonly sipCallId: string
  /** The caller's. */
  readonly fromTag: string
  /** The callee's; `null` until it has answered anything. */
  readonly toTag: string | null
}

/** `null` for what cannot be told from another dialog, or whose caller is not known. */
function namesOf({ callId, localTag, remoteTag, direction }: DialogElement): Names | null {
  if (callId === null || direction === null) return null
  const [fromTag, toTag] = direction === 'initiator' ? [localTag, remoteTag] : [remoteTag, localTag]
  return fromTag === null ? null : { sipCallId: callId, fromTag, toTag }
}

/** A side that renders nothing has put the other on hold (RFC 4235 section 5.2). */
function holds(dialog: DialogElement, side: 'local' | 'remote'): boolean {
  return rendersNothing(dialog[side])
}

function endOf(
  before: DialogElement | null,
  after: DialogElement,
  { sipCallId, fromTag, toTag }: Names,
  at: number,
): CallSignal[] {
  const base = { at, source: 'dialog-state', sipCallId, fromTag } as const
  if (before?.state === 'confirmed') {
    if (toTag === null) return []
    const byCallee = after.event === (after.direction === 'initiator' ? 'remote-bye' : 'local-bye')
    // Where nobody says who hung up, either will do: the call is over.
    const tags = byCallee ? { fromTag: toTag, toTag: fromTag } : { fromTag, toTag }
    return [{ ...base, ...tags, kind: 'hungup', sipCode: null, q850: null }]
  }
  const failed = (sipCode: number): CallSignal => ({ ...base, kind: 'failed', toTag, sipCode, q850: null, elsewhere: false })
  switch (after.event) {
    case 'cancelled':
      return [{ ...base, kind: 'cancelled', q850: null, elsewhere: false }, failed(487)]
    case 'timeout':
      return [failed(408)]
    case 'rejected':
    case 'replaced':
    case 'local-bye':
    case 'remote-bye':
    case 'error':
    case null:
      // 480 stands for "nobody answered": no more is known than that the dialog ended before anybody did.
      return [failed(after.code !== null && after.code >= 300 ? after.code : 480)]
    default:
      return unreachable(after.event)
  }
}

function unreachable(value: never): never {
  throw new Error(`no rule for the dialog event ${JSON.stringify(value)}`)
}
