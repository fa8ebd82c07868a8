/** `GET /api/v2/search?query=`: users and tickets, as far as the index has them. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { baseOf, urlOf } from '../asked.ts'
import { Problem } from '../problem.ts'
import { pageFields, sliceAsked } from './documented-page.ts'
import { ticketView, userView } from './documented-views.ts'
import { invalidValue } from './refusals.ts'
import { searchedTickets, searchedUsers } from './search-index.ts'
import { parseSearch, searchedKinds } from './search-query.ts'
import type { SupportScope } from './support-scope.ts'

/** A search shows no more than this. */
const deepest = 1_000

const querySchema = z.object({ query: z.string().min(1).max(1024) })
const none = { rows: [], count: 0 }

export function searchRoutes(app: FastifyInstance, { account, clock }: SupportScope): void {
  app.get('/search', async request => {
    const parsed = querySchema.safeParse(request.query)
    if (!parsed.success) throw invalidValue('query', 'Query: must be given', 'BlankValue')
    const slice = sliceAsked(request.query)
    const { limit, offset } = slice
    if (offset + limit > deepest)
      throw new Problem(422, { error: 'Unprocessable', description: `Only the first ${deepest} results can be had` })
    const terms = parseSearch(parsed.data.query)
    const { users, tickets } = searchedKinds(terms)
    const now = clock()
    const base = baseOf(request)
    const found = users ? searchedUsers(account, terms, now, { limit, offset }) : none
    // Users first, then tickets: the second list begins where the first has ended.
    const rest = { limit: limit - found.rows.length, offset: Math.max(0, offset - found.count) }
    const foundTickets = tickets ? searchedTickets(account, terms, now, rest) : none
    return {
      results: [
        ...found.rows.map(user => ({ ...userView(user, base), result_type: 'user' })),
        ...foundTickets.rows.map(ticket => ({ ...ticketView(ticket, base), result_type: 'ticket' })),
      ],
      facets: null,
      ...pageFields({ ...slice, by: 'number' }, found.count + foundTickets.count, urlOf(request)),
    }
  })
}
