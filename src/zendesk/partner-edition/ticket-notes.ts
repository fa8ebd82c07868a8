/**
 * What the ticket steps of a delivery know after a crash, in the sink's memory:
 *
 *   wish:DELIVERY                  what the delivery itself was answered, the wish, and on which ticket it is carried out
 *   call-ticket:CALL               the ticket of a call, for its later events
 *
 * Which ticket a caller got last is in tickets/recent-tickets.ts. A note that cannot be read counts as none.
 */
import { z } from 'zod'
import { parseJson } from '../http/answer.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketId, TicketWish } from '../tickets/wish.ts'
import { idSchema } from '../wire/page.ts'
import { priorities } from '../wire/ticket.ts'

const wishSchema = z.object({
  rule: z.string(),
  choice: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('new') }),
    z.object({ kind: z.literal('given'), ticketId: z.int().transform(id => id as TicketId) }),
    z.object({ kind: z.literal('recent'), of: z.enum(['caller', 'rule']), withinMs: z.number() }),
  ]),
  create: z
    .object({
      subject: z.string(),
      description: z.string(),
      priority: z.enum(priorities).nullable(),
      tags: z.array(z.string()),
      customFields: z.array(z.object({ id: z.int(), value: z.string() })),
    })
    .nullable(),
  comment: z.string().nullable(),
  publicComment: z.boolean(),
  assigneeId: z.int().nullable(),
  displayTo: z.int().nullable(),
}) satisfies z.ZodType<TicketWish>

const targetSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('create') }),
  z.object({ kind: z.literal('comment'), ticketId: idSchema }),
  /** The wish is for a ticket that exists, and there is none. */
  z.object({ kind: z.literal('nothing') }),
])

const deliveryNoteSchema: z.ZodType<DeliveryNote> = z.object({
  remoteId: z.string(),
  recordingUrl: z.string().nullable(),
  plan: z.object({ wish: wishSchema, target: targetSchema.nullable() }).nullable(),
  done: z.boolean(),
})

const callTicketSchema = z.object({ ticketId: idSchema })

export type TicketTarget = z.infer<typeof targetSchema>

export interface DeliveryNote {
  /** What Zendesk calls the call or voicemail that was delivered. */
  readonly remoteId: string
  readonly recordingUrl: string | null
  /** `null`: still to be decided; kept so that every attempt sends the same bytes under the same Idempotency-Key. */
  readonly plan: { readonly wish: TicketWish; readonly target: TicketTarget | null } | null
  readonly done: boolean
}

export class TicketNotes {
  readonly #memory: SinkMemory

  constructor(memory: SinkMemory) {
    this.#memory = memory
  }

  async delivery(key: string): Promise<DeliveryNote | null> {
    return await this.#read(`wish:${key}`, deliveryNoteSchema)
  }

  async noteDelivery(key: string, note: DeliveryNote): Promise<void> {
    await this.#memory.put(`wish:${key}`, JSON.stringify(note))
  }

  async ofCall(callId: string): Promise<z.infer<typeof callTicketSchema> | null> {
    return await this.#read(`call-ticket:${callId}`, callTicketSchema)
  }

  async noteOfCall(callId: string, note: z.infer<typeof callTicketSchema>): Promise<void> {
    await this.#memory.put(`call-ticket:${callId}`, JSON.stringify(note))
  }

  /** Whether this call is the first one of its number that was ever reported. Repeated, it answers the same. */
  async isFirst(number: string, callId: string): Promise<boolean> {
    return (await this.#memory.claim(`first:${number}`, callId)) === callId
  }

  async #read<T>(key: string, schema: z.ZodType<T>): Promise<T | null> {
    const text = await this.#memory.get(key)
    if (text === null) return null
    const json = parseJson(text)
    const note = json.ok ? schema.safeParse(json.value) : null
    return note?.success ? note.data : null
  }
}
