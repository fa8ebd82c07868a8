/**
 * What it takes to erase audio in Zendesk, and what comes of it: the same shapes as the erasure stage's, declared here because this one
 * knows no other. The composition root joins the two.
 */
import type { DeliveryResult } from './delivery.ts'

export interface ZendeskErrand {
  /** Zendesk's id for it, as its delivery was answered; `null`: none was noted, which proves nothing when `wasSent`. */
  readonly remoteId: string | null
  /** A delivery may have begun. */
  readonly wasSent: boolean
}

export type ZendeskErasure =
  /** `told`: what was found and done, for the audit log. `byHand`: what only a person can do about the rest; `null`: no rest. */
  | { readonly kind: 'erased'; readonly told: string; readonly byHand: string | null }
  | Exclude<DeliveryResult, { readonly kind: 'delivered' }>

/** What never went there. */
export const neverSent: ZendeskErasure = { kind: 'erased', told: 'never sent', byHand: null }
