/**
 * The addresses that are this server: which of its sockets talks to a destination, how it calls itself in Contact and Record-Route,
 * and whether a URI means it. Knows no sockets; the addresses are given once they are bound.
 */
import { formatHostPort } from '../message/host-port.ts'
import type { HopAddress } from '../message/message.ts'
import { parseUri } from '../message/uri.ts'
import { canonicalAddress } from './transport/ip-address.ts'
import { defaultPort } from './transport/listen-address.ts'
import { type Interfaces, isWildcard } from './transport/local-addresses.ts'

export class LocalIdentity {
  #listening: readonly HopAddress[] = []
  /** `address:port` of every way to reach us. */
  readonly #own = new Set<string>()
  /** Answers cost a URI parse; the same few URIs come with every message. */
  readonly #localUris = new Map<string, boolean>()
  readonly #interfaces: Interfaces
  readonly #localFor: (destination: HopAddress) => HopAddress | null

  /**
   * `listening`: the sockets as configured, until `bound`; `interfaces`: the machine's, behind a socket bound to a wildcard; `localFor`: the address that what
   * goes to a destination leaves from, as that destination sees it.
   */
  constructor(
    listening: readonly HopAddress[],
    interfaces: Interfaces,
    localFor: (destination: HopAddress) => HopAddress | null,
  ) {
    this.#interfaces = interfaces
    this.#localFor = localFor
    this.bound(listening)
  }

  /** The sockets are open: their ports may be the system's choice. */
  bound(listening: readonly HopAddress[]): void {
    this.#listening = listening
    this.#own.clear()
    this.#localUris.clear()
    const machine = Object.values(this.#interfaces).flatMap(infos => (infos ?? []).map(info => info.address))
    for (const { address, port } of listening) {
      const addresses = isWildcard(address) ? machine : [address]
      for (const own of addresses) this.#own.add(`${own}:${port}`)
      if (addresses.some(isLoopback)) this.#own.add(`localhost:${port}`)
    }
  }

  has(transport: HopAddress['transport']): boolean {
    return this.#listening.some(socket => socket.transport === transport)
  }

  isLocalAddress(address: string, port: number): boolean {
    return this.#own.has(`${address}:${port}`)
  }

  /** Whether a SIP URI, as text, names this server. A URI without port means 5060, or 5061 for TLS. */
  isLocalUri(text: string): boolean {
    const known = this.#localUris.get(text)
    if (known !== undefined) return known
    const uri = parseUri(text)
    const local =
      uri !== null &&
      uri.scheme !== 'tel' &&
      this.isLocalAddress(
        canonicalAddress(uri.host.toLowerCase()),
        uri.port ?? defaultPort(uri.scheme === 'sips' || uri.params.get('transport')?.toLowerCase() === 'tls' ? 'tls' : 'udp'),
      )
    if (this.#localUris.size >= 1000) this.#localUris.clear()
    this.#localUris.set(text, local)
    return local
  }

  /** The address that a peer at `destination` reaches us under, by that transport; `null` when we don't speak it. */
  towards(destination: HopAddress): HopAddress | null {
    return this.#localFor(destination)
  }

  /**
   * `sip:host:port` of one of our addresses, with the transport unless it is UDP. `wanted`: the request URI to whose sender or receiver it is
   * given; to who speaks of SIPS we are SIPS (RFC 3261 8.1.1.8, 12.1.1 and 16.6 step 4), where TLS makes that true.
   */
  uri(local: HopAddress, wanted = ''): string {
    if (local.transport === 'tls' && /^sips:/i.test(wanted)) return `sips:${this.hostPort(local)}`
    return `sip:${this.hostPort(local)}${local.transport === 'udp' ? '' : `;transport=${local.transport}`}`
  }

  /** `host:port` that stands for us in URIs that an application wrote with `localhost`. */
  hostPort(local: HopAddress): string {
    return formatHostPort({ host: local.address, port: local.port })
  }
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}
