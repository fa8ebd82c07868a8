/** `call:CALL_ID` in the sink's memory: what Zendesk has of a call. */
import { z } from 'zod'
import { numberId } from '../wire/documented/words.ts'
import { askingField } from './note.ts'

export const callNoteSchema = z.object({
  ...askingField,
  /** Zendesk's id of the call record. */
  recordId: numberId.nullable().default(null),
  /** The ticket that the call is on. */
  ticketId: numberId.nullable().default(null),
  /** The ticket that was chosen for it, before the request that puts it there is answered. */
  chosenId: numberId.nullable().default(null),
  /** The event that the ticket was made for. */
  madeBy: z.string().nullable().default(null),
  endUserId: numberId.nullable().default(null),
  agentId: numberId.nullable().default(null),
  from: z.string().nullable().default(null),
  to: z.string().nullable().default(null),
  direction: z.enum(['inbound', 'outbound', 'internal']).nullable().default(null),
  /** Of the newest event that the record tells; an older one must not take it back. */
  sequence: z.int().default(0),
  ended: z.boolean().default(false),
  /** The rules, or the call itself, said that there shall be no ticket. */
  noTicket: z.boolean().default(false),
  /** Titles of the voice comments that are there; each is there once. */
  titles: z.array(z.string()).default([]),
  /** Small things that are done: `pop:4`, `wish:CALL_ID.ended.1`. */
  done: z.array(z.string()).default([]),
})

export type CallNote = z.infer<typeof callNoteSchema>

export const callNoteKey = (callId: string): string => `call:${callId}`
