/**
 * Whose the status is that Zendesk shows for an agent, and what to do about it. Pure: the reconciler carries it out.
 *
 *            look, note, write               look, note, write
 *   theirs ──────────────────▶ held (on_call) ────────────────▶ held (after_call_work)
 *     ▲ ▲                        │       │                        │       │
 *     │ └── look, write own ─────┴───────│────────────────────────┘       │
 *     └── a look shows another status ───┴────────────────────────────────┘
 *
 * Invariants
 * 1 A status that we did not set is the agent's own wish: it is what we go back to, and never written over during the same calls.
 *   So no write goes out without a look before it.
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
  /** Zendesk's status was read since we last set it, and lately. */
  readonly looked: boolean
  /** The stretch of calls (PhoneState's `busySince`) for which the status is held; or, when it is not, for which the agent's wish stands. */
  readonly stretch: number | null
}

export const theirs: Hold = { own: null, wrote: null, confirmed: false, looked: false, stretch: null }

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
    const settled = hold.wrote === null || (hold.wrote === value && hold.confirmed)
    if (settled && hold.stretch === phone.busySince) return none
    if (!hold.looked) return look
    const held: Hold = { ...hold, wrote: value, confirmed: false, stretch: phone.busySince }
    return { kind: 'write', value, hold: held, after: { ...held, confirmed: true, looked: false } }
  }
  if (hold.wrote === null) {
    // Before the answer: a Zendesk that follows the calls itself shows by then no more what the agent had.
    return phone.kind === 'ringing' && !hold.looked ? look : none
  }
  if (!hold.looked) return look
  const value = hold.own ?? values.available
  return { kind: 'write', value, hold, after: { ...theirs, own: value } }
}

/** What reading Zendesk's status teaches. */
export function learn(hold: Hold, shown: Shown, values: StatusValues): Hold {
  const own = shown.neverSet ? values.available : shown.resting ? shown.value : (hold.own ?? values.available)
  if (hold.wrote === null) return { ...hold, own, looked: true }
  const confirmed = hold.confirmed || shown.value === hold.wrote
  // Until a write is confirmed, what was there before it, or one of ours, may still be shown.
  const mayBeOurs = [hold.wrote, ...(hold.confirmed ? [] : [values.on_call, values.after_call_work, hold.own])]
  if (shown.byApi || shown.neverSet || mayBeOurs.includes(shown.value)) return { ...hold, confirmed, looked: true }
  return { ...theirs, own, stretch: hold.stretch }
}

/** After a write that failed: whether it was done is not known. */
export function doubt(hold: Hold): Hold {
  return { ...hold, confirmed: false, looked: false }
}
