/**
 * Every socket of the SIP server: its UDP and TCP listeners and the TCP connections. Bytes become messages here, and here it is decided
 * from which socket a message leaves. Knows no transactions.
 */
import { once } from 'node:events'
import { createServer, isIP, type Server } from 'node:net'
import type { HopAddress, SipMessage } from '../../message/message.ts'
import { parseMessage } from '../../message/parse.ts'
import { countMalformed, type SipCounters } from '../sip-counters.ts'
import type { SipLimits } from '../sip-limits.ts'
import type { SipLog } from '../sip-log.ts'
import { parseListenAddress } from './listen-address.ts'
import { isWildcard, type LocalAddresses } from './local-addresses.ts'
import { TcpConnections } from './tcp-connections.ts'
import { UdpListener } from './udp-listener.ts'

export interface TransportsOptions {
  /** `udp://127.0.0.1:5060`, `tcp://[::1]:0`…; at least one. */
  readonly listen: readonly string[]
  readonly addresses: LocalAddresses
  readonly limits: SipLimits
  readonly counters: SipCounters
  readonly log: SipLog
  readonly onMessage: (message: SipMessage, source: HopAddress, local: HopAddress) => void
}

/** Where a response goes: back to where its request came from (RFC 3261 18.2.2, RFC 3581). */
export interface ResponseRoute {
  /** The request's source; over TCP the connection to it is used again. */
  readonly source: HopAddress
  /** The socket that took the request; `null` lets one be chosen. */
  readonly local: HopAddress | null
  /** UDP: the port that the response goes to. TCP: the port to connect to when the connection is gone. */
  readonly port: number
}

interface TcpListener {
  readonly configured: HopAddress
  readonly server: Server
  bound: HopAddress
}

export class SipTransports {
  readonly #options: TransportsOptions
  readonly #udp: UdpListener[] = []
  readonly #tcp: TcpListener[] = []
  readonly #connections: TcpConnections
  #started = false

  /** Throws when a `listen` address can't be read. */
  constructor(options: TransportsOptions) {
    this.#options = options
    this.#connections = new TcpConnections(options.limits, options.counters, options.log, (message, source, local) =>
      this.#received(message, source, local),
    )
    for (const text of options.listen) {
      const address = parseListenAddress(text)
      if (address === null)
        throw new Error(`${text} is no address to listen on; write it like udp://127.0.0.1:5060 or tcp://[::1]:5060`)
      if (address.transport === 'tcp') this.#tcp.push({ configured: address, server: this.#tcpServer(), bound: address })
      else this.#udp.push(this.#udpListener(address))
    }
  }

  /** Opens all sockets, or none: rejects with what to do about the one that could not be opened. */
  async start(): Promise<void> {
    if (this.#started) return
    this.#started = true
    try {
      for (const listener of this.#udp) await opening(listener.bound, listener.start())
      for (const listener of this.#tcp) await opening(listener.configured, this.#startTcp(listener))
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
    await Promise.all([...this.#udp.map(listener => listener.stop()), ...this.#tcp.map(({ server }) => closed(server))])
  }

  /** The addresses that are open, with the ports that the system chose; a wildcard stays a wildcard. */
  get listening(): HopAddress[] {
    return [...this.#udp.map(({ bound }) => bound), ...this.#tcp.map(({ bound }) => bound)]
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
  send(bytes: Buffer, destination: HopAddress, onError: (error: Error) => void): void {
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
      this.#udpBoundTo(bound)?.send(bytes, destination, failed)
      return
    }
    const bindTo = isWildcard(bound.address) ? null : bound.address
    this.#connections.send(bytes, destination, this.#reachable(bound, destination.address), bindTo, failed)
  }

  /** Sends a response. `onError` is called at most once, in a later tick. */
  sendResponse(bytes: Buffer, route: ResponseRoute, onError: (error: Error) => void): void {
    const { source, local, port } = route
    const failed = this.#counting(onError)
    if (source.transport === 'tcp') {
      // RFC 3261 18.2.2: when the connection of the request is gone, or goes with this response, another is opened.
      const onNewConnection = (): void => this.send(bytes, { ...source, port }, onError)
      if (this.#connections.sendOnExisting(bytes, source, onNewConnection)) this.#options.counters.sent++
      else onNewConnection()
      return
    }
    const socket =
      local === null ? undefined : this.#udp.find(({ bound }) => bound.port === local.port && sameSocket(bound, local))
    if (socket === undefined) this.send(bytes, { ...source, port }, onError)
    else {
      this.#options.counters.sent++
      socket.send(bytes, port === source.port ? source : { ...source, port }, failed)
    }
  }

  #udpListener(address: HopAddress): UdpListener {
    const listener: UdpListener = new UdpListener(
      address,
      (bytes, source) => {
        const parsed = parseMessage(bytes)
        if (parsed.ok) this.#received(parsed.message, source, this.#reachable(listener.bound, source.address))
        else if (isKeepAlive(bytes)) this.#options.counters.keepalives++
        else {
          const fields = { reason: parsed.reason, bytes: bytes.length, ...source }
          const { counters, log } = this.#options
          log[countMalformed(counters, parsed.reason) ? 'warn' : 'debug'](fields, 'datagram dropped, it is no sip')
        }
      },
      this.#options.log,
    )
    return listener
  }

  #received(message: SipMessage, source: HopAddress, local: HopAddress): void {
    this.#options.counters.received++
    this.#options.onMessage(message, source, local)
  }

  #tcpServer(): Server {
    const server = createServer({ noDelay: true }, socket => this.#connections.accept(socket))
    server.on('error', error => this.#options.log.warn({ err: error }, 'tcp listener failed'))
    return server
  }

  async #startTcp(listener: TcpListener): Promise<void> {
    const { transport, address, port } = listener.configured
    listener.server.listen({ host: address, port, ipv6Only: isIP(address) === 6 })
    await once(listener.server, 'listening')
    const bound = listener.server.address()
    if (bound !== null && typeof bound !== 'string') listener.bound = { transport, address, port: bound.port }
  }

  #boundFor(destination: HopAddress): HopAddress | null {
    const bounds: readonly { readonly bound: HopAddress }[] = destination.transport === 'udp' ? this.#udp : this.#tcp
    const family = isIP(destination.address)
    const candidates = bounds.map(({ bound }) => bound).filter(({ address }) => family === 0 || isIP(address) === family)
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

  #udpBoundTo(bound: HopAddress): UdpListener | undefined {
    return this.#udp.find(listener => listener.bound === bound)
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
  bound.address === local.address || (isWildcard(bound.address) && isIP(bound.address) === isIP(local.address))

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1' || address === 'localhost'

/** CRLF pairs, or the four zero bytes that some phones send to keep a NAT binding. */
const isKeepAlive = (bytes: Buffer): boolean => bytes.length <= 4 && bytes.every(byte => byte === 13 || byte === 10 || byte === 0)

async function opening(address: HopAddress, opened: Promise<void>): Promise<void> {
  try {
    await opened
  } catch (error) {
    const name = `${address.transport}://${address.address}:${address.port}`
    throw new Error(`SIP can't listen on ${name}: free the port or change sip.listen`, { cause: error })
  }
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}
