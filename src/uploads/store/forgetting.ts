/** What is personal about an item and its caller, and goes with an erasure. */
import { sql, type Transaction } from 'kysely'
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import type { Schema } from './schema.ts'

/** Forgets what is noted about an item outside its own row. */
export const forgetItem = async (
  trx: Transaction<Schema>,
  id: RecordingId,
  { keepSources }: { readonly keepSources: boolean },
): Promise<void> => {
  await trx.deleteFrom('item_parties').where('item_id', '=', id).execute()
  // File names have numbers in them. An item that is found again is known by its id (items.ts, add).
  if (!keepSources) await trx.deleteFrom('source_files').where('item_id', '=', id).execute()
  await trx
    .deleteFrom('sink_memory')
    .where('key', 'in', [`item:${id}`, `wish:${id}`])
    .execute()
}

/** Forgets what sinks remember of a caller, and not of a call: whose user, whose ticket (zendesk/memory.ts). */
export const forgetCaller = async (trx: Transaction<Schema>, forms: readonly string[]): Promise<void> => {
  const keys = forms.flatMap(number => [`caller:${number}`, `first:${number}`, `ticket-of:caller:${number}`])
  if (keys.length > 0) await trx.deleteFrom('sink_memory').where('key', 'in', keys).execute()
  for (const number of forms) {
    await sql`delete from sink_memory where key >= 'ticket-of:rule:' and key < 'ticket-of:rule;'
      and substr(key, length(key) - ${sql.lit(number.length)}) = ${`:${number}`}`.execute(trx)
  }
}

/** What stays of an item: that there was one. */
export const withoutPersons = (item: AudioItem): AudioItem => {
  const { id, state, reason, foundAt, startedAt, callId } = item
  const nothing = { sourcePath: '', sourceSize: 0, sourceMtimeMs: 0, source: null, encoded: null }
  const rest = { id, state, reason, foundAt, startedAt, callId, ...nothing }
  if (item.kind === 'recording') {
    const hints = { sipCallId: null, unique: null, from: null, to: null, startedAt: null }
    return { ...rest, kind: 'recording', hints, matchedBy: item.matchedBy }
  }
  const nobody = { kind: 'anonymous', value: 'anonymous', display: null } as const
  return { ...rest, kind: 'voicemail', from: nobody, to: nobody, mailbox: '', receivedAt: item.receivedAt }
}
