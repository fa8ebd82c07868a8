/**
 * Which ticket a caller got last, in the sink's memory:
 *
 *   ticket-of:caller:NUMBER        whatever it was for
 *   ticket-of:rule:RULE:NUMBER     by this rule
 *
 * Of several deliveries of one caller that would share a ticket one makes it; it says so here first, and the others wait until it is
 * there. So it is one ticket even when the bridge is killed while the request for it is on its way, and another call comes first
 * after the restart. A note that cannot be read counts as none.
 */
import { z } from 'zod'
import { parseJson } from '../http/answer.ts'
import type { SinkMemory } from '../memory.ts'
import { type Id, idSchema } from '../wire/page.ts'
import type { TicketWish } from './wish.ts'

/** A ticket that another delivery has been making for this long is not coming: that delivery is a dead letter. */
const makingAtMostMs = 10 * 60_000

/** How long to wait for another delivery's ticket before looking again, ms. */
export const othersTurnMs = 500
export const othersTurn = 'another call of the same caller is making the ticket'

const schema = z.object({
  /** `null`: none, or one that is being made. */
  ticketId: idSchema.nullable(),
  /** Of the moment it was last used for, epoch ms. */
  at: z.number(),
  /** The delivery that is making it, and since when (epoch ms); `null`: nobody is. */
  making: z.object({ by: z.string(), since: z.number() }).nullable().default(null),
})

export type RecentTicket = z.infer<typeof schema>

/** Names what is remembered for a caller (E.164): `caller:NUMBER` or `rule:RULE:NUMBER`. */
export function recentKey(of: 'caller' | 'rule', { rule }: Pick<TicketWish, 'rule'>, number: string): string {
  return of === 'caller' ? `caller:${number}` : `rule:${rule}:${number}`
}

export class RecentTickets {
  readonly #memory: SinkMemory

  constructor(memory: SinkMemory) {
    this.#memory = memory
  }

  async get(key: string): Promise<RecentTicket | null> {
    const text = await this.#memory.get(`ticket-of:${key}`)
    const json = text === null ? null : parseJson(text)
    const parsed = json?.ok === true ? schema.safeParse(json.value) : null
    return parsed?.success === true ? parsed.data : null
  }

  async put(key: string, recent: RecentTicket): Promise<void> {
    await this.#memory.put(`ticket-of:${key}`, JSON.stringify(recent))
  }

  /** This ticket is the caller's newest, for whoever asks by caller or by this rule. */
  async remember(wish: Pick<TicketWish, 'rule'>, number: string, ticketId: Id, at: number): Promise<void> {
    await this.put(recentKey('caller', wish, number), { ticketId, at, making: null })
    await this.put(recentKey('rule', wish, number), { ticketId, at, making: null })
  }

  /** The delivery `by` does not make its ticket after all: whoever waits for it may. */
  async giveUp(key: string, by: string): Promise<void> {
    const recent = await this.get(key)
    if (recent?.making?.by === by) await this.put(key, { ...recent, making: null })
  }
}

/** Whether another delivery than `by` is making the ticket. `now` is epoch ms. */
export function madeByAnother(recent: RecentTicket | null, by: string, now: number): boolean {
  const making = recent?.making ?? null
  return making !== null && making.by !== by && now - making.since < makingAtMostMs
}
