/** Finds the recordings and voicemails that somebody means: those about a number, of a call, or one by its id. */
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Call } from '../../events/call.ts'
import type { CallId } from '../../events/event.ts'
import { callIdOf } from '../../events/ids.ts'
import type { ItemState, RecordingId } from '../../events/recording.ts'
import { readErasure } from './erasure-note.ts'
import type { ItemsTable, Schema } from './schema.ts'
import { DamagedRowError, readCall, readItem } from './stored-json.ts'

export type About =
  /** Every way to write it (events/number-forms.ts); `shown`: masked, for the audit log, which must not keep what it says was erased. */
  | { readonly kind: 'number'; readonly forms: readonly string[]; readonly shown: string }
  | { readonly kind: 'call'; readonly id: string }
  | { readonly kind: 'item'; readonly id: string }

/** A recording or voicemail that was found. */
export interface FoundItem {
  readonly seq: number
  readonly id: RecordingId
  readonly kind: 'recording' | 'voicemail'
  readonly callId: CallId | null
  /** When it began, epoch ms. */
  readonly startedAt: number
  readonly state: ItemState
  /** Why it must not be deleted; `null` when it may. */
  readonly hold: string | null
  /** `null`: nobody asked to have it erased. */
  readonly erasure: 'asked' | 'done' | null
  /** Where it lies in the archive; `null`: nowhere, or not yet. */
  readonly archiveKey: string | null
}

/** Oldest first; `after` goes on after the last one (`seq`) of the page before. */
export const findAbout = async (
  db: Kysely<Schema> | Transaction<Schema>,
  about: About,
  page: { readonly limit: number; readonly after?: number },
): Promise<readonly FoundItem[]> => {
  const rows = await itemsAbout(db, await meantBy(db, about))
    .selectAll()
    .where('seq', '>', page.after ?? 0)
    .orderBy('seq')
    .limit(page.limit)
    .execute()
  return rows.map(foundItem)
}

/** A row as whoever asked sees it. Throws DamagedRowError. */
export const foundItem = (row: Selectable<ItemsTable>): FoundItem => {
  const { kind, startedAt } = readItem(row)
  const done = row.erasure !== null && readErasure(row.erasure).doneAt !== null
  const erasure = row.erasure === null ? null : done ? 'done' : 'asked'
  const { seq, id, call_id: callId, state, hold, archive_key: archiveKey } = row
  return { seq, id, kind, callId, startedAt, state, hold, erasure, archiveKey }
}

/** `About` with what has to be looked up for it. */
export type Meant = Exclude<About, { readonly kind: 'call' }> | { readonly kind: 'calls'; readonly ids: readonly CallId[] }

/**
 * A call is meant with those that were merged into it, and one that was merged means the whole: what was recorded of it before lies under
 * either id. Each is named after a SIP call that the whole has (events/ids.ts).
 */
export const meantBy = async (db: Kysely<Schema> | Transaction<Schema>, about: About): Promise<Meant> => {
  if (about.kind !== 'call') return about
  const asked = about.id as CallId // a look-up: an id of no call finds nothing
  let [id, call] = [asked, await callOf(db, asked)]
  for (let hops = 0; call?.phase.kind === 'merged' && hops < 8; hops += 1) {
    id = call.phase.into
    call = await callOf(db, id)
  }
  const parts = call?.sipCalls.map(({ sipCallId }) => callIdOf(sipCallId)) ?? []
  return { kind: 'calls', ids: [...new Set([asked, id, ...parts])] }
}

/** `null`: there is none, or none that can be read. */
const callOf = async (db: Kysely<Schema> | Transaction<Schema>, id: CallId): Promise<Call | null> => {
  const row = await db.selectFrom('calls').select('state').where('id', '=', id).executeTakeFirst()
  if (row === undefined) return null
  try {
    return readCall(id, row.state)
  } catch (error) {
    if (error instanceof DamagedRowError) return null // what is known by its id alone is meant all the same
    throw error
  }
}

/** The rows that are meant. */
export const itemsAbout = (db: Kysely<Schema> | Transaction<Schema>, about: Meant) => {
  const items = db.selectFrom('items')
  switch (about.kind) {
    case 'calls':
      return items.where('call_id', 'in', about.ids)
    case 'item':
      return items.where('id', '=', about.id as RecordingId) // likewise
    case 'number':
      // No item has the party '': a list without any form finds nothing.
      return items.where('id', 'in', eb =>
        eb
          .selectFrom('item_parties')
          .select('item_id')
          .where('party', 'in', ['', ...about.forms]),
      )
    default:
      throw new TypeError(`nothing is found by ${JSON.stringify(about satisfies never)}`)
  }
}

/** What the audit log says of how something was found. */
export const shownAs = (about: About): { readonly by: string; readonly number?: string; readonly call?: string } => {
  switch (about.kind) {
    case 'number':
      return { by: 'number', number: about.shown }
    case 'call':
      return { by: 'call', call: about.id }
    case 'item':
      return { by: 'item' }
    default:
      throw new TypeError(`nothing is found by ${JSON.stringify(about satisfies never)}`)
  }
}
