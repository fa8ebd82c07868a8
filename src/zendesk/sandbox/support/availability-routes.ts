/** `/api/v2/agent_availabilities`: the unified status of agents (JSON:API). */
import type { FastifyInstance } from 'fastify'
import { statusChangeSchema } from '../../wire/documented/agent-availability.ts'
import { idAsked } from '../asked.ts'
import { statusNames } from './agent-statuses.ts'
import { availabilityView } from './documented-views.ts'
import { forbidden, invalidValue, recordNotFound } from './refusals.ts'
import { acceptBody } from './restricted-keys.ts'
import type { SupportScope } from './support-scope.ts'

export function availabilityRoutes(app: FastifyInstance, { account, commits, clock, actorOf }: SupportScope): void {
  app.get('/agent_availabilities/agent_statuses', async () => ({
    data: [...statusNames].map(([id, { name, description }]) => ({
      id: String(id),
      type: 'agent_statuses',
      attributes: { name, description, default: true },
    })),
    meta: { has_more: false },
    links: { next: null, prev: null },
  }))

  app.get('/agent_availabilities/:id', async request => {
    const id = idAsked(request)
    if (id === 0 || !account.isAgent(id)) throw recordNotFound()
    return availabilityView(id, account.agentStatuses.get(id))
  })

  app.put('/agent_availabilities/agent_statuses/agents/:id', async (request, reply) => {
    const { role } = await actorOf(request)
    if (role !== 'admin') throw forbidden()
    const { id: statusId } = acceptBody(statusChangeSchema, request.body, reply)
    const id = idAsked(request)
    if (id === 0 || !account.isAgent(id)) throw recordNotFound()
    if (!statusNames.has(statusId)) throw invalidValue('id', 'Id: is not a status of this account')
    await commits.run(() => account.agentStatuses.set(id, statusId, 'PUBLIC_API', clock()))
    const { data } = availabilityView(id, account.agentStatuses.get(id))
    return { data }
  })
}
