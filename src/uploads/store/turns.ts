/**
 * Whose turn it is. A pending job whose turn it is has `head = 1`, and only those are in the index that claims read; so a
 * claim costs the same however many jobs stand behind. What changes the jobs of a call calls `giveTurns` in its transaction.
 *
 * 1. Of a call's events at most one is at the head or running: the one with the lowest sequence.
 * 2. A recording's turn comes when no opening event of its call is undelivered.
 * 3. Dead and dropped jobs are passed over (ADR 0007).
 */
import { sql, type Transaction } from 'kysely'
import type { CallId } from '../../events/event.ts'
import { OPENING_EVENT } from '../plan.ts'
import { batches } from './batches.ts'
import { lockTurns } from './dialect.ts'
import type { Schema } from './schema.ts'

// Spelled out rather than bound: a planner uses a partial index only for literals.
const pending = sql`state = 'pending'`

const eventAhead = sql<boolean>`exists (
  select 1 from jobs as other
  where other.order_key = jobs.order_key and other.lane = 'event' and other.order_no < jobs.order_no
    and other.state in ('pending', 'running'))`

const eventRunning = sql<boolean>`exists (
  select 1 from jobs as other
  where other.order_key = jobs.order_key and other.lane = 'event' and other.state = 'running')`

const openingEventUndelivered = sql<boolean>`exists (
  select 1 from jobs as other
  where other.order_key = jobs.order_key and other.lane = 'event' and other.order_no <= ${sql.lit(OPENING_EVENT)}
    and other.state in ('pending', 'running'))`

const hasToWait = sql<boolean>`(lane = 'event' and (${eventRunning} or ${eventAhead})) or (lane = 'media' and ${openingEventUndelivered})`

/** After jobs of these calls came or went: those whose turn it now is may be claimed. `null` keys have no turns. */
export const giveTurns = async (trx: Transaction<Schema>, keys: Iterable<CallId | null>): Promise<void> => {
  const calls = distinct(keys)
  await lockTurns(trx, calls)
  for (const some of batches(calls)) {
    await sql`update jobs set head = 1
      where order_key in (${sql.join(some)}) and ${pending} and head = 0 and not (${hasToWait})`.execute(trx)
  }
}

/** After a job came back ahead of others (a redrive): those that now have to wait may not be claimed. */
export const takeTurns = async (trx: Transaction<Schema>, keys: Iterable<CallId | null>): Promise<void> => {
  const calls = distinct(keys)
  await lockTurns(trx, calls)
  for (const some of batches(calls)) {
    await sql`update jobs set head = 0
      where order_key in (${sql.join(some)}) and ${pending} and head = 1 and (${hasToWait})`.execute(trx)
  }
}

const distinct = (keys: Iterable<CallId | null>): CallId[] => [...new Set(keys)].filter(key => key !== null)
