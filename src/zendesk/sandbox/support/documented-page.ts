/** Pages of the documented API, as asked for and as answered: by number (`page`, `per_page`) or by cursor (`page[size]`, `page[after]`). */
import { z } from 'zod'
import { largestPage } from '../../wire/documented/page.ts'
import { invalidValue, tooDeep } from './refusals.ts'

/** Pages by number end here. */
const deepest = 10_000

const size = z.coerce
  .number()
  .int()
  .min(1)
  .transform(wanted => Math.min(wanted, largestPage))
const querySchema = z.object({
  page: z.coerce.number().int().min(1).default(1),
  per_page: size.default(largestPage),
  'page[size]': size.optional(),
  'page[after]': z.string().max(64).optional(),
})

/** Which rows to read, and how the question was put. */
export interface Slice {
  readonly by: 'number' | 'cursor'
  readonly limit: number
  readonly offset: number
}

/** The slice a query asks for; a 400 or 422 when there is none such. */
export function sliceAsked(query: unknown): Slice {
  const parsed = querySchema.safeParse(query)
  if (!parsed.success) throw invalidValue('page', 'must be a number')
  const { page, per_page, 'page[size]': pageSize, 'page[after]': after } = parsed.data
  if (pageSize !== undefined || after !== undefined) {
    return { by: 'cursor', limit: pageSize ?? largestPage, offset: after === undefined ? 0 : offsetIn(after) }
  }
  const offset = (page - 1) * per_page
  if (offset + per_page > deepest) throw tooDeep()
  return { by: 'number', limit: per_page, offset }
}

/** What goes beside the rows. `url` is the address that was asked. */
export function pageFields({ by, limit, offset }: Slice, count: number, url: URL): object {
  const more = offset + limit < count
  if (by === 'cursor') {
    const next = cursor(offset + limit)
    return {
      meta: { has_more: more, after_cursor: more ? next : null, before_cursor: null },
      links: { next: more ? withQuery(url, { 'page[size]': limit, 'page[after]': next }) : null, prev: null },
    }
  }
  const page = offset / limit + 1
  return {
    count,
    next_page: more ? withQuery(url, { page: page + 1, per_page: limit }) : null,
    previous_page: page > 1 ? withQuery(url, { page: page - 1, per_page: limit }) : null,
  }
}

const cursor = (offset: number) => Buffer.from(`o${offset}`).toString('base64url')

function offsetIn(text: string): number {
  const match = /^o(\d{1,9})$/.exec(Buffer.from(text, 'base64url').toString('latin1'))
  if (match === null) throw invalidValue('page', 'the cursor is none of ours')
  return Number(match[1])
}

function withQuery(url: URL, changes: Readonly<Record<string, string | number>>): string {
  const target = new URL(url)
  for (const [name, value] of Object.entries(changes)) target.searchParams.set(name, String(value))
  return target.href
}
