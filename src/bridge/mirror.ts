/** Builds the mirror: what capture agents send (HEP), made into signals by an observer of its own. Calls are watched and never touched. */
import type { Config } from '../config/schema.ts'
import type { CallSignal } from '../events/signal.ts'
import { betweenHosts } from '../sip/hep/ends.ts'
import { type HepListenAddress, HepListener, type HepStatus } from '../sip/hep/listener.ts'
import { CallObserver } from '../sip/observer/call-observer.ts'
import type { TieHeaders } from '../sip/observer/ties.ts'
import { RecordingTraffic } from '../sip/siprec/recording-traffic.ts'
import type { SignallingLog } from './signalling.ts'

export interface MirrorOptions {
  readonly config: Config['hep']
  readonly ties: TieHeaders
  readonly onSignal: (signal: CallSignal) => void
  readonly log: SignallingLog
}

export class Mirror {
  readonly #listener: HepListener
  readonly #isOn: boolean

  constructor({ config, ties, onSignal, log }: MirrorOptions) {
    const { receiveBufferBytes, pbx, carrier, ...listening } = config
    const observer = new CallObserver({ source: 'hep', ties, overhears: true, onSignal })
    const recordings = new RecordingTraffic()
    this.#isOn = config.listen.length > 0
    this.#listener = new HepListener({
      ...listening,
      receiveBuffer: receiveBufferBytes,
      now: Date.now,
      log,
      onSeen: seen => {
        if (!recordings.has(seen.message)) observer.see(betweenHosts(seen, { pbx, carrier }))
      },
      onRtcp: () => {}, // counted by the listener
    })
  }

  /** Where agents may send to; none where hep.listen names nothing. Rejects when a socket cannot be opened. */
  async start(): Promise<readonly HepListenAddress[]> {
    return this.#isOn ? await this.#listener.start() : []
  }

  /** `null` where nothing listens by configuration. */
  status(): HepStatus | null {
    return this.#isOn ? this.#listener.status() : null
  }

  /** As metrics want them: plain numbers by name. */
  counters(): object {
    const { dropped, malformed, notSip, ...counters } = this.#listener.counters
    const sum = (counts: Partial<Record<string, number>>) => Object.values(counts).reduce<number>((all, n) => all + (n ?? 0), 0)
    return { ...counters, malformed: sum(malformed), notSip: sum(notSip), dropped }
  }

  async stop(): Promise<void> {
    await this.#listener.stop()
  }
}
