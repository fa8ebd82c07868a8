/** The operator's side of the account: how it is set up, what popped up on whose screen, and whether anything was made twice. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { accept, idAsked } from '../asked.ts'
import type { GroupCommit } from '../group-commit.ts'
import { invalidField } from '../problem.ts'
import type { Account } from './account.ts'
import { statusNames } from './agent-statuses.ts'
import { accountChangesSchema } from './settings.ts'

export interface AccountOperatorParts {
  readonly account: Account
  readonly commits: GroupCommit
  /** Epoch ms. */
  readonly clock: () => number
}

const displaysQuerySchema = z.object({ limit: z.coerce.number().int().min(1).max(100_000).default(1_000) })
const statusSchema = z.strictObject({ status_id: z.int() })

/** Registers them in the operator's scope, which lets only programs on this machine in. */
export function accountOperatorRoutes(app: FastifyInstance, { account, commits, clock }: AccountOperatorParts): void {
  app.get('/_sandbox/settings', async () => ({ settings: account.settings.current }))

  app.post('/_sandbox/settings', async request => {
    const changes = accept(accountChangesSchema, request.body)
    return { settings: await commits.run(() => account.settings.change(changes)) }
  })

  app.get('/_sandbox/displays', async request => {
    const { limit } = accept(displaysQuerySchema, request.query)
    return {
      displays: account.displays.list(limit).map(({ agentId, kind, targetId, at }) => ({
        agent_id: agentId,
        [kind === 'ticket' ? 'ticket_id' : 'user_id']: targetId,
        at: new Date(at).toISOString(),
      })),
    }
  })

  app.post('/_sandbox/refresh_tokens', async (_request, reply) =>
    reply.code(201).send({ refresh_token: await commits.run(() => account.credentials.grant()) }),
  )

  // As if the agent had done it in the browser.
  app.put('/_sandbox/agents/:id/status', async request => {
    const { status_id } = accept(statusSchema, request.body)
    if (!statusNames.has(status_id)) throw invalidField('status_id', `must be one of ${[...statusNames.keys()].join(', ')}`)
    await commits.run(() => account.agentStatuses.set(idAsked(request), status_id, 'AGENT_STATUS_SWITCHER', clock()))
    return { agent_status: account.agentStatuses.get(idAsked(request)) }
  })
}

/** How much there is. */
export function accountCounts(account: Account, now: number) {
  const { attached, waiting } = account.attachments.totals(now)
  return {
    tickets: account.tickets.count(),
    ticket_comments: account.history.comments(),
    /** End users. */
    users: account.users.callers(),
    /** Files on tickets; and those that no comment has used yet. */
    attachments: attached,
    uploads_waiting: waiting,
    /** Records of the documented API; the Voice API's are phone_calls. */
    documented_calls: account.calls.count(),
  }
}

/** What should not be there twice and is; every list empty when all is well. */
export const accountDuplicates = (account: Account) => ({
  users_with_one_phone: account.users.samePhone(),
  calls_with_one_external_id: account.calls.sameExternalId(),
  tickets_with_one_external_id: account.tickets.sameExternalId(),
  attachments_with_one_name: account.attachments.sameNames(),
})
