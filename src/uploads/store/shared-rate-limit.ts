/**
 * One rate limit for all bridges of a shared database: a token bucket in one row. A bridge takes tokens as it sends, so one that is
 * idle holds none back; a pause that one of them was asked for holds them all.
 *
 * A bucket that was filled in the future shows that the database's clock was set back: its pause is of no known length any more, and
 * ends.
 *
 * In any 60 s no more than `perMinute` go out, together, the bucket's burst included. What the server says
 * of its own limit counts for all, as long as it is less (`observe`).
 */
import { type Kysely, sql } from 'kysely'
import type { Allowance, Pause } from '../flow/allowance.ts'
import { databaseNow, STEP_MS } from './dialect.ts'
import type { Schema } from './schema.ts'

const BURST = 0.005
/** In this time a minute's requests come in: as long as our own window (flow/send-window.ts), and for the same reason. */
const FILL_MS = 60_300

export interface SharedRateLimitOptions {
  readonly db: Kysely<Schema>
  /** Which limit: bridges that deliver to the same account name the same one. */
  readonly name: string
  /** The same for all bridges: each fills the bucket at its own rate when it takes from it. */
  readonly perMinute: number
  /** A pause that could not be shared holds this bridge only. */
  readonly log: { warn(fields: object, msg: string): void }
  /** Epoch ms. */
  readonly now: () => number
}

interface Granted {
  readonly count: number
  /** ms until there is a token again. */
  readonly next_in: number
  /** ms that the pause still lasts; 0 without one. */
  readonly paused_for: number
  readonly pause_reason: string | null
  readonly server_limit: number | null
}

export class SharedRateLimit implements Allowance {
  readonly #options: SharedRateLimitOptions
  #configured: number
  #isNamed = false
  #nextAt = 0
  /** What the server allows in a minute, as far as this bridge knows. */
  #serverLimit: number | null = null
  /** As the database said it last, or as this bridge was told since. */
  #pause: Pause | null = null
  /** A pause that the database does not know (yet): no answer of it ends this one. */
  #unshared: Pause | null = null
  #sharing: Promise<void> = Promise.resolve()

  constructor(options: SharedRateLimitOptions) {
    if (!(options.perMinute >= 1)) throw new RangeError(`requests a minute must be 1 or more, not ${options.perMinute}`)
    this.#options = options
    this.#configured = options.perMinute
  }

  /** What may go out in a minute at present, from all bridges together. */
  get perMinute(): number {
    return Math.min(this.#configured, this.#serverLimit ?? this.#configured)
  }

  /** Changes what was configured, while it runs: for what this bridge takes. The bucket is what it was, so nothing bursts. */
  configure(perMinute: number): void {
    this.#configured = perMinute
  }

  async reserve(wanted: number, now: number): Promise<number> {
    const { db, name } = this.#options
    const perMinute = this.#configured
    await this.#sharing
    if (this.#unshared !== null && now < this.#unshared.until) return 0
    await this.#name()
    const { rows } = await sql<Granted>`
      with budget as materialized (
          select *, least(${perMinute}::float8, server_limit) as per_minute from sink_budget where name = ${name} for update),
        filled as materialized (
          select least(greatest(1, floor(per_minute * ${BURST}::float8)),
              tokens + greatest(0, ${databaseNow} - filled_at) * per_minute / ${FILL_MS}::float8) as tokens,
            case when filled_at > ${databaseNow} + ${STEP_MS}::int then 0 else paused_until end as paused_until,
            pause_reason, ${databaseNow} as at, per_minute, server_limit
          from budget),
        held as materialized (select *, greatest(0, paused_until - at) as paused_for from filled),
        granted as materialized (
          select held.*, case when paused_for > 0 then 0 else least(${wanted}::int, floor(tokens + 1e-6)::int) end as count from held)
      update sink_budget as b
        set tokens = granted.tokens - granted.count, filled_at = granted.at, paused_until = granted.paused_until
      from granted where b.name = ${name}
      returning granted.count, granted.paused_for, granted.pause_reason, granted.server_limit,
        greatest(0, ceil((1 - (granted.tokens - granted.count)) * ${FILL_MS}::float8 / granted.per_minute))::int as next_in`.execute(
      db,
    )
    const [granted] = rows
    if (granted === undefined) {
      // An operator has emptied the table.
      this.#isNamed = false
      return 0
    }
    this.#serverLimit = granted.server_limit
    this.#pause =
      granted.paused_for > 0
        ? { until: now + granted.paused_for, reason: granted.pause_reason ?? 'another bridge was told to wait' }
        : null
    this.#nextAt = granted.count < wanted ? now + granted.next_in : now
    return granted.count
  }

  async release(count: number): Promise<void> {
    const { db, name } = this.#options
    await sql`update sink_budget set tokens = tokens + ${count}::int where name = ${name}`.execute(db)
  }

  /** What the server's headers said of its limit, and of how much of it is left. What is news is told to the other bridges. */
  observe(said: { readonly limit: number | null; readonly remaining: number | null }): void {
    const { db, name } = this.#options
    const { limit, remaining } = said
    if (
      limit !== null &&
      limit >= 1 &&
      limit !== this.#serverLimit &&
      Math.min(limit, this.#serverLimit ?? limit) < this.#configured
    ) {
      this.#serverLimit = limit
      this.#share(sql`update sink_budget set server_limit = ${Math.floor(limit)}::int where name = ${name}`.execute(db))
    }
    // Others use the account, too: what they have spent is not ours to send. The bucket never holds more than its burst.
    if (remaining !== null && remaining < Math.max(1, Math.floor(this.perMinute * BURST))) {
      this.#share(sql`update sink_budget set tokens = least(tokens, ${remaining}::float8) where name = ${name}`.execute(db))
    }
  }

  nextAt(now: number): number {
    return Math.max(now, this.#nextAt, this.pause(now)?.until ?? 0)
  }

  pauseUntil(until: number, reason: string): void {
    const now = this.#options.now()
    const before = this.pause(now)
    if (before !== null && until <= before.until) return
    const pause = { until, reason }
    this.#pause = pause
    this.#unshared = pause
    const forMs = Math.max(0, until - now)
    const change = sql`update sink_budget set pause_reason = ${reason}, paused_until = greatest(paused_until, ${databaseNow} + ${forMs}::bigint)
        where name = ${this.#options.name}`
    this.#share(
      change.execute(this.#options.db).then(() => {
        if (this.#unshared === pause) this.#unshared = null
      }),
    )
  }

  pause(now: number): Pause | null {
    if (this.#pause !== null && now >= this.#pause.until) this.#pause = null
    if (this.#unshared !== null && now >= this.#unshared.until) this.#unshared = null
    return laterOf(this.#pause, this.#unshared)
  }

  resume(): void {
    this.setBack()
    this.#share(sql`update sink_budget set paused_until = 0 where name = ${this.#options.name}`.execute(this.#options.db))
  }

  /** The database has a clock of its own: the pause of all goes on, and the next reservation says for how long. */
  setBack(): void {
    this.#pause = null
    this.#unshared = null
    this.#nextAt = 0
  }

  /** Begins with one token: nobody knows what was spent in the minute before. */
  async #name(): Promise<void> {
    if (this.#isNamed) return
    const { db, name } = this.#options
    await sql`insert into sink_budget (name, tokens, filled_at) values (${name}, 1, ${databaseNow}) on conflict (name) do nothing`.execute(
      db,
    )
    this.#isNamed = true
  }

  // The next reservation waits for it, so a bridge never overtakes its own pause.
  #share(change: Promise<unknown>): void {
    const shared = change.then(
      () => {},
      error =>
        this.#options.log.warn(
          { reason: error instanceof Error ? error.message : String(error) },
          'what holds the sink back could not be shared',
        ),
    )
    this.#sharing = Promise.all([this.#sharing, shared]).then(() => {})
  }
}

const laterOf = (a: Pause | null, b: Pause | null): Pause | null => {
  if (a === null || b === null) return a ?? b
  return a.until < b.until ? b : a
}
