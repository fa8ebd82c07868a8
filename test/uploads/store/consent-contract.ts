/** What every store promises of recordings that may not be kept. Run for each as store-contract.ts is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RecordingItem } from '../../../src/events/recording.ts'
import { aChange, aRecording, callId, fileOf, ops, T0 } from '../fixtures.ts'
import type { ArchivingStore } from './sinks-contract.ts'

export const consentContract = (name: string, make: () => Promise<ArchivingStore>): void => {
  describe(`${name} keeps no recording without consent`, () => {
    let underTest: ArchivingStore
    let store: Awaited<ReturnType<ArchivingStore['open']>>

    beforeEach(async () => {
      underTest = await make()
      store = await underTest.open(() => T0, 'all-bridges')
    })

    afterEach(async () => {
      await store.close()
      await underTest.dispose()
    })

    const refused = (item: RecordingItem): RecordingItem => ({
      ...item,
      state: 'dropped',
      reason: 'no consent: the PBX said no',
      consent: { policy: 'opt_out', by: 'rules[0]', said: false },
    })

    test('a refused one is dropped with its reason and a line of the audit log, and never has a job', async () => {
      await store.calls.append([aChange('a', [1])])
      const item = aRecording('r1', 'a', 'waiting')
      await store.items.add(item, fileOf(item))
      await store.items.refuse(refused(item))
      expect(await store.items.get(item.id)).toEqual(refused(item))
      expect(await store.audit.list({ limit: 9 })).toMatchObject([
        {
          at: T0,
          actor: 'bridge',
          action: 'recording.refused',
          subject: 'r1',
          reason: 'no consent: the PBX said no',
          detail: { callId: callId('a'), policy: 'opt_out', by: 'rules[0]', said: false },
        },
      ])
      for (const lane of ['media', 'archive'] as const) expect(await store.jobs.claim(lane, 9)).toEqual([])
      expect((await store.desk.listUploads({ limit: 9, before: null, state: 'dropped' })).rows).toMatchObject([
        { id: 'r1', state: 'dropped', reason: 'no consent: the PBX said no' },
      ])
    })

    test('a refused one is not redriven, and a copy of it is known', async () => {
      const item = aRecording('r1', null, 'waiting')
      await store.items.add(item, fileOf(item))
      await store.items.refuse(refused(item))
      expect(await store.desk.redrive('r1', ops)).toMatchObject({ kind: 'refused' })
      expect(await store.items.add(item, { path: '/elsewhere/x.wav', size: 1, mtimeMs: 1 })).toBe('known')
      expect(await store.items.get(item.id)).toMatchObject({ state: 'dropped' })
    })

    test('one that is not stored cannot be refused, and leaves no line', async () => {
      await expect(store.items.refuse(refused(aRecording('r1', null)))).rejects.toThrow('not stored')
      expect(await store.audit.list({ limit: 9 })).toEqual([])
    })

    test('a call is shown as its newest event told it, with what the caller chose last', async () => {
      await store.calls.append([aChange('a', [1])])
      expect(await store.items.call(callId('a'))).toMatchObject({ id: callId('a'), endedAt: null })
      const consent = { said: true, at: T0 }
      await store.calls.append([aChange('a', [2], { ended: true, snapshot: { endedAt: T0 + 1, consent } })])
      expect(await store.items.call(callId('a'))).toMatchObject({ endedAt: T0 + 1, consent })
      expect(await store.items.call(callId('unknown'))).toBeNull()
      const later = { said: false, at: T0 + 2 }
      const { call, ...change } = aChange('a', [2], { ended: true })
      await store.calls.append([{ ...change, call: { ...call, consent: later }, events: [] }])
      expect(await store.items.call(callId('a'))).toMatchObject({ endedAt: T0 + 1, consent: later })
    })
  })
}
