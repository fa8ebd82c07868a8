/** One UDP socket that only receives, with a receive buffer of the size that was asked for, if the kernel grants it. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { platform } from 'node:os'
import type { HepLog } from './intake.ts'
import { dropsIn } from './kernel-drops.ts'
import type { HepEndpoint } from './packet.ts'

export interface HepUdpOptions {
  readonly address: HepEndpoint
  /** Bytes that the kernel shall hold while we are busy. */
  readonly receiveBuffer: number
  readonly log: HepLog
  readonly onDatagram: (bytes: Buffer, source: HepEndpoint) => void
}

export class HepUdpSocket {
  readonly #options: HepUdpOptions
  #socket: Socket | null = null
  #bound: HepEndpoint
  #granted: number | null = null
  #kernelDrops: number | null = null

  constructor(options: HepUdpOptions) {
    this.#options = options
    this.#bound = options.address
  }

  /** With the port that the system chose; the configured one before start. */
  get bound(): HepEndpoint {
    return this.#bound
  }

  /** Bytes of receive buffer that the kernel gave; `null` before start. */
  get granted(): number | null {
    return this.#granted
  }

  /** What the kernel dropped since start, as of the last look; `null` where the system does not tell. */
  get kernelDrops(): number | null {
    return this.#kernelDrops
  }

  /** Binds; rejects with the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
  async start(): Promise<void> {
    if (this.#socket !== null) return
    const { address, port } = this.#options.address
    const family = isIP(address) === 6 ? 'udp6' : 'udp4'
    const socket = createSocket({ type: family, ipv6Only: family === 'udp6' })
    this.#socket = socket
    this.#kernelDrops = null
    const listening = once(socket, 'listening')
    socket.bind(port, address)
    try {
      await listening
    } catch (error) {
      this.#socket = null
      socket.close()
      throw error
    }
    this.#bound = { address, port: socket.address().port }
    socket.on('error', error => this.#options.log.warn({ err: error, ...this.#bound }, 'hep udp socket failed'))
    this.#askForBuffer(socket)
    await this.lookForDrops()
    socket.on('message', (bytes, from: RemoteInfo) => this.#options.onDatagram(bytes, { address: from.address, port: from.port }))
  }

  /** Asks the kernel what it dropped; returns how many more than at the last look. */
  async lookForDrops(): Promise<number> {
    const { address, port } = this.#bound
    let table: string
    try {
      table = await readFile(`/proc/net/${isIP(address) === 6 ? 'udp6' : 'udp'}`, 'utf8')
    } catch {
      // Not Linux, or /proc is hidden from us: then nobody knows, and `kernelDrops` says so.
      return 0
    }
    const drops = this.#socket === null ? null : dropsIn(table, address, port)
    if (drops === null) return 0
    const more = drops - (this.#kernelDrops ?? 0)
    this.#kernelDrops = drops
    return Math.max(0, more)
  }

  async stop(): Promise<void> {
    const socket = this.#socket
    if (socket === null) return
    this.#socket = null
    const closed = once(socket, 'close')
    socket.close()
    await closed
  }

  #askForBuffer(socket: Socket): void {
    const { receiveBuffer, log } = this.#options
    try {
      socket.setRecvBufferSize(receiveBuffer)
    } catch (error) {
      // Some systems refuse what is above their limit instead of giving what they can.
      log.debug({ err: error, ...this.#bound }, 'hep receive buffer refused')
    }
    // Linux doubles what was asked for, for its own bookkeeping, and reports the double.
    this.#granted = platform() === 'linux' ? socket.getRecvBufferSize() / 2 : socket.getRecvBufferSize()
    const fields = { asked: receiveBuffer, granted: this.#granted, ...this.#bound }
    if (this.#granted >= receiveBuffer) log.info(fields, 'hep receive buffer granted')
    else
      log.warn(
        { ...fields, fix: `sysctl -w net.core.rmem_max=${receiveBuffer}, or a smaller hep.receive_buffer` },
        'hep receive buffer is smaller than asked for, bursts may be lost',
      )
  }
}
