/**
 * Ids come from what was seen on the wire, never from a clock or a counter of ours (docs/architecture.md): two bridges that
 * watch one PBX name the same call and the same event alike, and a repeated delivery carries the same idempotency key.
 */
import { createHash } from 'node:crypto'
import type { CallId, EventId, EventType } from './event.ts'

const base32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** `call_` and 26 characters (130 bits) of the lower-case base32 (RFC 4648) of the SHA-256 of the SIP Call-ID. */
export function callIdOf(sipCallId: string): CallId {
  const digest = createHash('sha256').update(sipCallId).digest()
  let text = 'call_'
  let bits = 0
  let held = 0
  for (const byte of digest.subarray(0, 17)) {
    bits = ((bits << 8) | byte) & 0xfff
    held += 8
    while (held >= 5 && text.length < 31) {
      held -= 5
      text += base32.charAt((bits >> held) & 31)
    }
  }
  return text as CallId // the one place where call ids are made
}

/** `CALL_ID.answered.1`: the `n`-th event of its type in the call, from 1. */
export function eventIdOf(callId: CallId, type: EventType, n: number): EventId {
  return `${callId}.${type.slice('call.'.length)}.${n}` as EventId // the one place where event ids are made
}
