/** `/api/v2/users`: who there is, and whom one makes of a caller. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { newIdentitySchema, newUserSchema, userChangesSchema } from '../../wire/documented/user.ts'
import { accept, baseOf, idAsked, urlOf } from '../asked.ts'
import { pageFields, sliceAsked } from './documented-page.ts'
import { identityView, userView } from './documented-views.ts'
import { invalidValue, recordInvalid, recordNotFound } from './refusals.ts'
import { acceptBody } from './restricted-keys.ts'
import { searchedUsers } from './search-index.ts'
import { parseSearch } from './search-query.ts'
import type { SupportScope } from './support-scope.ts'
import type { StoredUser } from './users.ts'

const searchQuerySchema = z.object({ query: z.string().max(1024).optional(), external_id: z.string().max(255).optional() })

export function userRoutes(app: FastifyInstance, { account, commits, clock, actorOf }: SupportScope): void {
  const { users } = account
  const asked = (request: FastifyRequest): StoredUser => {
    const user = users.get(idAsked(request))
    if (user === null) throw recordNotFound()
    return user
  }

  app.get('/users/me', async request => {
    const me = users.get((await actorOf(request)).userId)
    if (me === null) throw recordNotFound()
    return { user: userView(me, baseOf(request)) }
  })

  app.get('/users/search', async request => {
    const { query, external_id } = accept(searchQuerySchema, request.query)
    const slice = sliceAsked(request.query)
    const fields = (count: number) => pageFields({ ...slice, by: 'number' }, count, urlOf(request))
    if (external_id !== undefined) {
      const found = users.byExternalId(external_id)
      return { users: found === null ? [] : [userView(found, baseOf(request))], ...fields(found === null ? 0 : 1) }
    }
    if (query === undefined) throw invalidValue('query', 'Query or external_id: must be given', 'BlankValue')
    const { rows, count } = searchedUsers(account, parseSearch(query), clock(), slice)
    return { users: rows.map(user => userView(user, baseOf(request))), ...fields(count) }
  })

  app.get('/users/:id', async request => ({ user: userView(asked(request), baseOf(request)) }))

  app.post('/users', async (request, reply) => {
    const { user } = acceptUser(newUserSchema, request.body, reply)
    const made = await commits.run(() => users.add(user, clock()))
    const view = userView(made, baseOf(request))
    return reply.code(201).header('location', view.url).send({ user: view })
  })

  app.post('/users/create_or_update', async (request, reply) => {
    const { user } = acceptUser(newUserSchema, request.body, reply)
    const { stored, fresh } = await commits.run(() => {
      // By what is unique only: never by telephone number.
      const found =
        (user.external_id == null ? null : users.byExternalId(user.external_id)) ??
        (user.email == null ? null : users.byEmail(user.email))
      if (found === null) return { stored: users.add(user, clock()), fresh: true }
      return { stored: users.change(found.id, user, clock()), fresh: false }
    })
    const view = userView(stored, baseOf(request))
    return reply
      .code(fresh ? 201 : 200)
      .header('location', view.url)
      .send({ user: view })
  })

  app.put('/users/:id', async (request, reply) => {
    const { user } = acceptUser(userChangesSchema, request.body, reply)
    const changed = await commits.run(() => users.change(asked(request).id, user, clock()))
    return { user: userView(changed, baseOf(request)) }
  })

  app.get('/users/:id/identities', async request => ({
    identities: users.identities(asked(request).id).map(identity => identityView(identity, baseOf(request))),
  }))

  app.post('/users/:id/identities', async (request, reply) => {
    const { identity } = acceptBody(newIdentitySchema, request.body, reply)
    const { type, value, verified = false } = identity
    const made = await commits.run(() => users.addIdentity(asked(request).id, { type, value, verified }, clock()))
    return reply.code(201).send({ identity: identityView(made, baseOf(request)) })
  })
}

/** As `acceptBody`; a telephone number that is none is refused in Zendesk's own words, of which `details` has one object. */
function acceptUser<T>(schema: z.ZodType<T>, body: unknown, reply: FastifyReply): T {
  const parsed = schema.safeParse(body ?? {})
  const wrong = parsed.success ? undefined : parsed.error.issues.find(({ path }) => path[1] === 'phone')
  if (wrong !== undefined) {
    throw recordInvalid({ phone: { description: `Phone ${wrong.message}`, error: 'InvalidFormat' } })
  }
  return acceptBody(schema, body, reply)
}
