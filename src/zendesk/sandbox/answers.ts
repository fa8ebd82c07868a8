/**
 * Idempotency: the first answer to each Idempotency-Key, stored in the same transaction as the effect it speaks of.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { GroupCommit } from './group-commit.ts'
import { invalidField, keyReused } from './problem.ts'

const answerRow = z.object({ fingerprint: z.string(), body: z.string() })
const countRow = z.object({ n: z.int() })

/** What to send: 201 and the new answer, or 200 and the first one again. */
export interface Reply {
  readonly status: 200 | 201
  /** JSON text. */
  readonly body: string
}

export class Answers {
  readonly #commits: GroupCommit
  readonly #find: StatementSyncInstance
  readonly #save: StatementSyncInstance
  readonly #repeat: StatementSyncInstance
  readonly #repeats: StatementSyncInstance

  constructor(db: DatabaseSyncInstance, commits: GroupCommit) {
    this.#commits = commits
    this.#find = db.prepare('SELECT fingerprint, body FROM answers WHERE key = ?')
    this.#save = db.prepare('INSERT INTO answers (key, fingerprint, body) VALUES (?, ?, ?)')
    this.#repeat = db.prepare('UPDATE answers SET repeats = repeats + 1 WHERE key = ?')
    this.#repeats = db.prepare('SELECT coalesce(sum(repeats), 0) AS n FROM answers')
  }

  /**
   * Does `effect` unless this key's was done before; resolves when it is on disk. `fingerprint` identifies the request: the same
   * key with another one is a 422. `effect` only touches the database and returns the body of the answer.
   */
  once(key: string, fingerprint: string, effect: () => object): Promise<Reply> {
    return this.#commits.run(() => {
      const earlier = this.#find.get(key)
      if (earlier !== undefined) {
        const { body, fingerprint: first } = answerRow.parse(earlier)
        if (first !== fingerprint) throw keyReused()
        this.#repeat.run(key)
        return { status: 200, body }
      }
      const body = JSON.stringify(effect())
      this.#save.run(key, fingerprint, body)
      return { status: 201, body }
    })
  }

  /** Whether a request with this key has been answered. */
  knows(key: string): boolean {
    return this.#find.get(key) !== undefined
  }

  /** How many requests were answered from memory so far. */
  repeats(): number {
    return countRow.parse(this.#repeats.get()).n
  }
}

/** The Idempotency-Key header, or a 422: 1 to 255 visible ASCII characters. */
export function idempotencyKey(header: string | string[] | undefined): string {
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header
  throw invalidField('idempotency-key', 'is required: 1 to 255 visible ASCII characters, the same for every attempt')
}
