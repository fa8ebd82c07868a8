/**
 * Phone calls, built from the events that arrive about them.
 *
 * Invariants
 *  1 A call shows its newest event: one with a lower sequence than the newest is stored, but does not take the call back.
 *  2 Each event id, and each sequence of a call, is stored once. That the arrival was late, or leaves a gap, stays visible.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { type PhoneCallEventBody, phoneCallEventSchema, type WireCall, wireCallSchema } from '../../../wire/call-event.ts'
import { type Page, page, where } from '../../page.ts'
import { invalidField } from '../../problem.ts'
import { type CallFilter, conditionsOf } from './call-filter.ts'

const callRow = z.object({
  id: z.int(),
  external_id: z.string(),
  sequence: z.int(),
  call: z.string(),
  ticket_id: z.int().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
})
const headRow = z.object({ id: z.int(), sequence: z.int() })
const eventRow = z.object({ event: z.string(), received_at: z.int(), late: z.int() })
const countRow = z.object({ n: z.int() })
const totalsRow = z.object({ events: z.int(), out_of_order: z.int() })
const sequencesRow = z.object({ external_id: z.string(), sequences: z.string() })

const columns = 'id, external_id, sequence, call, ticket_id, created_at, updated_at'

type Event = PhoneCallEventBody['phone_call_event']

export interface StoredCall {
  readonly id: number
  /** The highest sequence seen. */
  readonly sequence: number
  readonly call: WireCall
  /** The ticket made of it, or that it was logged to. */
  readonly ticketId: number | null
  /** Epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
}

export interface StoredEvent {
  readonly event: Event
  readonly receivedAt: number
  readonly late: boolean
}

/** What an event did to the log. */
export interface Applied {
  readonly callId: number
  /** The event's place among all that arrived. */
  readonly arrival: number
  /** False when a later event of the call was here before: then the call did not change. */
  readonly newest: boolean
}

export interface CallTotals {
  readonly calls: number
  readonly events: number
  /** Events that came after a later one of their call. */
  readonly outOfOrder: number
  /** Sequences below a call's newest that have not come. */
  readonly gaps: number
}

export class Calls {
  readonly #db: DatabaseSyncInstance
  readonly #head: StatementSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #update: StatementSyncInstance
  readonly #insertEvent: StatementSyncInstance
  readonly #byId: StatementSyncInstance
  readonly #events: StatementSyncInstance
  readonly #setTicket: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#head = db.prepare('SELECT id, sequence FROM calls WHERE external_id = ?')
    this.#insert = db.prepare(
      `INSERT INTO calls (sequence, started_at, status, answered_at, duration, call, updated_at, external_id, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#update = db.prepare(
      'UPDATE calls SET sequence = ?, started_at = ?, status = ?, answered_at = ?, duration = ?, call = ?, updated_at = ? WHERE id = ?',
    )
    this.#insertEvent = db.prepare(
      `INSERT INTO events (id, call_id, sequence, type, late, event, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
    this.#byId = db.prepare(`SELECT ${columns} FROM calls WHERE id = ?`)
    this.#events = db.prepare('SELECT event, received_at, late FROM events WHERE call_id = ? ORDER BY arrival')
    this.#setTicket = db.prepare('UPDATE calls SET ticket_id = ? WHERE id = ?')
  }

  /** Stores an event and what it says of its call; for use inside a transaction. Throws a 422 for an event that came before. */
  apply(event: Event, now: number): Applied {
    const { call, sequence } = event
    const found = this.#head.get(call.external_id)
    const head = found === undefined ? null : headRow.parse(found)
    const id = head?.id ?? this.#create(event, now)
    const late = head !== null && sequence < head.sequence
    const stored = this.#insertEvent.run(event.id, id, sequence, event.type, late ? 1 : 0, JSON.stringify(event), now)
    if (stored.changes === 0) {
      throw invalidField(
        'phone_call_event.id',
        'this id, or this sequence of the call, came before under another Idempotency-Key',
      )
    }
    if (head !== null && !late) this.#update.run(...shownBy(event, now), id)
    return { callId: id, arrival: Number(stored.lastInsertRowid), newest: !late }
  }

  get(id: number): StoredCall | null {
    const row = this.#byId.get(id)
    return row === undefined ? null : storedCall(row)
  }

  /** The id of the call that the sender calls `externalId`, if any event of it came. */
  idOf(externalId: string): number | null {
    const row = this.#head.get(externalId)
    return row === undefined ? null : headRow.parse(row).id
  }

  /** The call that the sender calls `externalId`. */
  find(externalId: string | null): StoredCall | null {
    const id = externalId === null ? null : this.idOf(externalId)
    return id === null ? null : this.get(id)
  }

  list(filter: CallFilter): Page<StoredCall> {
    const conditions = conditionsOf(filter)
    const all = where(conditions)
    const { n } = countRow.parse(this.#db.prepare(`SELECT count(*) AS n FROM calls ${all.sql}`).get(...all.values))
    const here = where(filter.before === undefined ? conditions : [...conditions, { sql: 'id < ?', values: [filter.before] }])
    const rows = this.#db
      .prepare(`SELECT ${columns} FROM calls ${here.sql} ORDER BY id DESC LIMIT ?`)
      .all(...here.values, filter.limit + 1)
    return page(rows.map(storedCall), filter.limit, n)
  }

  /** Says which ticket is the call's. For use inside a transaction. */
  setTicket(id: number, ticketId: number): void {
    this.#setTicket.run(ticketId, id)
  }

  /** All events of a call, in the order they arrived. */
  events(id: number): readonly StoredEvent[] {
    return this.#events.all(id).map(row => {
      const { event, received_at, late } = eventRow.parse(row)
      const parsed = phoneCallEventSchema.parse({ phone_call_event: JSON.parse(event) })
      return { event: parsed.phone_call_event, receivedAt: received_at, late: late === 1 }
    })
  }

  totals(): CallTotals {
    const { events, out_of_order } = totalsRow.parse(
      this.#db.prepare('SELECT count(*) AS events, coalesce(sum(late), 0) AS out_of_order FROM events').get(),
    )
    const calls = countRow.parse(this.#db.prepare('SELECT count(*) AS n FROM calls').get()).n
    const expected = countRow.parse(this.#db.prepare('SELECT coalesce(sum(sequence), 0) AS n FROM calls').get()).n
    return { calls, events, outOfOrder: out_of_order, gaps: expected - events }
  }

  /** Each call's sequences in the order they arrived, by external id; the newest `limit` calls. */
  arrivals(limit: number): Record<string, readonly number[]> {
    const rows = this.#db
      .prepare(
        `SELECT c.external_id, (SELECT group_concat(sequence) FROM (SELECT sequence FROM events WHERE call_id = c.id ORDER BY arrival))
           AS sequences FROM calls c ORDER BY c.id DESC LIMIT ?`,
      )
      .all(limit)
      .map(row => sequencesRow.parse(row))
    return Object.fromEntries(rows.map(row => [row.external_id, row.sequences.split(',').map(Number)]))
  }

  #create(event: Event, now: number): number {
    const { lastInsertRowid } = this.#insert.run(...shownBy(event, now), event.call.external_id, now)
    return Number(lastInsertRowid)
  }
}

/** What a call's row takes from its newest event. */
const shownBy = ({ sequence, call }: Event, now: number) =>
  [sequence, call.started_at, call.status, call.answered_at, call.duration, JSON.stringify(call), now] as const

function storedCall(row: unknown): StoredCall {
  const { id, sequence, call, ticket_id, created_at, updated_at } = callRow.parse(row)
  return {
    id,
    sequence,
    call: wireCallSchema.parse(JSON.parse(call)),
    ticketId: ticket_id,
    createdAt: created_at,
    updatedAt: updated_at,
  }
}
