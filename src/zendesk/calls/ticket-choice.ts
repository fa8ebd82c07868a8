/**
 * Which ticket a wish means: the one that the PBX named, the caller's recent one, or none yet. What the bridge did itself it looks up
 * in its own memory; after that it asks for the caller's tickets, never the search index, which lags.
 */
import { z } from 'zod'
import { parseJson } from '../http/answer.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketWish } from '../tickets/wish.ts'
import { numberId } from '../wire/documented/words.ts'
import type { Desk } from './desk.ts'

/** Whose tickets: the caller's number, in E.164, and the caller's user; `null` when there is none. */
export interface Requester {
  readonly number: string | null
  readonly userId: number | null
}

const noteSchema = z.object({ ticketId: numberId, at: z.number() })

/** The id of an existing ticket that takes more; `null`: there is none. */
export async function chooseTicket(
  wish: TicketWish,
  requester: Requester,
  { desk, memory, now }: { readonly desk: Desk; readonly memory: SinkMemory; readonly now: number },
): Promise<number | null> {
  const { choice } = wish
  switch (choice.kind) {
    case 'new':
      return null
    case 'given': {
      const ticket = await desk.ticket(choice.ticketId)
      return ticket === null || ticket.status === 'closed' ? null : ticket.id
    }
    case 'recent': {
      if (requester.number === null) return null
      const since = now - choice.withinMs
      const key = choice.of === 'caller' ? callerKey(requester.number) : ruleKey(wish.rule, requester.number)
      const noted = readNote(await memory.get(key))
      if (noted !== null && noted.at >= since) {
        const ticket = await desk.ticket(noted.ticketId)
        if (ticket !== null && isOpen(ticket.status)) return ticket.id
      }
      return choice.of === 'caller' && requester.userId !== null ? newestOpen(desk, requester.userId, since) : null
    }
    default:
      return choice satisfies never
  }
}

/** Remembers which ticket a caller got, for the next wish that asks for a recent one. */
export async function rememberTicket(
  memory: SinkMemory,
  wish: TicketWish,
  { number }: Requester,
  ticketId: number,
  now: number,
): Promise<void> {
  if (number === null) return
  const value = JSON.stringify({ ticketId, at: now })
  await memory.put(callerKey(number), value)
  await memory.put(ruleKey(wish.rule, number), value)
}

async function newestOpen(desk: Desk, userId: number, since: number): Promise<number | null> {
  for await (const ticket of desk.requestedBy(userId, 'updated_at', since)) {
    if (isOpen(ticket.status)) return ticket.id
  }
  return null
}

const isOpen = (status: string): boolean => status !== 'solved' && status !== 'closed'
const callerKey = (number: string): string => `ticket-of:caller:${number}`
const ruleKey = (rule: string, number: string): string => `ticket-of:rule:${rule}:${number}`

function readNote(text: string | null): z.infer<typeof noteSchema> | null {
  const json = text === null ? null : parseJson(text)
  const parsed = json?.ok === true ? noteSchema.safeParse(json.value) : null
  return parsed?.success === true ? parsed.data : null
}
