/**
 * What the PBX itself says of one phone (dialog-state subscriptions): the second witness of what an agent does, and the only one where
 * the calls are not seen. Pure.
 *
 *   nothing heard ──heard──▶ it says, and that counts ──unknown──▶ silent: its last word counts for `trustedMs` ──▶ nothing heard
 *                               ▲                                    │
 *                               └──────────────heard─────────────────┘
 *
 * A subscription that falls is mostly back within seconds: an agent must not be sent a call in between, nor be on a call for ever when
 * the PBX stays away.
 */

/** One phone, as it is since `at` (epoch ms). `unknown`: no subscription stands. Whoever dials out is on a call. */
export interface ExtensionPresence {
  readonly extension: string
  /** `sip:1001@192.0.2.10`: an extension may be watched at two PBXs. */
  readonly uri: string
  readonly presence: 'on_call' | 'ringing' | 'available' | 'unknown'
  readonly at: number
}

/** For so long the last word of a PBX that fell silent counts, ms. */
export const trustedMs = 60_000

export interface PhoneWord {
  readonly says: 'on_call' | 'ringing' | 'available'
  /** Epoch ms. */
  readonly since: number
  /** From then on it counts no more, epoch ms; infinite while the PBX is heard. */
  readonly until: number
  /** Whether a call of this agent was seen meanwhile: then that call knows whether they talked. */
  readonly isSeen: boolean
}

export const counts = ({ until }: PhoneWord, at: number): boolean => at < until
export const saysBusy = ({ says }: PhoneWord): boolean => says === 'on_call'

/** `word`: what is known now, `null` while nothing is. `talkedUntil`: when a talk ended of which no call tells, epoch ms. */
export function heard(
  before: PhoneWord | null,
  { presence, at }: ExtensionPresence,
  isInCall: boolean,
): { readonly word: PhoneWord | null; readonly talkedUntil: number | null } {
  if (presence === 'unknown')
    return { word: before && { ...before, until: Math.min(before.until, at + trustedMs) }, talkedUntil: null }
  const known = before !== null && counts(before, at) ? before : null
  const isNews = known === null || known.says !== presence
  const word: PhoneWord = {
    says: presence,
    since: isNews ? at : known.since,
    until: Number.POSITIVE_INFINITY,
    isSeen: isInCall || (!isNews && known.isSeen),
  }
  const hasTalked = isNews && known !== null && saysBusy(known) && !known.isSeen
  return { word, talkedUntil: hasTalked ? at : null }
}
