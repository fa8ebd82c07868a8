/** Which addresses may send us captures. */
import { BlockList, isIP } from 'node:net'
import { plainAddress } from './ip-text.ts'

/** Who is served when nobody is named: agents on this machine. */
export const LOOPBACK: readonly string[] = ['127.0.0.0/8', '::1']

export class PeerList {
  readonly #list = new BlockList()

  /** IP addresses and networks (`192.0.2.0/24`, `2001:db8::/32`). Throws, with what to write instead, for anything else. */
  constructor(peers: readonly string[]) {
    for (const peer of peers) this.#add(peer)
  }

  has(address: string): boolean {
    const plain = plainAddress(address)
    const family = isIP(plain)
    return family !== 0 && this.#list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }

  #add(peer: string): void {
    const [address = '', prefix, ...rest] = peer.split('/')
    const family = isIP(address)
    const bits = family === 6 ? 128 : 32
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (family === 0 || rest.length > 0 || !(length <= bits))
      throw new Error(`${peer} is no address of a capture agent; write it like 192.0.2.10 or 192.0.2.0/24 in hep.peers`)
    this.#list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4')
  }
}
