/**
 * Which of this machine's addresses a peer can answer to, for sockets bound to all of them (0.0.0.0, ::). Via, Contact and Record-Route
 * must name a real address.
 */
import { BlockList, isIP } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'

/** What `os.networkInterfaces()` returns. */
export type Interfaces = Readonly<Record<string, NetworkInterfaceInfo[] | undefined>>

interface OwnAddress {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly internal: boolean
  readonly subnet: BlockList
}

/** Peers are few; a flood of forged sources must not grow the memory of their addresses. */
const MAX_REMEMBERED = 1_000

/** Whether a bound address means "every address of this machine". */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

export class LocalAddresses {
  readonly #own: readonly OwnAddress[]
  readonly #remembered = new Map<string, string>()

  constructor(interfaces: Interfaces) {
    this.#own = Object.values(interfaces)
      .flatMap(infos => infos ?? [])
      // A link-local address without its zone is an address of nothing.
      .filter(info => !info.address.toLowerCase().startsWith('fe80:'))
      .map(info => {
        const family = info.family === 'IPv6' ? 'ipv6' : 'ipv4'
        const subnet = new BlockList()
        subnet.addSubnet(info.address, prefixLength(info), family)
        return { address: info.address, family, internal: info.internal, subnet }
      })
  }

  /** The own address on the peer's subnet, else the first that is not loopback, else loopback. `peer` may be a host name. */
  toward(peer: string): string {
    const known = this.#remembered.get(peer)
    if (known !== undefined) return known
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    const found = this.#find(peer)
    this.#remembered.set(peer, found)
    return found
  }

  #find(peer: string): string {
    const family = isIP(peer) === 6 ? 'ipv6' : 'ipv4'
    const own = this.#own.filter(candidate => candidate.family === family)
    const near =
      isIP(peer) === 0 ? undefined : own.find(candidate => candidate.address === peer || candidate.subnet.check(peer, family))
    return (near ?? own.find(candidate => !candidate.internal))?.address ?? (family === 'ipv6' ? '::1' : '127.0.0.1')
  }
}

function prefixLength(info: NetworkInterfaceInfo): number {
  const given = Number(info.cidr?.split('/')[1])
  return Number.isInteger(given) ? given : info.family === 'IPv6' ? 128 : 32
}
