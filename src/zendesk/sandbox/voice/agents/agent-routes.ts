/** `/agents/{id}/phone_status` */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { agentStatusChangeSchema } from '../../../wire/agent-status.ts'
import { accept, idAsked } from '../../asked.ts'
import type { GroupCommit } from '../../group-commit.ts'
import { notFound } from '../../problem.ts'
import { AgentStatuses } from './agent-statuses.ts'

export interface AgentParts {
  readonly db: DatabaseSyncInstance
  readonly commits: GroupCommit
  /** Epoch ms. */
  readonly clock: () => number
}

export function agentRoutes(app: FastifyInstance, { db, commits, clock }: AgentParts): void {
  const statuses = new AgentStatuses(db)

  app.get('/agents/:id/phone_status', async request => statuses.get(agentAsked(request)))

  app.put('/agents/:id/phone_status', async request => {
    const id = agentAsked(request)
    const { status } = accept(agentStatusChangeSchema, request.body)
    return commits.run(() => statuses.set(id, status, clock()))
  })
}

/** Agents are Zendesk's users: any positive number may be one. */
function agentAsked(request: FastifyRequest): number {
  const id = idAsked(request)
  if (id === 0) throw notFound('Agent')
  return id
}
