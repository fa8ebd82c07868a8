/**
 * Records the RTP of recording sessions: opens ports for them, gives every recording its turns, and hands out what is finished. Owns the
 * recordings that are under way and the one timer they share. The signalling source opens, updates and closes; the bridge takes the files.
 */
import { mkdir } from 'node:fs/promises'
import { describe } from '../failure.ts'
import type { FinishedRecording, MediaStream, OpenResult, SessionRequest } from './media-session.ts'
import { Recording, type RecordingSettings } from './recording.ts'
import { type RecoveredRecording, recover } from './recover.ts'

export interface RtpReceiverOptions extends RecordingSettings {
  /** What goes into c= when it is not the address that is bound (a NAT, or 0.0.0.0). */
  readonly advertised: string | null
  readonly mostRecordings: number
  /** Takes a file over; its failures are its own. */
  readonly onFinished: (finished: FinishedRecording) => void
  /** Of a bridge that died while it wrote, at `start`. */
  readonly onRecovered: (recovered: RecoveredRecording) => void
}

export interface RtpFigures {
  readonly recordings: number
  readonly streams: number
  readonly portsLeased: number
  readonly portsInAll: number
  /** What the system gives each RTP socket, bytes; `null` while there is none. */
  readonly receiveBufferBytes: number | null
  /** How late the last turn came, ms: a process that is too busy. */
  readonly lateMs: number
}

const tickMs = 250
/** Ticks between two flushes, and two reports, of one recording. */
const flushTicks = 4
const reportTicks = 20

export class RtpReceiver {
  readonly #options: RtpReceiverOptions
  readonly #recordings = new Map<string, Recording>()
  /** Keys whose session is being opened. */
  readonly #opening = new Set<string>()
  readonly #closing = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #ticks = 0
  #dueAt = 0
  #lateMs = 0
  #bufferWarned = false

  constructor(options: RtpReceiverOptions) {
    this.#options = options
  }

  /** Makes the folder, finishes what an earlier run has left in it, and begins to take sessions. Throws the file system's error. */
  async start(): Promise<void> {
    if (this.#timer !== null) return
    await mkdir(this.#options.folder, { recursive: true })
    for (const recovered of await recover(this.#options.folder, this.#options.log)) this.#options.onRecovered(recovered)
    this.#dueAt = this.#options.now() + tickMs
    // After the sockets were read: a tick that was held up must not run before the packets that were held up with it.
    this.#timer = setInterval(() => setImmediate(() => this.#tick()), tickMs)
  }

  /** Finishes every recording and closes all sockets. Idempotent. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#stopping.abort()
    for (const [key, recording] of this.#recordings) this.#close(key, recording, null)
    await Promise.all(this.#closing)
  }

  get figures(): RtpFigures {
    const streams = [...this.#recordings.values()].flatMap(recording => recording.streams)
    return {
      recordings: this.#recordings.size,
      streams: streams.length,
      portsLeased: this.#options.ports.leased,
      portsInAll: this.#options.ports.size,
      receiveBufferBytes: streams[0]?.receiveBufferBytes ?? null,
      lateMs: this.#lateMs,
    }
  }

  /** Never rejects: what stands in the way is in `refused`, with what to do. */
  async open(session: SessionRequest, streams: readonly MediaStream[]): Promise<OpenResult> {
    const { key } = session
    const refused = this.#refusal(key)
    if (refused !== null) return { refused }
    this.#opening.add(key)
    try {
      const recording = await Recording.open(session, streams, this.#options)
      this.#recordings.set(key, recording)
      this.#warnOfBuffer(recording)
      // The receiver was stopped meanwhile.
      if (this.#stopping.signal.aborted) {
        await this.#close(key, recording, session.at)
        return { refused: 'the bridge is stopping' }
      }
      const portOf = (media: MediaStream): number => recording.streams.find(({ media: { id } }) => id === media.id)?.port ?? 0
      return {
        address: this.#options.advertised ?? this.#options.address,
        ports: streams.map(portOf),
        update: (changed, at) => recording.update(changed, at),
        close: at => this.#close(key, recording, at),
      }
    } catch (error) {
      const reason = describe(error)
      this.#options.log.error({ recording: key, reason }, 'a recording session cannot be recorded')
      return { refused: reason }
    } finally {
      this.#opening.delete(key)
    }
  }

  #refusal(key: string): string | null {
    if (this.#timer === null) return 'the bridge is not taking recording sessions: it is starting or stopping'
    if (this.#recordings.has(key) || this.#opening.has(key)) return 'a session with this key is being recorded already'
    const { mostRecordings } = this.#options
    if (this.#recordings.size + this.#opening.size < mostRecordings) return null
    return `${mostRecordings} sessions are being recorded already, which is the limit`
  }

  #tick(): void {
    if (this.#timer === null) return
    const now = this.#options.now()
    this.#lateMs = Math.max(0, now - this.#dueAt)
    this.#dueAt = now + tickMs
    this.#ticks += 1
    // Every recording has its own turn to flush and to report, so that they do not all do it at once.
    let turn = this.#ticks
    for (const recording of this.#recordings.values()) {
      recording.tick()
      if (turn % flushTicks === 0) void recording.flush()
      if (turn % reportTicks === 0) recording.report()
      turn += 1
    }
  }

  #close(key: string, recording: Recording, at: number | null): Promise<void> {
    const closing = this.#finish(key, recording, at)
    this.#closing.add(closing)
    return closing.finally(() => this.#closing.delete(closing))
  }

  async #finish(key: string, recording: Recording, at: number | null): Promise<void> {
    const finished = await recording.close(at, this.#stopping.signal)
    // Closed twice: the first one has reported it.
    if (this.#recordings.get(key) !== recording) return
    this.#recordings.delete(key)
    if (finished !== null) this.#options.onFinished(finished)
  }

  #warnOfBuffer(recording: Recording): void {
    const given = recording.streams[0]?.receiveBufferBytes ?? Number.POSITIVE_INFINITY
    const asked = this.#options.receiveBufferBytes
    if (this.#bufferWarned || given >= asked) return
    this.#bufferWarned = true
    const fix = `sysctl -w net.core.rmem_max=${asked}`
    this.#options.log.warn({ asked, given, fix }, 'rtp sockets got a smaller receive buffer than asked for')
  }
}
