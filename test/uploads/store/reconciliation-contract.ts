/** What every store tells reconciliation, and keeps of the PBX's records. Run for each as store-contract.ts is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cdr } from '../../../src/events/cdr.ts'
import type { AudioItem } from '../../../src/events/recording.ts'
import type { CdrFacts, StoredFacts } from '../../../src/reconciliation/facts.ts'
import type { Store } from '../../../src/uploads/store/store.ts'
import type { Verdict } from '../../../src/uploads/verdict.ts'
import { aChange, aRecording, aVoicemail, callId, fileOf, T0 } from '../fixtures.ts'

export interface ReconciledStore {
  open(now: () => number): Promise<Store>
  dispose(): Promise<void>
}

const delivered: Verdict = { kind: 'delivered', remoteId: 'z1' }

const aCdr = (name: string, more: Partial<Cdr> = {}): Cdr => ({
  id: `asterisk:hq:${name}`,
  from: { kind: 'e164', value: '+14155550100', display: null },
  to: { kind: 'extension', value: '1001', display: null },
  direction: 'inbound',
  keys: [`unique:${name}`],
  startedAt: T0,
  endedAt: T0 + 10_000,
  answeredAt: null,
  phoneAnsweredAt: null,
  recordings: [],
  hasCaller: true,
  partiesAt: T0,
  ...more,
})

export const reconciliationContract = (name: string, make: () => Promise<ReconciledStore>): void => {
  describe(`${name} can be reconciled`, () => {
    let underTest: ReconciledStore
    let store: Store
    let facts: StoredFacts
    let records: CdrFacts
    let now = T0

    beforeEach(async () => {
      now = T0
      underTest = await make()
      store = await underTest.open(() => now)
      facts = store.reconciliation('hq')
      records = store.cdrs.of('hq')
    })

    afterEach(async () => {
      await store.close()
      await underTest.dispose()
    })

    const call = (id: string, startedAt: number, ended = true) =>
      aChange(id, [1, 2], { ended, keys: [`sip:${id}`], snapshot: { startedAt, endedAt: ended ? startedAt + 9 : null } })
    const add = async (item: AudioItem): Promise<void> => void (await store.items.add(item, fileOf(item)))
    const everything = { since: T0, until: T0 + 1_000 }

    test('calls come by their start, in slices that leave none out', async () => {
      await store.calls.append([3, 1, 2, 2, 5].map((at, index) => call(`c${index}`, T0 + at)))
      await store.calls.append([call('open', T0 + 4, false)])
      const seen: string[] = []
      for (let since = T0, until = T0; since < everything.until; since = until) {
        until = await facts.sliceEnd({ since, until: everything.until }, 2)
        expect(until).toBeGreaterThan(since)
        seen.push(...(await facts.calls({ since, until })).map(({ call: { id }, ended }) => `${id} ${ended}`))
      }
      expect(seen).toEqual(['c1 true', 'c2 true', 'c3 true', 'c0 true', 'open false', 'c4 true'])
      expect(await facts.calls({ since: T0 + 5, until: T0 + 5 })).toEqual([])
    })

    test('calls are found by their keys, and recordings by their calls', async () => {
      await store.calls.append([call('a', T0), call('b', T0)])
      await add(aRecording('r1', 'a', 'waiting'))
      await add(aRecording('r2', 'b', 'waiting'))
      await add(aRecording('r3', null, 'waiting'))
      expect(await facts.callIdsByKeys(['sip:b', 'sip:x'])).toEqual(new Map([['sip:b', 'b']]))
      await store.calls.append([call('open', T0, false)])
      const ends = await facts.endsOf(['a', 'open', 'forgotten'].map(callId))
      expect(Object.fromEntries(ends)).toEqual({ a: T0 + 9, open: null })
      expect((await facts.recordingsOf([callId('a')])).map(({ id }) => id)).toEqual(['r1'])
      expect(await facts.recordingsOf([])).toEqual([])
    })

    test('deliveries that are not done with come in pages, by state', async () => {
      await store.calls.append([call('a', T0), call('b', T0), call('c', T0)])
      const jobs = await store.jobs.claim('event', 3)
      expect(jobs).toHaveLength(3)
      const verdicts: readonly Verdict[] = [
        delivered,
        { kind: 'dead', reason: '422' },
        { kind: 'retry', runAt: T0 + 5, reason: '500' },
      ]
      await store.jobs.settle(jobs.map((job, index) => ({ job, verdict: verdicts[index] ?? delivered })))
      const [first, ...others] = await facts.openDeliveries('pending', 0, 1)
      expect(others).toEqual([])
      const pending = [first, ...(await facts.openDeliveries('pending', first?.seq ?? 0, 99))]
      expect(pending.map(each => each?.id)).toEqual(['a.2', 'b.2', 'c.1', 'c.2'])
      expect(pending.find(each => each?.id === 'c.1')).toMatchObject({
        kind: 'event',
        lane: 'event',
        callId: 'c',
        reason: '500',
        attempts: 1,
        runAt: T0 + 5,
        isHead: true,
      })
      expect(pending.at(-1)).toMatchObject({ isHead: false, reason: null })
      expect(await facts.openDeliveries('dead', 0, 9)).toMatchObject([{ id: 'b.1', reason: '422', state: 'dead' }])
      expect(await facts.openDeliveries('running', 0, 9)).toEqual([])
    })

    test('a backlog that moves is seen from what was delivered beside it', async () => {
      await store.calls.append([call('a', T0), call('b', T0), call('c', T0)])
      const [pending] = await facts.openDeliveries('pending', 2, 1)
      const seq = pending?.seq ?? 0
      expect(await facts.lastDeliveryAround('event', seq, seq)).toBeNull()
      now = T0 + 77
      await store.jobs.settle((await store.jobs.claim('event', 1)).map(job => ({ job, verdict: delivered })))
      expect(await facts.lastDeliveryAround('event', seq, seq)).toBe(T0 + 77)
      expect(await facts.lastDeliveryAround('media', seq, seq)).toBeNull()
    })

    test('audio that waits is found however old it is, audio without a call only as far back as is asked', async () => {
      await add(aRecording('r1', null, 'waiting'))
      await add({ ...aRecording('r2', null), state: 'quarantined', reason: 'no call' })
      await add(aVoicemail('v1', 'delivered'))
      await add(aRecording('r3', null, 'delivered'))
      await store.calls.append([call('a', T0)])
      await add(aRecording('r4', 'a', 'delivered'))
      expect((await facts.unfinishedItems('waiting', 0, 9)).map(({ item }) => item.id)).toEqual(['r1'])
      const [held] = await facts.unfinishedItems('quarantined', 0, 9)
      expect(held?.item).toMatchObject({ id: 'r2', reason: 'no call' })
      expect(await facts.unfinishedItems('quarantined', held?.seq ?? 0, 9)).toEqual([])
      const since = async (at: number): Promise<string[]> => {
        const ids: string[] = []
        for await (const items of facts.itemsWithoutCall(at)) ids.push(...items.map(({ id }) => id))
        return ids
      }
      expect((await since(T0)).sort()).toEqual(['r3', 'v1'])
      expect(await since(T0 + 1)).toEqual([])
    })

    test('records of the legs of a call are one, in whatever order and however often they come', async () => {
      const caller = aCdr('x', { answeredAt: T0 + 2_000, keys: ['sip:1', 'unique:x'] })
      const phone = aCdr('x', {
        startedAt: T0 + 1_000,
        endedAt: T0 + 20_000,
        phoneAnsweredAt: T0 + 3_000,
        keys: ['unique:p'],
        hasCaller: false,
      })
      const whole = { ...caller, endedAt: T0 + 20_000, phoneAnsweredAt: T0 + 3_000, keys: ['sip:1', 'unique:p', 'unique:x'] }
      await store.cdrs.put('hq', [phone])
      await store.cdrs.put('hq', [caller, phone])
      await store.cdrs.put('hq', [caller])
      expect(await records.cdrs(everything)).toEqual([whole])
      await Promise.all([1, 2, 3, 4].flatMap(n => [caller, phone].map(cdr => store.cdrs.put('hq', [{ ...cdr, id: `y${n}` }]))))
      expect((await records.cdrs(everything)).filter(({ id }) => id !== whole.id)).toEqual(
        [1, 2, 3, 4].map(n => ({ ...whole, id: `y${n}` })),
      )
    })

    test('records are those of one site, and cover the time from the first to the last', async () => {
      expect(await records.covered()).toBeNull()
      await store.cdrs.put('hq', [aCdr('a', { startedAt: T0 + 5 }), aCdr('b', { startedAt: T0 + 2, endedAt: T0 + 999 })])
      await store.cdrs.put('branch', [aCdr('c', { startedAt: T0 - 5 })])
      expect(await records.covered()).toEqual({ since: T0 + 2, until: T0 + 10_000 })
      expect((await records.cdrs(everything)).map(({ id }) => id)).toEqual(['asterisk:hq:b', 'asterisk:hq:a'])
      expect(await records.sliceEnd(everything, 1)).toBe(T0 + 5)
      expect(await records.sliceEnd(everything, 2)).toBe(everything.until)
    })

    test('records are forgotten with the calls, and how far a file was read once it is not read any more', async () => {
      const note = { identity: '1:2', size: 10, mtimeMs: 1.5, readTo: 7 }
      await store.cdrs.put('hq', [aCdr('a'), aCdr('b', { startedAt: T0 + 500, endedAt: T0 + 90_000 })])
      await store.cdrs.noteFile('pbx', '/cdr/Master.csv', { ...note, readTo: 3 })
      await store.cdrs.noteFile('pbx', '/cdr/Master.csv', note)
      expect(await store.cdrs.fileNote('pbx', '/cdr/Master.csv')).toEqual(note)
      expect(await store.cdrs.fileNote('other', '/cdr/Master.csv')).toBeNull()
      now = T0 + 60_000
      await store.prune(20_000)
      expect((await records.cdrs(everything)).map(({ id }) => id)).toEqual(['asterisk:hq:b'])
      expect(await store.cdrs.fileNote('pbx', '/cdr/Master.csv')).toBeNull()
    })
  })
}
