/**
 * Who may use the trunk: the configured PBX and carrier addresses, and nobody else.
 *
 * A peer is matched by its source address. Only where two peers share an address does the port decide as well; over TCP and TLS the
 * source port is a random one, so there the port that the peer names in its Via (sent-by) is taken instead.
 */
import type { HopAddress } from '../message/message.ts'

export type TrunkSide = 'pbx' | 'carrier'

export interface PeerAddress {
  readonly host: string
  readonly port: number
  readonly transport: HopAddress['transport']
}

/** A peer with the IP addresses its host name has at present. */
export interface ResolvedPeer extends PeerAddress {
  readonly side: TrunkSide
  readonly addresses: readonly string[]
}

export class PeerTable {
  readonly #byAddress = new Map<string, ResolvedPeer[]>()
  readonly #peers: readonly ResolvedPeer[]

  constructor(peers: readonly ResolvedPeer[]) {
    this.#peers = peers
    for (const peer of peers) {
      for (const address of peer.addresses) {
        const sharing = this.#byAddress.get(address)
        if (sharing === undefined) this.#byAddress.set(address, [peer])
        else sharing.push(peer)
      }
    }
  }

  /** The side a request came from, or `null` for a stranger. `sentByPort` is the port of the topmost Via. */
  sideOf(source: HopAddress, sentByPort: number | null): TrunkSide | null {
    const sharing = this.#byAddress.get(plainAddress(source.address))
    if (sharing === undefined) return null
    const [only] = sharing
    if (sharing.length === 1 && only !== undefined) return only.side
    const port = source.transport === 'udp' ? source.port : (sentByPort ?? (source.transport === 'tls' ? 5061 : 5060))
    return sharing.find(peer => peer.port === port)?.side ?? null
  }

  isPeer(address: string): boolean {
    return this.#byAddress.has(plainAddress(address))
  }

  /** The hosts by which the configuration names an address. */
  hostsAt(address: string): readonly string[] {
    return this.#byAddress.get(plainAddress(address))?.map(peer => peer.host) ?? []
  }

  /** The sides that live at an address; both, where they share it. */
  sidesAt(address: string): ReadonlySet<TrunkSide> {
    return new Set(this.#byAddress.get(plainAddress(address))?.map(peer => peer.side))
  }

  /** What is known of a configured peer. */
  find(peer: PeerAddress): ResolvedPeer | null {
    const same = (other: ResolvedPeer): boolean =>
      other.host === peer.host && other.port === peer.port && other.transport === peer.transport
    return this.#peers.find(same) ?? null
  }

  /** The peers to which a call from `side` goes, in the configured order. */
  opposite(side: TrunkSide): readonly ResolvedPeer[] {
    return this.#peers.filter(peer => peer.side !== side && peer.addresses.length > 0)
  }
}

/** A socket that listens on :: reports IPv4 peers as ::ffff:a.b.c.d. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

export interface Resolution {
  readonly peers: readonly ResolvedPeer[]
  /** `host: reason` for each name that has no address now; the trunk runs on with the others. */
  readonly failures: readonly string[]
}

/** Looks up every peer's host name; `lookup` returns the addresses of a name or throws. */
export async function resolvePeers(
  configured: { readonly pbx: readonly PeerAddress[]; readonly carrier: readonly PeerAddress[] },
  lookup: (host: string) => Promise<readonly string[]>,
): Promise<Resolution> {
  const failures: string[] = []
  const resolve = async (side: TrunkSide, peer: PeerAddress): Promise<ResolvedPeer> => {
    try {
      return { ...peer, side, addresses: await lookup(peer.host) }
    } catch (error) {
      failures.push(`${peer.host}: ${error instanceof Error ? error.message : String(error)}`)
      return { ...peer, side, addresses: [] }
    }
  }
  const peers = await Promise.all([
    ...configured.pbx.map(peer => resolve('pbx', peer)),
    ...configured.carrier.map(peer => resolve('carrier', peer)),
  ])
  return { peers, failures }
}
