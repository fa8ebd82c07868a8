/** What the harness and the process that runs its bridges tell each other, over the IPC channel. */
import { z } from 'zod'

const storeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sqlite') }),
  z.object({ kind: z.literal('postgres'), url: z.string(), leaseMs: z.number() }),
])

const eventType = z.enum(['call.started', 'call.ringing', 'call.answered', 'call.held', 'call.resumed', 'call.ended'])

const factSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('event'),
    id: z.string(),
    call: z.string(),
    sequence: z.number(),
    type: eventType,
    ended: z.boolean(),
  }),
  z.object({
    kind: z.enum(['recording', 'voicemail']),
    id: z.string(),
    call: z.string().nullable(),
    frames: z.number(),
  }),
])

/** What to add to the machine's clock: for time that passes faster here, and for a clock that is wrong. */
const clockSchema = z.object({ aheadMs: z.number(), wrongByMs: z.number() })

/** To the process. `order` counts what a world's bridge was told, so that it can say what it has seen. */
export const orderSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('open'),
    world: z.string(),
    order: z.number(),
    bridge: z.string(),
    dataDir: z.string(),
    sinkUrl: z.string(),
    store: storeSchema,
    /** `null`: no limit. */
    requestsPerMinute: z.number().nullable(),
    clock: clockSchema,
  }),
  z.object({ kind: z.literal('clock'), world: z.string(), order: z.number(), clock: clockSchema }),
  z.object({ kind: z.literal('learn'), world: z.string(), order: z.number(), facts: z.array(factSchema) }),
  z.object({ kind: z.literal('report'), world: z.string(), order: z.number() }),
  z.object({ kind: z.literal('close'), world: z.string(), order: z.number() }),
])

/** From the process. */
export const newsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('acknowledged'), world: z.string(), ids: z.array(z.string()) }),
  /** Nothing is under way, and nothing will be for `wakeInMs`; `null`: as far as is known, ever. */
  z.object({ kind: z.literal('idle'), world: z.string(), order: z.number(), wakeInMs: z.number().nullable() }),
  z.object({
    kind: z.literal('report'),
    world: z.string(),
    order: z.number(),
    jobs: z.array(z.object({ id: z.string(), state: z.string(), reason: z.string().nullable() })),
    events: z.array(z.string()),
    rssBytes: z.number(),
  }),
  z.object({ kind: z.literal('closed'), world: z.string() }),
  /** Something that the bridge logs as an error of its own. */
  z.object({ kind: z.literal('error'), world: z.string(), text: z.string() }),
  z.object({ kind: z.literal('said'), world: z.string(), text: z.string() }),
])

export type Order = z.infer<typeof orderSchema>
export type News = z.infer<typeof newsSchema>
export type SentFact = z.infer<typeof factSchema>
export type Clock = z.infer<typeof clockSchema>
export type StoreOf = z.infer<typeof storeSchema>
