/** Lists, newest first: `limit` and `before` (an id) in, `next_page` out. */
import { z } from 'zod'

const perPage = 100

/** The query of every list. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(perPage),
  before: z.coerce.number().int().min(1).optional(),
})

export type PageQuery = z.infer<typeof pageQuerySchema>

/** One page of rows, of all that match. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  /** How many match on all pages. */
  readonly count: number
  /** The `before` of the next page; `null` on the last one. */
  readonly next: number | null
}

/** A condition of a list, with its parameters. */
export interface Condition {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** `WHERE a AND b` (or nothing) and its parameters. */
export function where(conditions: readonly Condition[]): { readonly sql: string; readonly values: readonly (string | number)[] } {
  if (conditions.length === 0) return { sql: '', values: [] }
  return {
    sql: `WHERE ${conditions.map(({ sql }) => `(${sql})`).join(' AND ')}`,
    values: conditions.flatMap(({ values }) => values),
  }
}

/** Makes a page of rows that were asked for with `limit + 1`. */
export function page<Row extends { readonly id: number }>(rows: readonly Row[], limit: number, count: number): Page<Row> {
  const shown = rows.slice(0, limit)
  return { rows: shown, count, next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null }
}

/** The URL of the next page: the present one with another `before`. */
export function nextPage(url: URL, next: number | null): string | null {
  if (next === null) return null
  const target = new URL(url)
  target.searchParams.set('before', String(next))
  return target.href
}
