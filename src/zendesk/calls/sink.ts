/**
 * The `calls` dialect: Zendesk's publicly documented API. A delivery is a small program of requests (event-delivery.ts,
 * recording-delivery.ts, voicemail-delivery.ts); what each was answered is noted in the sink's memory before the next one goes out.
 *
 * Invariants
 *  1 One delivery of a call at a time: its recording and its events share a note.
 *  2 One delivery of a caller at a time: two missed calls at once must not both make the ticket that is one for both.
 *  3 Repeating a delivery is safe at any point (note.ts).
 *
 * Both locks hold within this process. Bridges that share a store share the outbox's order of a call's events as well.
 */
import type { AudioItem, EncodedAudio } from '../../events/recording.ts'
import type { Callers } from '../callers/callers.ts'
import { KeyLock } from '../callers/key-lock.ts'
import type { Delivery, DeliveryResult } from '../delivery.ts'
import type { Connection } from '../http/connection.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketRules } from '../tickets/ticket-rules.ts'
import type { LinkTo } from './audio-steps.ts'
import { type CallNote, callNoteKey, callNoteSchema } from './call-note.ts'
import { customerOf } from './call-record.ts'
import { Desk } from './desk.ts'
import { EventDelivery } from './event-delivery.ts'
import { Halt } from './halt.ts'
import { type ItemNote, itemNoteKey, itemNoteSchema } from './item-note.ts'
import { Note, type NoteOptions } from './note.ts'
import { deliverRecording, prepareRecording, type RecordingParts } from './recording-delivery.ts'
import { Requests } from './requests.ts'
import type { CallsSettings } from './settings.ts'
import { TicketBudget } from './ticket-budget.ts'
import { deliverVoicemail, prepareVoicemail, type VoicemailParts } from './voicemail-delivery.ts'

export interface CallsSinkOptions {
  readonly connection: Connection
  readonly memory: SinkMemory
  readonly callers: Callers
  readonly tickets: TicketRules
  /** Where audio beyond `maxUploadBytes` is kept. */
  readonly link: LinkTo
  readonly settings: CallsSettings
  /** Epoch ms. */
  readonly clock: () => number
  /** How long a request whose answer was lost may still be at work, in ms; 2 s unless said. */
  readonly settleMs?: number
}

export class CallsSink {
  readonly name = 'zendesk'
  readonly #options: CallsSinkOptions
  readonly #budget = new TicketBudget()
  readonly #calls = new KeyLock()
  readonly #customers = new KeyLock()

  constructor(options: CallsSinkOptions) {
    this.#options = options
  }

  /** One attempt. Resolves with what it means; throws only for a bug of ours. */
  async deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    const { connection, clock } = this.#options
    const requests = new Requests({ connection, budget: this.#budget, clock, signal, later: delivery.kind !== 'event' })
    const result = await this.#result(delivery, new Desk(requests))
    return requests.begun ? result : { ...result, unasked: true }
  }

  async #result(delivery: Delivery, desk: Desk): Promise<DeliveryResult> {
    try {
      // A long upload holds neither the call's events up nor the caller's other calls.
      if (delivery.kind !== 'event') await this.#prepare(delivery, desk)
      const id = await this.#inTurn(delivery, () => this.#run(delivery, desk))
      return { kind: 'delivered', remoteId: id === null ? null : String(id) }
    } catch (cause) {
      if (cause instanceof Halt) return cause.result
      throw cause
    }
  }

  #inTurn<T>(delivery: Delivery, work: () => Promise<T>): Promise<T> {
    const callId = callIdOf(delivery)
    const customer = customerNumber(delivery)
    const behindCustomer = () => (customer === null ? work() : this.#customers.run(customer, work))
    return callId === null ? behindCustomer() : this.#calls.run(callId, behindCustomer)
  }

  async #prepare(delivery: MediaDelivery, desk: Desk): Promise<void> {
    if (delivery.kind === 'recording') await prepareRecording(await this.#recordingParts(delivery, desk))
    else await prepareVoicemail(await this.#voicemailParts(delivery, desk))
  }

  async #run(delivery: Delivery, desk: Desk): Promise<number | null> {
    switch (delivery.kind) {
      case 'event': {
        const { memory, callers, tickets, settings, clock } = this.#options
        const note = await this.#callNote(delivery.event.callId)
        const program = new EventDelivery({ desk, note, memory, callers, tickets, settings, now: clock() })
        return program.deliver(delivery.event, delivery.idempotencyKey)
      }
      case 'recording':
        return deliverRecording(await this.#recordingParts(delivery, desk))
      case 'voicemail':
        return deliverVoicemail(await this.#voicemailParts(delivery, desk))
      default:
        return delivery satisfies never
    }
  }

  async #recordingParts({ item, audio }: Delivery & { readonly kind: 'recording' }, desk: Desk): Promise<RecordingParts> {
    return { ...(await this.#audioParts(item, audio, desk)), item }
  }

  async #voicemailParts(delivery: Delivery & { readonly kind: 'voicemail' }, desk: Desk): Promise<VoicemailParts> {
    const { memory, callers, tickets } = this.#options
    const { item, audio } = delivery
    return { ...(await this.#audioParts(item, audio, desk)), item, delivery, memory, callers, tickets }
  }

  async #audioParts(item: AudioItem, audio: EncodedAudio, desk: Desk) {
    const { link, settings, clock } = this.#options
    const note = await Note.read<ItemNote>(this.#noteOptions(), itemNoteKey(item.id), itemNoteSchema)
    const call = item.callId === null ? null : await this.#callNote(item.callId)
    return { desk, audio, note, call, link, settings, now: clock() }
  }

  #callNote(callId: string): Promise<Note<CallNote>> {
    return Note.read<CallNote>(this.#noteOptions(), callNoteKey(callId), callNoteSchema)
  }

  #noteOptions(): NoteOptions {
    const { memory, clock, settleMs = 2_000 } = this.#options
    return { memory, clock, settleMs }
  }
}

type MediaDelivery = Exclude<Delivery, { readonly kind: 'event' }>

function callIdOf(delivery: Delivery): string | null {
  return delivery.kind === 'event' ? delivery.event.callId : delivery.item.callId
}

/** Whose tickets the delivery may choose from; recordings choose none. */
function customerNumber(delivery: Delivery): string | null {
  if (delivery.kind === 'recording') return null
  const party = delivery.kind === 'event' ? customerOf(delivery.event.call) : delivery.item.from
  return party?.kind === 'e164' ? party.value : null
}
