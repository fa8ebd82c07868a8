/**
 * Zendesk takes 30 changes of one ticket in 10 minutes from one user. Who would go beyond is told to wait before it asks, so that
 * the changes that go out are whole ones.
 *
 * Counted since this process began: after a restart Zendesk itself says no (verdict.ts).
 */

const windowMs = 10 * 60_000
/** A few are left for whoever else uses the same credentials. */
const changesPerWindow = 28
const ticketLimit = 10_000

export class TicketBudget {
  /** When each ticket was changed, epoch ms, oldest first; tickets in the order of their last change. */
  readonly #changes = new Map<number, readonly number[]>()

  /** Counts one change of the ticket; answers 0, or for how many ms none may be made. */
  spend(ticketId: number, now: number): number {
    const recent = (this.#changes.get(ticketId) ?? []).filter(at => at > now - windowMs)
    const oldest = recent[0]
    if (oldest !== undefined && recent.length >= changesPerWindow) return oldest + windowMs - now
    this.#changes.delete(ticketId)
    this.#changes.set(ticketId, [...recent, now])
    if (this.#changes.size > ticketLimit) this.#forgetOldest()
    return 0
  }

  #forgetOldest(): void {
    const first = this.#changes.keys().next()
    if (first.done !== true) this.#changes.delete(first.value)
  }
}
