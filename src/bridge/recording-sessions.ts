/**
 * Builds the recording of calls (SIPREC): sessions that clients open to the SIP server, and the receiver of their audio.
 *
 *   INVITE ──▶ RecordingServer ── signals ──▶ the call model
 *                    │ streams
 *                    ▼
 *   RTP ──────▶ RtpReceiver ──▶ data_dir/spool/rtp ──▶ the folder's watcher (audio.ts) ──▶ the intake
 *
 * The receiver runs in the signalling thread: a session and its audio begin, change and die together, so neither is ever left without the
 * other; nothing in this thread waits for a disk; and what is read late from a socket is read from the kernel's buffer all the same. The
 * folder is all that the main thread hears of a file: what is in it survives either of them.
 */
import { randomBytes } from 'node:crypto'
import type Srf from 'drachtio-srf'
import type { Config } from '../config/schema.ts'
import type { CallSignal } from '../events/signal.ts'
import type { FinishedRecording } from '../recordings/rtp/media-session.ts'
import { PortPool } from '../recordings/rtp/port-pool.ts'
import { RtpReceiver } from '../recordings/rtp/receiver.ts'
import { PeerList } from '../sip/hep/peer-list.ts'
import type { SeenMessage } from '../sip/message/message.ts'
import { RecordingServer } from '../sip/siprec/recording-server.ts'
import { signalsOf } from '../sip/siprec/recording-signals.ts'
import type { SignallingLog } from './signalling.ts'

export interface RecordingSessionsOptions {
  readonly config: Config['sip']['siprec']
  readonly uniqueHeaders: readonly string[]
  /** Where recordings are written, absolute; this bridge's alone. */
  readonly folder: string
  /** Why no more audio may be put on the disk; `null` when it may. */
  readonly noRoom: () => string | null
  readonly onSignal: (signal: CallSignal) => void
  readonly log: SignallingLog
}

/** How recording is, as plain data that may cross threads. */
export interface RecordingStatus {
  readonly sessions: number
  readonly maxSessions: number
  readonly streams: number
  /** Pairs of UDP ports in use, and all there are. */
  readonly portsInUse: number
  readonly ports: number
  /** How late audio is read, ms. */
  readonly lateMs: number
  /** Why new sessions are refused; `null` when they are not. */
  readonly refuses: string | null
}

/** Packets of the call before may still come to a port that it gave back. */
const quarantineMs = 30_000
/** Seconds of one stream, so that a busy moment of this process loses nothing. */
const receiveBufferBytes = 256 * 1024
/** A power failure takes at most this much of a recording; a crash of the bridge alone takes about a second. */
const syncEveryMs = 10_000

export class RecordingSessions {
  readonly #config: Config['sip']['siprec']
  readonly #noRoom: () => string | null
  readonly #clients: PeerList
  readonly #server: RecordingServer
  readonly #receiver: RtpReceiver
  readonly #audio = {
    recordings: 0,
    recovered: 0,
    nothingHeard: 0,
    packets: 0,
    lost: 0,
    late: 0,
    duplicates: 0,
    strangers: 0,
    broken: 0,
    damagedMs: 0,
  }

  constructor({ config, uniqueHeaders, folder, noRoom, onSignal, log }: RecordingSessionsOptions) {
    const { ports, listen, advertise } = config.media
    this.#config = config
    this.#noRoom = noRoom
    this.#clients = new PeerList(config.peers)
    this.#receiver = new RtpReceiver({
      address: listen,
      advertised: advertise,
      ports: new PortPool({ ...ports, quarantineMs, now: () => performance.now() }),
      receiveBufferBytes,
      mayAlsoSend: address => this.isClient(address),
      cname: randomBytes(8).toString('hex'),
      now: () => performance.now(),
      random: Math.random,
      log,
      folder,
      syncEveryMs,
      mostRecordings: config.maxSessions,
      onFinished: finished => this.#count(finished),
      onRecovered: () => {
        this.#audio.recovered += 1
      },
    })
    this.#server = new RecordingServer({
      isPeer: address => this.isClient(address),
      media: {
        open: async (session, streams) => {
          const refused = noRoom()
          return refused === null ? await this.#receiver.open(session, streams) : { refused }
        },
      },
      uniqueHeaders,
      maxSessions: config.maxSessions,
      orphanAfterMs: config.orphanAfterMs,
      now: Date.now,
      onRecording: event => {
        for (const signal of signalsOf(event)) onSignal(signal)
      },
      onForgotten: ({ at, callId, fromTag, toTag }) =>
        onSignal({ kind: 'hungup', at, source: 'siprec', sipCallId: callId, fromTag, toTag, sipCode: null, q850: null }),
      log,
    })
  }

  /** Whether an address is a recording client's. */
  isClient(address: string): boolean {
    return this.#clients.has(address)
  }

  /** To be called before the trunk takes its requests: what is no recording session's is passed on to it. */
  attach(srf: Srf): void {
    this.#server.attach(srf)
  }

  /** Takes note of what the SIP server received. */
  see(seen: SeenMessage): void {
    this.#server.see(seen)
  }

  /** Before the SIP server. Finishes what a bridge that died was recording; rejects when the folder cannot be used. */
  async start(): Promise<void> {
    await this.#receiver.start()
  }

  /** Before the SIP server, which carries the BYEs. Resolves when every file is whole. */
  async stop(): Promise<void> {
    await this.#server.stop()
    await this.#receiver.stop()
  }

  status(): RecordingStatus {
    const { streams, portsLeased, portsInAll, lateMs } = this.#receiver.figures
    const { sessions } = this.#server
    const { maxSessions } = this.#config
    const full = sessions < maxSessions ? null : `${sessions} sessions are open: raise sip.siprec.max_sessions`
    const noPorts = portsLeased < portsInAll ? null : `all ${portsInAll} pairs of ports are in use: widen sip.siprec.media.ports`
    const refuses = this.#noRoom() ?? full ?? noPorts
    return { sessions, maxSessions, streams, portsInUse: portsLeased, ports: portsInAll, lateMs: Math.round(lateMs), refuses }
  }

  /** As metrics want them, by part: of the sessions, and of the audio of those that are over. */
  counters(): { readonly siprec: object; readonly rtp: object } {
    return { siprec: this.#server.counters, rtp: this.#audio }
  }

  #count(finished: FinishedRecording): void {
    if (finished.kind === 'file') {
      this.#audio.recordings += 1
      this.#audio.damagedMs += finished.damagedMs
    } else this.#audio.nothingHeard += 1
    for (const { packets, lost, late, duplicates, strangers, broken } of finished.streams) {
      this.#audio.packets += packets
      this.#audio.lost += lost
      this.#audio.late += late
      this.#audio.duplicates += duplicates
      this.#audio.strangers += strangers
      this.#audio.broken += broken
    }
  }
}
