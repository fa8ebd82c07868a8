/** What a stored item says of its own erasure: column `erasure` of items. */
import { z } from 'zod'

const placeSchema = z.object({
  /** `deleted`, `not there`: what was found and done. */
  told: z.string(),
  /** What is left for a person to do; `null`: nothing. */
  byHand: z.string().nullable(),
})

const noteSchema = z.object({
  actor: z.string(),
  reason: z.string().nullable(),
  /** Epoch ms. */
  askedAt: z.number(),
  /** The PBX's own files stay. */
  keepSources: z.boolean(),
  /** The places that are done with, by name. */
  places: z.record(z.string(), placeSchema),
  /** Epoch ms; `null`: it is not erased everywhere yet. */
  doneAt: z.number().nullable(),
})

export type ErasedPlace = z.infer<typeof placeSchema>
export type ErasureNote = z.infer<typeof noteSchema>

/** Throws for a column that another program wrote. */
export const readErasure = (text: string): ErasureNote => noteSchema.parse(JSON.parse(text))

/** What `like` finds in the column as long as the item is not erased everywhere. Within a text JSON writes every quote as `\"`. */
export const unfinished = '%"doneAt":null%'
