/** Idempotency of `POST /tickets` as Zendesk documents it: the first answer to a key, for two hours. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { otherBody } from './refusals.ts'

const keptMs = 2 * 60 * 60_000
const row = z.object({ fingerprint: z.string(), body: z.string() })

export interface TicketAnswer {
  readonly lookup: 'miss' | 'hit'
  /** JSON text. */
  readonly body: string
}

export class TicketAnswers {
  readonly #forget: StatementSyncInstance
  readonly #find: StatementSyncInstance
  readonly #save: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#forget = db.prepare('DELETE FROM ticket_answers WHERE created_at <= ?')
    this.#find = db.prepare('SELECT fingerprint, body FROM ticket_answers WHERE key = ?')
    this.#save = db.prepare('INSERT INTO ticket_answers (key, fingerprint, body, created_at) VALUES (?, ?, ?, ?)')
  }

  /** Does `effect` unless this key's was done in the last two hours. For use inside a transaction. Throws a 400 for another request. */
  once(key: string, fingerprint: string, now: number, effect: () => object): TicketAnswer {
    this.#forget.run(now - keptMs)
    const earlier = this.#find.get(key)
    if (earlier !== undefined) {
      const { body, fingerprint: first } = row.parse(earlier)
      if (first !== fingerprint) throw otherBody()
      return { lookup: 'hit', body }
    }
    const body = JSON.stringify(effect())
    this.#save.run(key, fingerprint, body, now)
    return { lookup: 'miss', body }
  }
}
