/**
 * What a subscription is in, what may happen to it and what it asks to be done: the data of the machine in subscription.ts.
 * Times are epoch ms.
 */

/** A SUBSCRIBE that has not had its final response. */
export interface Request {
  /** How often it was repeated with credentials or a longer interval. */
  readonly tries: number
  /** Whether credentials of ours went along. */
  readonly authenticated: boolean
}

/** No dialog and nothing under way. */
export type Resting = { readonly kind: 'stopped' } | { readonly kind: 'waiting'; readonly until: number; readonly reason: string }

export type Phase =
  | Resting
  /** `notifyBy`: once the SUBSCRIBE is answered, the first NOTIFY has to come until then (RFC 6665 section 4.1.2.4). */
  | { readonly kind: 'subscribing'; readonly request: Request | null; readonly grantedMs: number; readonly notifyBy: number }
  | {
      readonly kind: 'active'
      readonly since: number
      readonly expiresAt: number
      readonly refreshAt: number
      /** When the last full document was asked for. */
      readonly askedAt: number
      readonly request: Request | null
    }
  /** Unsubscribing: a dialog that we no longer want must not live on at the PBX, nor at the SIP server. */
  | { readonly kind: 'leaving'; readonly request: Request; readonly until: number; readonly next: Resting }

export interface SubscriptionState {
  readonly phase: Phase
  /** Since it was last up for a good while: for the backoff. */
  readonly failures: number
  /** What we ask for; a 423 raises it. */
  readonly intervalMs: number
}

export interface Reply {
  readonly kind: 'reply'
  readonly status: number
  readonly expiresMs: number | null
  readonly minExpiresMs: number | null
  readonly retryAfterMs: number | null
  /** For 401 and 407: whether we have an answer to the challenge, and whether only its nonce was too old. */
  readonly answerable: boolean
  readonly stale: boolean
}

export interface Notified {
  readonly kind: 'notified'
  readonly state: 'active' | 'terminated'
  readonly expiresMs: number | null
  /** RFC 6665 section 4.1.3; '' when none was given. */
  readonly reason: string
  readonly retryAfterMs: number | null
}

export type SubscriptionInput =
  | { readonly kind: 'start' }
  /** `wakeAt` has come. */
  | { readonly kind: 'woken' }
  | Reply
  /** The request could not be sent at all. */
  | { readonly kind: 'unsent'; readonly reason: string }
  | Notified
  /** A document is missing (dialog-table.ts). */
  | { readonly kind: 'incomplete' }
  /** The connection to the SIP server is gone, and all dialogs with it. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'stop' }

export type Action =
  /** Begins another dialog. */
  | { readonly kind: 'subscribe'; readonly expiresMs: number }
  /** In the dialog that there is. */
  | { readonly kind: 'refresh'; readonly expiresMs: number }
  /** The last request again, with credentials or another interval. */
  | { readonly kind: 'repeat'; readonly expiresMs: number }
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly reason: string }

export interface SubscriptionStep {
  readonly state: SubscriptionState
  readonly actions: readonly Action[]
}

export interface SubscriptionContext {
  /** Epoch ms. */
  readonly now: number
  /** From 0 up to 1. */
  readonly random: () => number
}

/** A subscription that asks for that long. */
export function newSubscription(intervalMs: number): SubscriptionState {
  return { phase: { kind: 'stopped' }, failures: 0, intervalMs }
}

/** When to wake it; `null` for never. */
export function wakeAt({ phase }: SubscriptionState): number | null {
  switch (phase.kind) {
    case 'stopped':
      return null
    case 'waiting':
    case 'leaving':
      return phase.until
    case 'subscribing':
      return phase.request === null ? phase.notifyBy : null // the request itself is bounded by its sender
    case 'active':
      return phase.request === null ? phase.refreshAt : phase.expiresAt
    default:
      return unreachable(phase)
  }
}

function unreachable(value: never): never {
  throw new Error(`no time to wake for ${JSON.stringify(value)}`)
}
