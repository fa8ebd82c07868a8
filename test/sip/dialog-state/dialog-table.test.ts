import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DialogInfo, maxDialogs, parseDialogInfo } from '../../../src/sip/dialog-state/dialog-info.ts'
import { applyDocument, type DialogTable, emptyTable, resubscribed } from '../../../src/sip/dialog-state/dialog-table.ts'
import { type MadeDialog, madeDocument } from './captures.ts'

function document(version: number, state: 'full' | 'partial', dialogs: readonly MadeDialog[]): DialogInfo {
  const parsed = parseDialogInfo(madeDocument(version, state, dialogs))
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.info
}

const apply = (documents: readonly DialogInfo[], from: DialogTable = emptyTable): DialogTable =>
  documents.reduce((table, info) => applyDocument(table, info).table, from)

const states = (table: DialogTable): object => Object.fromEntries([...table.dialogs].map(([id, { state }]) => [id, state]))

const early: MadeDialog = { id: 'a', state: 'early' }
const confirmed: MadeDialog = { id: 'a', state: 'confirmed' }

describe('versions', () => {
  it('a partial document changes what it names and nothing else', () => {
    const table = apply([document(0, 'full', [early, { id: 'b', state: 'confirmed' }]), document(1, 'partial', [confirmed])])
    expect(states(table)).toEqual({ a: 'confirmed', b: 'confirmed' })
    expect(table).toMatchObject({ version: 1, incomplete: false })
  })

  it('a version that was skipped is used, and everything is asked for', () => {
    const table = apply([document(0, 'full', []), document(2, 'partial', [confirmed])])
    expect(states(table)).toEqual({ a: 'confirmed' })
    expect(table.incomplete).toBe(true)
    expect(apply([document(3, 'partial', [])], table).incomplete).toBe(true)
    expect(apply([document(4, 'full', [])], table)).toMatchObject({ incomplete: false, version: 4 })
  })

  it('a partial document that was there already changes nothing', () => {
    const table = apply([document(3, 'full', [confirmed])])
    expect(applyDocument(table, document(3, 'partial', [early]))).toEqual({ table, changes: [] })
  })

  it('a partial document that goes back is not used, and everything is asked for', () => {
    const table = apply([document(3, 'full', [confirmed]), document(1, 'partial', [early])])
    expect(states(table)).toEqual({ a: 'confirmed' })
    expect(table.incomplete).toBe(true)
  })

  it('a partial document before any full one is not used', () => {
    expect(apply([document(5, 'partial', [confirmed])])).toEqual({ version: null, incomplete: true, dialogs: new Map() })
  })

  it('a full document with a lower version is from a PBX that began anew', () => {
    const table = apply([document(8, 'full', [confirmed]), document(0, 'full', [])])
    expect(table).toEqual({ version: 0, incomplete: false, dialogs: new Map() })
  })

  it('the versions of another subscription begin anew, the dialogs stay', () => {
    const table = resubscribed(apply([document(8, 'full', [confirmed])]))
    expect(table.version).toBeNull()
    expect(states(table)).toEqual({ a: 'confirmed' })
  })
})

describe('changes', () => {
  it('a dialog that a full document leaves out has ended', () => {
    const table = apply([document(0, 'full', [confirmed])])
    const { changes } = applyDocument(table, document(1, 'full', []))
    expect(changes.map(({ before, after }) => [before?.state, after.state])).toEqual([['confirmed', 'terminated']])
  })

  it('an id that is used again for another dialog ends the first', () => {
    const first: MadeDialog = { id: 'a', attributes: 'call-id="one"', state: 'confirmed' }
    const second: MadeDialog = { id: 'a', attributes: 'call-id="two"', state: 'early' }
    const { changes } = applyDocument(apply([document(0, 'full', [first])]), document(1, 'partial', [second]))
    expect(changes.map(({ before, after }) => [before?.callId, after.callId, after.state])).toEqual([
      ['one', 'one', 'terminated'],
      [undefined, 'two', 'early'],
    ])
  })

  it('what was told of a named dialog holds when it is left out later', () => {
    const named: MadeDialog = {
      id: 'a',
      attributes: 'call-id="one" local-tag="l" remote-tag="r" direction="recipient"',
      state: 'early',
      more: '<remote><identity>sip:1@pbx</identity></remote>',
    }
    const table = apply([document(0, 'full', [named]), document(1, 'partial', [confirmed])])
    expect(table.dialogs.get('a')).toMatchObject({
      callId: 'one',
      localTag: 'l',
      direction: 'recipient',
      remote: { uri: 'sip:1@pbx' },
    })
  })

  it('who called an extension is forgotten with the next document when no dialog is named', () => {
    const ringing: MadeDialog = { ...early, more: '<remote><identity>sip:1@pbx</identity></remote>' }
    const table = apply([document(0, 'full', [ringing]), document(1, 'full', [confirmed])])
    expect(table.dialogs.get('a')?.remote.uri).toBeNull()
  })
})

it('partial documents fill no table without end', () => {
  const many = (from: number) => Array.from({ length: 200 }, (_, i): MadeDialog => ({ id: `d${from + i}`, state: 'early' }))
  const table = apply([document(0, 'full', many(0)), document(1, 'partial', many(200))])
  expect(table.dialogs.size).toBe(maxDialogs)
  expect(table.incomplete).toBe(true)
})

const anyDialog = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  state: fc.constantFrom('trying', 'early', 'confirmed', 'terminated'),
  attributes: fc.constantFrom('', 'call-id="one"', 'call-id="two" local-tag="l" remote-tag="r" direction="initiator"'),
})
const anyDocument = fc.record({
  version: fc.nat(12),
  state: fc.constantFrom('full' as const, 'partial' as const),
  dialogs: fc.uniqueArray(anyDialog, { maxLength: 4, selector: ({ id }) => id }),
})

it('after any documents in any order, lost or doubled, a full one is the whole truth', () => {
  fc.assert(
    fc.property(fc.array(anyDocument, { maxLength: 12 }), anyDocument, (before, last) => {
      const table = apply(before.map(({ version, state, dialogs }) => document(version, state, dialogs)))
      const full = document(last.version, 'full', last.dialogs)
      const { table: after } = applyDocument(table, full)
      const living = full.dialogs.filter(({ state }) => state !== 'terminated')
      expect(states(after)).toEqual(Object.fromEntries(living.map(({ id, state }) => [id, state])))
      expect(after).toMatchObject({ version: last.version, incomplete: false })
      expect([...table.dialogs.values()].some(({ state }) => state === 'terminated')).toBe(false)
    }),
    { numRuns: 300 },
  )
})

it('every dialog that is told of begins and ends exactly once', () => {
  fc.assert(
    fc.property(fc.array(anyDocument, { maxLength: 12 }), documents => {
      const living = new Map<string, string | null>()
      let table = emptyTable
      for (const { version, state, dialogs } of documents) {
        const applied = applyDocument(table, document(version, state, dialogs))
        table = applied.table
        for (const { before, after } of applied.changes) {
          expect(before !== null).toBe(living.has(after.id))
          if (after.state === 'terminated') living.delete(after.id)
          else living.set(after.id, after.callId)
        }
        expect([...living.keys()].sort()).toEqual([...table.dialogs.keys()].sort())
      }
    }),
    { numRuns: 300 },
  )
})
