/** How a call ended: a closed vocabulary (docs/architecture.md, "Words"). */

export type CallStatus = 'connected' | 'missed' | 'abandoned'

export type EndReason =
  | 'completed'
  | 'answered-elsewhere'
  | 'caller-hung-up'
  | 'no-answer'
  | 'busy'
  | 'rejected'
  | 'redirected'
  | 'not-found'
  | 'unavailable'
  | 'voicemail'
  | 'failed'
  | 'lost-signalling'

export interface Outcome {
  readonly status: CallStatus
  readonly reason: EndReason
  /** The final SIP response, where there was one. */
  readonly sipCode: number | null
  /** ITU-T Q.850 cause from a Reason header (RFC 3326), where there was one. */
  readonly q850: number | null
}
