/**
 * The connections that peers opened, from the moment they are there (before a TLS handshake says anything) until they are closed.
 *
 * Invariant: there are never more than `maxConnections` in all, nor more than `maxConnectionsPerPeer` from one IP address; what comes beyond is
 * closed without a word. Connections that we open are not among them: strangers cannot use up what we need to reach our own peers.
 */
import type { Socket } from 'node:net'
import type { SipCounters } from '../sip-counters.ts'
import type { SipLimits } from '../sip-limits.ts'

export class AdmittedSockets {
  readonly #limits: Pick<SipLimits, 'maxConnections' | 'maxConnectionsPerPeer'>
  readonly #counters: SipCounters
  readonly #sockets = new Set<Socket>()
  readonly #byAddress = new Map<string, number>()

  constructor(limits: Pick<SipLimits, 'maxConnections' | 'maxConnectionsPerPeer'>, counters: SipCounters) {
    this.#limits = limits
    this.#counters = counters
  }

  /** Whether a new connection may stay; one that may not is closed already. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress
    const ofPeer = address === undefined ? 0 : (this.#byAddress.get(address) ?? 0)
    const refused = this.#sockets.size >= this.#limits.maxConnections
    const refusedToPeer = ofPeer >= this.#limits.maxConnectionsPerPeer
    if (refused) this.#counters.connectionsRefused++
    else if (refusedToPeer) this.#counters.connectionsRefusedPerPeer++
    // Without an address it is gone before we looked.
    if (refused || refusedToPeer || address === undefined) {
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    this.#byAddress.set(address, ofPeer + 1)
    socket.once('close', () => this.#closed(socket, address))
    return true
  }

  /** Closes them all. */
  stop(): void {
    for (const socket of [...this.#sockets]) socket.destroy()
  }

  #closed(socket: Socket, address: string): void {
    this.#sockets.delete(socket)
    const left = (this.#byAddress.get(address) ?? 1) - 1
    if (left === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, left)
  }
}
