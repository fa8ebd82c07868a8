/** What reconciliation finds: a closed vocabulary, each with its age, its cause and what to do. Plain data. */

export const findingKinds = [
  /** An answered call without the recording that was expected of it. */
  'recording-missing',
  /** A recording that belongs to no call. */
  'call-missing',
  /** A recording much shorter or longer than its call, or a call that lasted otherwise in the PBX's records. */
  'duration-mismatch',
  /** A call event that Zendesk has not acknowledged. */
  'event-unacknowledged',
  /** A recording or voicemail that Zendesk has not acknowledged. */
  'audio-unacknowledged',
  /** A recording that the archive has not acknowledged. */
  'archive-unacknowledged',
  /** An erasure that is not carried out yet. */
  'erasure-unacknowledged',
  /** A call in the PBX's records that the bridge has not seen. */
  'call-unseen',
  /** A call that the bridge saw and the PBX's records do not have. */
  'cdr-missing',
] as const

export type FindingKind = (typeof findingKinds)[number]

export interface Finding {
  readonly kind: FindingKind
  /** Since when it is so, epoch ms. */
  readonly since: number
  /** What it is about, for people: parties, length, file. */
  readonly subject: string
  /** In words that an operator can act on. */
  readonly cause: string
  /** What to do. */
  readonly fix: string
  readonly callId: string | null
  /** Of the event, recording or voicemail, as in `uploads show`. */
  readonly uploadId: string | null
  readonly cdrId: string | null
}

/** A finding of which only what matters is said. */
export function finding(
  kind: FindingKind,
  since: number,
  said: Pick<Finding, 'subject' | 'cause' | 'fix'>,
  ids: Partial<Pick<Finding, 'callId' | 'uploadId' | 'cdrId'>>,
): Finding {
  return { kind, since, ...said, callId: null, uploadId: null, cdrId: null, ...ids }
}
