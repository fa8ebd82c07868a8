/**
 * Every socket of the SIP server: its UDP, TCP and TLS listeners and the connections. Bytes become messages here, and here it is decided
 * from which socket a message leaves. Knows no transactions.
 *
 * A message goes by the transport that its URI names, however long it is: a UDP peer gets a datagram of more than 1,300 bytes as a datagram
 * (counted in `longDatagramsSent`), not over TCP as RFC 3261 18.1.1 has it: a peer that is configured for UDP seldom listens on TCP,
 * and a call that waits for a refused connection is a call lost. Who wants TCP says so in the peer's URI.
 */
import { isIP } from 'node:net'
import { formatHostPort } from '../../message/host-port.ts'
import type { HopAddress, SipMessage } from '../../message/message.ts'
import { parseMessage } from '../../message/parse.ts'
import { countMalformed, type SipCounters } from '../sip-counters.ts'
import type { SipLimits } from '../sip-limits.ts'
import type { SipLog } from '../sip-log.ts'
import { AdmittedSockets } from './admitted-sockets.ts'
import type { Destination } from './destination.ts'
import { parseListenAddress } from './listen-address.ts'
import { isWildcard, type LocalAddresses } from './local-addresses.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { StreamConnections } from './stream-connections.ts'
import { StreamListener } from './stream-listener.ts'
import { readTlsCredentials, type TlsCredentials, type TlsFiles } from './tls-credentials.ts'
import { UdpListener } from './udp-listener.ts'

export interface TransportsOptions {
  /** `udp://127.0.0.1:5060`, `tls://[::1]:0`…; at least one. */
  readonly listen: readonly string[]
  /** What `tls://` needs; `null` without it. */
  readonly tls: TlsFiles | null
  /** Host names by which an IP address is known; a certificate for one will do where a URI names the address. */
  readonly namesOf: (address: string) => readonly string[]
  readonly addresses: LocalAddresses
  readonly limits: SipLimits
  readonly counters: SipCounters
  readonly log: SipLog
  /** Epoch milliseconds. */
  readonly now: () => number
  /** `size`: what the message took on the wire, bytes; Infinity over a connection, whose handshake proves the address. */
  readonly onMessage: (message: SipMessage, source: HopAddress, local: HopAddress, size: number) => void
  /** Bytes that are no message; `refusal`: the answer, where it is a request that can be read as far as that. */
  readonly onMalformed: (refusal: Refusal | null, source: HopAddress, local: HopAddress, size: number) => void
}

/** Where a response goes: back to where its request came from (RFC 3261 18.2.2, RFC 3581). */
export interface ResponseRoute {
  /** The request's source; over TCP and TLS the connection to it is used again. */
  readonly source: HopAddress
  /** The socket that took the request; `null` lets one be chosen. */
  readonly local: HopAddress | null
  /** UDP: the port that the response goes to. TCP and TLS: the port to connect to when the connection is gone. */
  readonly port: number
  /** TLS: the host of the Via, whose certificate the far end of such a new connection has to show. */
  readonly domain?: string
}

/** RFC 3261 18.1.1: what is longer may not fit into one packet everywhere. */
const LONG_DATAGRAM_BYTES = 1_300
const EXPIRY_WARNING_MS = 14 * 86_400_000

export class SipTransports {
  readonly #options: TransportsOptions
  /** In the configured order. */
  readonly #listeners: readonly (UdpListener | StreamListener)[]
  readonly #admission: AdmittedSockets
  readonly #connections: StreamConnections
  #started = false

  /** Throws when a `listen` address can't be read, or is TLS and there is no certificate for it. */
  constructor(options: TransportsOptions) {
    const { limits, counters, log, namesOf } = options
    this.#options = options
    this.#admission = new AdmittedSockets(limits, counters)
    this.#connections = new StreamConnections({
      limits,
      counters,
      log,
      namesOf,
      onMessage: (message, source, local) => this.#received(message, source, local, Number.POSITIVE_INFINITY),
      onMalformed: (bytes, reason, source, local) =>
        options.onMalformed(refusalOf(bytes, reason), source, local, Number.POSITIVE_INFINITY),
    })
    this.#listeners = options.listen.map(text => {
      const address = parseListenAddress(text)
      if (address === null)
        throw new Error(`${text} is no address to listen on; write it like udp://127.0.0.1:5060 or tcp://[::1]:5060`)
      if (address.transport === 'tls' && options.tls === null)
        throw new Error(`${text} needs a certificate; set sip.tls.cert and sip.tls.key`)
      return address.transport === 'udp' ? this.#udpListener(address) : this.#streamListener(address)
    })
  }

  /** Opens all sockets, or none: rejects with what to do about the one that could not be opened. */
  async start(): Promise<void> {
    if (this.#started) return
    this.#started = true
    try {
      const credentials = await this.#credentials()
      for (const listener of this.#listeners) await opening(listener.bound, listener.start(credentials))
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Closes all sockets; what is still to be written is dropped. */
  async stop(): Promise<void> {
    if (!this.#started) return
    this.#started = false
    this.#connections.stop()
    this.#admission.stop()
    await Promise.all(this.#listeners.map(listener => listener.stop()))
  }

  /** Reads the certificate again, for connections from now on. Rejects, and goes on with the old one, when the new one is no good. */
  async renewCertificate(): Promise<void> {
    const credentials = await this.#credentials()
    if (credentials !== null)
      for (const listener of this.#listeners) if (listener instanceof StreamListener) listener.renew(credentials)
  }

  /** The addresses that are open, with the ports that the system chose; a wildcard stays a wildcard. */
  get listening(): HopAddress[] {
    return this.#listeners.map(({ bound }) => bound)
  }

  get connections(): number {
    return this.#connections.size
  }

  /** The address to name in Via and Contact of what goes to that destination; `null` when no socket of ours can reach it. */
  localFor(destination: HopAddress): HopAddress | null {
    const bound = this.#boundFor(destination)
    return bound === null ? null : this.#reachable(bound, destination.address)
  }

  /** Sends a request. `onError` is called at most once, in a later tick. */
  send(bytes: Buffer, destination: Destination, onError: (error: Error) => void): void {
    const failed = this.#counting(onError)
    const bound = this.#boundFor(destination)
    if (bound === null || !this.#started) {
      const { transport, address } = destination
      const problem = this.#started
        ? `no ${transport} socket can reach ${address}; add one to sip.listen`
        : 'the SIP server is stopped'
      queueMicrotask(() => failed(new Error(problem)))
      return
    }
    this.#options.counters.sent++
    if (destination.transport === 'udp') {
      const socket = this.#listeners.find(listener => listener.bound === bound)
      if (socket instanceof UdpListener) this.#sendDatagram(socket, bytes, destination, failed)
      return
    }
    const bindTo = isWildcard(bound.address) ? null : bound.address
    this.#connections.send(bytes, destination, this.#reachable(bound, destination.address), bindTo, failed)
  }

  /** Sends a response. `onError` is called at most once, in a later tick. */
  sendResponse(bytes: Buffer, route: ResponseRoute, onError: (error: Error) => void): void {
    const { source, local, port, domain } = route
    const failed = this.#counting(onError)
    if (source.transport !== 'udp') {
      // RFC 3261 18.2.2: when the connection of the request is gone, or goes with this response, another is opened.
      const onNewConnection = (): void =>
        this.send(bytes, { ...source, port, ...(domain === undefined ? {} : { domain }) }, onError)
      if (this.#connections.sendOnExisting(bytes, source, onNewConnection)) this.#options.counters.sent++
      else onNewConnection()
      return
    }
    const socket = local === null ? undefined : this.#listeners.find(({ bound }) => sameSocket(bound, local))
    if (!(socket instanceof UdpListener)) this.send(bytes, { ...source, port }, onError)
    else {
      this.#options.counters.sent++
      this.#sendDatagram(socket, bytes, port === source.port ? source : { ...source, port }, failed)
    }
  }

  #sendDatagram(socket: UdpListener, bytes: Buffer, destination: HopAddress, onError: (error: Error) => void): void {
    if (bytes.length > LONG_DATAGRAM_BYTES) this.#options.counters.longDatagramsSent++
    socket.send(bytes, destination, onError)
  }

  /** `null` where nothing listens by TLS. */
  async #credentials(): Promise<TlsCredentials | null> {
    const { tls, log, now } = this.#options
    if (tls === null || !this.#listeners.some(({ bound }) => bound.transport === 'tls')) return null
    const credentials = await readTlsCredentials(tls)
    this.#connections.use(credentials)
    const leftMs = credentials.expiresAt - now()
    const expires = new Date(credentials.expiresAt).toISOString()
    if (leftMs < EXPIRY_WARNING_MS)
      log.warn({ cert: tls.cert, expires }, 'the certificate for sip ends soon, or has ended: renew it')
    return credentials
  }

  #udpListener(address: HopAddress): UdpListener {
    const listener: UdpListener = new UdpListener(
      address,
      (bytes, source) => {
        const parsed = parseMessage(bytes)
        const local = this.#reachable(listener.bound, source.address)
        if (parsed.ok) this.#received(parsed.message, source, local, bytes.length)
        else if (isKeepAlive(bytes)) this.#options.counters.keepalives++
        else {
          const fields = { reason: parsed.reason, bytes: bytes.length, ...source }
          const { counters, log, onMalformed } = this.#options
          log[countMalformed(counters, parsed.reason) ? 'warn' : 'debug'](fields, 'datagram dropped, it is no sip')
          onMalformed(refusalOf(bytes, parsed.reason), source, local, bytes.length)
        }
      },
      this.#options.log,
    )
    return listener
  }

  #received(message: SipMessage, source: HopAddress, local: HopAddress, size: number): void {
    this.#options.counters.received++
    this.#options.onMessage(message, source, local, size)
  }

  #streamListener(address: HopAddress): StreamListener {
    const { counters, log, limits } = this.#options
    return new StreamListener(address, {
      admission: this.#admission,
      counters,
      log,
      handshakeTimeoutMs: limits.connectTimeoutMs,
      onConnection: (socket, transport) => this.#connections.accept(socket, transport),
    })
  }

  #boundFor(destination: HopAddress): HopAddress | null {
    const family = isIP(destination.address)
    const candidates = this.#listeners
      .map(({ bound }) => bound)
      .filter(({ transport, address }) => transport === destination.transport && (family === 0 || isIP(address) === family))
    if (candidates.length === 1) return candidates[0] ?? null
    const own = this.#options.addresses.toward(destination.address)
    return (
      candidates.find(({ address }) => address === own) ??
      candidates.find(({ address }) => isWildcard(address)) ??
      candidates.find(({ address }) => isLoopback(address) === isLoopback(destination.address)) ??
      candidates[0] ??
      null
    )
  }

  #reachable(bound: HopAddress, peer: string): HopAddress {
    return isWildcard(bound.address) ? { ...bound, address: this.#options.addresses.toward(peer) } : bound
  }

  #counting(onError: (error: Error) => void): (error: Error) => void {
    return error => {
      this.#options.counters.transportErrors++
      onError(error)
    }
  }
}

const sameSocket = (bound: HopAddress, local: HopAddress): boolean =>
  bound.transport === local.transport &&
  bound.port === local.port &&
  (bound.address === local.address || (isWildcard(bound.address) && isIP(bound.address) === isIP(local.address)))

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1' || address === 'localhost'

/** CRLF pairs, or the four zero bytes that some phones send to keep a NAT binding. */
const isKeepAlive = (bytes: Buffer): boolean => bytes.length <= 4 && bytes.every(byte => byte === 13 || byte === 10 || byte === 0)

async function opening(address: HopAddress, opened: Promise<void>): Promise<void> {
  try {
    await opened
  } catch (error) {
    const name = `${address.transport}://${formatHostPort({ host: address.address, port: address.port })}`
    throw new Error(`SIP can't listen on ${name}: free the port or change sip.listen`, { cause: error })
  }
}
