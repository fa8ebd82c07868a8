/**
 * Which numbers and extensions an item is about: those of its call and of the call's legs, the voicemail's own, and what its file's
 * name said, so that all that is about one number can be found long after the call itself is forgotten.
 */
import type { Transaction } from 'kysely'
import type { CallId, CallParty, CallSnapshot } from '../../events/event.ts'
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import { batches } from './batches.ts'
import { asTheyStay } from './dialect.ts'
import type { Schema } from './schema.ts'
import { readSnapshot } from './stored-json.ts'

/** Longer ones name nobody. */
const longestParty = 128

/** An item's parties as they are stored: E.164 for real numbers, bare extensions, and otherwise what was written, without punctuation. */
export const partiesOf = (item: AudioItem, call: CallSnapshot | null): readonly string[] => {
  const own = item.kind === 'voicemail' ? named([item.from, item.to]) : [item.hints.from, item.hints.to].map(partyName)
  const ofCall = call === null ? [] : named([call.from, call.to, ...call.legs.flatMap(({ from, to }) => [from, to])])
  return [...new Set([...own, ...ofCall])].filter(party => party !== '')
}

/** A number as somebody wrote it, without spaces, brackets and dashes; anything else as it is. */
export const partyName = (text: string | null): string => {
  const trimmed = (text ?? '').trim().slice(0, longestParty)
  return /^\+?[\d\s().-]+$/.test(trimmed) ? trimmed.replace(/[\s().-]/g, '') : trimmed
}

const named = (parties: readonly CallParty[]): readonly string[] =>
  parties.flatMap(({ kind, value }) => (kind === 'anonymous' ? [] : [partyName(value)]))

/** Adds an item's parties, as far as they are known now. */
export const addParties = async (trx: Transaction<Schema>, item: AudioItem): Promise<void> => {
  const call = item.callId === null ? null : await callOf(trx, item.callId)
  await insertParties(trx, item.id, partiesOf(item, call))
}

/** Adds what calls that have ended know by then to the items that were queued before. */
export const addPartiesOfCalls = async (trx: Transaction<Schema>, ended: readonly CallSnapshot[]): Promise<void> => {
  const calls = new Map(ended.map(call => [call.id, call]))
  for (const some of batches([...calls.keys()])) {
    const items = await trx
      .selectFrom('items')
      .select(['id', 'call_id'])
      .where('call_id', 'in', some)
      .where('erasure', 'is', null)
      .execute()
    for (const { id, call_id } of items) {
      const call = call_id === null ? undefined : calls.get(call_id)
      if (call !== undefined)
        await insertParties(trx, id, named([call.from, call.to, ...call.legs.flatMap(leg => [leg.from, leg.to])]))
    }
  }
}

// Its end, which is just being stored, does not see the item yet (addPartiesOfCalls): one of the two has to wait for the other.
const callOf = async (trx: Transaction<Schema>, id: CallId): Promise<CallSnapshot | null> => {
  const row = await asTheyStay(trx, trx.selectFrom('calls').select('snapshot').where('id', '=', id)).executeTakeFirst()
  return row === undefined || row.snapshot === null ? null : readSnapshot(id, row.snapshot)
}

const insertParties = async (trx: Transaction<Schema>, id: RecordingId, parties: readonly string[]): Promise<void> => {
  for (const some of batches(parties)) {
    await trx
      .insertInto('item_parties')
      .values(some.map(party => ({ party, item_id: id })))
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
}
