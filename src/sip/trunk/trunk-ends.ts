/**
 * Between whom a transaction runs that the trunk saw. It sees the caller's side of each (message.ts, SeenMessage): of a forked or
 * failed-over INVITE that is what the caller learned. What a stranger sent is nobody's.
 */

import { firstValue } from '../message/headers.ts'
import type { HopAddress, SeenMessage, SipMessage } from '../message/message.ts'
import { parseVia } from '../message/via.ts'
import type { ObservedMessage } from '../observer/call-observer.ts'
import type { TrunkSide } from './peers.ts'

/** `null` for a stranger's. `sideOf` is peers.ts's. */
export function betweenTrunkSides(
  { at, peer, message }: SeenMessage,
  sideOf: (peer: HopAddress, sentByPort: number | null) => TrunkSide | null,
): ObservedMessage | null {
  const client = sideOf(peer, sentByPort(message))
  return client === null ? null : { at, message, client, server: client === 'pbx' ? 'carrier' : 'pbx' }
}

function sentByPort(message: SipMessage): number | null {
  const via = firstValue(message, 'Via')
  return via === null ? null : (parseVia(via)?.port ?? null)
}
