/**
 * Erasing a recording or voicemail where the documented API keeps it: the upload that was not attached yet is thrown away, the attached
 * file is redacted, the call record forgets its address and the transcript. Comments are there for good, and nothing is redacted on a
 * closed ticket: what is left then is for a person, and is said with the ticket's number.
 */
import type { AudioItem } from '../../events/recording.ts'
import { neverSent, type ZendeskErasure, type ZendeskErrand } from '../erasure.ts'
import type { Connection } from '../http/connection.ts'
import type { SinkMemory } from '../memory.ts'
import { fileName, transcriptOf } from './audio-steps.ts'
import { callNoteKey, callNoteSchema } from './call-note.ts'
import { Desk } from './desk.ts'
import { Halt } from './halt.ts'
import { itemNoteKey, itemNoteSchema } from './item-note.ts'
import { attachedFiles, recordOnTicket } from './look-up.ts'
import { Note } from './note.ts'
import { Requests } from './requests.ts'
import { TicketBudget } from './ticket-budget.ts'

export interface CallsEraserOptions {
  readonly connection: Connection
  readonly memory: SinkMemory
  /** Epoch ms. */
  readonly clock: () => number
}

export class CallsEraser {
  readonly #options: CallsEraserOptions
  readonly #budget = new TicketBudget()

  constructor(options: CallsEraserOptions) {
    this.#options = options
  }

  /** One attempt, safe to repeat. Throws only for a bug of ours. */
  async erase(item: AudioItem, errand: ZendeskErrand, signal: AbortSignal): Promise<ZendeskErasure> {
    if (!errand.wasSent) return neverSent
    const { connection, clock } = this.#options
    const desk = new Desk(new Requests({ connection, budget: this.#budget, clock, signal, later: true, permitted: false }))
    try {
      return await this.#steps(item, errand, desk)
    } catch (cause) {
      if (cause instanceof Halt) return cause.result
      throw cause
    }
  }

  async #steps(item: AudioItem, { remoteId }: ZendeskErrand, desk: Desk): Promise<ZendeskErasure> {
    const notes = { ...this.#options, settleMs: 0 }
    const { value: own } = await Note.read(notes, itemNoteKey(item.id), itemNoteSchema)
    const call = item.callId === null ? null : (await Note.read(notes, callNoteKey(item.callId), callNoteSchema)).value
    const tickets = new Set([ticketIdIn(remoteId), own.ticketId, own.chosenId, call?.ticketId ?? null].filter(id => id !== null))
    // A ticket that was made for it, and whose answer was lost.
    if ('ticket' in own.asking) tickets.add((await desk.ticketNamed(item.id))?.id ?? 0)
    tickets.delete(0)
    const discarded = own.token !== null && !own.attached && (await desk.discardUpload(own.token))
    const byHand: string[] = []
    let redacted = 0
    for (const ticketId of tickets) {
      const answer = await redact(desk, ticketId, fileName(item))
      redacted += answer.redacted
      if (answer.byHand !== null) byHand.push(answer.byHand)
    }
    if (item.callId !== null && item.kind === 'recording') {
      const recordId = call?.recordId ?? (await recordAmong(desk, tickets, item.callId))
      if (recordId !== null) await forgetInRecord(desk, recordId, item, own.url)
    }
    if (transcriptOf(item) !== null && tickets.size > 0) {
      byHand.push(`redact what was said in the voice comment of ticket ${[...tickets].join(', ')}`)
    }
    const told = [
      ...(discarded ? ['upload discarded'] : []),
      ...(redacted > 0 ? [`redacted in ticket ${[...tickets].join(', ')}`] : []),
    ]
    return {
      kind: 'erased',
      told: told.length === 0 ? 'not there' : told.join(', '),
      byHand: byHand.length === 0 ? null : byHand.join('; '),
    }
  }
}

const ticketIdIn = (remoteId: string | null): number | null =>
  remoteId !== null && /^\d{1,15}$/.test(remoteId) ? Number(remoteId) : null

/** Every attachment of that name, also one that an earlier try attached twice. */
const redact = async (
  desk: Desk,
  ticketId: number,
  filename: string,
): Promise<{ readonly redacted: number; readonly byHand: string | null }> => {
  let redacted = 0
  for (const { commentId, attachmentId } of await attachedFiles(desk, ticketId, filename)) {
    try {
      if (await desk.redactAttachment(ticketId, commentId, attachmentId)) redacted++
    } catch (cause) {
      const refused = cause instanceof Halt && (cause.status === 422 || cause.status === 403)
      if (!refused || (await desk.ticket(ticketId))?.status !== 'closed') throw cause
      return {
        redacted,
        byHand: `ticket ${ticketId} is closed and Zendesk redacts nothing there: delete the ticket, or its file ${filename}`,
      }
    }
  }
  return { redacted, byHand: null }
}

const recordAmong = async (desk: Desk, tickets: ReadonlySet<number>, callId: string): Promise<number | null> => {
  for (const ticketId of tickets) {
    const found = await recordOnTicket(desk, ticketId, callId)
    if (found !== null) return found.recordId
  }
  return null
}

/** Only when it points at this recording: another one of the same call stays. */
const forgetInRecord = async (desk: Desk, recordId: number, item: AudioItem, noted: string | null): Promise<void> => {
  try {
    const { recording_url: url, transcript } = await desk.showCall(recordId)
    const said = transcriptOf(item)
    const isIts = typeof url === 'string' && url !== '' && (url === noted || url.includes(fileName(item)))
    const changes = {
      ...(isIts ? { recording_url: '' } : {}),
      ...(said !== null && transcript === said ? { transcript: '' } : {}),
    }
    if (Object.keys(changes).length > 0) await desk.changeCall(recordId, changes)
  } catch (cause) {
    // The record itself is gone.
    if (!(cause instanceof Halt) || cause.status !== 404) throw cause
  }
}
