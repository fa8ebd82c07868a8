/** `/api/v2/tickets`: made, changed, read back, with their comments, audits and tags. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { newSupportTicketSchema, tagsSchema, ticketChangesSchema } from '../../wire/documented/ticket.ts'
import { idempotencyLookupHeader } from '../../wire/documented/words.ts'
import { accept, baseOf, idAsked, urlOf } from '../asked.ts'
import { Problem } from '../problem.ts'
import { pageFields, sliceAsked } from './documented-page.ts'
import { auditView, commentView, ticketView } from './documented-views.ts'
import { plainTooMany, recordNotFound } from './refusals.ts'
import { acceptBody } from './restricted-keys.ts'
import type { SupportScope } from './support-scope.ts'
import { type ChangedTicket, openTicket, updateTicket } from './ticket-desk.ts'
import type { StoredTicket, TicketFilter } from './tickets.ts'

const listQuerySchema = z.object({ external_id: z.string().max(255).optional() })
const orderSchema = z.object({
  sort: z.string().max(64).optional(),
  sort_by: z.string().max(64).optional(),
  sort_order: z.enum(['asc', 'desc']).catch('asc').default('asc'),
})

export function ticketRoutes(app: FastifyInstance, { account, commits, clock, actorOf }: SupportScope): void {
  const { tickets } = account
  const asked = (request: FastifyRequest): StoredTicket => {
    const ticket = tickets.get(idAsked(request))
    if (ticket === null) throw recordNotFound()
    return ticket
  }
  const changedView = ({ ticket, audit }: ChangedTicket, base: string) => ({
    ticket: ticketView(ticket, base),
    audit: auditView(audit, base),
  })
  const list = (filter: TicketFilter, request: FastifyRequest) => {
    const slice = sliceAsked(request.query)
    const { rows, count } = tickets.list({ order: orderAsked(request.query), ...filter }, slice)
    return { tickets: rows.map(ticket => ticketView(ticket, baseOf(request))), ...pageFields(slice, count, urlOf(request)) }
  }

  app.post('/tickets', async (request, reply) => {
    const { ticket } = acceptBody(newSupportTicketSchema, request.body, reply)
    const actor = await actorOf(request)
    const base = baseOf(request)
    const key = keyOf(request)
    const effect = () => changedView(openTicket(account, ticket, actor, null, clock()), base)
    if (key === null) return reply.code(201).send(await commits.run(effect))
    const fingerprint = createHash('sha256').update(JSON.stringify(request.body)).digest('hex')
    const { lookup, body } = await commits.run(() => account.ticketAnswers.once(key, fingerprint, clock(), effect))
    return reply.code(201).header(idempotencyLookupHeader, lookup).type('application/json; charset=utf-8').send(body)
  })

  app.get('/tickets', async request => {
    const { external_id } = accept(listQuerySchema, request.query)
    return list(external_id === undefined ? {} : { externalId: external_id }, request)
  })

  app.get('/users/:id/tickets/requested', async request => {
    const id = idAsked(request)
    if (account.users.get(id) === null && !account.isAgent(id)) throw recordNotFound()
    return list({ requesterId: id }, request)
  })

  app.get('/tickets/:id', async request => ({ ticket: ticketView(asked(request), baseOf(request)) }))

  app.put('/tickets/:id', async (request, reply) => {
    const { ticket } = acceptBody(ticketChangesSchema, request.body, reply)
    const actor = await actorOf(request)
    const { id } = asked(request)
    if (!account.updates.admit(id, actor.userId, clock())) return plainTooMany(reply)
    return changedView(await commits.run(() => updateTicket(account, id, ticket, actor, clock())), baseOf(request))
  })

  app.get('/tickets/:id/comments', async request => {
    const { id } = asked(request)
    const slice = sliceAsked(request.query)
    const { sort = '', sort_order } = accept(orderSchema, request.query)
    const { rows, count } = account.history.commentsOn(id, slice, sort_order === 'desc' || sort.startsWith('-'))
    return { comments: rows.map(comment => commentView(comment, baseOf(request))), ...pageFields(slice, count, urlOf(request)) }
  })

  app.get('/tickets/:id/audits', async request => {
    const { id } = asked(request)
    const slice = sliceAsked(request.query)
    const { rows, count } = account.history.auditsOn(id, slice)
    return { audits: rows.map(audit => auditView(audit, baseOf(request))), ...pageFields(slice, count, urlOf(request)) }
  })

  app.get('/tickets/:id/tags', async request => ({ tags: asked(request).fields.tags }))

  tagRoute('PUT', (before, given) => [...new Set([...before, ...given])])
  tagRoute('POST', (_before, given) => [...new Set(given)])
  tagRoute('DELETE', (before, given) => before.filter(tag => !given.includes(tag)))

  function tagRoute(
    method: 'PUT' | 'POST' | 'DELETE',
    next: (before: readonly string[], given: readonly string[]) => readonly string[],
  ): void {
    app.route({
      method,
      url: '/tickets/:id/tags',
      handler: async (request, reply) => {
        const { tags } = acceptBody(tagsSchema, request.body, reply)
        const actor = await actorOf(request)
        const { id } = asked(request)
        if (!account.updates.admit(id, actor.userId, clock())) return plainTooMany(reply)
        const { ticket } = await commits.run(() => {
          const fields = { tags: [...next(asked(request).fields.tags, tags)] }
          return tickets.change(id, { authorId: actor.userId, fields, comment: null }, clock())
        })
        return reply.code(method === 'POST' ? 201 : 200).send({ tags: ticket.fields.tags })
      },
    })
  }
}

/** The Idempotency-Key, when there is one that counts: at most 255 characters. */
function keyOf(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key']
  if (header === undefined || header === '') return null
  if (typeof header === 'string' && header.length <= 255) return header
  throw new Problem(400, { error: 'IdempotentRequestError', description: 'An idempotency key has at most 255 characters' })
}

/** `sort_by` with `sort_order`, or `sort=-updated_at`. */
function orderAsked(query: unknown): NonNullable<TicketFilter['order']> {
  const { sort = '', sort_by, sort_order } = accept(orderSchema, query)
  const descending = sort_order === 'desc' || sort.startsWith('-')
  switch (sort_by ?? sort.replace(/^-/, '')) {
    case 'created_at':
      return descending ? 'created_at DESC, id DESC' : 'created_at, id'
    case 'updated_at':
      return descending ? 'updated_at DESC, id DESC' : 'updated_at, id'
    default:
      return descending ? 'id DESC' : 'id'
  }
}
