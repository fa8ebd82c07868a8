/** Lists of the Voice API: `{"THINGS": […], "count", "next_page"}`, newest first. */
import { z } from 'zod'

/** The id of a stored thing. The sandbox counts; another server may use words. */
export const idSchema = z.union([z.int(), z.string().min(1).max(255)])
export type Id = z.infer<typeof idSchema>

/** How many there are in all, and the address of the next page; `null` on the last one. */
export const pageFields = { count: z.int().min(0), next_page: z.string().nullable() }

/** The query of every list. `before` is the id to go on below; `next_page` carries it. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().min(1).optional(),
})
