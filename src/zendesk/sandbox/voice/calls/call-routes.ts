/** `/phone_calls`: the call log, what a period amounts to, and a call's recordings. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { accept, baseOf, idAsked, urlOf } from '../../asked.ts'
import { nextPage, pageQuerySchema } from '../../page.ts'
import { notFound } from '../../problem.ts'
import type { AudioShelf, StoredRecording } from '../audio/audio-shelf.ts'
import { recordingView } from '../audio/audio-view.ts'
import type { Calls, StoredCall } from './call-log.ts'
import { phoneCallView } from './call-view.ts'
import { CallMetricsOf } from './metrics.ts'

export interface CallParts {
  readonly db: DatabaseSyncInstance
  readonly calls: Calls
  readonly recordings: AudioShelf<StoredRecording['metadata']>
}

const dayMs = 86_400_000
const moment = z.iso.datetime({ offset: true })
const wireMoment = (at: number) => new Date(at).toISOString()
const start = z.union([z.iso.date(), moment]).transform(text => wireMoment(Date.parse(text)))
/** A date's whole day belongs to the period. */
const end = z.union([
  z.iso.date().transform(text => wireMoment(Date.parse(text) + dayMs)),
  moment.transform(text => wireMoment(Date.parse(text))),
])

const querySchema = pageQuerySchema.extend({
  external_id: z.string().optional(),
  agent_id: z.coerce.number().int().min(1).optional(),
  start_date: start.optional(),
  end_date: end.optional(),
})

export function callRoutes(app: FastifyInstance, { db, calls, recordings }: CallParts): void {
  const metrics = new CallMetricsOf(db)
  const view = (call: StoredCall, request: FastifyRequest) =>
    phoneCallView(call, recordings.ofCall(call.call.external_id), baseOf(request))

  app.get('/phone_calls', async request => {
    const query = accept(querySchema, request.query)
    const { rows, count, next } = calls.list(query)
    return {
      phone_calls: rows.map(call => view(call, request)),
      metrics: metrics.of(query),
      count,
      next_page: nextPage(urlOf(request), next),
    }
  })

  app.get('/phone_calls/:id', async request => ({ phone_call: view(asked(request), request) }))

  app.get('/phone_calls/:id/recordings', async request => {
    const { id, call } = asked(request)
    const { rows, count, next } = recordings.list(accept(pageQuerySchema, request.query), { externalCallId: call.external_id })
    const views = rows.map(recording => recordingView(recording, id, baseOf(request)))
    return { phone_recordings: views, count, next_page: nextPage(urlOf(request), next) }
  })

  function asked(request: FastifyRequest): StoredCall {
    const call = calls.get(idAsked(request))
    if (call === null) throw notFound('Call')
    return call
  }
}
