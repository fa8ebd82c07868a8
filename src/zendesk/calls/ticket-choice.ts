/**
 * Which ticket a wish means: the one that the PBX named, the caller's recent one, or none yet. What the bridge did itself it looks up
 * in its own memory; after that it asks for the caller's tickets, never the search index, which lags.
 */
import type { SinkMemory } from '../memory.ts'
import { madeByAnother, othersTurn, othersTurnMs, RecentTickets, recentKey } from '../tickets/recent-tickets.ts'
import type { TicketWish } from '../tickets/wish.ts'
import type { Desk } from './desk.ts'
import { waitJob } from './halt.ts'

/** Whose tickets: the caller's number, in E.164, and the caller's user; `null` when there is none. */
export interface Requester {
  readonly number: string | null
  readonly userId: number | null
}

/** Who chooses: the delivery, by its key, with what it knows. */
export interface Chooser {
  readonly by: string
  readonly desk: Desk
  readonly memory: SinkMemory
  /** Epoch ms. */
  readonly now: number
}

/**
 * The id of an existing ticket that takes more; `null`: there is none. When one is to be made that other calls may share, that is noted,
 * and those wait for it.
 */
export async function chooseTicket(wish: TicketWish, requester: Requester, chooser: Chooser): Promise<number | null> {
  const { desk, memory, now, by } = chooser
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
      const key = recentKey(choice.of, wish, requester.number)
      const recent = new RecentTickets(memory)
      const last = await recent.get(key)
      if (madeByAnother(last, by, now)) throw waitJob(othersTurn, othersTurnMs)
      if (typeof last?.ticketId === 'number' && last.at >= since) {
        const ticket = await desk.ticket(last.ticketId)
        if (ticket !== null && isOpen(ticket.status)) return ticket.id
      }
      const open = choice.of === 'caller' && requester.userId !== null ? await newestOpen(desk, requester.userId, since) : null
      if (open === null && wish.create !== null) await recent.put(key, { ticketId: null, at: now, making: { by, since: now } })
      return open
    }
    default:
      return choice satisfies never
  }
}

/** The delivery `by` was refused for good: those that wait for its ticket need not. */
export async function giveUpTicket(memory: SinkMemory, wish: TicketWish, { number }: Requester, by: string): Promise<void> {
  if (wish.choice.kind !== 'recent' || number === null) return
  await new RecentTickets(memory).giveUp(recentKey(wish.choice.of, wish, number), by)
}

/** Remembers which ticket a caller got, for the next wish that asks for a recent one. */
export async function rememberTicket(
  memory: SinkMemory,
  wish: TicketWish,
  { number }: Requester,
  ticketId: number,
  now: number,
): Promise<void> {
  if (number !== null) await new RecentTickets(memory).remember(wish, number, ticketId, now)
}

async function newestOpen(desk: Desk, userId: number, since: number): Promise<number | null> {
  for await (const ticket of desk.requestedBy(userId, 'updated_at', since)) {
    if (isOpen(ticket.status)) return ticket.id
  }
  return null
}

const isOpen = (status: string): boolean => status !== 'solved' && status !== 'closed'
