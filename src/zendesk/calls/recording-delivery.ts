/**
 * A recording, onto the ticket of its call.
 *
 *   ticket        upload ─▶ attach ─▶ PATCH recording_url ─▶ voice comment, with the player
 *   no ticket     upload ─▶ PATCH recording_url ─▶ voice comment, which makes the ticket ─▶ attach
 *   no record     upload ─▶ POST /tickets with the upload, when there is none ─▶ player
 *
 * A call without a ticket gets one for its recording (`recordings_without_ticket`): nobody could find the audio otherwise, since
 * nothing but a ticket shows it. Calls within the house are an exception, and those that the rules, or X-Zendesk-No-Ticket, say shall
 * have none.
 */
import type { RecordingItem } from '../../events/recording.ts'
import type { DocumentedCallChanges } from '../wire/documented/call.ts'
import type { NewSupportTicket, TicketVoiceComment } from '../wire/documented/ticket.ts'
import { documentedTime } from '../wire/documented/words.ts'
import { type AudioParts, attach, audioUrl, fileName, play, transcriptOf, wasClosed } from './audio-steps.ts'
import type { CallNote } from './call-note.ts'
import { Halt, waitJob } from './halt.ts'
import { hasVoiceComment } from './look-up.ts'
import type { Note } from './note.ts'
import type { CallsSettings } from './settings.ts'
import { clockTime, freshTitle, shownFields, withReference } from './words.ts'

/** How long a recording waits for its call's ticket, from when it was found: events may be late, but a lost one must not hold it. */
const patienceMs = 6 * 3_600_000
const pauseMs = 10_000

export interface RecordingParts extends AudioParts {
  readonly item: RecordingItem
  /** `null`: the recording belongs to no call. */
  readonly call: Note<CallNote> | null
  readonly settings: CallsSettings
}

/** The long part, for which nobody else has to wait: the file goes up. Throws Halt when it is too early for that. */
export async function prepareRecording(parts: RecordingParts): Promise<void> {
  if (isWanted(parts)) await audioUrl(parts)
}

/** Resolves with the id of the ticket that has the recording now; `null` when it shall have none. */
export async function deliverRecording(parts: RecordingParts): Promise<number | null> {
  if (!isWanted(parts)) return null
  const { call, note } = parts
  const recordId = call?.value.recordId ?? null
  if (call === null || recordId === null) return withoutRecord(parts, note.value.ticketId ?? call?.value.ticketId ?? null)
  // Its own ticket, made when the call's was closed: the record still points at the other one.
  if (note.value.ticketId !== null) return withoutRecord(parts, note.value.ticketId)
  return withRecord(parts, call, recordId)
}

/** Whether the recording shall be on a ticket. Throws Halt while its call may still get one. */
function isWanted({ call, item, note, now, settings }: RecordingParts): boolean {
  if (note.value.ticketId !== null || (call !== null && call.value.ticketId !== null)) return true
  if (call !== null && !call.value.ended && now - item.foundAt < patienceMs) {
    throw waitJob('the call goes on and may still get a ticket', pauseMs)
  }
  if (call?.value.noTicket === true || call?.value.direction === 'internal') return false
  return settings.recordingsWithoutTicket === 'ticket'
}

async function withRecord(parts: RecordingParts, call: Note<CallNote>, recordId: number): Promise<number | null> {
  const url = await audioUrl(parts)
  const { ticketId } = call.value
  if (ticketId === null) {
    await link(parts, recordId, url)
    await comment(parts, call, recordId)
  }
  const there = call.value.ticketId
  if (there === null) return null
  try {
    await attach(parts, there, bodyOf(parts))
  } catch (cause) {
    if (!(await wasClosed(parts, cause, there))) throw cause
    return withoutRecord(parts, null)
  }
  if (ticketId !== null) {
    // Attached under another address when an earlier try had got through.
    await link(parts, recordId, parts.note.value.url ?? url)
    await comment(parts, call, recordId)
  }
  return there
}

/** Tells the call record where the audio is, and what was said. */
async function link({ desk, item, note }: RecordingParts, recordId: number, url: string): Promise<void> {
  if (note.value.linked) return
  const transcript = transcriptOf(item)
  const language = item.transcript?.kind === 'text' ? item.transcript.language : null
  await desk.changeCall(recordId, {
    recording_url: url,
    recorded: true,
    ...(transcript === null ? {} : { transcript }),
    ...(language === null || language === undefined ? {} : { language }),
    ...consentOf(item),
  })
  await note.set({ linked: true })
}

/** By which policy the call was recorded, and what the caller chose; nothing where nobody had to be asked and nobody said. */
function consentOf({ consent }: RecordingItem): DocumentedCallChanges {
  if (consent === undefined || consent === null || (consent.policy === 'always' && consent.said === null)) return {}
  const chosen = consent.said === true ? 'caller_opted_in' : 'caller_opted_out'
  return {
    call_recording_consent: consent.policy,
    ...(consent.said === null ? {} : { call_recording_consent_action: chosen }),
  }
}

/** The comment with the player; a call without a ticket gets its ticket by it. */
async function comment(parts: RecordingParts, call: Note<CallNote>, recordId: number): Promise<void> {
  const { desk, item, note } = parts
  const { ticketId, endUserId, titles } = call.value
  if (note.value.played || item.callId === null) return
  const externalId = item.callId
  const title = freshTitle(titleOf(parts), titles)
  const body = { title, call_fields: shownFields(call.value.ended, transcriptOf(item) !== null) }
  if (ticketId !== null) {
    const look = () => hasVoiceComment(desk, ticketId, externalId, title)
    const make = async (): Promise<true> => {
      await desk.commentOnCall(recordId, ticketId, body)
      return true
    }
    await call.once({ name: `comment:${item.id}`, look, make }, () => ({ titles: [...titles, title] }))
  } else {
    const look = async () => (await desk.showCall(recordId)).ticket_id
    const make = async () => {
      const subject = `Recording of a call with ${otherParty(call.value)}`
      await desk.commentOnCall(recordId, null, { ...body, subject, ...(endUserId === null ? {} : { end_user_id: endUserId }) })
      const made = await look()
      if (made !== null) return made
      throw new Halt({ kind: 'retry', afterMs: null, reason: `Zendesk shows no ticket for call ${recordId} yet` }, false)
    }
    await call.once({ name: 'ticket', look, make }, made => ({ ticketId: made, titles: [...titles, title] }))
  }
  await note.set({ played: true })
}

/** Onto a ticket of its own, or one that has no call record behind it. */
async function withoutRecord(parts: RecordingParts, known: number | null): Promise<number> {
  const { desk, item, note, settings, call } = parts
  const url = await audioUrl(parts)
  let ticketId = known
  if (ticketId === null) {
    const requester = call?.value.endUserId ?? null
    const { token } = note.value
    const ticket: NewSupportTicket = {
      subject: call === null ? 'Recording of an unknown call' : `Recording of a call with ${otherParty(call.value)}`,
      comment: { body: bodyOf(parts), public: false, ...(token === null ? {} : { uploads: [token] }) },
      external_id: item.id,
      tags: ['phone', 'call_recording'],
      ...(requester === null ? {} : { requester_id: requester }),
      ...(settings.brandId === null ? {} : { brand_id: settings.brandId }),
    }
    const look = () => desk.ticketNamed(item.id)
    const make = () => desk.createTicket(ticket, `${item.id}.ticket`)
    await note.once({ name: 'ticket', look, make }, ({ id }) => ({ ticketId: id, attached: true }))
    ticketId = note.value.ticketId
  }
  if (ticketId === null) throw new Error('a ticket was made without an id')
  try {
    await attach(parts, ticketId, bodyOf(parts))
    await play(parts, ticketId, voiceOf(parts, note.value.url ?? url))
  } catch (cause) {
    if (note.value.ticketId !== null || !(await wasClosed(parts, cause, ticketId))) throw cause
    return withoutRecord(parts, null)
  }
  return ticketId
}

function voiceOf({ item, audio, call }: RecordingParts, url: string): TicketVoiceComment {
  const transcript = transcriptOf(item)
  const agentId = call?.value.agentId ?? null
  return {
    from: call?.value.from ?? item.hints.from ?? 'unknown',
    to: call?.value.to ?? item.hints.to ?? 'unknown',
    recording_url: url,
    started_at: documentedTime(item.startedAt),
    call_duration: Math.round(audio.durationMs / 1000),
    ...(agentId === null ? {} : { answered_by_id: agentId }),
    ...(transcript === null ? {} : { transcription_text: transcript.slice(0, 65_535) }),
  }
}

const titleOf = ({ audio }: RecordingParts): string => `Recording, ${clockTime(audio.durationMs)}`

function bodyOf(parts: RecordingParts): string {
  const { item, note, audio } = parts
  const heard = note.value.token === null ? (note.value.url ?? '') : fileName(item)
  const guess =
    item.matchedBy === 'parties-and-time' ? ' It was matched to the call by its parties and time: check that it is right.' : ''
  return withReference(`Recording of the call, ${clockTime(audio.durationMs)}: ${heard}.${guess}`, item.id)
}

/** The one who is not of the house. */
const otherParty = ({ direction, from, to }: CallNote): string => (direction === 'outbound' ? to : from) ?? 'an unknown party'
