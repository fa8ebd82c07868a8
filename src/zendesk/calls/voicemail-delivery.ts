/**
 * A voicemail: a ticket of its own, or a comment on the one that its call or its caller has already.
 *
 *   new           upload ─▶ POST /channels/voice/tickets (via 44, with the player) ─▶ attach
 *   existing      upload ─▶ attach ─▶ player
 *
 * A voicemail that no rule makes a ticket for gets one all the same (`recordings_without_ticket`): the documented API has no other
 * place where anybody would hear it.
 */
import type { VoicemailItem } from '../../events/recording.ts'
import type { Callers } from '../callers/callers.ts'
import type { Delivery } from '../delivery.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketRules } from '../tickets/ticket-rules.ts'
import type { TicketWish } from '../tickets/wish.ts'
import type { NewSupportTicket, TicketVoiceComment } from '../wire/documented/ticket.ts'
import { documentedTime, viaIds } from '../wire/documented/words.ts'
import { type AudioParts, attach, audioUrl, fileName, play, transcriptOf, wasClosed } from './audio-steps.ts'
import type { CallNote } from './call-note.ts'
import { partyText } from './call-record.ts'
import { Halt } from './halt.ts'
import type { Note } from './note.ts'
import type { CallsSettings } from './settings.ts'
import { chooseTicket, giveUpTicket, type Requester, rememberTicket } from './ticket-choice.ts'
import { fieldsOf } from './wish-steps.ts'
import { clockTime, withReference } from './words.ts'

export interface VoicemailParts extends AudioParts {
  readonly item: VoicemailItem
  readonly delivery: Delivery
  /** `null`: the message belongs to no call that was seen. */
  readonly call: Note<CallNote> | null
  readonly memory: SinkMemory
  readonly callers: Callers
  readonly tickets: TicketRules
  readonly settings: CallsSettings
}

/** The long part, for which nobody else has to wait: the file goes up. */
export async function prepareVoicemail(parts: VoicemailParts): Promise<void> {
  const { delivery, settings, tickets } = parts
  // Who calls for the first time is not known yet; a rule that asks for that decides when it is.
  const { wish, forbidden } = tickets.decide(delivery, { firstTimeCaller: null, recordingUrl: null })
  if (wish !== null || (!forbidden && settings.recordingsWithoutTicket !== 'skip')) await audioUrl(parts)
}

/** Resolves with the id of the ticket that has the message now; `null` when it shall have none. */
export async function deliverVoicemail(parts: VoicemailParts): Promise<number | null> {
  const { call, callers, desk, item, memory, note, now, settings, tickets } = parts
  const unasked = tickets.decide(parts.delivery, { firstTimeCaller: null, recordingUrl: null })
  // Nobody who shall have no ticket needs a user.
  if (unasked.forbidden && !tickets.asksFirstTimeCaller) return null
  const caller = item.from.kind === 'e164' ? await callers.userOf(item.from, desk.requests) : null
  const requester: Requester = { number: item.from.kind === 'e164' ? item.from.value : null, userId: caller?.userId ?? null }
  const asked = caller !== null && tickets.asksFirstTimeCaller
  const first = asked ? await callers.isFirstCall(item.from, caller, item.callId ?? item.id) : null
  const decided = (recordingUrl: string | null) => tickets.decide(parts.delivery, { firstTimeCaller: first, recordingUrl })
  const { wish: wanted, forbidden } = decided(null)
  if (wanted === null && (forbidden || settings.recordingsWithoutTicket === 'skip')) return null
  const url = await audioUrl(parts)
  const wish = decided(url).wish ?? ownWish(item, parts.audio.durationMs)
  const existing =
    note.value.ticketId ??
    note.value.chosenId ??
    call?.value.ticketId ??
    ('ticket' in note.value.asking ? null : await chooseTicket(wish, requester, { by: item.id, desk, memory, now }))
  const isThere = existing !== null && (await ontoExisting(parts, wish, existing, url))
  const ticketId = isThere ? existing : await ontoNew(parts, wish, requester, url)
  if (call !== null && call.value.ticketId === null) await call.set({ ticketId })
  await rememberTicket(memory, wish, requester, ticketId, now)
  return ticketId
}

/** The choice is noted: after a lost answer the same ticket is looked at, whatever was chosen meanwhile. False: it was closed. */
async function ontoExisting(parts: VoicemailParts, wish: TicketWish, ticketId: number, url: string): Promise<boolean> {
  const { note } = parts
  const isOwn = note.value.ticketId !== null
  if (!isOwn) await note.set({ chosenId: ticketId })
  try {
    await finish(parts, wish, ticketId, url, false)
    return true
  } catch (cause) {
    if (isOwn || !(await wasClosed(parts, cause, ticketId))) throw cause
    return false
  }
}

async function ontoNew(parts: VoicemailParts, wish: TicketWish, requester: Requester, url: string): Promise<number> {
  let ticketId: number
  try {
    ticketId = await newTicket(parts, wish, requester, url)
  } catch (cause) {
    if (cause instanceof Halt && cause.result.kind === 'reject') await giveUpTicket(parts.memory, wish, requester, parts.item.id)
    throw cause
  }
  await finish(parts, wish, ticketId, url, true)
  return ticketId
}

async function newTicket(parts: VoicemailParts, wish: TicketWish, requester: Requester, url: string): Promise<number> {
  const { desk, item, note, settings } = parts
  const create = wish.create ?? ownWish(item, parts.audio.durationMs).create
  if (create === null) throw new Error('a voicemail’s own wish makes no ticket')
  const ticket: NewSupportTicket = {
    subject: create.subject,
    description: withReference(create.description, item.id),
    voice_comment: voiceOf(parts, url),
    external_id: item.id,
    tags: [...create.tags],
    ...fieldsOf(create),
    ...(wish.assigneeId === null ? {} : { assignee_id: wish.assigneeId }),
    ...(requester.userId === null ? {} : { requester_id: requester.userId }),
    ...(settings.brandId === null ? {} : { brand_id: settings.brandId }),
  }
  const display = wish.displayTo === null ? {} : { display_to_agent: wish.displayTo }
  const make = () =>
    settings.licence === 'none'
      ? desk.createTicket(ticket, `${item.id}.ticket`)
      : desk.createVoiceTicket({ ...display, ticket: { ...ticket, via_id: viaIds.voicemail } })
  const { id } = await note.once({ name: 'ticket', look: () => desk.ticketNamed(item.id), make }, made => ({
    ticketId: made.id,
    played: true,
    wished: true,
  }))
  return id
}

/** The file, the player and the rule's fields, on the ticket. */
async function finish(parts: VoicemailParts, wish: TicketWish, ticketId: number, url: string, fresh: boolean): Promise<void> {
  const { desk, item, note, settings } = parts
  const said = fresh || wish.comment === null ? messageText(item, parts.audio.durationMs) : wish.comment
  await attach(parts, ticketId, withReference(`${said}\n\n${note.value.token === null ? url : fileName(item)}`, item.id))
  await play(parts, ticketId, voiceOf(parts, note.value.url ?? url))
  if (note.value.wished) return
  if (wish.assigneeId !== null) await desk.changeTicket(ticketId, { assignee_id: wish.assigneeId })
  if (wish.displayTo !== null && settings.licence !== 'none') await desk.display(wish.displayTo, 'tickets', ticketId)
  await note.set({ wished: true })
}

/** What happens to a message that no rule speaks of. */
function ownWish(item: VoicemailItem, durationMs: number): TicketWish {
  return {
    rule: 'voicemails without a rule',
    choice: { kind: 'new' },
    create: {
      subject: `Voicemail from ${partyText(item.from)}`,
      description: messageText(item, durationMs),
      priority: null,
      tags: ['phone', 'voicemail'],
      customFields: [],
    },
    comment: null,
    publicComment: false,
    assigneeId: null,
    displayTo: null,
  }
}

function voiceOf({ item, audio }: VoicemailParts, url: string): TicketVoiceComment {
  const transcript = transcriptOf(item)
  return {
    from: partyText(item.from),
    to: partyText(item.to),
    recording_url: url,
    started_at: documentedTime(item.receivedAt),
    call_duration: Math.round(audio.durationMs / 1000),
    ...(transcript === null ? {} : { transcription_text: transcript.slice(0, 65_535) }),
  }
}

function messageText(item: VoicemailItem, durationMs: number): string {
  const transcript = transcriptOf(item)
  const line = `Voicemail from ${partyText(item.from)} for mailbox ${item.mailbox}, ${clockTime(durationMs)}.`
  return transcript === null ? line : `${line}\n\n${transcript}`
}
