/**
 * The sandbox's own side, for people at this machine and for tests: what arrived, in which order, and the scripted faults. No
 * token, but only for programs on this machine: not for other hosts, and not for web pages that a browser here happens to show.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Answers } from './answers.ts'
import { accept } from './asked.ts'
import { type Faults, faultLimit, faultSchema } from './faults.ts'
import { type PageParts, pageRoutes } from './page/page-routes.ts'
import { notFound, Problem } from './problem.ts'
import {
  type AccountOperatorParts,
  accountCounts,
  accountDuplicates,
  accountOperatorRoutes,
} from './support/operator-account-routes.ts'
import type { AudioShelf, StoredRecording, StoredVoicemail } from './voice/audio/audio-shelf.ts'
import type { Calls } from './voice/calls/call-log.ts'

export interface OperatorParts extends AccountOperatorParts, PageParts {
  readonly answers: Answers
  readonly calls: Calls
  readonly recordings: AudioShelf<StoredRecording['metadata']>
  readonly voicemails: AudioShelf<StoredVoicemail['metadata']>
  readonly faults: Faults
  readonly version: string
}

const stateQuerySchema = z.object({ limit: z.coerce.number().int().min(0).max(100_000).default(10_000) })
const callParamsSchema = z.object({ id: z.coerce.number().int().min(1) })

export function operatorRoutes(app: FastifyInstance, parts: OperatorParts): void {
  const { answers, calls, recordings, voicemails, faults, version } = parts
  const counts = () => {
    const { calls: phoneCalls, events, outOfOrder, gaps } = calls.totals()
    return {
      phone_calls: phoneCalls,
      phone_call_events: events,
      /** Events that came after a later one of their call. */
      out_of_order: outOfOrder,
      /** Sequences that a call skipped and that have not come since. */
      gaps,
      phone_recordings: recordings.list({ limit: 1 }).count,
      phone_voicemails: voicemails.list({ limit: 1 }).count,
      /** Requests that repeated a key and were answered with the first answer. */
      repeats: answers.repeats(),
      ...accountCounts(parts.account, parts.clock()),
    }
  }

  app.addHook('onRequest', async request => {
    if (!isLocal(request)) {
      throw new Problem(403, { error: 'Forbidden', description: 'This page is only for programs on the machine of the sandbox' })
    }
  })

  app.get('/_sandbox/state', async request => {
    const { limit } = accept(stateQuerySchema, request.query)
    return { version, ...counts(), duplicates: accountDuplicates(parts.account), sequences: calls.arrivals(limit) }
  })

  app.get('/_sandbox/phone_calls/:id/events', async request => {
    const { id } = accept(callParamsSchema, request.params)
    if (calls.get(id) === null) throw notFound('Call')
    return {
      phone_call_events: calls.events(id).map(({ event, receivedAt, late }) => ({
        ...event,
        received_at: new Date(receivedAt).toISOString(),
        out_of_order: late,
      })),
    }
  })

  accountOperatorRoutes(app, parts)

  app.get('/_sandbox/faults', async () => ({ faults: faults.list() }))

  app.post('/_sandbox/faults', async (request, reply) => {
    const fault = faults.add(accept(faultSchema, request.body))
    if (fault === null)
      throw new Problem(422, { error: 'Too many faults', description: `At most ${faultLimit}: DELETE them first` })
    return reply.code(201).send({ fault })
  })

  app.delete('/_sandbox/faults', async (_request, reply) => {
    faults.clear()
    return reply.code(204).send()
  })

  pageRoutes(app, parts, counts)
}

/** From this machine, and addressed as this machine: a web page that rebinds its own name to 127.0.0.1 sends that name. */
function isLocal(request: FastifyRequest): boolean {
  const peer = request.socket.remoteAddress ?? ''
  const here = /^(?:::ffff:)?127\.|^::1$/.test(peer)
  return here && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(request.host)
}
