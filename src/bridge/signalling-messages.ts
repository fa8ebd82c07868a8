/** What the signalling thread and the bridge say to each other. All of it is plain data (structured clone). */
import type { Config } from '../config/schema.ts'
import type { CallSignal } from '../events/signal.ts'
import type { HopAddress } from '../sip/message/message.ts'
import type { SignallingLog, SignallingStatus } from './signalling.ts'

/** What a thread is started with. */
export interface ThreadData {
  readonly config: Config['sip']
}

export type ToThread =
  /** So many signals were taken over by the model. */
  { readonly kind: 'taken'; readonly count: number } | { readonly kind: 'renew-certificate' } | { readonly kind: 'stop' }

export type FromThread =
  | { readonly kind: 'started'; readonly listening: readonly HopAddress[] }
  | { readonly kind: 'start-failed'; readonly reason: string }
  | { readonly kind: 'signals'; readonly signals: readonly CallSignal[] }
  | { readonly kind: 'status'; readonly status: SignallingStatus }
  | { readonly kind: 'log'; readonly level: keyof SignallingLog; readonly fields: object; readonly message: string }
  | { readonly kind: 'stopped' }
