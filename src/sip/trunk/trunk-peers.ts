/**
 * Keeps the peer table in step with DNS and answers, for every message, whether its sender may use the trunk.
 *
 * Rules (a request comes from an address, goes to an address)
 *  1. Only a peer may send, or, for a while, an address that has authenticated as one. Everyone else is refused with 403; who is not even heard is for the guard of the embedded server to say.
 *  2. What the PBX sends within a dialog may go anywhere the dialog leads (a carrier may answer from another host than the one dialled).
 *  3. What a carrier sends within a dialog may go to the PBX only: the trunk is never a relay into somebody's network.
 */

import { BoundedMap } from '../embedded/guard/bounded-map.ts'
import type { HopAddress } from '../message/message.ts'
import { type PeerAddress, PeerTable, type ResolvedPeer, resolvePeers, type TrunkSide } from './peers.ts'

export interface TrunkPeersOptions {
  readonly pbx: readonly PeerAddress[]
  readonly carrier: readonly PeerAddress[]
  /** The addresses of a host name; throws when there are none. */
  readonly lookup: (host: string) => Promise<readonly string[]>
  /** How often names are looked up again; 60 s. */
  readonly refreshMs?: number
  /** Epoch milliseconds; the system's clock. */
  readonly now?: () => number
  readonly log: { warn(fields: object, message: string): void }
}

/** Addresses that are remembered for having authenticated; beyond it the oldest has to do so again. */
const MAX_GUESTS = 1000

export class TrunkPeers {
  readonly counters = { strangers: 0, relaysRefused: 0 }
  readonly #options: TrunkPeersOptions
  readonly #now: () => number
  /** Who is no configured peer and has shown that it is one of a side, by address, until when (epoch ms). */
  readonly #guests = new BoundedMap<string, { readonly side: TrunkSide; readonly until: number }>(MAX_GUESTS)
  #table = new PeerTable([])
  #failures: readonly string[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(options: TrunkPeersOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async start(): Promise<void> {
    await this.refresh()
    this.#timer = setInterval(() => void this.refresh(), this.#options.refreshMs ?? 60_000)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Looks every name up again; a name that fails keeps its last addresses. */
  async refresh(): Promise<void> {
    const { peers, failures } = await resolvePeers(this.#options, this.#options.lookup)
    const before = this.#table
    this.#table = new PeerTable(peers.map(peer => (peer.addresses.length > 0 ? peer : (before.find(peer) ?? peer))))
    for (const failure of failures) {
      if (!this.#failures.includes(failure)) this.#options.log.warn({ failure }, 'trunk peer has no address')
    }
    this.#failures = failures
  }

  sideOf(peer: HopAddress, sentByPort: number | null): TrunkSide | null {
    return this.#table.sideOf(peer, sentByPort) ?? this.#guestSide(peer.address)
  }

  /** Takes an address for a peer of that side for so long: it has authenticated. */
  welcome(address: string, side: TrunkSide, forMs: number): void {
    this.#guests.set(address, { side, until: this.#now() + forMs })
  }

  opposite(side: TrunkSide): readonly ResolvedPeer[] {
    return this.#table.opposite(side)
  }

  /** Whether anybody at that address is a peer. */
  isPeer(address: string): boolean {
    return this.#table.isPeer(address) || this.#guestSide(address) !== null
  }

  /** Whether a request within a dialog may be passed on (rules 2 and 3). */
  mayRelay(source: HopAddress, destination: HopAddress): boolean {
    const from = this.#sidesAt(source.address)
    const allowed = from.has('pbx') || (from.has('carrier') && this.#sidesAt(destination.address).has('pbx'))
    if (!allowed) {
      this.counters.relaysRefused += 1
      this.#options.log.warn({ source, destination }, 'request between addresses that are no peers refused')
    }
    return allowed
  }

  /** The hosts by which the configuration names an address. */
  hostsAt(address: string): readonly string[] {
    return this.#table.hostsAt(address)
  }

  #guestSide(address: string): TrunkSide | null {
    const guest = this.#table.isPeer(address) ? undefined : this.#guests.get(address)
    return guest !== undefined && guest.until > this.#now() ? guest.side : null
  }

  #sidesAt(address: string): ReadonlySet<TrunkSide> {
    const guest = this.#guestSide(address)
    return guest === null ? this.#table.sidesAt(address) : new Set([guest])
  }

  /** Names without an address now, for /readyz. */
  failures(): readonly string[] {
    return this.#failures
  }
}
