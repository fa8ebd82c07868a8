/**
 * The `partner-edition` dialect's deliveries: events, recordings and voicemails go to the Partner Edition endpoints, and each answer
 * becomes what it means (verdict.ts).
 *
 * Repeating a delivery is safe: its Idempotency-Key is the same each time, and so are its bytes. Where ticket rules concern a delivery,
 * further requests follow the first (ticketing.ts); where none do, one request is all.
 */
import type { Readable } from 'node:stream'
import type { Delivery, DeliveryResult } from '../delivery.ts'
import { openAudioBody } from '../http/audio-body.ts'
import type { Connection } from '../http/connection.ts'
import { AudioFileChanged, type MultipartBody } from '../http/multipart.ts'
import { judgeNetworkFailure } from '../http/network-failure.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketRules } from '../tickets/ticket-rules.ts'
import { endpoints, voicePath } from '../wire/words.ts'
import { phoneCallEventBody, recordingMetadata, voicemailMetadata } from './bodies.ts'
import { type Reported, Ticketing } from './ticketing.ts'
import { audioUrlIn, judge } from './verdict.ts'

export interface PartnerEditionOptions {
  readonly connection: Connection
  /** Epoch ms. */
  readonly clock: () => number
  /** Absent: no tickets are made. */
  readonly tickets?: { readonly rules: TicketRules; readonly memory: SinkMemory }
}

type NotDelivered = Exclude<DeliveryResult, { kind: 'delivered' }>

interface Outgoing {
  readonly headers: Record<string, string>
  readonly body: string | Readable
  close(): Promise<void>
}

export class PartnerEditionSink {
  readonly name = 'zendesk'
  readonly #connection: Connection
  readonly #clock: () => number

  readonly #ticketing: Ticketing | null

  constructor({ connection, clock, tickets }: PartnerEditionOptions) {
    this.#connection = connection
    this.#clock = clock
    this.#ticketing = tickets === undefined ? null : new Ticketing({ connection, clock, ...tickets })
  }

  /** One attempt. Resolves with what it means; throws only for a bug of ours. */
  async deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    try {
      return this.#clean(await this.#steps(delivery, signal))
    } catch (cause) {
      if (cause instanceof AudioFileChanged) return { kind: 'reject', reason: cause.message }
      if (signal.aborted)
        return { kind: 'retry', afterMs: null, reason: `given up before Zendesk answered: ${abortReason(signal)}` }
      return this.#clean(judgeNetworkFailure(cause, this.#connection.origin))
    }
  }

  async #steps(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    const ticketing = this.#ticketing
    if (ticketing === null) return resultOf(await this.#report(delivery, signal))
    const begun = await ticketing.begun(delivery)
    const reported = begun ?? (await this.#report(delivery, signal))
    if ('kind' in reported) return reported
    if (begun === null) await ticketing.meet(delivery)
    return await ticketing.carryOut(delivery, reported, begun, begun !== null, signal)
  }

  /** The delivery's own request. */
  async #report(delivery: Delivery, signal: AbortSignal): Promise<Reported | NotDelivered> {
    const outgoing = await this.#prepare(delivery)
    if ('kind' in outgoing) return outgoing
    const { headers, body } = outgoing
    const path = `${voicePath}${endpoints[delivery.kind]}`
    try {
      const answer = await this.#connection.send({ method: 'POST', path, headers, body, signal, permitted: true })
      const result = judge(answer, { kind: delivery.kind, url: this.#connection.url(path), now: this.#clock() })
      if (result.kind !== 'delivered') return result
      return { remoteId: result.remoteId ?? '', recordingUrl: delivery.kind === 'voicemail' ? audioUrlIn(answer) : null }
    } finally {
      await outgoing.close()
    }
  }

  async #prepare(delivery: Delivery): Promise<Outgoing | NotDelivered> {
    const headers = { 'idempotency-key': delivery.idempotencyKey }
    if (delivery.kind === 'event') {
      const body = JSON.stringify(phoneCallEventBody(delivery.event))
      return { headers: { ...headers, 'content-type': 'application/json' }, body, close: async () => {} }
    }
    const { audio } = delivery
    let multipart: MultipartBody
    try {
      const metadata =
        delivery.kind === 'recording' ? recordingMetadata(delivery.item, audio) : voicemailMetadata(delivery.item, audio)
      multipart = await openAudioBody({ metadata, path: audio.path }, delivery.idempotencyKey)
    } catch (cause) {
      return unreadable(cause, audio.path)
    }
    const { contentType, contentLength, stream, close } = multipart
    return {
      headers: { ...headers, 'content-type': contentType, 'content-length': String(contentLength) },
      body: stream,
      close,
    }
  }

  #clean(result: DeliveryResult): DeliveryResult {
    return result.kind === 'delivered' ? result : { ...result, reason: this.#connection.withoutSecrets(result.reason) }
  }
}

function resultOf(reported: Reported | NotDelivered): DeliveryResult {
  return 'kind' in reported ? reported : { kind: 'delivered', remoteId: reported.remoteId }
}

/** Why an encoded file cannot be sent: gone or changed is for an operator (a redrive tries again), anything else may pass. */
function unreadable(cause: unknown, path: string): NotDelivered {
  if (cause instanceof AudioFileChanged) return { kind: 'reject', reason: cause.message, unasked: true }
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
    return {
      kind: 'reject',
      reason: `the encoded file ${path} is gone: restore it and redrive, or drop the upload`,
      unasked: true,
    }
  }
  return {
    kind: 'retry',
    afterMs: null,
    unasked: true,
    reason: `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
  }
}

function abortReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason
  if (reason instanceof Error) return reason.name === 'TimeoutError' ? 'the time for one delivery was up' : reason.message
  return String(reason)
}
