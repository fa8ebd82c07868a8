/**
 * The dialogs of one watched extension, as its documents have told so far (RFC 4235 section 4.3). Pure.
 *
 *   unknown ──full──▶ whole ──partial, version + 1──▶ whole
 *                       └─────partial, another version──▶ incomplete ──full──▶ whole
 *
 * Invariants
 *  1. A full document is the truth, whatever its version: NOTIFYs reach us in the order of their CSeq (the SIP server answers 500 to
 *     late ones), so a lower version means that the PBX began to count anew, and an equal one that it repeats itself, as Asterisk does
 *     after an unsubscribe.
 *  2. A partial document counts only above a full one. One that skips versions is used, one that goes back is not; after both, and
 *     when none came before, the table is incomplete and a full document has to be asked for.
 *  3. Dialogs that ended are reported once, as a change, and kept no longer. At most `maxDialogs` are kept.
 */
import { type DialogElement, type DialogInfo, maxDialogs } from './dialog-info.ts'

export interface DialogTable {
  /** `null` before the first document of a subscription. */
  readonly version: number | null
  /** Whether something may be missing: ask for a full document. */
  readonly incomplete: boolean
  /** By id; none of them is terminated. */
  readonly dialogs: ReadonlyMap<string, DialogElement>
}

/** What a document says anew of one dialog. A dialog that a full document leaves out has ended, nobody knows how. */
export interface DialogChange {
  readonly before: DialogElement | null
  readonly after: DialogElement
}

export interface Applied {
  readonly table: DialogTable
  readonly changes: readonly DialogChange[]
}

/** Nothing is known yet. */
export const emptyTable: DialogTable = { version: null, incomplete: false, dialogs: new Map() }

/**
 * The same dialogs under a new subscription, whose versions begin anew. What its first document leaves out has ended meanwhile.
 */
export function resubscribed(table: DialogTable): DialogTable {
  return { ...table, version: null, incomplete: false }
}

/** Applies one document. */
export function applyDocument(table: DialogTable, info: DialogInfo): Applied {
  if (info.state === 'full') return applyFull(table, info)
  const { version } = table
  if (version === null) return { table: { ...table, incomplete: true }, changes: [] }
  if (info.version === version) return { table, changes: [] }
  if (info.version < version) return { table: { ...table, incomplete: true }, changes: [] }
  return applyPartial(table, info, table.incomplete || info.version > version + 1)
}

function applyFull(table: DialogTable, info: DialogInfo): Applied {
  const told = new Set(info.dialogs.map(({ id }) => id))
  const gone = [...table.dialogs.values()].filter(({ id }) => !told.has(id)).map(ended)
  const { dialogs, changes } = applyElements(table.dialogs, [...gone, ...info.dialogs])
  return { table: { version: info.version, incomplete: false, dialogs }, changes }
}

function applyPartial(table: DialogTable, info: DialogInfo, incomplete: boolean): Applied {
  const { dialogs, changes, overflow } = applyElements(table.dialogs, info.dialogs)
  return { table: { version: info.version, incomplete: incomplete || overflow, dialogs }, changes }
}

function applyElements(known: ReadonlyMap<string, DialogElement>, elements: readonly DialogElement[]) {
  const dialogs = new Map(known)
  const changes: DialogChange[] = []
  let overflow = false
  for (const element of elements) {
    const previous = dialogs.get(element.id) ?? null
    // An id that is used for another dialog now: the dialog before has ended.
    const replaced = previous !== null && isAnother(previous, element)
    if (replaced) changes.push({ before: previous, after: ended(previous) })
    const before = replaced ? null : previous
    const after = before === null ? element : remembering(before, element)
    if (after.state === 'terminated') dialogs.delete(after.id)
    else if (previous === null && dialogs.size >= maxDialogs) {
      overflow = true
      continue
    } else dialogs.set(after.id, after)
    if (before !== null || after.state !== 'terminated') changes.push({ before, after })
  }
  return { dialogs, changes, overflow }
}

function isAnother(before: DialogElement, after: DialogElement): boolean {
  return before.callId !== null && after.callId !== null && before.callId !== after.callId
}

/**
 * What was told before of a dialog with a name, and is left out now, still holds: several PBXs end a dialog by its id alone. Where
 * the id is an extension's (Asterisk), what was told may have been about another call.
 */
function remembering(before: DialogElement, after: DialogElement): DialogElement {
  if (before.callId === null) return after
  return {
    ...after,
    callId: before.callId,
    localTag: after.localTag ?? before.localTag,
    remoteTag: after.remoteTag ?? before.remoteTag,
    direction: after.direction ?? before.direction,
    replaces: after.replaces ?? before.replaces,
    referredBy: after.referredBy ?? before.referredBy,
    local: after.local.uri === null ? { ...after.local, uri: before.local.uri, display: before.local.display } : after.local,
    remote:
      after.remote.uri === null ? { ...after.remote, uri: before.remote.uri, display: before.remote.display } : after.remote,
  }
}

function ended(dialog: DialogElement): DialogElement {
  return { ...dialog, state: 'terminated', event: null, code: null }
}
