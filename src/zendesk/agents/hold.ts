/**
 * Whose the status is that Zendesk shows for an agent, and what to do about it. Pure: the reconciler carries it out.
 *
 *             look, note, write                    write the other
 *   theirs ──────────────────────▶ held (on_call) ─────────────────▶ held (after_call_work)
 *     ▲ ▲                            │        │                        │        │
 *     │ └── look, write their own ───┴────────│────────────────────────┘        │
 *     └── somebody else set another status: it stays, until the next call ──────┘
 *
 * Invariants
 * 1 A status that we did not set is the agent's own wish: it is what we go back to, and never written over during the same calls.
 * 2 What we hold is noted before it is written, so that a bridge that dies in between gives it back after its restart.
 * 3 Writing is idempotent; a write whose answer was lost is repeated after a look.
 */
import type { PhoneState } from './phones.ts'
import type { Shown, StatusValues } from './status-api.ts'

/** Statuses are in the API's own words (StatusValues). */
export interface Hold {
  /** What the agent goes back to; `null`: nothing is known. */
  readonly own: string | null
  /** What we set; `null`: the status is the agent's. */
  readonly wrote: string | null
  /** Zendesk has said that it has what we set. */
  readonly confirmed: boolean
  /** Zendesk's status was read since we last set it. */
  readonly looked: boolean
  /** The stretch of calls (PhoneState's `busySince`) for which the agent's own wish stands. */
  readonly yieldedTo: number | null
}

export const theirs: Hold = { own: null, wrote: null, confirmed: false, looked: false, yieldedTo: null }

export type Step =
  | { readonly kind: 'none' }
  | { readonly kind: 'look' }
  /** `hold` is to be noted before, `after` once it is done. */
  | { readonly kind: 'write'; readonly value: string; readonly hold: Hold; readonly after: Hold }

const none: Step = { kind: 'none' }
const look: Step = { kind: 'look' }

/** What is to be done for an agent whose phones are in this state. */
export function nextStep(hold: Hold, phone: PhoneState, values: StatusValues): Step {
  if (phone.kind === 'on_call' || phone.kind === 'after_call_work') {
    const value = values[phone.kind]
    if (hold.yieldedTo === phone.busySince || (hold.wrote === value && hold.confirmed)) return none
    if (!hold.looked && !hold.confirmed) return look
    const held: Hold = { ...hold, wrote: value, confirmed: false, yieldedTo: null }
    return { kind: 'write', value, hold: held, after: { ...held, confirmed: true, looked: false } }
  }
  if (hold.wrote === null) return none
  if (!hold.looked) return look
  const value = hold.own ?? values.available
  return { kind: 'write', value, hold, after: { ...theirs, own: value } }
}

/** What reading Zendesk's status teaches. */
export function learn(hold: Hold, shown: Shown, phone: PhoneState, values: StatusValues): Hold {
  const own = shown.neverSet ? values.available : shown.resting ? shown.value : (hold.own ?? values.available)
  if (hold.wrote === null) return { ...hold, own, looked: true }
  const confirmed = hold.confirmed || shown.value === hold.wrote
  // Until a write is confirmed, what was there before it, or one of ours, may still be shown.
  const mayBeOurs = [hold.wrote, ...(hold.confirmed ? [] : [values.on_call, values.after_call_work, hold.own])]
  if (shown.byApi || mayBeOurs.includes(shown.value)) return { ...hold, confirmed, looked: true }
  const busySince = phone.kind === 'on_call' || phone.kind === 'after_call_work' ? phone.busySince : null
  return { ...theirs, own, yieldedTo: busySince }
}

/** After a write that failed: whether it was done is not known. */
export function doubt(hold: Hold): Hold {
  return { ...hold, confirmed: false, looked: false }
}
