/** What was put before which agent's eyes: there is no browser here, so it is remembered instead. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'

const row = z.object({ agent_id: z.int(), kind: z.enum(['ticket', 'user']), target_id: z.int(), at: z.int() })

export interface Display {
  readonly agentId: number
  readonly kind: 'ticket' | 'user'
  readonly targetId: number
  /** Epoch ms. */
  readonly at: number
}

export class Displays {
  readonly #db: DatabaseSyncInstance
  readonly #insert: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#insert = db.prepare('INSERT INTO displays (agent_id, kind, target_id, at) VALUES (?, ?, ?, ?)')
  }

  /** For use inside a transaction. */
  show({ agentId, kind, targetId, at }: Display): void {
    this.#insert.run(agentId, kind, targetId, at)
  }

  /** Oldest first; the newest `limit` of them. */
  list(limit: number): readonly Display[] {
    return this.#db
      .prepare('SELECT agent_id, kind, target_id, at FROM (SELECT * FROM displays ORDER BY id DESC LIMIT ?) ORDER BY id')
      .all(limit)
      .map(found => {
        const { agent_id, kind, target_id, at } = row.parse(found)
        return { agentId: agent_id, kind, targetId: target_id, at }
      })
  }
}
