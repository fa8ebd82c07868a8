/**
 * Signalling in a thread of its own, seen from the bridge.
 *
 *              start                stop
 *   stopped ──────────▶ running ──────────▶ stopped
 *                        │   ▲
 *            the thread died │ a new one, after a pause that doubles
 *                        └───┘
 *
 * A thread that dies (a bug of ours) takes no call with it: calls under way are relayed again as soon as the next thread listens,
 * because the proxy needs nothing but their Route headers.
 */
import { setPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/schema.ts'
import type { CallSignal } from '../events/signal.ts'
import type { ExtensionPresence } from '../sip/dialog-state/presence.ts'
import type { HopAddress } from '../sip/message/message.ts'
import type { SignallingLog } from './signalling.ts'
import type {
  FromThread,
  SignallingAddresses,
  SignallingConfig,
  ThreadData,
  ThreadStatus,
  ToThread,
} from './signalling-messages.ts'

export interface ThreadedSignallingOptions {
  readonly config: SignallingConfig
  /** Why no more audio may be put on the disk; `null` when it may. */
  readonly noRoom: () => string | null
  readonly onSignal: (signal: CallSignal) => void
  /** Of the extensions in sip.dialogs, at each change; a thread that dies leaves all of them unknown. */
  readonly onPresence?: (presence: ExtensionPresence) => void
  readonly log: SignallingLog
}

const firstPauseMs = 100
const longestPauseMs = 5_000
const stopWithinMs = 5_000
/** 0 is normal, 19 the most yielding. */
const yieldingNiceness = 5

export class ThreadedSignalling {
  readonly #options: ThreadedSignallingOptions
  #config: SignallingConfig
  #worker: Worker | null = null
  #restart: NodeJS.Timeout | null = null
  #pauseMs = firstPauseMs
  #deaths = 0
  /** What the thread knows. */
  #noRoom: string | null = null
  /** What the thread told last of each extension, by its URI. */
  readonly #presences = new Map<string, ExtensionPresence>()
  #status: ThreadStatus = {
    connection: { state: 'stopped' },
    peerFailures: [],
    gatewaysDown: [],
    banned: [],
    dialogs: null,
    hep: null,
    siprec: null,
    counters: {},
  }

  constructor(options: ThreadedSignallingOptions) {
    this.#options = options
    this.#config = options.config
  }

  /** Answers where the embedded server and the mirror listen; rejects when a socket cannot be opened. */
  async start(): Promise<SignallingAddresses> {
    const listening = await this.#launch()
    const { sip, hep } = this.#config
    this.#config = {
      ...this.#config,
      sip: { ...sip, listen: fixedPorts(sip.listen, listening.sip) },
      hep: { ...hep, listen: listening.hep },
    }
    giveWay()
    return listening
  }

  async stop(): Promise<void> {
    if (this.#restart !== null) clearTimeout(this.#restart)
    this.#restart = null
    const worker = this.#worker
    this.#worker = null
    if (worker === null) return
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    const patience = setTimeout(() => void worker.terminate(), stopWithinMs)
    say(worker, { kind: 'stop' })
    await ended
    clearTimeout(patience)
    this.#status = { ...this.#status, connection: { state: 'stopped' } }
  }

  /** Has the certificate of sip.tls read again, for connections from now on; what is wrong with it is logged. */
  renewCertificate(): void {
    if (this.#worker !== null) say(this.#worker, { kind: 'renew-certificate' })
  }

  /** At most a quarter of a second old. */
  status(): ThreadStatus {
    return { ...this.#status, counters: { ...this.#status.counters, signalling_thread: { deaths: this.#deaths } } }
  }

  #launch(): Promise<SignallingAddresses> {
    this.#noRoom = this.#options.noRoom()
    const data: ThreadData = { config: this.#config, noRoom: this.#noRoom }
    const worker = new Worker(new URL('./signalling-thread.js', import.meta.url), { workerData: data })
    this.#worker = worker
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'started') {
          this.#pauseMs = firstPauseMs
          resolve(message.listening)
        } else if (message.kind === 'start-failed') {
          this.#worker = null
          void worker.terminate()
          reject(new Error(message.reason))
        } else this.#hear(worker, message)
      })
      worker.on('error', error => this.#options.log.error({ err: error.stack ?? String(error) }, 'signalling thread failed'))
      worker.once('exit', () => {
        if (this.#worker === worker) this.#died()
        reject(new Error('the signalling thread ended while it started'))
      })
    })
  }

  #hear(worker: Worker, message: Exclude<FromThread, { kind: 'started' | 'start-failed' }>): void {
    const { onSignal, onPresence, log } = this.#options
    switch (message.kind) {
      case 'signals':
        for (const signal of message.signals) onSignal(signal)
        say(worker, { kind: 'taken', count: message.signals.length })
        return
      case 'presence':
        this.#presences.set(message.presence.uri, message.presence)
        onPresence?.(message.presence)
        return
      case 'status':
        this.#status = message.status
        this.#tellRoom(worker)
        return
      case 'log':
        log[message.level](message.fields, message.message)
        return
      case 'stopped':
        return
      default:
        message satisfies never
    }
  }

  #tellRoom(worker: Worker): void {
    const noRoom = this.#options.noRoom()
    if (noRoom !== this.#noRoom) say(worker, { kind: 'room', noRoom })
    this.#noRoom = noRoom
  }

  #died(): void {
    this.#worker = null
    this.#deaths += 1
    for (const presence of this.#presences.values())
      this.#options.onPresence?.({ ...presence, presence: 'unknown', at: Date.now() })
    this.#presences.clear()
    const reason = `the signalling thread died; a new one starts in ${this.#pauseMs} ms`
    this.#status = { ...this.#status, connection: { state: 'connecting', reason } }
    this.#options.log.error({ deaths: this.#deaths, pauseMs: this.#pauseMs }, 'signalling thread died, starting a new one')
    this.#restart = setTimeout(() => {
      this.#launch().catch(error => {
        this.#options.log.error({ reason: String(error) }, 'signalling thread did not start')
        if (this.#worker === null && this.#restart !== null) this.#died()
      })
    }, this.#pauseMs)
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2)
  }
}

/**
 * Where processors are short, what can wait gives way to what cannot: the main thread (on Linux a priority is a thread's), and every
 * ffmpeg it starts, run at a lower priority than signalling, and than a PBX on the same machine.
 */
function giveWay(): void {
  setPriority(yieldingNiceness)
}

function say(worker: Worker, message: ToThread): void {
  worker.postMessage(message)
}

/** Port 0 took a free port; a new thread has to take the same one, for that is where the peers send. */
function fixedPorts(configured: Config['sip']['listen'], listening: readonly HopAddress[]): Config['sip']['listen'] {
  return configured.map((listener, index) => {
    const port = listening[index]?.port ?? listener.port
    const host = listener.host.includes(':') ? `[${listener.host}]` : listener.host
    return { ...listener, port, uri: `${listener.transport}://${host}:${port}` }
  })
}
