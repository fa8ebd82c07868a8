/** `/phone_queues`: queues, their members, and how waiting in them went. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { newMemberSchema, newQueueSchema, queueChangeSchema } from '../../../wire/queue.ts'
import { accept, idAsked, urlOf } from '../../asked.ts'
import { nextPage, pageQuerySchema } from '../../page.ts'
import { AgentStatuses } from '../agents/agent-statuses.ts'
import { type CreationParts, create } from '../creation.ts'
import { queueAnalytics } from './analytics.ts'
import { Queues } from './queues.ts'

export interface QueueParts extends CreationParts {
  readonly db: DatabaseSyncInstance
  /** Epoch ms. */
  readonly clock: () => number
}

const memberParamsSchema = z.object({ agent: z.coerce.number().int() })

export function queueRoutes(app: FastifyInstance, parts: QueueParts): void {
  const { db, commits, clock } = parts
  const queues = new Queues(db)
  const statuses = new AgentStatuses(db)
  const memberView = (id: number) => {
    const { agent_id, status } = statuses.get(id)
    return { agent_id, status }
  }

  app.get('/phone_queues', async request => {
    const { rows, count, next } = queues.list(accept(pageQuerySchema, request.query))
    return { phone_queues: rows, count, next_page: nextPage(urlOf(request), next) }
  })
  app.post('/phone_queues', async (request, reply) => {
    const { phone_queue } = accept(newQueueSchema, request.body)
    return create(parts, request, reply, () => ({ phone_queue: queues.create(phone_queue, clock()) }))
  })
  app.get('/phone_queues/:id', async request => ({ phone_queue: queues.get(idAsked(request)) }))
  app.put('/phone_queues/:id', async request => {
    const { phone_queue } = accept(queueChangeSchema, request.body)
    return commits.run(() => ({ phone_queue: queues.change(idAsked(request), phone_queue, clock()) }))
  })
  app.delete('/phone_queues/:id', async (request, reply) => {
    await commits.run(() => queues.remove(idAsked(request)))
    return reply.code(204).send()
  })

  app.get('/phone_queues/:id/members', async request => {
    const { members } = queues.get(idAsked(request))
    return { members: members.map(memberView), count: members.length }
  })
  app.post('/phone_queues/:id/members', async (request, reply) => {
    const { agent_id } = accept(newMemberSchema, request.body).member
    return create(parts, request, reply, () => {
      queues.addMember(idAsked(request), agent_id, clock())
      return { member: memberView(agent_id) }
    })
  })
  app.delete('/phone_queues/:id/members/:agent', async (request, reply) => {
    await commits.run(() => queues.removeMember(idAsked(request), agentOf(request), clock()))
    return reply.code(204).send()
  })

  app.get('/phone_queues/:id/analytics', async request => queueAnalytics(db, queues.get(idAsked(request)).id))
}

/** What is no number is nobody's. */
function agentOf(request: FastifyRequest): number {
  const parsed = memberParamsSchema.safeParse(request.params)
  return parsed.success ? parsed.data.agent : 0
}
