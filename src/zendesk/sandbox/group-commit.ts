/**
 * Many small writes, one disk flush: work that arrives in one turn of the event loop shares a transaction. When the disk is slow,
 * the first of a batch waits a moment for company: else requests that answer a commit come in as one, then all the others, and
 * every second flush is spent on a single write.
 *
 * Invariants
 *  1 A promise resolves only after the commit that holds its work: what was acknowledged survives kill -9.
 *  2 Work that throws takes back its own writes (a savepoint) and nobody else's.
 *  3 Work runs one after the other, in the order it came, each seeing what the one before wrote.
 */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'

/** Bounds how long one transaction holds the event loop. */
const batchLimit = 256
/** A commit that took longer than this, in ms, is worth sharing; and this is how long to wait for others. */
const companyMs = 1

interface Pending {
  /** Does the writes; returns what to do once they are committed. */
  readonly work: () => () => void
  readonly fail: (cause: unknown) => void
}

export class GroupCommit {
  readonly #db: DatabaseSyncInstance
  readonly #queue: Pending[] = []
  #cancel: (() => void) | null = null
  #lastCommitMs = 0
  #closed = false

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
  }

  /** Runs `work`, which may only touch the database, and resolves with its result once that is on disk. */
  run<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the sandbox is stopping'))
    return new Promise((resolve, fail) => {
      const then = () => {
        const result = work()
        return () => resolve(result)
      }
      this.#queue.push({ work: then, fail })
      this.#cancel ??= this.#schedule()
    })
  }

  /** Commits what is queued and refuses what comes later; the database may be closed after this. */
  close(): void {
    this.#closed = true
    this.#flush()
  }

  #schedule(): () => void {
    if (this.#lastCommitMs > companyMs) {
      const timer = setTimeout(() => this.#flush(), companyMs)
      return () => clearTimeout(timer)
    }
    const timer = setImmediate(() => this.#flush())
    return () => clearImmediate(timer)
  }

  #flush(): void {
    this.#cancel?.()
    this.#cancel = null
    while (this.#queue.length > 0) this.#commit(this.#queue.splice(0, batchLimit))
  }

  #commit(batch: readonly Pending[]): void {
    const settle: (() => void)[] = []
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const pending of batch) settle.push(this.#attempt(pending))
      const began = performance.now()
      this.#db.exec('COMMIT')
      this.#lastCommitMs = performance.now() - began
    } catch (cause) {
      // A full disk, an I/O error: SQLite may have rolled back by itself already.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      for (const { fail } of batch) fail(cause)
      return
    }
    for (const done of settle) done()
  }

  #attempt({ work, fail }: Pending): () => void {
    this.#db.exec('SAVEPOINT work')
    try {
      const done = work()
      this.#db.exec('RELEASE work')
      return done
    } catch (cause) {
      // Rethrown when the whole transaction is gone with it.
      if (!this.#db.isTransaction) throw cause
      this.#db.exec('ROLLBACK TO work; RELEASE work')
      return () => fail(cause)
    }
  }
}
