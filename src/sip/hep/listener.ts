/**
 * Receives what capture agents mirror (HEPv3 over UDP and TCP): the way to watch a PBX that can do its calls no harm.
 *
 * It opens the sockets and closes them, and lets configured peers only through to the intake (intake.ts), which says what becomes of a packet.
 */
import type { HepAgent } from './agents.ts'
import { type HepCounters, newHepCounters } from './counters.ts'
import { HepIntake, type HepLog } from './intake.ts'
import { plainAddress } from './ip-text.ts'
import { LOOPBACK, PeerList } from './peer-list.ts'
import type { MirroredMessage, MirroredRtcp } from './seen.ts'
import { HepTcpServer } from './tcp-server.ts'
import { HepUdpSocket } from './udp-socket.ts'

/** A socket to open: an IP address of this machine (or 0.0.0.0, ::), port 0 for a free one. */
export interface HepListenAddress {
  readonly transport: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
}

export interface HepListenerOptions {
  readonly listen: readonly HepListenAddress[]
  /** IP addresses and networks (CIDR) of the agents; none: this machine only. */
  readonly peers: readonly string[]
  /** What agents must send as their password; `null` asks for none. */
  readonly authKey: string | null
  /** Bytes of receive buffer to ask for, each UDP socket. */
  readonly receiveBuffer: number
  /** A packet captured longer ago than this is dropped. */
  readonly maxAgeMs: number
  /** Epoch ms. */
  readonly now: () => number
  readonly log: HepLog
  /** Called in the order of arrival, once a message. */
  readonly onSeen: (seen: MirroredMessage) => void
  readonly onRtcp: (rtcp: MirroredRtcp) => void
}

/** For /readyz and `doctor`. */
export interface HepStatus {
  readonly state: 'stopped' | 'listening'
  readonly sockets: readonly HepSocketStatus[]
  /** Open TCP connections. */
  readonly connections: number
  /** Who sent packets, with the clock that each one has. */
  readonly agents: readonly HepAgent[]
}

export interface HepSocketStatus extends HepListenAddress {
  /** Bytes asked for and given; `null` for TCP and before start. */
  readonly receiveBuffer: { readonly asked: number; readonly granted: number } | null
  /** Datagrams that the kernel dropped since the socket was opened; `null` for TCP and where the system does not tell. */
  readonly kernelDrops: number | null
}

/** How often the kernel is asked what it dropped. */
const DROPS_EVERY_MS = 10_000

export class HepListener {
  readonly counters: HepCounters = newHepCounters()
  readonly #options: HepListenerOptions
  readonly #intake: HepIntake
  readonly #udp: HepUdpSocket[] = []
  readonly #tcp: HepTcpServer[] = []
  #timer: NodeJS.Timeout | null = null
  #state: HepStatus['state'] = 'stopped'

  /** Throws when a peer is neither an address nor a network. */
  constructor(options: HepListenerOptions) {
    const { listen, log, receiveBuffer } = options
    const { counters } = this
    this.#options = options
    const peers = new PeerList(options.peers.length === 0 ? LOOPBACK : options.peers)
    const intake = new HepIntake({ ...options, counters })
    this.#intake = intake
    for (const { transport, host, port } of listen) {
      const address = { address: host, port }
      if (transport === 'udp') {
        const onDatagram = (bytes: Buffer, from: { address: string; port: number }): void => {
          const source = { address: plainAddress(from.address), port: from.port }
          if (peers.has(source.address)) intake.take(bytes, source)
          else intake.drop('stranger', source)
        }
        this.#udp.push(new HepUdpSocket({ address, receiveBuffer, log, onDatagram }))
      } else {
        const onConnection = (): void => {
          counters.connectionsAccepted++
        }
        const onSkipped = (bytes: number): void => {
          counters.skippedBytes += bytes
        }
        this.#tcp.push(new HepTcpServer({ address, peers, intake, log, onConnection, onSkipped }))
      }
    }
  }

  /** Opens all sockets, or none; returns their addresses with the ports that the system chose. Rejects with what to do about the one that failed. */
  async start(): Promise<readonly HepListenAddress[]> {
    if (this.#state === 'listening') return this.#bound()
    this.#state = 'listening'
    try {
      for (const socket of this.#udp) await opening('udp', socket)
      for (const server of this.#tcp) await opening('tcp', server)
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#timer = setInterval(() => void this.lookForKernelDrops(), DROPS_EVERY_MS)
    this.#timer.unref()
    const listening = this.#bound().map(
      ({ transport, host, port }) => `${transport}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    )
    this.#options.log.info({ listening, authenticated: this.#options.authKey !== null }, 'hep listener open')
    return this.#bound()
  }

  /** Closes all sockets; what is under way in them is dropped. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    await Promise.all([...this.#udp, ...this.#tcp].map(each => each.stop()))
  }

  status(): HepStatus {
    const { receiveBuffer: asked } = this.#options
    const udp = this.#udp.map(({ bound, granted, kernelDrops }): HepSocketStatus => {
      const receiveBuffer = granted === null ? null : { asked, granted }
      return { transport: 'udp', host: bound.address, port: bound.port, receiveBuffer, kernelDrops }
    })
    const tcp = this.#tcp.map(
      ({ bound }): HepSocketStatus => ({
        transport: 'tcp',
        host: bound.address,
        port: bound.port,
        receiveBuffer: null,
        kernelDrops: null,
      }),
    )
    const connections = this.#tcp.reduce((sum, server) => sum + server.connections, 0)
    return { state: this.#state, sockets: [...udp, ...tcp], connections, agents: this.#intake.agents.list() }
  }

  /** Asks the kernel what it dropped because a receive buffer was full; done every ten seconds anyway. */
  async lookForKernelDrops(): Promise<void> {
    for (const socket of this.#udp) {
      const more = await socket.lookForDrops()
      if (more === 0) continue
      this.counters.kernelDrops += more
      const fields = {
        dropped: more,
        ...socket.bound,
        fix: 'raise hep.receive_buffer and net.core.rmem_max, or send HEP over TCP',
      }
      this.#options.log.warn(fields, 'the kernel dropped hep packets, the receive buffer was full')
    }
  }

  #bound(): readonly HepListenAddress[] {
    const named = (transport: 'udp' | 'tcp', { address, port }: { address: string; port: number }): HepListenAddress => ({
      transport,
      host: address,
      port,
    })
    return [...this.#udp.map(({ bound }) => named('udp', bound)), ...this.#tcp.map(({ bound }) => named('tcp', bound))]
  }
}

async function opening(transport: string, part: HepUdpSocket | HepTcpServer): Promise<void> {
  const { address, port } = part.bound
  try {
    await part.start()
  } catch (error) {
    throw new Error(`HEP can't listen on ${transport}://${address}:${port}: free the port or change hep.listen`, { cause: error })
  }
}
