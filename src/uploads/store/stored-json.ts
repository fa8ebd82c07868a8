/**
 * What the store wrote as JSON, read back. A row is trusted to have the shape of its table's version once it proves to be the
 * object that its key names; a damaged one is an error that names the row, never a half-read object.
 */
import type { Selectable } from 'kysely'
import type { Call } from '../../events/call.ts'
import type { Cdr } from '../../events/cdr.ts'
import type { CallEvent, CallId, CallSnapshot, EventId } from '../../events/event.ts'
import type { AudioItem } from '../../events/recording.ts'
import { callOf, type StoredCall } from '../../events/stored-call.ts'
import type { ItemsTable } from './schema.ts'

/** A row that is not what was written there. */
export class DamagedRowError extends Error {
  constructor(table: string, id: string, options?: ErrorOptions) {
    super(`the stored row ${id} of table ${table} cannot be read; restore a backup or drop its job`, options)
    this.name = 'DamagedRowError'
  }
}

/** The tracker's state of a call. Throws DamagedRowError. */
export const readCall = (id: CallId, state: string): Call => callOf(readObject('calls', id, state) as StoredCall)

/** A call as its newest event showed it. Throws DamagedRowError. */
export const readSnapshot = (id: CallId, snapshot: string): CallSnapshot => readObject('calls', id, snapshot) as CallSnapshot

/** An event. Throws DamagedRowError. */
export const readEvent = (id: EventId, body: string): CallEvent => readObject('events', id, body) as CallEvent

/** An item, with the state and the hold that its columns say. Throws DamagedRowError. */
export const readItem = (row: Pick<Selectable<ItemsTable>, 'id' | 'state' | 'reason' | 'hold' | 'body'>): AudioItem => {
  // A hold that was there when the body was written may have been released since.
  const { hold: _, ...written } = readObject('items', row.id, row.body) as AudioItem
  const { state, reason, hold } = row
  return hold === null ? { ...written, state, reason } : { ...written, state, reason, hold }
}

/** What the PBX's records say of a call. Throws DamagedRowError. */
export const readCdr = (id: string, body: string): Cdr => readObject('cdrs', id, body) as Cdr

const readObject = (table: string, id: string, json: string): { readonly id: string } => {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new DamagedRowError(table, id, { cause })
  }
  if (typeof value !== 'object' || value === null || !('id' in value) || value.id !== id) throw new DamagedRowError(table, id)
  return { ...value, id }
}
