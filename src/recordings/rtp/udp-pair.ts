/** Two UDP sockets side by side, for RTP and for RTCP (RFC 3550 11). */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { errorCode } from '../failure.ts'
import type { PortPool } from './port-pool.ts'

export interface UdpPairOptions {
  /** The address to bind. */
  readonly address: string
  readonly ports: PortPool
  /** Asked of the system for the RTP socket, bytes. Linux grants at most net.core.rmem_max. */
  readonly receiveBufferBytes: number
  readonly onRtp: (bytes: Buffer, from: RemoteInfo) => void
  readonly onRtcp: (bytes: Buffer, from: RemoteInfo) => void
  /** Once each: a socket in use reported an error (an ICMP one does not come here). */
  readonly onError: (error: Error) => void
}

/** How many pairs are tried, when other processes use ports of the range. */
const mostAttempts = 32
/** Tries of the system's own choice until it gives an even port whose neighbour is free. */
const mostChoices = 200

export class UdpPair {
  readonly rtpPort: number
  readonly rtcpPort: number
  /** What the system gave, bytes; Linux counts its own bookkeeping as well and says twice of what was asked. */
  readonly receiveBufferBytes: number
  readonly #rtp: Socket
  readonly #rtcp: Socket
  readonly #pool: PortPool

  private constructor(rtp: Socket, rtcp: Socket, options: UdpPairOptions) {
    this.#rtp = rtp
    this.#rtcp = rtcp
    this.#pool = options.ports
    this.rtpPort = rtp.address().port
    this.rtcpPort = rtcp.address().port
    this.receiveBufferBytes = rtp.getRecvBufferSize()
    rtp.on('message', options.onRtp)
    rtcp.on('message', options.onRtcp)
    rtp.on('error', options.onError)
    rtcp.on('error', options.onError)
  }

  /** Throws when no pair of the range can be had, with what to do, and the system's error for an address that is not this machine's. */
  static async open(options: UdpPairOptions): Promise<UdpPair> {
    const { ports } = options
    for (let attempt = 0; attempt < (ports.unbounded ? mostChoices : mostAttempts); attempt += 1) {
      const leased = ports.unbounded ? 0 : ports.lease()
      if (leased === null) {
        throw new Error(`all ${ports.size} pairs of RTP ports are in use or rest: widen sip.siprec.media.ports`)
      }
      try {
        const pair = await UdpPair.#bind(options, leased)
        if (pair !== null) return pair
        ports.release(leased)
      } catch (error) {
        ports.release(leased)
        if (errorCode(error) !== 'EADDRINUSE') throw error
      }
    }
    throw new Error('other processes use the RTP ports: choose another range for sip.siprec.media.ports')
  }

  sendRtcp(bytes: Uint8Array, port: number, address: string): void {
    // A report that cannot be sent is not worth a word: the next one follows, and the sender's own timeouts are long.
    this.#rtcp.send(bytes, port, address, () => {})
  }

  async close(): Promise<void> {
    await Promise.all([closed(this.#rtp), closed(this.#rtcp)])
    if (!this.#pool.unbounded) this.#pool.release(this.rtpPort)
  }

  /** `null`: the system's choice was odd. Rejects with EADDRINUSE and others. */
  static async #bind(options: UdpPairOptions, port: number): Promise<UdpPair | null> {
    const rtp = await bound(options.address, port, options.receiveBufferBytes)
    const chosen = rtp.address().port
    if (chosen % 2 === 1) {
      await closed(rtp)
      return null
    }
    try {
      return new UdpPair(rtp, await bound(options.address, chosen + 1, null), options)
    } catch (error) {
      await closed(rtp)
      throw error
    }
  }
}

async function bound(address: string, port: number, receiveBufferBytes: number | null): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', error => {
      socket.close()
      reject(error)
    })
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve()
    })
  })
  if (receiveBufferBytes !== null) socket.setRecvBufferSize(receiveBufferBytes)
  return socket
}

function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.close(() => resolve()))
}
