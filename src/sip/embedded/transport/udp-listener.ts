/** One UDP socket: datagrams in, datagrams out. Knows nothing of SIP. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { type LookupOneOptions, lookup } from 'node:dns'
import { once } from 'node:events'
import { isIP } from 'node:net'
import type { HopAddress } from '../../message/message.ts'
import type { SipLog } from '../sip-log.ts'

/**
 * A busy loop of a few hundred milliseconds at 12,000 messages a second of about 700 bytes. The kernel grants up to net.core.rmem_max;
 * what it refuses we do without.
 */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

export class UdpListener {
  readonly #address: HopAddress
  readonly #onDatagram: (bytes: Buffer, source: HopAddress) => void
  readonly #log: SipLog
  #socket: Socket | null = null
  #bound: HopAddress | null = null

  constructor(address: HopAddress, onDatagram: (bytes: Buffer, source: HopAddress) => void, log: SipLog) {
    this.#address = address
    this.#onDatagram = onDatagram
    this.#log = log
  }

  /** The address it is bound to, with the port that the system chose; the configured one before start. */
  get bound(): HopAddress {
    return this.#bound ?? this.#address
  }

  /** Binds; rejects with the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
  async start(): Promise<void> {
    if (this.#socket !== null) return
    const { address, port } = this.#address
    const family = isIP(address) === 6 ? 'udp6' : 'udp4'
    const socket = createSocket({ type: family, ipv6Only: family === 'udp6', lookup: lookupUnlessAddress })
    this.#socket = socket
    // Our look-up answers at once, so that the socket listens before bind returns.
    const listening = once(socket, 'listening')
    socket.bind(port, address)
    try {
      await listening
    } catch (error) {
      this.#socket = null
      socket.close()
      throw error
    }
    this.#bound = { transport: 'udp', address, port: socket.address().port }
    socket.on('message', (bytes, from: RemoteInfo) =>
      this.#onDatagram(bytes, { transport: 'udp', address: from.address, port: from.port }),
    )
    socket.on('error', error => this.#log.warn({ err: error, ...this.bound }, 'udp socket failed'))
    this.#enlargeReceiveBuffer(socket)
  }

  /** Sends one datagram; `onError` is called later, if at all. */
  send(bytes: Buffer, destination: HopAddress, onError: (error: Error) => void): void {
    if (this.#socket === null) {
      queueMicrotask(() => onError(new Error('the UDP socket is closed')))
      return
    }
    this.#socket.send(bytes, destination.port, destination.address, error => {
      if (error !== null) onError(error)
    })
  }

  async stop(): Promise<void> {
    const socket = this.#socket
    if (socket === null) return
    this.#socket = null
    const closed = once(socket, 'close')
    socket.close()
    await closed
  }

  #enlargeReceiveBuffer(socket: Socket): void {
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES)
    } catch (error) {
      this.#log.debug({ err: error, ...this.bound }, 'udp receive buffer stays as it is')
    }
  }
}

/** Node looks up every destination, addresses too, in a later tick; an address needs no look-up. */
function lookupUnlessAddress(
  host: string,
  options: LookupOneOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(host)
  if (family === 0) lookup(host, options, callback)
  else callback(null, host, family)
}
