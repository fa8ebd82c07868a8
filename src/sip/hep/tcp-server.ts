/**
 * TCP connections of capture agents. Owns every socket and its framing.
 *
 * 1. A stranger's connection is closed before a byte of it is read.
 * 2. What an agent can make us hold is bounded: the connections, and less than one packet a connection, for PARTIAL_TIMEOUT_MS.
 * 3. A silent connection is kept: a PBX has quiet nights. TCP keep-alives find out when the other side is gone.
 */
import { once } from 'node:events'
import { createServer, isIP, type Server, type Socket } from 'node:net'
import type { HepIntake, HepLog } from './intake.ts'
import { plainAddress } from './ip-text.ts'
import type { HepEndpoint } from './packet.ts'
import type { PeerList } from './peer-list.ts'
import { HepStreamFraming } from './stream.ts'

export interface HepTcpOptions {
  readonly address: HepEndpoint
  readonly peers: PeerList
  readonly intake: HepIntake
  readonly log: HepLog
  readonly onConnection: () => void
  readonly onSkipped: (bytes: number) => void
}

/** Agents are few; each has one connection. */
const MAX_CONNECTIONS = 256
/** How long a packet may take from its first byte to its last. */
const PARTIAL_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 60_000

export class HepTcpServer {
  readonly #options: HepTcpOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #bound: HepEndpoint

  constructor(options: HepTcpOptions) {
    this.#options = options
    this.#bound = options.address
  }

  /** With the port that the system chose; the configured one before start. */
  get bound(): HepEndpoint {
    return this.#bound
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Listens; rejects with the system's error. */
  async start(): Promise<void> {
    if (this.#server !== null) return
    const server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, socket => this.#accept(socket))
    this.#server = server
    const { address, port } = this.#options.address
    const listening = once(server, 'listening')
    server.listen({ host: address, port, ipv6Only: isIP(address) === 6 })
    try {
      await listening
    } catch (error) {
      this.#server = null
      throw error
    }
    const bound = server.address()
    if (bound !== null && typeof bound !== 'string') this.#bound = { address, port: bound.port }
    server.on('error', error => this.#options.log.warn({ err: error, ...this.#bound }, 'hep tcp listener failed'))
  }

  /** Closes every connection. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of [...this.#sockets]) socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const { peers, intake, log, onConnection } = this.#options
    // Without a listener an error of a socket that is about to be closed would end the process.
    socket.on('error', error => log.debug({ err: error }, 'hep connection failed'))
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) {
      // Gone before we looked.
      socket.destroy()
      return
    }
    const peer: HepEndpoint = { address: plainAddress(remoteAddress), port: remotePort }
    const refused = peers.has(peer.address) ? (this.#sockets.size >= MAX_CONNECTIONS ? 'too-many-connections' : null) : 'stranger'
    if (refused !== null) {
      intake.drop(refused, peer)
      socket.destroy()
      return
    }
    onConnection()
    this.#sockets.add(socket)
    this.#read(socket, peer)
  }

  #read(socket: Socket, peer: HepEndpoint): void {
    const { intake, onSkipped } = this.#options
    const framing = new HepStreamFraming()
    let tooSlow: NodeJS.Timeout | null = null
    const stopClock = (): void => {
      if (tooSlow !== null) clearTimeout(tooSlow)
      tooSlow = null
    }
    socket.on('data', (chunk: Buffer) => {
      for (const framed of framing.push(chunk)) {
        stopClock()
        if (framed.kind === 'packet') intake.take(framed.bytes, peer)
        else if (framed.kind === 'skipped') onSkipped(framed.bytes)
        else {
          intake.drop('stream-lost', peer)
          socket.destroy()
          return
        }
      }
      // The clock runs from a packet's first byte, however the others drip.
      if (framing.partial) tooSlow ??= setTimeout(() => socket.destroy(), PARTIAL_TIMEOUT_MS)
      else stopClock()
    })
    socket.on('close', () => {
      stopClock()
      this.#sockets.delete(socket)
      if (framing.partial) intake.drop('stream-cut', peer)
    })
  }
}
