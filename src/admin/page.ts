/** Paging as every list of the API does it: newest first, with an opaque cursor to the older ones. */
import { z } from 'zod'

/** What a list asks of the store. */
export interface PageQuery {
  /** At most this many rows. */
  readonly limit: number
  /** The `next` of an earlier page; `null` for the newest rows. */
  readonly before: string | null
}

/** Rows, newest first. */
export interface Page<T> {
  readonly rows: readonly T[]
  /** What to give as `before` to read on; `null` when there is nothing older. Its form is the store's affair. */
  readonly next: string | null
}

/** The query string of a list. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('how many rows at most'),
  before: z.string().min(1).max(200).optional().describe('`next` of the page before this one'),
})

/** `next` in an answer. */
export const nextCursor = z.string().nullable().describe('give it as `before` to read on; null: there is nothing older')
