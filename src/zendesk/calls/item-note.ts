/** `item:ITEM_ID` in the sink's memory: how far a recording or a voicemail has got. */
import { z } from 'zod'
import { numberId } from '../wire/documented/words.ts'
import { askingField } from './note.ts'

export const itemNoteSchema = z.object({
  ...askingField,
  /** Of the upload; `null` when there is none, or when a link takes its place. */
  token: z.string().nullable().default(null),
  /** Epoch ms: an upload that is not attached by then is gone. */
  expiresAt: z.number().default(0),
  /** How often it went up. */
  uploads: z.int().default(0),
  /** Where the audio can be heard. */
  url: z.string().nullable().default(null),
  /** The ticket that was made for it, because the call had none. */
  ticketId: numberId.nullable().default(null),
  /** The ticket that was chosen for it, unless that turned out to be closed. */
  chosenId: numberId.nullable().default(null),
  attached: z.boolean().default(false),
  /** The call record has the audio's address. */
  linked: z.boolean().default(false),
  /** The player is on the ticket. */
  played: z.boolean().default(false),
  /** What the ticket rules asked beside that is done. */
  wished: z.boolean().default(false),
})

export type ItemNote = z.infer<typeof itemNoteSchema>

export const itemNoteKey = (itemId: string): string => `item:${itemId}`
