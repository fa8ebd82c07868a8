/**
 * From a URI to the address to send to (RFC 3263, without NAPTR and SRV: the targets of a PBX and its trunk are configured by address
 * or by host name). Addresses are found at once; names are asked for, and remembered for a while.
 */
import { isIP } from 'node:net'
import type { HopAddress } from '../../message/message.ts'
import { parseUri } from '../../message/uri.ts'
import { SIP_PORT } from '../transport/listen-address.ts'

export type NextHop =
  | { readonly ok: true; readonly hop: HopAddress }
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
  readonly #lookUp: LookUp
  readonly #clock: () => number
  readonly #cache = new Map<string, CacheEntry>()
  readonly #asking = new Map<string, ((addresses: readonly string[]) => void)[]>()

  constructor(options: { hasTransport: (transport: HopAddress['transport']) => boolean; lookUp: LookUp; clock: () => number }) {
    this.#hasTransport = options.hasTransport
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
    const transport = uri.scheme === 'sips' ? null : this.#transport(uri.params.get('transport') ?? null)
    if (transport === null) {
      done({ ok: false, reason: 'transport-not-available' })
      return
    }
    const port = uri.port ?? SIP_PORT
    const host = uri.host.toLowerCase()
    if (isIP(host) !== 0) {
      done({ ok: true, hop: { transport, address: host, port } })
      return
    }
    this.#addresses(host, addresses => {
      const [address] = addresses
      done(address === undefined ? { ok: false, reason: 'name-not-found' } : { ok: true, hop: { transport, address, port } })
    })
  }

  /** UDP unless the URI says otherwise; TCP where we have no UDP (RFC 3263 4.1). */
  #transport(param: string | null): HopAddress['transport'] | null {
    const wanted = param?.toLowerCase()
    if (wanted === undefined) return this.#hasTransport('udp') ? 'udp' : this.#hasTransport('tcp') ? 'tcp' : null
    return (wanted === 'udp' || wanted === 'tcp') && this.#hasTransport(wanted) ? wanted : null
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
