/** The documented half of the API, below `/api/v2`: tickets, users, search, uploads, calls, display, agent statuses; and OAuth. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { supportPath } from '../../wire/documented/words.ts'
import { faultHooks } from '../fault-hooks.ts'
import { noEndpoint, Problem, tooManyRequests } from '../problem.ts'
import { availabilityRoutes } from './availability-routes.ts'
import { callRoutes } from './call-routes.ts'
import { displayRoutes } from './display-routes.ts'
import { oauthRoutes } from './oauth-routes.ts'
import { couldNotAuthenticate } from './refusals.ts'
import { searchRoutes } from './search-routes.ts'
import type { SupportParts, SupportScope } from './support-scope.ts'
import { ticketRoutes } from './ticket-routes.ts'
import { downloadRoutes, uploadRoutes } from './upload-routes.ts'
import { userRoutes } from './user-routes.ts'

/** Room for a call with a long transcript. */
const jsonLimitBytes = 8 * 1024 * 1024

/** Registers them at the root of the server, with their own check of credentials and budget. */
export async function supportRoutes(app: FastifyInstance, parts: SupportParts): Promise<void> {
  const { account, commits, faults, stopping, clock } = parts
  const actorOf = (request: FastifyRequest) => account.actor(request.headers.authorization, commits, clock())
  const scope: SupportScope = { ...parts, actorOf }

  await app.register(
    async api => {
      admissionHook(api, parts)
      faultHooks(api, faults, stopping)
      api.setNotFoundHandler(async () => {
        throw noEndpoint()
      })
      emptyJsonIsNothing(api)
      ticketRoutes(api, scope)
      userRoutes(api, scope)
      searchRoutes(api, scope)
      callRoutes(api, scope)
      displayRoutes(api, scope)
      availabilityRoutes(api, scope)
      await uploadRoutes(api, scope)
    },
    { prefix: supportPath },
  )
  await app.register(async outside => {
    faultHooks(outside, faults, stopping)
    oauthRoutes(outside, parts)
    downloadRoutes(outside, parts)
  })
}

/** The same budget as the Voice API's half has. */
function admissionHook(api: FastifyInstance, { account, budget, clock }: SupportParts): void {
  api.addHook('onRequest', async (request, reply) => {
    const known = account.knows(request.headers.authorization, clock())
    const { admitted, limit, remaining, resetSeconds } = budget.admit(known ? 'token' : 'stranger', clock())
    reply.headers({ 'x-rate-limit': limit, 'x-rate-limit-remaining': remaining })
    if (!admitted) throw tooManyRequests(resetSeconds)
    if (!known) throw couldNotAuthenticate()
  })
}

/** A request without a body may still call itself JSON: display, for one, is sent so. */
function emptyJsonIsNothing(api: FastifyInstance): void {
  api.removeContentTypeParser('application/json')
  api.addContentTypeParser('application/json', { parseAs: 'string', bodyLimit: jsonLimitBytes }, (_request, text, done) => {
    if (text === '') return done(null, undefined)
    try {
      done(null, JSON.parse(String(text)))
    } catch {
      done(new Problem(400, { error: 'Invalid JSON', description: 'The body is not JSON' }))
    }
  })
}
