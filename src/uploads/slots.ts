/** How many deliveries of each lane a worker may have under way. */
import type { Lane } from './job.ts'

/** The lanes that a worker serves, the one that goes first first, and the most of each that may be under way at once. */
export type Slots = ReadonlyMap<Lane, number>

/** Zendesk's: events, and as many uploads. */
export const zendeskSlots = (concurrency: number, uploads = concurrency): Slots =>
  new Map([
    ['event', Math.max(1, concurrency)],
    ['media', Math.max(1, uploads)],
  ])

/** The lane that goes first begins with all its slots. The others begin with a quarter, and get more as long as that goes well. */
export const firstSlots = (slots: Slots): Slots =>
  new Map([...slots].map(([lane, most], place) => [lane, place === 0 ? most : Math.ceil(most / 4)]))
