/**
 * What is to be delivered, and in which order. Pure: the store calls it inside the transaction that stores the cause.
 *
 * - The events of a call go one after the other, by sequence; a dead letter does not hold the later ones back (ADR 0007).
 * - A recording waits until the first event of its call is through, because before that the sink does not know the call.
 * - A voicemail, or a recording without a call, waits for nobody.
 */
import type { CallEvent } from '../events/event.ts'
import type { AudioItem } from '../events/recording.ts'
import { jobId, type PlannedJob } from './job.ts'

/** The sequence of the event that makes a call known to the sink. */
export const OPENING_EVENT = 1

/** The job that delivers an event. */
export const planEvent = (event: CallEvent): PlannedJob => ({
  id: jobId(event.id),
  kind: 'event',
  lane: 'event',
  orderKey: event.callId,
  orderNo: event.sequence,
})

/** The job that delivers a recording or a voicemail. */
export const planItem = (item: AudioItem): PlannedJob => ({
  id: jobId(item.id),
  kind: item.kind,
  lane: 'media',
  orderKey: item.kind === 'recording' ? item.callId : null,
  orderNo: 0,
})
