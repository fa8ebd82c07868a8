/** The three endpoints that take deliveries: each effect once for each Idempotency-Key, answered only when it is on disk. */
import { createHash } from 'node:crypto'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { type RecordingMetadata, recordingMetadataSchema, voicemailMetadataSchema } from '../../../wire/audio-upload.ts'
import { phoneCallEventSchema } from '../../../wire/call-event.ts'
import { endpoints } from '../../../wire/words.ts'
import { type Answers, idempotencyKey, type Reply } from '../../answers.ts'
import { baseOf } from '../../asked.ts'
import type { MediaFolder } from '../../media-folder.ts'
import { invalid, keyInUse, Problem, unknownCall } from '../../problem.ts'
import { CallAgents } from '../agents/call-agents.ts'
import type { AudioShelf, StoredRecording, StoredVoicemail } from '../audio/audio-shelf.ts'
import { recordingView, voicemailView } from '../audio/audio-view.ts'
import type { Calls } from '../calls/call-log.ts'
import { fingerprint, send } from '../creation.ts'
import { CallRouting } from '../queues/routing.ts'
import { receiveUpload } from './upload.ts'

export interface DeliveryParts {
  readonly db: DatabaseSyncInstance
  readonly answers: Answers
  readonly calls: Calls
  readonly recordings: AudioShelf<StoredRecording['metadata']>
  readonly voicemails: AudioShelf<StoredVoicemail['metadata']>
  readonly media: MediaFolder
  readonly fileLimitBytes: number
  readonly clock: () => number
}

export function deliveryRoutes(app: FastifyInstance, parts: DeliveryParts): void {
  const { answers, calls, db, recordings, voicemails, clock } = parts
  const uploads = new Uploads(parts)
  const agents = new CallAgents(db)
  const routing = new CallRouting(db)

  app.post(endpoints.event, async (request, reply) => {
    const key = idempotencyKey(request.headers['idempotency-key'])
    const parsed = phoneCallEventSchema.safeParse(request.body)
    if (!parsed.success) throw invalid(parsed.error)
    const event = parsed.data.phone_call_event
    const answer = await answers.once(key, fingerprint(endpoints.event, event), () => {
      const { callId, arrival, newest } = calls.apply(event, clock())
      if (newest) agents.follow(callId, event.call, arrival)
      const where = newest ? routing.follow(callId, event) : null
      return { phone_call_event: { id: event.id, phone_call_id: callId, ...(where === null ? {} : { routing: where }) } }
    })
    return send(reply, answer)
  })

  app.post(endpoints.recording, async (request, reply) => {
    const callIdOf = (metadata: RecordingMetadata) => {
      if (metadata.external_call_id === null) return null
      const id = calls.idOf(metadata.external_call_id)
      if (id === null) throw unknownCall()
      return id
    }
    const answer = await uploads.take(request, endpoints.recording, recordingMetadataSchema, callIdOf, (metadata, stored) => ({
      phone_recording: recordingView(recordings.add(metadata, stored, clock()), callIdOf(metadata), baseOf(request)),
    }))
    return send(reply, answer)
  })

  app.post(endpoints.voicemail, async (request, reply) => {
    // A voicemail needs no known call; when its call is known, they are shown together.
    const answer = await uploads.take(
      request,
      endpoints.voicemail,
      voicemailMetadataSchema,
      () => {},
      (metadata, stored) => {
        const call = calls.find(metadata.external_call_id)
        return { phone_voicemail: voicemailView(voicemails.add(metadata, stored, clock()), call, baseOf(request)) }
      },
    )
    return send(reply, answer)
  })
}

/** Uploads take time, so two with the same key can meet: the second is told to come back. */
class Uploads {
  readonly #parts: DeliveryParts
  readonly #underWay = new Set<string>()

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  async take<Metadata extends RecordingMetadata>(
    request: FastifyRequest,
    endpoint: string,
    schema: z.ZodType<Metadata>,
    check: (metadata: Metadata) => void,
    effect: (metadata: Metadata, stored: { readonly file: string; readonly answerKey: string }) => object,
  ): Promise<Reply> {
    const { answers, media, fileLimitBytes } = this.#parts
    const key = idempotencyKey(request.headers['idempotency-key'])
    if (this.#underWay.has(key)) throw keyInUse()
    this.#underWay.add(key)
    try {
      const name = `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.mp3`
      const metadata = await receiveUpload(request, { schema, folder: media, name, fileLimitBytes, check })
      const repeated = answers.knows(key)
      if (repeated) await media.discard(name)
      else await media.keep(name)
      try {
        return await answers.once(key, fingerprint(endpoint, metadata), () => effect(metadata, { file: name, answerKey: key }))
      } catch (cause) {
        // Refused, so no row names the file. After a failed commit that is not sure: the sweep at the next start decides.
        if (!repeated && cause instanceof Problem) await media.remove(name)
        throw cause
      }
    } finally {
      this.#underWay.delete(key)
    }
  }
}
