/**
 * How a call is passed on (RFC 3515, RFC 5589): somebody asks for it with a REFER; that it came about, a NOTIFY tells, or the one who
 * asked leaves it to the others. Pure.
 *
 *   talking ── REFER accepted ──▶ transferring ── NOTIFY 2xx, or its SIP call ends ──▶ transferred
 *                                      └── NOTIFY 3xx to 6xx ──▶ as before
 */
import type { Call } from './call.ts'
import type { CallParty, TransferSnapshot } from './event.ts'
import { carryingLeg } from './legs.ts'
import type { ReferEnded, Referred } from './signal.ts'
import { isLive, type SipCall } from './sip-call.ts'
import { type CallContext, emit, heard, ignore, notBefore, quietly, repeated, type Step } from './step.ts'

/** A hostile or broken peer could transfer for ever. */
const maxTransfers = 16

export function referred(call: Call, sip: SipCall, signal: Referred, context: CallContext): Step {
  const { at, sipCallId, replaces } = signal
  const by = partyWith(sip, signal.fromTag)
  if (by === null) return ignore(call, 'unknown-dialog')
  if (!isLive(sip)) return ignore(call, 'already-ended')
  const to = context.numbers.normalise(signal.target)
  const { transferring, transfers = [] } = call
  if (transferring?.sipCallId === sipCallId && transferring.to.value === to.value) return repeated(call, at)
  if (transfers.some(done => done.to.value === to.value && at <= done.at)) return repeated(call, at)
  const asked = { kind: replaces === null ? 'blind' : 'attended', by, to, at, sipCallId } as const
  return quietly({ ...call, transferring: replaces === null ? asked : { ...asked, replaces } }, at)
}

export function referEnded(call: Call, { at, sipCode, sipCallId }: ReferEnded, context: CallContext): Step {
  const { transferring, ...rest } = call
  if (transferring?.sipCallId !== sipCallId || sipCode < 200) return repeated(call, at)
  return sipCode < 300 ? transferred(call, at, context) : quietly(rest, at)
}

/** What was asked for has come about. */
export function transferred(call: Call, at: number, context: CallContext): Step {
  const { transferring, ...rest } = call
  if (transferring === undefined) return quietly(call, at)
  const { kind, by, to } = transferring
  const transfer: TransferSnapshot = { kind, by, to, at: notBefore(call, at) }
  return emit(
    { ...heard(rest, at), ...transfersOf([...(call.transfers ?? []), transfer]) },
    'call.transferred',
    transfer.at,
    context,
  )
}

/** Whether who asked to pass the call on has left it to the others. */
export function isLeft({ transferring, sipCalls }: Call): boolean {
  if (transferring === undefined) return false
  const asked = sipCalls.find(sip => sip.sipCallId === transferring.sipCallId)
  return asked !== undefined && !isLive(asked)
}

/** The transfers of two calls that are one now. */
export function transfersOfBoth(one: Call, other: Call): Pick<Call, 'transfers' | 'transferring'> {
  const transferring = one.transferring ?? other.transferring
  const done = [...(one.transfers ?? []), ...(other.transfers ?? [])].toSorted((a, b) => a.at - b.at)
  return { ...transfersOf(done), ...(transferring === undefined ? {} : { transferring }) }
}

function transfersOf(transfers: readonly TransferSnapshot[]): Pick<Call, 'transfers'> {
  return transfers.length === 0 ? {} : { transfers: transfers.slice(-maxTransfers) }
}

/** The party of a dialog that has this tag. */
function partyWith(sip: SipCall, tag: string): CallParty | null {
  if (tag === sip.callerTag) return sip.from
  return sip.legs.find(leg => leg.calleeTag === tag)?.to ?? carryingLeg(sip.legs)?.to ?? null
}
