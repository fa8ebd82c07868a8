/** How many deliveries of each lane a worker may have under way. */
import type { Lane } from './job.ts'

/** The lanes that a worker serves, the one that goes first first, and the most of each that may be under way at once. */
export type Slots = ReadonlyMap<Lane, number>

/** Zendesk's: events, and a quarter as many uploads, at least one. */
export const zendeskSlots = (concurrency: number, uploads = Math.floor(concurrency / 4)): Slots =>
  new Map([
    ['event', Math.max(1, concurrency)],
    ['media', Math.max(1, uploads)],
  ])
