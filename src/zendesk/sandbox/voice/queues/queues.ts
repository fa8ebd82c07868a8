/** Queues and their members. A name belongs to one queue; a queue that something leads to, or that callers wait in, cannot go. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { type NewQueue, overflowActions, type QueueChange } from '../../../wire/queue.ts'
import type { Page, PageQuery } from '../../page.ts'
import { invalidField, notFound } from '../../problem.ts'
import { inUse, taken } from '../conflict.ts'
import { References } from '../provisioning/references.ts'
import { listed, merged, timeColumns, timesShown } from '../provisioning/rows.ts'

const rowSchema = z.object({
  id: z.int(),
  name: z.string(),
  max_wait_time: z.int().nullable(),
  overflow_action: z.enum(overflowActions),
  overflow_target: z.string().nullable(),
  ...timeColumns,
})
const idRow = z.object({ id: z.int() })
const memberRow = z.object({ agent_id: z.int() })

interface Writable {
  readonly name: string
  readonly members: readonly number[]
  readonly max_wait_time: number | null
  readonly overflow_action: (typeof overflowActions)[number]
  readonly overflow_target: string | null
}

export interface StoredQueue extends Writable {
  readonly id: number
  readonly created_at: string
  readonly updated_at: string
}

export class Queues {
  readonly #db: DatabaseSyncInstance
  readonly #references: References

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#references = new References(db)
  }

  list(query: PageQuery): Page<StoredQueue> {
    return listed(this.#db, 'queues', query, row => this.#stored(row))
  }

  /** Throws a 404. */
  get(id: number): StoredQueue {
    const row = this.#db.prepare('SELECT * FROM queues WHERE id = ?').get(id)
    if (row === undefined) throw notFound('Queue')
    return this.#stored(row)
  }

  /** For use inside a transaction, as all that follow. */
  create(asked: NewQueue, now: number): StoredQueue {
    const blank = { name: asked.name, members: [], max_wait_time: null, overflow_target: null }
    const queue = merged<Writable>({ ...blank, overflow_action: 'hangup' }, asked)
    this.#check(queue, 0)
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO queues (name, max_wait_time, overflow_action, overflow_target, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(queue.name, queue.max_wait_time, queue.overflow_action, queue.overflow_target, now, now)
    const id = Number(lastInsertRowid)
    this.#setMembers(id, queue.members)
    return this.get(id)
  }

  change(id: number, change: QueueChange, now: number): StoredQueue {
    const queue = merged<Writable>(this.get(id), change)
    this.#check(queue, id)
    this.#db
      .prepare(
        'UPDATE queues SET name = ?, max_wait_time = ?, overflow_action = ?, overflow_target = ?, updated_at = ? WHERE id = ?',
      )
      .run(queue.name, queue.max_wait_time, queue.overflow_action, queue.overflow_target, now, id)
    if (change.members !== undefined) this.#setMembers(id, queue.members)
    return this.get(id)
  }

  /** What happened in it is forgotten, too. */
  remove(id: number): void {
    this.get(id)
    const target = `queue-${id}`
    const users: readonly (readonly [string, string, string | number])[] = [
      ['phone number', 'SELECT id FROM phone_numbers WHERE ivr_queue_id = ?', id],
      ['queue', 'SELECT id FROM queues WHERE overflow_target = ?', target],
      [
        'IVR menu',
        "SELECT m.id FROM ivr_menus m, json_each(m.menu, '$.options') o WHERE json_extract(o.value, '$.target_id') = ?",
        target,
      ],
      ['phone call', "SELECT call_id AS id FROM queue_waits WHERE outcome = 'waiting' AND queue_id = ?", id],
    ]
    for (const [what, sql, value] of users) {
      const user = this.#db.prepare(`${sql} LIMIT 1`).get(value)
      if (user !== undefined) throw inUse('queue', `${what} ${idRow.parse(user).id}`)
    }
    this.#db.prepare('DELETE FROM queues WHERE id = ?').run(id)
  }

  /** Whoever is a member already stays where they are. */
  addMember(id: number, agentId: number, now: number): void {
    const { members } = this.get(id)
    if (members.includes(agentId)) return
    if (members.length >= 1000) throw invalidField('member.agent_id', 'is one too many: a queue has at most 1,000 members')
    this.#setMembers(id, [...members, agentId])
    this.#touch(id, now)
  }

  /** Throws a 404 for who is no member. */
  removeMember(id: number, agentId: number, now: number): void {
    this.get(id)
    const { changes } = this.#db.prepare('DELETE FROM queue_members WHERE queue_id = ? AND agent_id = ?').run(id, agentId)
    if (changes === 0) throw notFound('Member')
    this.#touch(id, now)
  }

  #touch(id: number, now: number): void {
    this.#db.prepare('UPDATE queues SET updated_at = ? WHERE id = ?').run(now, id)
  }

  #setMembers(id: number, members: readonly number[]): void {
    this.#db.prepare('DELETE FROM queue_members WHERE queue_id = ?').run(id)
    const insert = this.#db.prepare('INSERT OR IGNORE INTO queue_members (queue_id, agent_id, place) VALUES (?, ?, ?)')
    for (const [place, agentId] of members.entries()) insert.run(id, agentId, place)
  }

  #check({ name, overflow_action, overflow_target }: Writable, own: number): void {
    const other = this.#db.prepare('SELECT id FROM queues WHERE name = ? AND id <> ?').get(name, own)
    if (other !== undefined) throw taken('phone_queue.name', `is the name of queue ${idRow.parse(other).id}`)
    const field = 'phone_queue.overflow_target'
    switch (overflow_action) {
      case 'queue':
        this.#references.target(overflow_target, ['queue'], field)
        if (overflow_target === `queue-${own}`) throw invalidField(field, 'must be another queue')
        return
      case 'agent':
        this.#references.target(overflow_target, ['agent'], field)
        return
      case 'number':
        this.#references.target(overflow_target, ['number'], field)
        return
      case 'voicemail':
        // A mailbox of the PBX: nothing here knows them. None: that of the number called.
        return
      case 'hangup':
        if (overflow_target !== null) throw invalidField(field, 'must be null for hangup')
        return
      default:
        overflow_action satisfies never
    }
  }

  #stored(row: unknown): StoredQueue {
    const { id, name, max_wait_time, overflow_action, overflow_target, ...times } = rowSchema.parse(row)
    const members = this.#db.prepare('SELECT agent_id FROM queue_members WHERE queue_id = ? ORDER BY place').all(id)
    return {
      id,
      name,
      members: members.map(member => memberRow.parse(member).agent_id),
      max_wait_time,
      overflow_action,
      overflow_target,
      ...timesShown(times),
    }
  }
}
