/** What every store promises of work for several sinks, and of the audit log. Run for each as store-contract.ts is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { jobId, lanes } from '../../../src/uploads/job.ts'
import type { ArchiveReach } from '../../../src/uploads/store/items.ts'
import type { Store } from '../../../src/uploads/store/store.ts'
import type { Verdict } from '../../../src/uploads/verdict.ts'
import { aRecording, fileOf, ops, recordingId, T0 } from '../fixtures.ts'

export interface ArchivingStore {
  open(now: () => number, archive: ArchiveReach | null): Promise<Store>
  dispose(): Promise<void>
}

const delivered: Verdict = { kind: 'delivered', remoteId: 'z1' }
const rejected: Verdict = { kind: 'dead', reason: '422 invalid' }

export const sinksContract = (name: string, make: () => Promise<ArchivingStore>): void => {
  describe(`${name} has work for several sinks`, () => {
    let underTest: ArchivingStore
    let store: Store

    beforeEach(async () => {
      underTest = await make()
      store = await underTest.open(() => T0, 'all-bridges')
    })

    afterEach(async () => {
      await store.close()
      await underTest.dispose()
    })

    const queue = async (id: string): Promise<void> => {
      const item = aRecording(id, null)
      await store.items.add(item, fileOf(item))
      await store.items.queue({ ...item, state: 'queued' })
    }
    const settle = async (lane: 'media' | 'archive', verdict: Verdict): Promise<void> => {
      const jobs = await store.jobs.claim(lane, 9)
      expect(jobs).toHaveLength(1)
      await store.jobs.settle(jobs.map(job => ({ job, verdict })))
    }
    const stateOf = async (id: string) => (await store.items.get(recordingId(id)))?.state

    test('an item is delivered when the last of its sinks has it', async () => {
      await queue('r1')
      await settle('archive', delivered)
      expect(await stateOf('r1')).toBe('queued')
      await settle('media', delivered)
      expect(await stateOf('r1')).toBe('delivered')
    })

    test('each sink claims its own jobs, and both deliver the item', async () => {
      await queue('r1')
      const [media] = await store.jobs.claim('media', 9)
      const [archive] = await store.jobs.claim('archive', 9)
      expect(media).toMatchObject({ id: 'r1', payload: { kind: 'item', item: { id: 'r1' } } })
      expect(archive).toMatchObject({ id: 'r1.archive', payload: { kind: 'item', item: { id: 'r1' } } })
    })

    test('a dead letter of one sink keeps the item for it, and is listed and redriven by its own id', async () => {
      await queue('r1')
      await settle('media', delivered)
      await settle('archive', rejected)
      expect(await stateOf('r1')).toBe('queued')
      expect(await store.desk.getUpload('r1.archive')).toMatchObject({ sink: 'archive', state: 'dead' })
      expect(await store.desk.redrive('r1.archive', ops)).toMatchObject({ kind: 'done', upload: { state: 'pending' } })
      expect((await store.desk.getUpload('r1'))?.state).toBe('delivered')
      await settle('archive', delivered)
      expect(await stateOf('r1')).toBe('delivered')
    })

    test('what an operator gives up at Zendesk is dropped once the archive has it', async () => {
      await queue('r1')
      await store.desk.drop('r1', { ...ops, reason: 'wrong number' })
      expect(await stateOf('r1')).toBe('queued')
      await settle('archive', delivered)
      expect(await stateOf('r1')).toBe('dropped')
    })

    test('what an operator gave up at Zendesk stays given up, and why, however long the archive takes', async () => {
      const DAY = 86_400_000
      await queue('r1')
      await store.desk.drop('r1', { ...ops, reason: 'wrong number' })
      await queue('r2')
      await store.desk.drop('r2.archive', { ...ops, reason: 'not wanted' })
      await store.close()
      store = await underTest.open(() => T0 + 2 * DAY, 'all-bridges')
      expect(await store.prune(DAY)).toMatchObject({ jobs: 1 })
      await settle('archive', delivered)
      expect(await store.items.get(recordingId('r1'))).toMatchObject({ state: 'dropped', reason: 'wrong number' })
      expect(await store.prune(DAY)).toMatchObject({ jobs: 1 })
    })

    test('what an operator gives up in the archive is delivered all the same', async () => {
      await queue('r1')
      await settle('media', delivered)
      await store.desk.drop('r1.archive', { ...ops, reason: 'not wanted' })
      expect(await stateOf('r1')).toBe('delivered')
    })

    test('a worker that starts takes back the work of its own lanes only', async () => {
      await queue('r1')
      await store.jobs.claim('media', 9)
      await store.jobs.claim('archive', 9)
      await store.close()
      store = await underTest.open(() => T0, 'all-bridges')
      expect(await store.jobs.recover(['event', 'media'])).toBe(1)
      expect((await store.views.getJob(jobId('r1.archive')))?.state.kind).toBe('running')
      expect(await store.jobs.recover(lanes)).toBe(1)
    })

    test('where it lies in the archive is remembered with the item, and why it must stay there', async () => {
      await queue('r1')
      expect(await store.items.custody(recordingId('r1'))).toEqual({ state: 'queued', archiveKey: null, hold: null })
      await settle('archive', { kind: 'delivered', remoteId: 'hq/2026/11/22/r1.mp3' })
      await settle('media', delivered)
      expect(await store.items.custody(recordingId('r1'))).toMatchObject({
        state: 'delivered',
        archiveKey: 'hq/2026/11/22/r1.mp3',
      })
      expect(await store.items.custody(recordingId('r2'))).toBeNull()
    })

    test('files are given for deletion once all sinks have their item, the oldest first, page by page', async () => {
      const files = ['r1', 'r2', 'r3'].map((id, n) => ({ path: `/monitor/${id}.wav`, size: 9, mtimeMs: T0 + n + 0.5, id }))
      for (const { id, ...file } of files) {
        const item = aRecording(id, null)
        await store.items.add(item, file)
        await store.items.queue({ ...item, state: 'queued' })
      }
      const page = async (after: (typeof files)[number] | null, limit = 9) =>
        (await store.sources.delivered({ before: T0 + 2, after, limit })).map(({ file, item }) => [
          file.path,
          item instanceof Error ? item.message : item.id,
        ])
      for (const lane of ['media', 'archive'] as const) {
        expect(await page(null)).toEqual([])
        const jobs = await store.jobs.claim(lane, 9)
        await store.jobs.settle(jobs.map(job => ({ job, verdict: delivered })))
      }
      const [first, second] = files
      if (first === undefined || second === undefined) throw new Error('there are no files')
      expect(await page(null)).toEqual([
        [first.path, 'r1'],
        [second.path, 'r2'],
      ])
      expect(await page(null, 1)).toEqual([[first.path, 'r1']])
      expect(await page(first)).toEqual([[second.path, 'r2']])
      await store.sources.forget(first)
      expect(await page(null)).toEqual([[second.path, 'r2']])
      expect(await store.items.isKnownFile(first)).toBe(false)
      expect(await store.items.add(aRecording('r1', null), first)).toBe('known')
    })

    test('without an archive there is no work for one', async () => {
      await store.close()
      store = await underTest.open(() => T0, null)
      await queue('r1')
      expect(await store.jobs.claim('archive', 9)).toEqual([])
      await settle('media', delivered)
      expect(await stateOf('r1')).toBe('delivered')
    })
  })

  describe(`${name} keeps an audit log`, () => {
    let underTest: ArchivingStore
    let store: Store
    let now = T0

    beforeEach(async () => {
      underTest = await make()
      store = await underTest.open(() => now, null)
    })

    afterEach(async () => {
      await store.close()
      await underTest.dispose()
    })

    test('newest first, by pages, and by what it is about', async () => {
      for (const [index, subject] of ['r1', 'r2', 'r1'].entries()) {
        now = T0 + index
        await store.audit.append({ actor: 'ops@pbx1', action: 'upload.dropped', subject, reason: 'test', detail: { index } })
      }
      const [newest] = await store.audit.list({ limit: 1 })
      expect(newest).toMatchObject({ at: T0 + 2, actor: 'ops@pbx1', subject: 'r1', reason: 'test', detail: { index: 2 } })
      const rest = await store.audit.list({ limit: 9, before: newest?.seq ?? 0 })
      expect(rest.map(({ detail }) => detail.index)).toEqual([1, 0])
      expect((await store.audit.list({ limit: 9, subject: 'r1' })).map(({ at }) => at)).toEqual([T0 + 2, T0])
    })

    test('of who redrove or dropped what, why, and what it was before', async () => {
      const item = aRecording('r1', null)
      await store.items.add(item, fileOf(item))
      await store.items.queue({ ...item, state: 'queued' })
      const jobs = await store.jobs.claim('media', 1)
      await store.jobs.settle(jobs.map(job => ({ job, verdict: rejected })))
      await store.desk.redrive('r1', ops)
      await store.desk.drop('r1', { ...ops, reason: 'private' })
      const quarantined = { ...aRecording('q1', null), state: 'quarantined' as const, reason: 'empty' }
      await store.items.add(quarantined, fileOf(quarantined))
      await store.desk.redrive('q1', ops)
      expect(await store.audit.list({ limit: 9 })).toMatchObject([
        { ...ops, action: 'upload.redriven', subject: 'q1', reason: null, detail: { was: 'quarantined', error: 'empty' } },
        { ...ops, action: 'upload.dropped', subject: 'r1', reason: 'private', detail: { sink: 'zendesk', was: 'pending' } },
        { ...ops, action: 'upload.redriven', subject: 'r1', reason: null, detail: { was: 'dead', error: '422 invalid' } },
      ])
    })

    test('what is told again under one name is written once', async () => {
      const line = { actor: 'bridge', action: 'archive.expired', subject: 'hq/a.mp3', reason: null, once: 'expired hq/a.mp3' }
      await store.audit.append(line)
      await store.audit.append(line)
      expect(await store.audit.list({ limit: 9 })).toHaveLength(1)
    })
  })
}
