/**
 * The Partner Edition endpoints, for programs that have events and audio of their own (an import, a test). The bridge's deliveries
 * go to the same endpoints through PartnerEditionSink, which answers in the outbox's words.
 */
import type { z } from 'zod'
import { type AudioUpload, openAudioBody } from '../http/audio-body.ts'
import {
  type RecordingMetadata,
  recordingAnswerSchema,
  type VoicemailMetadata,
  voicemailAnswerSchema,
} from '../wire/audio-upload.ts'
import { type PhoneCallEventAnswer, type PhoneCallEventBody, phoneCallEventAnswerSchema } from '../wire/call-event.ts'
import type { Id } from '../wire/page.ts'
import { endpoints } from '../wire/words.ts'
import type { VoiceRequests } from './voice-requests.ts'

/** What was stored; a server may say more. `Recordings.get` and `Voicemails.get` show it in full. */
export interface StoredAudio {
  readonly id: Id
}

/**
 * Every effect happens once for each key: the same call again gets the first answer. Each method throws a VoiceFailure, or the
 * signal's reason; uploads also AudioFileChanged, and what opening the file throws.
 */
export class PartnerEdition {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `POST /phone_call_events`; the event's id is its Idempotency-Key. */
  async report(
    event: PhoneCallEventBody['phone_call_event'],
    signal: AbortSignal,
  ): Promise<PhoneCallEventAnswer['phone_call_event']> {
    const body: PhoneCallEventBody = { phone_call_event: event }
    const request = { method: 'POST', path: endpoints.event, body, signal, idempotencyKey: event.id } as const
    return (await this.#requests.ask(request, phoneCallEventAnswerSchema)).phone_call_event
  }

  /** `POST /phone_recording_upload`. Before its call is known: 404 `Call not found`. */
  async uploadRecording(
    upload: AudioUpload<RecordingMetadata>,
    signal: AbortSignal,
    idempotencyKey: string,
  ): Promise<StoredAudio> {
    return (await this.#upload(endpoints.recording, upload, signal, idempotencyKey, recordingAnswerSchema)).phone_recording
  }

  /** `POST /voicemail_upload` */
  async uploadVoicemail(
    upload: AudioUpload<VoicemailMetadata>,
    signal: AbortSignal,
    idempotencyKey: string,
  ): Promise<StoredAudio> {
    return (await this.#upload(endpoints.voicemail, upload, signal, idempotencyKey, voicemailAnswerSchema)).phone_voicemail
  }

  async #upload<T>(
    path: string,
    upload: AudioUpload,
    signal: AbortSignal,
    idempotencyKey: string,
    schema: z.ZodType<T>,
  ): Promise<T> {
    const { contentType, contentLength, stream, close } = await openAudioBody(upload, idempotencyKey)
    try {
      const raw = { stream, headers: { 'content-type': contentType, 'content-length': String(contentLength) } }
      return await this.#requests.ask({ method: 'POST', path, signal, idempotencyKey }, schema, raw)
    } finally {
      await close()
    }
  }
}
