/**
 * Tickets as the Voice API makes them: from a call, from a voicemail, by themselves, and comments on them. `POST /tickets` is also
 * the documented API's: who sends a `via_id`, or authenticates in its way, gets its meaning and its answer.
 */
import { createHash } from 'node:crypto'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { newVoiceTicketSchema } from '../../wire/documented/ticket.ts'
import { pageQuerySchema } from '../../wire/page.ts'
import { newCommentSchema, newTicketSchema } from '../../wire/ticket.ts'
import { type Answers, idempotencyKey } from '../answers.ts'
import { accept, baseOf, idAsked, urlOf } from '../asked.ts'
import type { GroupCommit } from '../group-commit.ts'
import type { MediaFolder } from '../media-folder.ts'
import { nextPage, page } from '../page.ts'
import { deleted, invalidField, notFound, Problem } from '../problem.ts'
import type { Calls } from '../voice/calls/call-log.ts'
import { type TicketSource, TicketSources } from '../voice/ticket-sources.ts'
import type { Account, Actor } from './account.ts'
import { ticketView } from './documented-views.ts'
import { invalidValue } from './refusals.ts'
import { acceptBody } from './restricted-keys.ts'
import { type AudioSources, audioAt, copyOf, dropFiles, noAudio, type TicketAudio } from './ticket-audio.ts'
import { openTicket } from './ticket-desk.ts'
import { originOf, voiceCommentView, voiceTicketView } from './voice-ticket-view.ts'

export interface VoiceTicketParts extends AudioSources {
  readonly account: Account
  readonly answers: Answers
  readonly calls: Calls
  readonly commits: GroupCommit
  readonly db: DatabaseSyncInstance
  readonly media: MediaFolder
  /** Epoch ms. */
  readonly clock: () => number
}

type NewTicketBody = z.output<typeof newTicketSchema>
/** What a ticket is made of, beside its body. */
interface Origin {
  readonly source: TicketSource
  readonly phoneCallId: number | null
  readonly phoneVoicemailId: number | null
  /** The caller's number, or the called one's of an outbound call; `null`: nobody's. */
  readonly customer: string | null
}

const listQuerySchema = pageQuerySchema.extend({ external_id: z.string().max(255).optional() })
const viaSchema = z.object({ ticket: z.object({ via_id: z.unknown() }) })

/** Registers them below the Voice API's path; the token and the budget are checked before. */
export function voiceTicketRoutes(app: FastifyInstance, parts: VoiceTicketParts): void {
  const { account, answers, calls, commits, clock, media } = parts
  const { tickets } = account
  const sources = new TicketSources(parts.db)
  const view = (id: number, base: string) => {
    const ticket = tickets.get(id)
    if (ticket === null) throw notFound('Ticket')
    return voiceTicketView(account, sources, ticket, base)
  }
  const actorOf = (request: FastifyRequest) => account.actor(request.headers.authorization, commits, clock())

  app.post('/phone_calls/:id/create_ticket', async (request, reply) => {
    const body = accept(newTicketSchema, request.body)
    const actor = await actorOf(request)
    const base = baseOf(request)
    const audio = await audioOf(request, body, base)
    await answer(request, reply, body, audio, () => {
      const source = sources.call(idAsked(request), base)
      if (source === null || source.callId === null) throw notFound('Call')
      if (source.ticketId !== null) throw ticketed('call', source.ticketId)
      const id = make(body, audio, actor, {
        source,
        phoneCallId: source.callId,
        phoneVoicemailId: null,
        customer: customerOf(calls, source),
      })
      sources.ticketCall(source.callId, id)
      return { ticket: view(id, base) }
    })
    return reply
  })

  app.post('/phone_voicemails/:id/create_ticket', async (request, reply) => {
    const body = accept(newTicketSchema, request.body)
    const actor = await actorOf(request)
    const base = baseOf(request)
    const live = () => {
      const source = sources.voicemail(idAsked(request), base)
      if (source === null) throw notFound('Voicemail')
      if (source === 'deleted') throw deleted('Voicemail')
      return source
    }
    const audio = isRepeat(request) ? noAudio : await withVoicemail(live(), await audioOf(request, body, base))
    await answer(request, reply, body, audio, () => {
      const source = live()
      const { callId, voicemailId, ticketId, from } = source
      if (voicemailId === null) throw notFound('Voicemail')
      if (ticketId !== null) throw ticketed('voicemail', ticketId)
      const customer = numberOrNull(from)
      const id = make(body, audio, actor, { source, phoneCallId: callId, phoneVoicemailId: voicemailId, customer })
      sources.ticketVoicemail(voicemailId, id)
      return { ticket: view(id, base) }
    })
    return reply
  })

  app.post('/tickets', async (request, reply) => {
    const actor = await actorOf(request)
    const via = viaSchema.safeParse(request.body)
    const documented =
      (via.success && via.data.ticket.via_id !== undefined) || /^basic /i.test(request.headers.authorization ?? '')
    if (documented) return documentedTicket(request, reply, actor)
    const body = accept(newTicketSchema, request.body)
    const base = baseOf(request)
    const audio = await audioOf(request, body, base)
    await answer(request, reply, body, audio, () => ({ ticket: view(make(body, audio, actor, null), base) }))
    return reply
  })

  app.post('/tickets/:id/comments', async (request, reply) => {
    const body = accept(newCommentSchema, request.body)
    const actor = await actorOf(request)
    await answer(request, reply, body, noAudio, () => {
      const id = idAsked(request)
      if (tickets.get(id) === null) throw notFound('Ticket')
      const comment = { type: 'Comment' as const, authorId: actor.userId, ...body.comment }
      const { audit } = tickets.change(id, { authorId: actor.userId, fields: {}, comment }, clock())
      show(body.display_to_agent, id)
      return { comment: audit.comments.map(voiceCommentView)[0] }
    })
    return reply
  })

  app.get('/tickets', async request => {
    const { limit, before, external_id } = accept(listQuerySchema, request.query)
    const filter = external_id === undefined ? {} : { externalId: external_id }
    const { count } = tickets.list(filter, { limit: 0, offset: 0 })
    const conditions = before === undefined ? [] : [{ sql: 'id < ?', values: [before] }]
    const found = tickets.list({ ...filter, conditions, order: 'id DESC' }, { limit: limit + 1, offset: 0 })
    const { rows, next } = page(found.rows, limit, count)
    return {
      tickets: rows.map(ticket => voiceTicketView(account, sources, ticket, baseOf(request))),
      count,
      next_page: nextPage(urlOf(request), next),
    }
  })

  app.get('/tickets/:id', async request => ({ ticket: view(idAsked(request), baseOf(request)) }))

  /** Makes the ticket. For use inside a transaction. */
  function make(body: NewTicketBody, audio: TicketAudio, actor: Actor, origin: Origin | null): number {
    const { attachments: _urls, ...fields } = body.ticket
    const now = clock()
    if (fields.assignee_id !== undefined && !account.isAgent(fields.assignee_id)) {
      throw invalidField('ticket.assignee_id', 'is not an agent')
    }
    for (const file of audio.files) account.attachments.add(file, now)
    const { ticket } = tickets.create(
      {
        ...fields,
        status: fields.status ?? (fields.assignee_id === undefined ? 'new' : 'open'),
        requester_id: origin?.customer == null ? null : callerWith(account, origin.customer, now),
        submitter_id: actor.userId,
        links: [...audio.links],
        origin: origin === null ? null : originOf(origin.source),
      },
      {
        type: 'Comment',
        authorId: actor.userId,
        public: true,
        body: fields.description,
        uploads: audio.files.map(({ token }) => token),
      },
      actor.userId,
      now,
      origin ?? {},
    )
    show(body.display_to_agent, ticket.id)
    return ticket.id
  }

  function show(agentId: number | undefined, ticketId: number): void {
    if (agentId === undefined) return
    if (!account.isAgent(agentId)) throw invalidField('display_to_agent', 'is not an agent')
    account.displays.show({ agentId, kind: 'ticket', targetId: ticketId, at: clock() })
  }

  /** Does `effect` once for the Idempotency-Key, when there is one, and answers; removes the copies that were not needed. */
  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    body: object,
    audio: TicketAudio,
    effect: () => object,
  ): Promise<void> {
    let used = false
    const tracked = () => {
      const made = effect()
      used = true
      return made
    }
    try {
      const key = keyOf(request)
      if (key === null) {
        reply.code(201).send(await commits.run(tracked))
      } else {
        const { status, body: text } = await answers.once(key, fingerprint(request, body), tracked)
        reply.code(status).type('application/json; charset=utf-8').send(text)
      }
    } finally {
      // When the commit failed nobody knows; the sweep at the next start decides.
      if (!used) await dropFiles(audio, media)
    }
  }

  function isRepeat(request: FastifyRequest): boolean {
    const key = keyOf(request)
    return key !== null && answers.knows(key)
  }

  async function audioOf(request: FastifyRequest, { ticket }: NewTicketBody, base: string): Promise<TicketAudio> {
    if (isRepeat(request)) return noAudio
    return audioAt(ticket.attachments?.map(({ url }) => url) ?? [], base, parts, account, media, clock())
  }

  async function withVoicemail({ file, voicemailId }: TicketSource, others: TicketAudio): Promise<TicketAudio> {
    if (file === null) return others
    const copy = await copyOf(file, `voicemail-${voicemailId}.mp3`, account, media, clock())
    return { ...others, files: [copy, ...others.files] }
  }

  async function documentedTicket(request: FastifyRequest, reply: FastifyReply, actor: Actor): Promise<FastifyReply> {
    account.requirePartnerEdition(actor)
    const { ticket: body, display_to_agent: agentId } = acceptBody(newVoiceTicketSchema, request.body, reply)
    if (agentId !== undefined && !account.isAgent(agentId)) {
      throw invalidValue('display_to_agent', 'Display to agent: is not an agent')
    }
    const { via_id, ...given } = body
    const made = await commits.run(() => {
      const { ticket } = openTicket(account, given, actor, via_id, clock())
      show(agentId, ticket.id)
      return ticket
    })
    return reply.code(201).send({ ticket: ticketView(made, baseOf(request)) })
  }
}

const ticketed = (what: 'call' | 'voicemail', ticketId: number) =>
  new Problem(409, {
    error: 'Ticket exists',
    description: `This ${what} has a ticket already: comment on that`,
    details: { ticket_id: ticketId },
  })

const keyOf = (request: FastifyRequest): string | null => {
  const header = request.headers['idempotency-key']
  return header === undefined ? null : idempotencyKey(header)
}

const fingerprint = (request: FastifyRequest, body: object) =>
  createHash('sha256')
    .update(`${request.url}\n${JSON.stringify(body)}`)
    .digest('hex')

/** Whom a call is with: nobody outside for an internal one. */
function customerOf(calls: Calls, { callId, from, to }: TicketSource): string | null {
  const direction = callId === null ? undefined : calls.get(callId)?.call.direction
  if (direction === 'internal') return null
  return numberOrNull(direction === 'outbound' ? to : from)
}

const numberOrNull = (party: string) => (party.startsWith('+') ? party : null)

/** The user whose number it is; a new one, named by it, when it is nobody's. For use inside a transaction. */
function callerWith(account: Account, phone: string, now: number): number {
  const [known] = account.users.byDirectLine(phone)
  return known?.id ?? account.users.add({ name: `Caller: ${phone.replace('+', '')}`, phone }, now).id
}
