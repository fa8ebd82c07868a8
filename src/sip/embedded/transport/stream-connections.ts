/**
 * The open TCP and TLS connections, whoever opened them, by the far end's address and port. Owns every socket and its framing.
 *
 * 1. A connection is in the table from its first byte to its close, or until we closed our half of it.
 * 2. What a peer can make us hold is bounded: the number of connections (here and in admitted-sockets.ts), the message being read, the bytes waiting
 *    to be written.
 * 3. Whoever sends on a connection hears of a failure once, later, through `onError`.
 * 4. What is for a host that a URI named goes over TLS only to whom showed that host's certificate (RFC 5922, RFC 5923 section 5); no byte of
 *    it leaves before.
 */
import { connect, isIP, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket, connect as tlsConnect } from 'node:tls'
import type { HopAddress, SipMessage } from '../../message/message.ts'
import type { MalformedReason } from '../../message/parse.ts'
import { countMalformed, type SipCounters } from '../sip-counters.ts'
import type { SipLimits } from '../sip-limits.ts'
import type { SipLog } from '../sip-log.ts'
import type { Destination } from './destination.ts'
import { StreamFraming } from './stream-framing.ts'
import type { TlsCredentials } from './tls-credentials.ts'
import { identityProblem } from './tls-identity.ts'

export interface StreamConnectionsParts {
  readonly limits: SipLimits
  readonly counters: SipCounters
  readonly log: SipLog
  readonly onMessage: (message: SipMessage, source: HopAddress, local: HopAddress) => void
  /** Bytes that are no SIP; what is sent to `source` meanwhile still leaves before the connection is closed. */
  readonly onMalformed: (bytes: Buffer, reason: MalformedReason, source: HopAddress, local: HopAddress) => void
  /** Host names by which an IP address is known: a URI that names the address means them, too. */
  readonly namesOf: (address: string) => readonly string[]
}

interface Connection {
  readonly socket: Socket
  readonly peer: HopAddress
  readonly framing: StreamFraming
  /** The host that it was opened to reach; `null` for one that the peer opened. */
  readonly domain: string | null
  /** Where we are reached: for a connection that we opened, its own address with the port that we listen on. */
  local: HopAddress
  /** When the message that is being read began, in milliseconds of the monotonic clock; `null` between messages. */
  partialSince: number | null
  /** Our half is closed: what still comes is nobody's. */
  ending: boolean
  /**
   * What waits for the TLS handshake of a connection that we opened; `null` when there is nothing to wait for. Not left to the socket: one that
   * fails over a certificate calls no callback of what was written to it.
   */
  waiting: Unsent[] | null
}

interface Unsent {
  readonly bytes: Buffer
  readonly onError: (error: Error) => void
}

const PONG = Buffer.from('\r\n')

/** A connection of a peer that vanished (a NAT that forgot it) is found out within some minutes, as the kernel's further probes go. */
const TCP_PROBE_AFTER_MS = 120_000

/** How long the far end may take to read our last answer. */
const LINGER_MS = 1_000

export class StreamConnections {
  readonly #parts: StreamConnectionsParts
  readonly #byPeer = new Map<string, Set<Connection>>()
  #size = 0
  #opened = 0
  #tls: { readonly credentials: TlsCredentials; readonly context: SecureContext } | null = null

  constructor(parts: StreamConnectionsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#size
  }

  /** What TLS connections that are opened from now on show and believe. */
  use(credentials: TlsCredentials): void {
    this.#tls = { credentials, context: createSecureContext(credentials.context) }
  }

  /** Takes a connection that a peer opened, a TLS one after its handshake. */
  accept(socket: Socket, transport: HopAddress['transport']): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket
    if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) {
      // Gone before we looked.
      socket.destroy()
      return
    }
    this.#parts.counters.connectionsAccepted++
    const local: HopAddress = { transport, address: localAddress, port: localPort }
    this.#add(socket, { transport, address: remoteAddress, port: remotePort }, local, null)
  }

  /** Sends on a connection to that far end; `false` when there is none that may carry it. */
  sendOnExisting(bytes: Buffer, peer: Destination, onError: (error: Error) => void): boolean {
    for (const connection of this.#byPeer.get(keyOf(peer)) ?? []) {
      if (!connection.socket.writable || connection.ending || !this.#mayCarry(connection, peer)) continue
      this.#write(connection, bytes, onError)
      return true
    }
    return false
  }

  /** Sends on a connection to that far end, opening one from `local` when there is none. */
  send(bytes: Buffer, peer: Destination, local: HopAddress, bindTo: string | null, onError: (error: Error) => void): void {
    if (this.sendOnExisting(bytes, peer, onError)) return
    const { limits, counters } = this.#parts
    if (this.#opened >= limits.maxConnections) {
      counters.connectionsRefused++
      queueMicrotask(() => onError(new Error(`no more than ${limits.maxConnections} connections are opened; raise the limit`)))
      return
    }
    this.#write(this.#open(peer, local, bindTo), bytes, onError)
  }

  /** Closes every connection. */
  stop(): void {
    for (const connections of [...this.#byPeer.values()]) for (const { socket } of [...connections]) socket.destroy()
    this.#byPeer.clear()
  }

  /** Invariant 4. A URI that names the address means whoever is there; a response goes back to whom its request came from. */
  #mayCarry({ socket, domain }: Connection, { transport, domain: wanted }: Destination): boolean {
    if (transport !== 'tls' || wanted === undefined || isIP(wanted) !== 0 || domain === wanted) return true
    if (this.#tls?.credentials.verifyPeers === 'nobody') return true
    const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().raw : undefined
    return certificate !== undefined && identityProblem(certificate, [wanted]) === null
  }

  #open(peer: Destination, local: HopAddress, bindTo: string | null): Connection {
    const { limits, counters } = this.#parts
    const options = { host: peer.address, port: peer.port, ...(bindTo === null ? {} : { localAddress: bindTo }) }
    const socket = peer.transport === 'tls' ? this.#openTls(peer, options) : connect(options)
    this.#opened++
    const connection = this.#add(socket, peer, local, peer.domain ?? peer.address)
    if (peer.transport === 'tls') connection.waiting = []
    const giveUp = setTimeout(
      () => socket.destroy(new Error(`no ${peer.transport} connection within ${limits.connectTimeoutMs} ms`)),
      limits.connectTimeoutMs,
    )
    socket.once(peer.transport === 'tls' ? 'secureConnect' : 'connect', () => {
      clearTimeout(giveUp)
      counters.connectionsOpened++
      connection.local = { ...local, address: socket.localAddress ?? local.address }
      const waiting = connection.waiting ?? []
      connection.waiting = null
      for (const { bytes, onError } of waiting) this.#write(connection, bytes, onError)
    })
    socket.once('close', () => {
      clearTimeout(giveUp)
      this.#opened--
      const problem = socket.errored ?? new Error('the connection was closed')
      for (const { onError } of connection.waiting ?? []) onError(problem)
    })
    return connection
  }

  #openTls(peer: Destination, options: { host: string; port: number; localAddress?: string }): Socket {
    const { counters, log, namesOf } = this.#parts
    const domain = peer.domain ?? peer.address
    const isAddress = isIP(domain) !== 0
    const hosts = isAddress ? [domain, ...namesOf(domain)] : [domain]
    const { credentials, context } = this.#tls ?? { credentials: null, context: undefined }
    const socket = tlsConnect({
      ...options,
      ...(context === undefined ? {} : { secureContext: context }),
      // RFC 6066: a name, never an address. Who has several certificates shows the one for it.
      servername: hosts.find(host => isIP(host) === 0) ?? '',
      rejectUnauthorized: credentials?.verifyPeers !== 'nobody',
      checkServerIdentity: (_, { raw }) => {
        const problem = identityProblem(raw, hosts)
        return problem === null
          ? undefined
          : new Error(
              `the certificate ${problem}; call the peer by a name that its certificate bears, or give it another certificate`,
            )
      },
    })
    // An error between the two is the handshake's.
    let shakingHands = false
    socket.once('connect', () => {
      shakingHands = true
    })
    socket.once('secureConnect', () => {
      shakingHands = false
    })
    socket.on('error', error => {
      if (!shakingHands) return
      counters.tlsPeersRefused++
      log.warn({ err: error, host: domain, ...peer }, 'tls connection to a peer failed')
    })
    return socket
  }

  #add(socket: Socket, { transport, address, port }: HopAddress, local: HopAddress, domain: string | null): Connection {
    const { limits, counters, log } = this.#parts
    const peer: HopAddress = { transport, address, port }
    const connection: Connection = {
      socket,
      peer,
      local,
      domain,
      framing: new StreamFraming(),
      partialSince: null,
      ending: false,
      waiting: null,
    }
    const key = keyOf(peer)
    const sharing = this.#byPeer.get(key) ?? new Set()
    this.#byPeer.set(key, sharing.add(connection))
    this.#size++
    socket.setNoDelay(true)
    socket.setKeepAlive(true, TCP_PROBE_AFTER_MS)
    socket.setTimeout(limits.idleTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#onData(connection, chunk))
    socket.on('timeout', () => {
      counters.connectionsTimedOut++
      socket.destroy()
    })
    socket.on('error', error => log.debug({ err: error, ...peer }, 'connection failed'))
    socket.on('close', () => {
      this.#size--
      sharing.delete(connection)
      if (sharing.size === 0 && this.#byPeer.get(key) === sharing) this.#byPeer.delete(key)
      if (!connection.framing.partial) return
      countMalformed(counters, 'truncated-body')
      log.warn({ reason: 'truncated-body', ...peer }, 'connection ended within a message')
    })
    return connection
  }

  #onData(connection: Connection, chunk: Buffer): void {
    if (connection.ending) return
    const { framing, peer } = connection
    const { counters, log, onMessage, onMalformed } = this.#parts
    for (const framed of framing.push(chunk)) {
      if (framed.kind === 'message') {
        connection.partialSince = null
        onMessage(framed.message, peer, connection.local)
      } else if (framed.kind === 'ping') {
        counters.keepalives++
        // A pong that can't be written needs no one's care: the connection is closing.
        this.#write(connection, PONG, () => {})
      } else {
        counters.connectionsClosedMalformed++
        countMalformed(counters, framed.reason)
        log.warn({ reason: framed.reason, ...peer }, 'connection closed, its bytes are no sip')
        onMalformed(framed.bytes, framed.reason, peer, connection.local)
        this.#end(connection)
        return
      }
    }
    this.#boundPartial(connection)
  }

  /**
   * Closes a connection whose place in the stream is lost. What was written to it leaves first; meanwhile whatever still comes is read and dropped,
   * or the kernel would take our answer back with a reset.
   */
  #end(connection: Connection): void {
    const { socket } = connection
    if (socket.writableLength === 0 && socket.bytesWritten === 0) {
      socket.destroy()
      return
    }
    connection.ending = true
    socket.end()
    const closing = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(closing))
  }

  /** A message must be whole within its time, whether its sender falls silent or drips a byte now and then. */
  #boundPartial(connection: Connection): void {
    const { socket, framing } = connection
    const { partialTimeoutMs, idleTimeoutMs } = this.#parts.limits
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
    this.#parts.counters.connectionsTimedOut++
    socket.destroy()
  }

  #write(connection: Connection, bytes: Buffer, onError: (error: Error) => void): void {
    const { socket, waiting } = connection
    const unsent = socket.writableLength + (waiting ?? []).reduce((sum, message) => sum + message.bytes.length, 0)
    if (unsent + bytes.length > this.#parts.limits.maxUnsentBytes)
      socket.destroy(new Error(`the peer left ${unsent} bytes unread`))
    if (waiting !== null) {
      waiting.push({ bytes, onError })
      return
    }
    // On a destroyed socket the callback gets an error in a later tick; what destroyed it says more (ECONNREFUSED).
    socket.write(bytes, error => {
      if (error !== null && error !== undefined) onError(socket.errored ?? error)
    })
  }
}

const keyOf = ({ transport, address, port }: HopAddress): string => `${transport} ${address}:${port}`
