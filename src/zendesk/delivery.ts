/**
 * What this sink takes and answers: the same shapes as the outbox's, declared here because a sink knows no outbox. The composition
 * root, which joins the two, is where the compiler checks that they fit.
 */
import type { CallEvent } from '../events/event.ts'
import type { EncodedAudio, RecordingItem, VoicemailItem } from '../events/recording.ts'

interface AudioDelivery {
  readonly idempotencyKey: string
  readonly site: string
  readonly audio: EncodedAudio
}

export type Delivery =
  | { readonly kind: 'event'; readonly idempotencyKey: string; readonly event: CallEvent }
  | (AudioDelivery & { readonly kind: 'recording'; readonly item: RecordingItem })
  | (AudioDelivery & { readonly kind: 'voicemail'; readonly item: VoicemailItem })

/** Durations in ms. `retry` spends an attempt, `wait` does not, `reject` is for good; reasons are for an operator to act on. */
export type DeliveryResult = DeliveryOutcome & {
  /** No request was sent, so the permit that came with the delivery is free again. */
  readonly unasked?: true
}

type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly remoteId: string | null }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'wait'; readonly reason: string; readonly afterMs: number; readonly scope: 'job' | 'sink' }
  | { readonly kind: 'reject'; readonly reason: string }
