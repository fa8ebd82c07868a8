/**
 * Takes calls through queues as their events come, and says where a waiting one should go. A call is in a queue when it names one,
 * or when it is for a number of ours whose calls lead to one.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { PhoneCallEventBody, WireCall } from '../../../wire/call-event.ts'
import { overflowActions, queueCapacity } from '../../../wire/queue.ts'
import type { Routing } from '../../../wire/routing.ts'
import { agentNotAvailable } from '../../../wire/words.ts'
import { type Wait, Waits } from './waits.ts'

const idRow = z.object({ id: z.int() })
const limitsRow = z.object({
  max_wait_time: z.int().nullable(),
  overflow_action: z.enum(overflowActions),
  overflow_target: z.string().nullable(),
})

type Event = PhoneCallEventBody['phone_call_event']

export class CallRouting {
  readonly #waits: Waits
  readonly #limits: StatementSyncInstance
  readonly #byName: StatementSyncInstance
  readonly #byNumber: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#waits = new Waits(db)
    this.#limits = db.prepare('SELECT max_wait_time, overflow_action, overflow_target FROM queues WHERE id = ?')
    this.#byName = db.prepare('SELECT id FROM queues WHERE name = ?')
    this.#byNumber = db.prepare(
      `SELECT n.ivr_queue_id AS id FROM phone_numbers n LEFT JOIN phone_lines l ON l.id = n.phone_line_id
       WHERE n.number = ? AND n.enabled = 1 AND coalesce(l.enabled, 1) = 1 AND n.ivr_queue_id IS NOT NULL`,
    )
  }

  /** Takes over the newest event of a call; `null` for a call that waits nowhere. For use inside a transaction. */
  follow(callId: number, event: Event): Routing | null {
    const waits = this.#waits.ofCall(callId)
    const queueId = this.#queueOf(event.call, waits)
    if (queueId === null) return null
    const at = Date.parse(event.occurred_at)
    const own = waits.find(wait => wait.queue_id === queueId)
    if (own === undefined) return this.#enter(callId, queueId, event, waits.length === 0, new Set())
    // Invariant 3 of waits.ts: it goes on where it overflowed to, if that was a queue.
    const current =
      own.outcome === 'overflowed' ? waits.find(({ outcome }) => outcome !== 'overflowed' && outcome !== 'moved') : own
    if (current === undefined) return null
    const wait: Wait = { ...current, ...stateOf(event.call) }
    this.#waits.put(callId, wait)
    this.#waits.leaveOthers(callId, current.queue_id, at)
    return wait.outcome === 'waiting' ? this.#route(callId, wait, event) : null
  }

  /** By name; else where it is; else, for a new one, where its number leads. */
  #queueOf({ queue, direction, to }: WireCall, waits: readonly Wait[]): number | null {
    const named = queue === null || queue === undefined ? undefined : this.#byName.get(queue)
    if (named !== undefined) return idRow.parse(named).id
    const here = waits.find(({ outcome }) => outcome !== 'moved' && outcome !== 'overflowed') ?? waits[0]
    if (here !== undefined) return here.queue_id
    const ofNumber = direction === 'inbound' ? this.#byNumber.get(to) : undefined
    return ofNumber === undefined ? null : idRow.parse(ofNumber).id
  }

  #enter(callId: number, queueId: number, event: Event, first: boolean, tried: Set<number>): Routing | null {
    const at = Date.parse(event.occurred_at)
    const state = stateOf(event.call)
    const wait: Wait = { queue_id: queueId, entered_at: first ? Date.parse(event.call.started_at) : at, ...state, agent_id: null }
    this.#waits.leaveOthers(callId, queueId, at)
    // One that no longer waits takes no room: its story came late.
    if (state.outcome !== 'waiting') {
      this.#waits.put(callId, wait)
      return null
    }
    if (this.#waits.depth(queueId) >= queueCapacity) return this.#overflow(callId, wait, event, tried)
    this.#waits.put(callId, wait)
    return this.#route(callId, wait, event, tried)
  }

  #route(callId: number, wait: Wait, event: Event, tried = new Set<number>()): Routing {
    const { max_wait_time } = limitsRow.parse(this.#limits.get(wait.queue_id))
    const waitedMs = Date.parse(event.occurred_at) - wait.entered_at
    if (max_wait_time !== null && waitedMs > max_wait_time * 1000) return this.#overflow(callId, wait, event, tried)
    const free = this.#waits.freeMembers(callId, wait.queue_id)
    const ahead = this.#waits.ahead(callId, wait)
    // Those who came before are served first; whom this call was meant for stays so while free.
    const agentId = free.find(id => id === wait.agent_id) ?? free[ahead] ?? null
    if (agentId !== wait.agent_id) this.#waits.offer(callId, wait.queue_id, agentId)
    if (agentId !== null) return { kind: 'agent', agent_id: agentId }
    const queued = { kind: 'queued', queue_id: wait.queue_id, position: ahead + 1 } as const
    return free.length > 0 ? queued : { ...queued, ...agentNotAvailable }
  }

  /** Out of the queue, and into another one with room when that is how it overflows. */
  #overflow(callId: number, wait: Wait, event: Event, tried: Set<number>): Routing {
    const at = Date.parse(event.occurred_at)
    this.#waits.put(callId, { ...wait, left_at: at, outcome: 'overflowed' })
    tried.add(wait.queue_id)
    const { overflow_action: action, overflow_target: target } = limitsRow.parse(this.#limits.get(wait.queue_id))
    const next = action === 'queue' ? Number(target?.slice('queue-'.length)) : null
    if (next !== null && !tried.has(next) && this.#waits.ofCall(callId).every(({ queue_id }) => queue_id !== next)) {
      const entered = this.#enter(callId, next, event, false, tried)
      if (entered?.kind === 'overflow') return entered
    }
    return { kind: 'overflow', action, target }
  }
}

/** How a call's wait stands, from the call itself. */
function stateOf({ answered_at, ended_at }: WireCall): Pick<Wait, 'left_at' | 'outcome'> {
  if (answered_at !== null) return { left_at: Date.parse(answered_at), outcome: 'answered' }
  if (ended_at !== null) return { left_at: Date.parse(ended_at), outcome: 'abandoned' }
  return { left_at: null, outcome: 'waiting' }
}
