/** Screen pop: a ticket or a user's profile before an agent's eyes. Part of the Partner Edition, below the voice path. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { recordNotFound } from './refusals.ts'
import type { SupportScope } from './support-scope.ts'

const id = z.coerce.number().int().min(1)
const paramsSchema = z.object({ agent: id, target: id })

export function displayRoutes(app: FastifyInstance, { account, commits, clock, actorOf }: SupportScope): void {
  const show = async (request: FastifyRequest, kind: 'ticket' | 'user', exists: (id: number) => boolean): Promise<void> => {
    account.requirePartnerEdition(await actorOf(request))
    const parsed = paramsSchema.safeParse(request.params)
    if (!parsed.success) throw recordNotFound()
    const { agent: agentId, target: targetId } = parsed.data
    if (!account.isAgent(agentId) || !exists(targetId)) throw recordNotFound()
    await commits.run(() => account.displays.show({ agentId, kind, targetId, at: clock() }))
  }

  app.post('/channels/voice/agents/:agent/tickets/:target/display', async (request, reply) => {
    await show(request, 'ticket', ticketId => account.tickets.get(ticketId) !== null)
    return reply.code(200).send('')
  })

  app.post('/channels/voice/agents/:agent/users/:target/display', async (request, reply) => {
    await show(request, 'user', userId => account.users.get(userId) !== null)
    return reply.code(200).send('')
  })
}
