/**
 * What the outbox asks of a sink, and what a sink answers. A sink decides what an error means, where it is born (docs/adr/0006);
 * only the worker acts on it.
 */
import type { CallEvent } from '../events/event.ts'
import type { EncodedAudio, RecordingItem, VoicemailItem } from '../events/recording.ts'

export type Delivery =
  | { readonly kind: 'event'; readonly idempotencyKey: string; readonly event: CallEvent }
  | {
      readonly kind: 'recording'
      readonly idempotencyKey: string
      readonly site: string
      readonly item: RecordingItem
      readonly audio: EncodedAudio
    }
  | {
      readonly kind: 'voicemail'
      readonly idempotencyKey: string
      readonly site: string
      readonly item: VoicemailItem
      readonly audio: EncodedAudio
    }

export type DeliveryResult = DeliveryOutcome & {
  /** Nothing was asked of the far side: that tells nothing of it, and took nothing of its rate limit. */
  readonly unasked?: true
}

type DeliveryOutcome =
  /** Acknowledged. `remoteId` is the sink's own id for it. */
  | { readonly kind: 'delivered'; readonly remoteId: string | null }
  /** It may work next time: an attempt is spent, backoff with full jitter applies; `afterMs` is a floor (Retry-After). */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  /** Not our turn (429, not ready, credentials refused): no attempt is spent. `scope: 'sink'` holds every delivery of the sink back. */
  | { readonly kind: 'wait'; readonly reason: string; readonly afterMs: number; readonly scope: 'job' | 'sink' }
  /** It will never work: a dead letter. */
  | { readonly kind: 'reject'; readonly reason: string }

/** `D`: what it takes; for most it is a delivery. */
export interface Sink<D = Delivery> {
  readonly name: string
  /** Never throws for anything the far side does; a throw is a bug of ours and is retried with a bound. Safe to repeat. */
  deliver(delivery: D, signal: AbortSignal): Promise<DeliveryResult>
}
