/**
 * From a URI to the address to send to (RFC 3263, without NAPTR and SRV: the targets of a PBX and its trunk are configured by address
 * or by host name). Addresses are found at once; names are asked for, and remembered for a while.
 */
import { isIP } from 'node:net'
import type { HopAddress } from '../../message/message.ts'
import { parseUri, type SipUri } from '../../message/uri.ts'
import type { Destination } from '../transport/destination.ts'
import { canonicalAddress } from '../transport/ip-address.ts'
import { defaultPort } from '../transport/listen-address.ts'

export type NextHop =
  | { readonly ok: true; readonly hop: Destination }
  | { readonly ok: false; readonly reason: 'not-a-sip-uri' | 'transport-not-available' | 'name-not-found' }

/** Addresses of a host name, best first; rejects or gives none when there are none. */
export type LookUp = (host: string) => Promise<readonly string[]>

interface CacheEntry {
  readonly addresses: readonly string[]
  readonly until: number
}

const CACHE_MS = 30_000
const MAX_NAMES = 1000

export class NextHopLocator {
  readonly #hasTransport: (transport: HopAddress['transport']) => boolean
  readonly #canReach: (hop: HopAddress) => boolean
  readonly #lookUp: LookUp
  readonly #clock: () => number
  readonly #cache = new Map<string, CacheEntry>()
  readonly #asking = new Map<string, ((addresses: readonly string[]) => void)[]>()

  /** `canReach`: whether a socket of ours speaks to that address, by its transport and IP version. */
  constructor(options: {
    hasTransport: (transport: HopAddress['transport']) => boolean
    canReach: (hop: HopAddress) => boolean
    lookUp: LookUp
    clock: () => number
  }) {
    this.#hasTransport = options.hasTransport
    this.#canReach = options.canReach
    this.#lookUp = options.lookUp
    this.#clock = options.clock
  }

  /** Calls `done` once: at once for an address or a cached name, later for a name that has to be looked up. */
  locate(uriText: string, done: (next: NextHop) => void): void {
    const uri = parseUri(uriText)
    if (uri === null || uri.scheme === 'tel') {
      done({ ok: false, reason: 'not-a-sip-uri' })
      return
    }
    const transport = this.#transport(uri)
    if (transport === null) {
      done({ ok: false, reason: 'transport-not-available' })
      return
    }
    const port = uri.port ?? defaultPort(transport)
    const host = uri.host.toLowerCase()
    const hopTo = (address: string): Destination => ({
      transport,
      address,
      port,
      ...(transport === 'tls' ? { domain: host } : {}),
    })
    const reached = (hop: Destination): NextHop =>
      this.#canReach(hop) ? { ok: true, hop } : { ok: false, reason: 'transport-not-available' }
    if (isIP(host) !== 0) {
      done(reached(hopTo(canonicalAddress(host))))
      return
    }
    this.#addresses(host, addresses => {
      const hops = addresses.map(hopTo)
      // A name may have addresses of both IP versions, and we sockets of one.
      const hop = hops.find(candidate => this.#canReach(candidate)) ?? hops[0]
      done(hop === undefined ? { ok: false, reason: 'name-not-found' } : reached(hop))
    })
  }

  /** UDP unless the URI says otherwise; TCP where we have no UDP (RFC 3263 4.1). SIPS is TLS, and `transport=tcp` says no more (RFC 3261 26.2.2). */
  #transport({ scheme, params }: SipUri): HopAddress['transport'] | null {
    const wanted = params.get('transport')?.toLowerCase()
    if (scheme === 'sips') return wanted !== 'udp' && this.#hasTransport('tls') ? 'tls' : null
    if (wanted === undefined) return this.#hasTransport('udp') ? 'udp' : this.#hasTransport('tcp') ? 'tcp' : null
    return (wanted === 'udp' || wanted === 'tcp' || wanted === 'tls') && this.#hasTransport(wanted) ? wanted : null
  }

  #addresses(host: string, done: (addresses: readonly string[]) => void): void {
    const cached = this.#cache.get(host)
    if (cached !== undefined && cached.until > this.#clock()) {
      done(cached.addresses)
      return
    }
    const waiting = this.#asking.get(host)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    if (this.#asking.size >= MAX_NAMES) {
      done([])
      return
    }
    this.#asking.set(host, [done])
    this.#lookUp(host).then(
      addresses => this.#answer(host, addresses),
      // A name without an address is an answer like another: whoever asked reports it with the call that it concerns.
      () => this.#answer(host, []),
    )
  }

  #answer(host: string, addresses: readonly string[]): void {
    const waiting = this.#asking.get(host) ?? []
    this.#asking.delete(host)
    if (addresses.length > 0) {
      if (this.#cache.size >= MAX_NAMES) this.#cache.clear()
      this.#cache.set(host, { addresses, until: this.#clock() + CACHE_MS })
    }
    for (const done of waiting) done(addresses)
  }
}
