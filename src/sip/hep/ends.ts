/** Between whom a mirrored transaction runs: the PBX, a carrier, and otherwise a phone. */

import type { HopAddress } from '../message/message.ts'
import type { End, ObservedMessage } from '../observer/call-observer.ts'
import type { MirroredMessage } from './seen.ts'

/** An address, with the port where two of them share it. */
export interface KnownHost {
  readonly address: string
  readonly port: number | null
}

export interface KnownHosts {
  readonly pbx: readonly KnownHost[]
  readonly carrier: readonly KnownHost[]
}

/**
 * The transaction of a mirrored message. A request goes from its client to its server, a response back. Over TCP a PBX that calls has a
 * port of its own choice: an address that is known with a port is known by it alone then, unless the other end has that address, too.
 */
export function betweenHosts({ at, source, destination, message }: MirroredMessage, hosts: KnownHosts): ObservedMessage {
  const [clientHop, serverHop] = message.kind === 'request' ? [source, destination] : [destination, source]
  return { at, message, client: endOf(clientHop, serverHop, hosts), server: endOf(serverHop, clientHop, hosts) }
}

function endOf(hop: HopAddress, other: HopAddress, { pbx, carrier }: KnownHosts): End {
  const isAt = (host: KnownHost): boolean => {
    if (host.address !== hop.address) return false
    if (host.port === null || host.port === hop.port) return true
    return hop.transport !== 'udp' && other.address !== hop.address
  }
  if (pbx.some(isAt)) return 'pbx'
  return carrier.some(isAt) ? 'carrier' : 'phone'
}
