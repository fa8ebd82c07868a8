/** What the signalling thread and the bridge say to each other. All of it is plain data (structured clone). */
import type { Config } from '../config/schema.ts'
import type { CallSignal } from '../events/signal.ts'
import type { ExtensionPresence } from '../sip/dialog-state/presence.ts'
import type { HepListenAddress, HepStatus } from '../sip/hep/listener.ts'
import type { HopAddress } from '../sip/message/message.ts'
import type { RecordingStatus } from './recording-sessions.ts'
import type { SignallingLog, SignallingStatus } from './signalling.ts'

/** The sections of the configuration that concern signalling. */
export type SignallingConfig = Pick<Config, 'sip' | 'hep' | 'dataDir'>

/** Where signalling listens. */
export interface SignallingAddresses {
  readonly sip: readonly HopAddress[]
  readonly hep: readonly HepListenAddress[]
}

/** What a thread is started with. */
export interface ThreadData {
  readonly config: SignallingConfig
  /** Why no more audio may be put on the disk; `null` when it may. */
  readonly noRoom: string | null
}

/** How the sources are: the SIP server and its trunk, the mirror and the recording of calls (each `null` where none is configured). */
export interface ThreadStatus extends SignallingStatus {
  readonly hep: HepStatus | null
  readonly siprec: RecordingStatus | null
}

export type ToThread =
  /** So many signals were taken over by the model. */
  | { readonly kind: 'taken'; readonly count: number }
  /** As in `ThreadData`, when it has changed. */
  | { readonly kind: 'room'; readonly noRoom: string | null }
  | { readonly kind: 'renew-certificate' }
  | { readonly kind: 'stop' }

export type FromThread =
  | { readonly kind: 'started'; readonly listening: SignallingAddresses }
  | { readonly kind: 'start-failed'; readonly reason: string }
  | { readonly kind: 'signals'; readonly signals: readonly CallSignal[] }
  | { readonly kind: 'presence'; readonly presence: ExtensionPresence }
  | { readonly kind: 'status'; readonly status: ThreadStatus }
  | { readonly kind: 'log'; readonly level: keyof SignallingLog; readonly fields: object; readonly message: string }
  | { readonly kind: 'stopped' }
