/**
 * The open TCP connections, whoever opened them, by the far end's address and port. Owns every socket and its framing.
 *
 * 1. A connection is in the table from its first byte to its close, and at most one is there for a far end.
 * 2. What a peer can make us hold is bounded: the number of connections, the message being read, the bytes waiting to be written.
 * 3. Whoever sends on a connection hears of a failure once, later, through `onError`.
 */
import { connect, type Socket } from 'node:net'
import type { HopAddress, SipMessage } from '../../message/message.ts'
import { countMalformed, type SipCounters } from '../sip-counters.ts'
import type { SipLimits } from '../sip-limits.ts'
import type { SipLog } from '../sip-log.ts'
import { StreamFraming } from './stream-framing.ts'

export type OnStreamMessage = (message: SipMessage, source: HopAddress, local: HopAddress) => void

interface Connection {
  readonly socket: Socket
  readonly peer: HopAddress
  readonly framing: StreamFraming
  /** Where we are reached: for a connection that we opened, its own address with the port that we listen on. */
  local: HopAddress
  /** When the message that is being read began, in milliseconds of the monotonic clock; `null` between messages. */
  partialSince: number | null
}

const PONG = Buffer.from('\r\n')

export class TcpConnections {
  readonly #limits: SipLimits
  readonly #counters: SipCounters
  readonly #log: SipLog
  readonly #onMessage: OnStreamMessage
  readonly #byPeer = new Map<string, Connection>()

  constructor(limits: SipLimits, counters: SipCounters, log: SipLog, onMessage: OnStreamMessage) {
    this.#limits = limits
    this.#counters = counters
    this.#log = log
    this.#onMessage = onMessage
  }

  get size(): number {
    return this.#byPeer.size
  }

  /** Takes a connection that a peer opened; over the limit it is closed at once. */
  accept(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket
    if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) {
      // Gone before we looked.
      socket.destroy()
      return
    }
    if (this.#byPeer.size >= this.#limits.maxConnections) {
      this.#counters.connectionsRefused++
      socket.destroy()
      return
    }
    this.#counters.connectionsAccepted++
    const local: HopAddress = { transport: 'tcp', address: localAddress, port: localPort }
    this.#add(socket, { transport: 'tcp', address: remoteAddress, port: remotePort }, local)
  }

  /** Sends on the connection to that far end; `false` when there is none. */
  sendOnExisting(bytes: Buffer, peer: HopAddress, onError: (error: Error) => void): boolean {
    const connection = this.#byPeer.get(keyOf(peer))
    if (connection?.socket.writable !== true) return false
    this.#write(connection, bytes, onError)
    return true
  }

  /** Sends on the connection to that far end, opening one from `local` when there is none. */
  send(bytes: Buffer, peer: HopAddress, local: HopAddress, bindTo: string | null, onError: (error: Error) => void): void {
    if (this.sendOnExisting(bytes, peer, onError)) return
    if (this.#byPeer.size >= this.#limits.maxConnections) {
      this.#counters.connectionsRefused++
      queueMicrotask(() =>
        onError(new Error(`no more than ${this.#limits.maxConnections} TCP connections are kept; raise the limit`)),
      )
      return
    }
    this.#write(this.#open(peer, local, bindTo), bytes, onError)
  }

  /** Closes every connection. */
  stop(): void {
    for (const { socket } of [...this.#byPeer.values()]) socket.destroy()
    this.#byPeer.clear()
  }

  #open(peer: HopAddress, local: HopAddress, bindTo: string | null): Connection {
    const socket = connect({ host: peer.address, port: peer.port, ...(bindTo === null ? {} : { localAddress: bindTo }) })
    const connection = this.#add(socket, peer, local)
    const giveUp = setTimeout(
      () => socket.destroy(new Error(`no TCP connection within ${this.#limits.connectTimeoutMs} ms`)),
      this.#limits.connectTimeoutMs,
    )
    socket.once('connect', () => {
      clearTimeout(giveUp)
      this.#counters.connectionsOpened++
      connection.local = { ...local, address: socket.localAddress ?? local.address }
    })
    socket.once('close', () => clearTimeout(giveUp))
    return connection
  }

  #add(socket: Socket, peer: HopAddress, local: HopAddress): Connection {
    const connection: Connection = { socket, peer, local, framing: new StreamFraming(), partialSince: null }
    const key = keyOf(peer)
    this.#byPeer.set(key, connection)
    socket.setNoDelay(true)
    socket.setTimeout(this.#limits.idleTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#onData(connection, chunk))
    socket.on('timeout', () => {
      this.#counters.connectionsTimedOut++
      socket.destroy()
    })
    socket.on('error', error => this.#log.debug({ err: error, ...peer }, 'tcp connection failed'))
    socket.on('close', () => {
      if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key)
      if (!connection.framing.partial) return
      countMalformed(this.#counters, 'truncated-body')
      this.#log.warn({ reason: 'truncated-body', ...peer }, 'tcp connection ended within a message')
    })
    return connection
  }

  #onData(connection: Connection, chunk: Buffer): void {
    const { socket, framing, peer } = connection
    for (const framed of framing.push(chunk)) {
      if (framed.kind === 'message') {
        connection.partialSince = null
        this.#onMessage(framed.message, peer, connection.local)
      } else if (framed.kind === 'ping') {
        this.#counters.keepalives++
        // A pong that can't be written needs no one's care: the connection is closing.
        this.#write(connection, PONG, () => {})
      } else {
        countMalformed(this.#counters, framed.reason)
        this.#counters.connectionsClosedMalformed++
        this.#log.warn({ reason: framed.reason, ...peer }, 'tcp connection closed, its bytes are no sip')
        socket.destroy()
        return
      }
    }
    this.#boundPartial(connection)
  }

  /** A message must be whole within its time, whether its sender falls silent or drips a byte now and then. */
  #boundPartial(connection: Connection): void {
    const { socket, framing } = connection
    const { partialTimeoutMs, idleTimeoutMs } = this.#limits
    if (!framing.partial) {
      if (connection.partialSince !== null) connection.partialSince = null
      if (socket.timeout !== idleTimeoutMs) socket.setTimeout(idleTimeoutMs)
      return
    }
    const now = performance.now()
    connection.partialSince ??= now
    const left = connection.partialSince + partialTimeoutMs - now
    if (left > 0) {
      socket.setTimeout(Math.ceil(left))
      return
    }
    this.#counters.connectionsTimedOut++
    socket.destroy()
  }

  #write(connection: Connection, bytes: Buffer, onError: (error: Error) => void): void {
    const { socket } = connection
    if (socket.writableLength + bytes.length > this.#limits.maxUnsentBytes) {
      socket.destroy(new Error(`the peer left ${socket.writableLength} bytes unread`))
    }
    // On a destroyed socket the callback gets an error in a later tick; what destroyed it says more (ECONNREFUSED).
    socket.write(bytes, error => {
      if (error !== null && error !== undefined) onError(socket.errored ?? error)
    })
  }
}

const keyOf = (peer: HopAddress): string => `${peer.address}:${peer.port}`
