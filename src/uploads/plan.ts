/**
 * What is to be delivered, and in which order. Pure: the store calls it inside the transaction that stores the cause.
 *
 * - The events of a call go one after the other, by sequence; a dead letter does not hold the later ones back (ADR 0007).
 * - A recording waits until the first event of its call is through, because before that the sink does not know the call.
 * - A voicemail, or a recording without a call, waits for nobody; nor does anything that goes to the archive.
 */
import type { CallEvent } from '../events/event.ts'
import type { AudioItem } from '../events/recording.ts'
import { type JobState, jobIdOf, type Lane, type PlannedJob } from './job.ts'

/** The sequence of the event that makes a call known to the sink. */
export const OPENING_EVENT = 1

/** The job that delivers an event. */
export const planEvent = (event: CallEvent): PlannedJob => ({
  id: jobIdOf(event.id, 'event'),
  kind: 'event',
  lane: 'event',
  orderKey: event.callId,
  orderNo: event.sequence,
})

/** The job that takes a recording or a voicemail to the sink of a lane. */
export const planItem = (item: AudioItem, lane: Exclude<Lane, 'event'>): PlannedJob => ({
  id: jobIdOf(item.id, lane),
  kind: item.kind,
  lane,
  orderKey: item.kind === 'recording' ? item.callId : null,
  orderNo: 0,
})

/**
 * What becomes of an item, given the jobs that deliver it: it is delivered when all sinks have it. One that an operator gave up at Zendesk is dropped,
 * but not before the others are through: they need its audio.
 */
export const itemStateAfter = (
  jobs: readonly { readonly lane: Lane; readonly state: JobState['kind'] }[],
): 'queued' | 'delivered' | 'dropped' => {
  const isOpen = (state: JobState['kind']): boolean => state === 'pending' || state === 'running' || state === 'dead'
  if (jobs.some(({ state }) => isOpen(state))) return 'queued'
  return jobs.some(({ lane, state }) => lane === 'media' && state === 'dropped') ? 'dropped' : 'delivered'
}
