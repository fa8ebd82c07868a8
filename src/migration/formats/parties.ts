/** Parties as records name them. */
import type { Outcome } from '../../events/outcome.ts'
import { outcomeOfFailure } from '../../events/outcome.ts'
import type { WireParty } from '../../events/signal.ts'

const nobody = /^(?:anonymous|unknown|private|restricted|unavailable|withheld|<?unknown>?)?$/i

/** A party by its number; the words that systems write for a caller who hid it make it anonymous. */
export function party(user: string, display: string | null = null): WireParty {
  const bare = user.trim()
  const name = display?.trim() ?? ''
  return { user: bare, display: name === '' || name === bare ? null : name.slice(0, 255), anonymous: nobody.test(bare) }
}

/** `"Alice" <1001>`: the name in front of a number. */
export function displayOf(callerId: string): string | null {
  return /^\s*"?([^"<]*?)"?\s*</.exec(callerId)?.[1] ?? null
}

/** The extension in a channel's name: `PJSIP/1002-00000003`, `SIP/1002@pbx-1`, `sofia/internal/1002@pbx`. */
export function extensionOf(channel: string): string | null {
  return /^(?:sofia\/)?[\w.-]+\/([\w*#+.]+)/.exec(channel)?.[1] ?? null
}

/** The last part of a path of either kind of system. */
export function fileNameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

/** The outcome of a call that nobody answered, by its ITU-T Q.850 cause; `rang` tells "nobody answered" from "not reached". */
export function outcomeOfCause(q850: number, rang: boolean): Outcome {
  // 480 is what gateways answer for causes without a code of their own (RFC 3398); no response was seen, so none is reported.
  return { ...outcomeOfFailure({ sipCode: 480, q850, elsewhere: false, rang }), sipCode: null }
}

/** The outcomes that records without causes name. */
export const outcomes = {
  completed: outcome('connected', 'completed'),
  voicemail: outcome('missed', 'voicemail'),
  callerHungUp: outcome('abandoned', 'caller-hung-up'),
  noAnswer: outcome('missed', 'no-answer'),
  busy: outcome('missed', 'busy'),
  rejected: outcome('missed', 'rejected'),
  unavailable: outcome('missed', 'unavailable'),
  failed: outcome('missed', 'failed'),
}

function outcome(status: Outcome['status'], reason: Outcome['reason']): Outcome {
  return { status, reason, sipCode: null, q850: null }
}
