/** The tracker's journal (events/journal.ts): calls, their keys and events, and the jobs that the events cause, in one transaction. */
import type { Insertable, Kysely, Transaction } from 'kysely'
import type { Call } from '../../events/call.ts'
import { type Choice, laterChoice } from '../../events/choice.ts'
import type { CallEvent, CallId, CallSnapshot } from '../../events/event.ts'
import type { CallChange, CallJournal } from '../../events/journal.ts'
import { planEvent } from '../plan.ts'
import { batches } from './batches.ts'
import { lockAppends, transact } from './dialect.ts'
import { insertJobs } from './job-rows.ts'
import { addPartiesOfCalls } from './parties.ts'
import type { CallKeysTable, CallsTable, EventsTable, Schema } from './schema.ts'
import type { Share } from './share.ts'
import { DamagedRowError, readCall } from './stored-json.ts'

export interface CallStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** Called after a commit with the events that are new. */
  readonly onEvents: (events: readonly CallEvent[]) => void
  /** `null`: one bridge has the database to itself, or this is a tool. */
  readonly share: Share | null
}

export class CallStore implements CallJournal {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #onEvents: (events: readonly CallEvent[]) => void
  readonly #share: Share | null

  constructor(options: CallStoreOptions) {
    this.#db = options.db
    this.#now = options.now
    this.#onEvents = options.onEvents
    this.#share = options.share
  }

  async append(changes: readonly CallChange[]): Promise<void> {
    if (changes.length === 0) return
    const now = this.#now()
    const added = await transact(this.#db, async trx => {
      await lockAppends(trx)
      await upsertCalls(trx, changes, now, this.#share)
      await upsertKeys(trx, changes)
      const fresh = await insertEvents(trx, changes, now)
      await insertJobs(trx, fresh.map(planEvent), now)
      await addPartiesOfCalls(
        trx,
        fresh.filter(({ type }) => type === 'call.ended').map(({ call }) => call),
      )
      return fresh
    })
    if (added.length > 0) this.#onEvents(added)
  }

  async openCalls(): Promise<readonly Call[]> {
    const share = this.#share
    // Spelled out, so that the index of open calls is used.
    let query = this.#db
      .selectFrom('calls')
      .select(['id', 'state'])
      .where(eb => eb('ended', '=', eb.lit(0)))
    // A call that only others see would seem to have fallen silent.
    if (share !== null) {
      query = query.where(eb =>
        eb.exists(
          eb
            .selectFrom('call_watchers')
            .select('call_id')
            .whereRef('call_watchers.call_id', '=', 'calls.id')
            .where('bridge', '=', share.bridge),
        ),
      )
    }
    const rows = await query.execute()
    return rows.map(row => readCall(row.id, row.state))
  }

  async findCall(sipCallId: string): Promise<Call | null> {
    const row = await this.#db
      .selectFrom('call_keys')
      .innerJoin('calls', 'calls.id', 'call_keys.call_id')
      .select(['calls.id', 'calls.state'])
      .where('call_keys.key', '=', `sip:${sipCallId}`)
      .executeTakeFirst()
    return row === undefined ? null : readCall(row.id, row.state)
  }
}

// A call that has ended stays so: a late repetition of its INVITE, which memory has forgotten, opens nothing again.
// The newest change of a call wins; its snapshot comes from the newest event, which may be of an earlier change. Of two bridges that see
// the same call, the one that lags behind changes nothing.
const upsertCalls = async (
  trx: Transaction<Schema>,
  changes: readonly CallChange[],
  now: number,
  share: Share | null,
): Promise<void> => {
  const rows = new Map<CallId, Insertable<CallsTable>>()
  const choices = share === null ? new Map<CallId, Choice>() : await keepChoices(trx, changes)
  for (const { call: told, events, ended } of changes) {
    const consent = choices.get(told.id)
    const call: Call = consent === undefined ? told : { ...told, consent }
    const snapshot = events.at(-1)?.call ?? null
    const shown = snapshot === null ? snapshotColumns(rows.get(call.id)) : columnsOf(snapshot)
    const own = { id: call.id, state: JSON.stringify(call), ended: ended ? 1 : 0, updated_at: now, ...shown }
    rows.set(call.id, share === null ? own : { ...own, sequence: call.sequence })
  }
  for (const some of batches([...rows.values()])) {
    await trx
      .insertInto('calls')
      .values(some)
      .onConflict(conflict =>
        conflict
          .column('id')
          .doUpdateSet(({ ref, fn }) => ({
            state: ref('excluded.state'),
            snapshot: fn.coalesce('excluded.snapshot', 'calls.snapshot'),
            started_at: fn.coalesce('excluded.started_at', 'calls.started_at'),
            ended_at: fn.coalesce('excluded.ended_at', 'calls.ended_at'),
            ended: ref('excluded.ended'),
            updated_at: ref('excluded.updated_at'),
            ...(share === null ? {} : { sequence: ref('excluded.sequence') }),
          }))
          .where(eb => {
            const stays = eb.or([eb('calls.ended', '=', 0), eb('excluded.ended', '=', 1)])
            return share === null ? stays : eb.and([stays, eb('excluded.sequence', '>=', eb.ref('calls.sequence'))])
          }),
      )
      .execute()
    if (share === null) continue
    await trx
      .insertInto('call_watchers')
      .values(some.map(({ id }) => ({ call_id: id, bridge: share.bridge })))
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
}

/**
 * Of two bridges that see the same call, one may have heard a choice that the other did not. The later one stands, whichever of them
 * writes and however far it lags behind: it goes into what is stored at once, and is answered for what is being written.
 */
const keepChoices = async (trx: Transaction<Schema>, changes: readonly CallChange[]): Promise<ReadonlyMap<CallId, Choice>> => {
  const choices = new Map<CallId, Choice>()
  for (const { call } of changes)
    if (call.consent !== undefined) choices.set(call.id, laterChoice(choices.get(call.id), call.consent))
  for (const some of batches([...new Set(changes.map(({ call }) => call.id))])) {
    for (const { id, state } of await trx.selectFrom('calls').select(['id', 'state']).where('id', 'in', some).execute()) {
      const stored = callIn(id, state)
      if (stored === null) continue
      const heard = choices.get(id)
      const consent = heard === undefined ? stored.consent : laterChoice(stored.consent, heard)
      if (consent === undefined) continue
      choices.set(id, consent)
      if (consent === stored.consent) continue
      const changed = { state: JSON.stringify({ ...stored, consent }) }
      await trx.updateTable('calls').set(changed).where('id', '=', id).execute()
    }
  }
  return choices
}

/** `null`: it is damaged, and about to be written anew. */
const callIn = (id: CallId, state: string): Call | null => {
  try {
    return readCall(id, state)
  } catch (error) {
    if (error instanceof DamagedRowError) return null
    throw error
  }
}

type SnapshotColumns = Pick<Insertable<CallsTable>, 'snapshot' | 'started_at' | 'ended_at'>

const columnsOf = (snapshot: CallSnapshot): SnapshotColumns => ({
  snapshot: JSON.stringify(snapshot),
  started_at: snapshot.startedAt,
  ended_at: snapshot.endedAt,
})

const snapshotColumns = (row: SnapshotColumns | undefined): SnapshotColumns => ({
  snapshot: row?.snapshot ?? null,
  started_at: row?.started_at ?? null,
  ended_at: row?.ended_at ?? null,
})

// A name that two calls claim belongs to the later one: a PBX that reuses a Call-ID means its newest call.
const upsertKeys = async (trx: Transaction<Schema>, changes: readonly CallChange[]): Promise<void> => {
  const owners = new Map<string, CallId>()
  for (const { call, keys } of changes) for (const key of keys) owners.set(key, call.id)
  const rows: Insertable<CallKeysTable>[] = [...owners].map(([key, id]) => ({ key, call_id: id }))
  for (const some of batches(rows)) {
    await trx
      .insertInto('call_keys')
      .values(some)
      .onConflict(conflict =>
        conflict
          .column('key')
          .doUpdateSet(({ ref }) => ({ call_id: ref('excluded.call_id') }))
          .whereRef('call_keys.call_id', '<>', 'excluded.call_id'),
      )
      .execute()
  }
}

/** Answers the events that were not known, in order. */
const insertEvents = async (
  trx: Transaction<Schema>,
  changes: readonly CallChange[],
  now: number,
): Promise<readonly CallEvent[]> => {
  const events = changes.flatMap(change => change.events)
  const rows: Insertable<EventsTable>[] = events.map(event => ({
    id: event.id,
    call_id: event.callId,
    body: JSON.stringify(event),
    stored_at: now,
  }))
  const fresh = new Set<string>()
  for (const some of batches(rows)) {
    const stored = await trx
      .insertInto('events')
      .values(some)
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('id')
      .execute()
    for (const { id } of stored) fresh.add(id)
  }
  // Deleting as we go keeps an event that came twice in one batch from being planned twice.
  return events.filter(event => fresh.delete(event.id))
}
