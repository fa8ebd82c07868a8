/** `/api/v2/calls`: the call record, and the comments that make it visible on a ticket. Needs the Partner Edition licence. */
import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import { callChangesSchema, newCallSchema } from '../../wire/documented/call.ts'
import { newVoiceCommentSchema } from '../../wire/documented/voice-comment.ts'
import { baseOf, idAsked } from '../asked.ts'
import type { Account, Actor } from './account.ts'
import type { CallFields, StoredDocumentedCall } from './documented-calls.ts'
import { callView, commentView } from './documented-views.ts'
import { invalidValue, recordNotFound } from './refusals.ts'
import { acceptBody } from './restricted-keys.ts'
import type { SupportScope } from './support-scope.ts'
import { isSomebody } from './ticket-desk.ts'
import type { StoredComment } from './ticket-history.ts'
import type { NewTicketFields } from './tickets.ts'
import { checkShownFields, voiceComment } from './tpe-voice-comment.ts'

type VoiceCommentBody = z.output<typeof newVoiceCommentSchema>

export function callRoutes(app: FastifyInstance, { account, commits, clock, actorOf }: SupportScope): void {
  const { calls } = account
  const asked = (id: number): StoredDocumentedCall => {
    const call = calls.get(id)
    if (call === null) throw recordNotFound()
    return call
  }

  app.post('/calls', async (request, reply) => {
    const actor = await actorOf(request)
    account.requirePartnerEdition(actor)
    const { call, comment } = acceptBody(newCallSchema, request.body, reply)
    const made = await commits.run(() => {
      const { ticket_id = null, ...fields } = call
      checkCall(account, fields, ticket_id)
      if (comment !== undefined) checkComment(account, comment)
      const stored = calls.add(fields, ticket_id, clock())
      if (comment !== undefined) addComment(account, stored, comment, actor, clock())
      return asked(stored.id)
    })
    return reply.code(201).send({ call: callView(made) })
  })

  app.get('/calls/:id', async request => {
    account.requirePartnerEdition(await actorOf(request))
    return { call: callView(asked(idAsked(request))) }
  })

  app.patch('/calls/:id', async (request, reply) => {
    account.requirePartnerEdition(await actorOf(request))
    const { call: changes } = acceptBody(callChangesSchema, request.body, reply)
    const changed = await commits.run(() => {
      const before = asked(idAsked(request))
      const { ticket_id = before.ticketId, ...fields } = changes
      checkCall(account, { ...before.fields, ...fields }, ticket_id)
      return calls.change(before, fields, ticket_id, clock())
    })
    return { call: callView(changed) }
  })

  app.post('/calls/:id/comments', async (request, reply) => {
    const actor = await actorOf(request)
    account.requirePartnerEdition(actor)
    const comment = acceptBody(newVoiceCommentSchema, request.body, reply)
    const made = await commits.run(() => {
      const call = asked(idAsked(request))
      checkComment(account, comment)
      return addComment(account, call, comment, actor, clock())
    })
    return reply.code(201).send(commentView(made, baseOf(request)))
  })
}

/** What a call as a whole must be like; throws a 422. */
function checkCall(account: Account, fields: CallFields, ticketId: number | null): void {
  const { completion_status, call_ended_at, agent_id, end_user_id } = fields
  if (completion_status != null && completion_status !== '' && call_ended_at == null) {
    throw invalidValue('completion_status', 'Completion status: must be empty while the call is in progress')
  }
  if (ticketId !== null && account.tickets.get(ticketId) === null) throw invalidValue('ticket_id', 'Ticket: does not exist')
  if (typeof agent_id === 'number' && !account.isAgent(agent_id)) throw invalidValue('agent_id', 'Agent: is not an agent')
  if (typeof end_user_id === 'number' && !isSomebody(account, end_user_id)) {
    throw invalidValue('end_user_id', 'End user: does not exist')
  }
}

function checkComment(account: Account, { author_id, display_to_agent, end_user_id, call_fields = [] }: VoiceCommentBody): void {
  if (display_to_agent !== undefined && !account.isAgent(display_to_agent)) {
    throw invalidValue('display_to_agent', 'Display to agent: is not an agent')
  }
  if (author_id !== undefined && !isSomebody(account, author_id)) throw invalidValue('author_id', 'Author: is not a user')
  if (end_user_id !== undefined && !isSomebody(account, end_user_id))
    throw invalidValue('end_user_id', 'End user: does not exist')
  checkShownFields(call_fields)
}

/** Puts the comment on the call's ticket, which it makes when there is none, and pops that up where asked. */
function addComment(
  account: Account,
  call: StoredDocumentedCall,
  given: VoiceCommentBody,
  actor: Actor,
  now: number,
): StoredComment {
  const comment = voiceComment(call, given, actor)
  const { tickets, calls, displays } = account
  const { display_to_agent: agentId } = given
  if (call.ticketId !== null) {
    const { audit } = tickets.change(call.ticketId, { authorId: comment.authorId, fields: {}, comment }, now)
    if (agentId !== undefined) displays.show({ agentId, kind: 'ticket', targetId: call.ticketId, at: now })
    return only(audit.comments)
  }
  const { end_user_id, brand_id, from_line } = call.fields
  const requester = given.end_user_id ?? (typeof end_user_id === 'number' ? end_user_id : actor.userId)
  const fields: NewTicketFields = {
    subject: given.subject ?? given.title ?? `Call from: ${String(from_line)}`,
    description: comment.body,
    status: 'new',
    requester_id: requester,
    submitter_id: actor.userId,
    brand_id: typeof brand_id === 'number' ? brand_id : null,
    via_id: Number(comment.data.via_id),
  }
  const { ticket, audit } = tickets.create(fields, comment, comment.authorId, now)
  calls.change(call, { end_user_id: requester }, ticket.id, now)
  if (agentId !== undefined) displays.show({ agentId, kind: 'ticket', targetId: ticket.id, at: now })
  return only(audit.comments)
}

function only(comments: readonly StoredComment[]): StoredComment {
  const [comment] = comments
  if (comment === undefined) throw new Error('a ticket was changed without the comment it was given')
  return comment
}
