/**
 * What every store promises, whatever database it stands on. A store's own test file calls `storeContract` with a way to open
 * one; SQLite's is sqlite-store.test.ts.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RecordingLedger } from '../../../src/recordings/ledger.ts'
import { jobId, lanes } from '../../../src/uploads/job.ts'
import type { ClaimedJob } from '../../../src/uploads/job-queue.ts'
import type { Store as AnyStore } from '../../../src/uploads/store/store.ts'
import type { Verdict } from '../../../src/uploads/verdict.ts'
import { aCall, aChange, anEvent, aRecording, aVoicemail, callId, eventId, fileOf, ops, recordingId, T0 } from '../fixtures.ts'

export type Store = Pick<
  AnyStore,
  'calls' | 'items' | 'jobs' | 'operations' | 'desk' | 'views' | 'onEvents' | 'onJobs' | 'memory' | 'prune' | 'close'
>

export interface StoreUnderTest {
  /** Opens the store of this test, again after it was closed, with the given clock. */
  open(now: () => number): Promise<Store>
  /** Closes and removes everything. */
  dispose(): Promise<void>
}

const delivered: Verdict = { kind: 'delivered', remoteId: 'z1' }
const rejected: Verdict = { kind: 'dead', reason: '422 invalid' }

export const storeContract = (name: string, make: () => Promise<StoreUnderTest>): void => {
  describe(`${name} keeps the promises of a store`, () => {
    let underTest: StoreUnderTest
    let store: Store
    let now = T0

    beforeEach(async () => {
      now = T0
      underTest = await make()
      store = await underTest.open(() => now)
    })

    afterEach(async () => {
      await store.close()
      await underTest.dispose()
    })

    const reopen = async (): Promise<void> => {
      await store.close()
      store = await underTest.open(() => now)
    }

    const claim = async (lane: 'event' | 'media' = 'event', limit = 100): Promise<readonly ClaimedJob[]> =>
      await store.jobs.claim(lane, limit)
    const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(job => job.id)
    const settle = async (jobs: readonly ClaimedJob[], verdict: Verdict): Promise<void> =>
      await store.jobs.settle(jobs.map(job => ({ job, verdict })))
    const claimIds = async (lane: 'event' | 'media' = 'event', limit = 100): Promise<string[]> => idsOf(await claim(lane, limit))

    describe('calls and events', () => {
      test('what was appended is there after a restart', async () => {
        await store.calls.append([aChange('a', [1, 2]), aChange('b', [1, 2], { ended: true })])
        await reopen()
        expect(await store.calls.openCalls()).toEqual([aCall('a', 2)])
        expect(await store.calls.findCall('b@pbx')).toEqual(aCall('b', 2))
        expect(await store.calls.findCall('c@pbx')).toBeNull()
        expect(await store.views.eventsAfter(null, 10)).toEqual([
          anEvent('a', 1),
          anEvent('a', 2),
          anEvent('b', 1),
          anEvent('b', 2),
        ])
      })

      test('an event that is known is neither stored nor planned again', async () => {
        const heard: string[] = []
        store.onEvents(events => heard.push(...idsOf(events)))
        await store.calls.append([aChange('a', [1]), aChange('a', [1, 2])])
        await store.calls.append([aChange('a', [2, 3])])
        expect(heard).toEqual(['a.1', 'a.2', 'a.3'])
        expect(idsOf((await store.views.eventsAfter(null, 10)) ?? [])).toEqual(['a.1', 'a.2', 'a.3'])
        expect(await store.views.jobCounts()).toMatchObject({ pending: 3 })
      })

      test('the newest change of a call in a batch is the one that stays', async () => {
        await store.calls.append([
          aChange('a', [1]),
          aChange('a', [2], { snapshot: { tags: ['vip'] } }),
          aChange('a', [], { ended: true }),
        ])
        expect(await store.calls.openCalls()).toEqual([])
        expect((await store.views.getCall(callId('a')))?.call.tags).toEqual(['vip'])
      })

      test('a call that has ended is not opened again by a late repetition', async () => {
        await store.calls.append([aChange('a', [1, 2], { ended: true })])
        await store.calls.append([aChange('a', [1])])
        expect(await store.calls.openCalls()).toEqual([])
        expect(await store.calls.findCall('a@pbx')).toEqual(aCall('a', 2))
      })

      test('a batch that cannot be stored whole is not stored at all', async () => {
        const stray = { ...aChange('a', [1]), events: [anEvent('a', 1), anEvent('nobody', 1)] }
        await expect(store.calls.append([stray])).rejects.toThrow()
        expect(await store.calls.openCalls()).toEqual([])
        expect(await store.views.eventsAfter(null, 10)).toEqual([])
        await store.calls.append([aChange('a', [1])])
        expect(await claimIds()).toEqual(['a.1'])
      })

      test('a thousand changes go in one append', async () => {
        const changes = Array.from({ length: 1_000 }, (_, index) =>
          aChange(`c${index}`, [1, 2], { keys: [`sip:${index}`, `unique:${index}`] }),
        )
        await store.calls.append(changes)
        expect(await store.calls.openCalls()).toHaveLength(1_000)
        expect((await store.views.backlog()).pending.event).toBe(2_000)
        expect(await store.items.callByKey('unique:999')).toBe('c999')
      })

      test('the feed goes on after the event that a reader names', async () => {
        await store.calls.append([aChange('a', [1]), aChange('b', [1])])
        await store.calls.append([aChange('a', [2])])
        expect(idsOf((await store.views.eventsAfter(eventId('a.1'), 1)) ?? [])).toEqual(['b.1'])
        expect(idsOf((await store.views.eventsAfter(eventId('b.1'), 9)) ?? [])).toEqual(['a.2'])
        expect(await store.views.eventsAfter(eventId('x.1'), 9)).toBeNull()
        expect(await store.views.lastEventId()).toBe('a.2')
      })

      test('a key that two calls claim means the later one', async () => {
        await store.calls.append([aChange('a', [1], { keys: ['sip:same'] })])
        await store.calls.append([aChange('b', [1], { keys: ['sip:same'] })])
        expect(await store.items.callByKey('sip:same')).toBe('b')
        expect(await store.items.callByKey('sip:none')).toBeNull()
      })

      test('a listener that throws does not undo what was stored', async () => {
        store.onEvents(() => {
          throw new Error('broken feed')
        })
        await store.calls.append([aChange('a', [1])])
        expect(await claimIds()).toEqual(['a.1'])
      })
    })

    describe('the order of jobs', () => {
      test('of a call only the lowest event is claimable, and the next one when that is delivered', async () => {
        await store.calls.append([aChange('a', [1, 2, 3]), aChange('b', [1, 2])])
        const first = await claim()
        expect(idsOf(first)).toEqual(['a.1', 'b.1'])
        expect(first[0]?.payload).toEqual({ kind: 'event', event: anEvent('a', 1) })
        expect(await claimIds()).toEqual([])
        await settle(first, delivered)
        expect(await claimIds()).toEqual(['a.2', 'b.2'])
      })

      test('an event that is stored while its predecessor is delivered waits for it', async () => {
        await store.calls.append([aChange('a', [1])])
        const first = await claim()
        await store.calls.append([aChange('a', [2])])
        expect(await claimIds()).toEqual([])
        await settle(first, delivered)
        expect(await claimIds()).toEqual(['a.2'])
      })

      test('a retrying event blocks its own call only, until its time has come', async () => {
        await store.calls.append([aChange('a', [1, 2]), aChange('b', [1, 2])])
        const [a, b] = await claim()
        if (a === undefined || b === undefined) throw new Error('two jobs expected')
        await store.jobs.settle([
          { job: a, verdict: { kind: 'retry', runAt: T0 + 5_000, reason: '503' } },
          { job: b, verdict: delivered },
        ])
        expect(await claimIds()).toEqual(['b.2'])
        expect(await store.jobs.nextRunAt('event')).toBe(T0 + 5_000)
        now = T0 + 5_000
        const [again] = await claim()
        expect(again).toMatchObject({ id: 'a.1', attempts: 1 })
      })

      test('a wait spends no attempt', async () => {
        await store.calls.append([aChange('a', [1])])
        await settle(await claim(), { kind: 'wait', runAt: T0 + 1, reason: '429' })
        now = T0 + 1
        expect((await claim())[0]).toMatchObject({ id: 'a.1', attempts: 0 })
      })

      test('a dead letter does not hold back the later events of its call', async () => {
        await store.calls.append([aChange('a', [1, 2])])
        await settle(await claim(), rejected)
        expect(await claimIds()).toEqual(['a.2'])
      })

      test('no more is claimed than asked for, and half of it is what has been due longest, half what fell due last', async () => {
        for (const [at, name] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
          now = T0 + at
          await store.calls.append([aChange(name, [1])])
        }
        expect(await claimIds('event', 2)).toEqual(['a.1', 'f.1'])
        const oneByOne = [await claimIds('event', 1), await claimIds('event', 1), await claimIds('event', 1)]
        expect(oneByOne).toEqual([['b.1'], ['e.1'], ['c.1']])
        expect(await claimIds('event', 3)).toEqual(['d.1'])
      })

      test('a recording waits until the first event of its call is through, a voicemail for nobody', async () => {
        await store.calls.append([aChange('a', [1, 2])])
        for (const item of [aRecording('r1', 'a'), aRecording('r2', null), aVoicemail('v1')]) {
          await store.items.add({ ...item, state: 'waiting' }, fileOf(item))
          await store.items.queue(item)
        }
        expect(await claimIds('media')).toEqual(['r2', 'v1'])
        const first = await claim()
        expect(await claimIds('media')).toEqual([])
        await settle(first, delivered)
        expect(await claimIds('media')).toEqual(['r1'])
      })

      test('a recording does not wait for an opening event that is dead', async () => {
        await store.calls.append([aChange('a', [1])])
        await store.items.add(aRecording('r1', 'a', 'waiting'), fileOf(aRecording('r1', 'a')))
        await store.items.queue(aRecording('r1', 'a'))
        await settle(await claim(), rejected)
        expect(await claimIds('media')).toEqual(['r1'])
      })

      test('jobs of a process that died are claimable again, in order', async () => {
        await store.calls.append([aChange('a', [1, 2])])
        await claim()
        await reopen()
        expect(await store.jobs.recover(lanes)).toBe(1)
        expect(await claimIds()).toEqual(['a.1'])
      })

      test('a job that is put back is claimable at once, as if it had not been claimed', async () => {
        await store.calls.append([aChange('a', [1, 2])])
        await settle(await claim(), { kind: 'put-back' })
        expect((await claim())[0]).toMatchObject({ id: 'a.1', attempts: 0 })
      })
    })

    describe('items', () => {
      test('the store is what the audio stage calls its ledger', async () => {
        const ledger: RecordingLedger = store.items
        const item = aRecording('r1', null, 'waiting')
        expect(await ledger.isKnownFile(fileOf(item))).toBe(false)
        expect(await ledger.add(item, fileOf(item))).toBe('added')
        expect(await ledger.add(item, { ...fileOf(item), path: '/spool/copy.wav' })).toBe('known')
        await reopen()
        expect(await store.items.isKnownFile(fileOf(item))).toBe(true)
        expect(await store.items.isKnownFile({ ...fileOf(item), path: '/spool/copy.wav' })).toBe(true)
        expect(await store.items.isKnownFile({ ...fileOf(item), size: 1 })).toBe(false)
        expect(await store.items.get(item.id)).toEqual(item)
        expect(await store.items.get(recordingId('nobody'))).toBeNull()
      })

      test('items are listed by state, oldest first', async () => {
        for (const id of ['r2', 'r1', 'r3']) await store.items.add(aRecording(id, null, 'waiting'), fileOf(aRecording(id, null)))
        await store.items.update({ ...aRecording('r1', null, 'quarantined'), reason: 'empty' })
        expect(idsOf(await store.items.list('waiting', 9))).toEqual(['r2', 'r3'])
        expect(await store.items.list('quarantined', 9)).toMatchObject([{ id: 'r1', reason: 'empty' }])
        expect(idsOf(await store.items.list('waiting', 1))).toEqual(['r2'])
      })

      test('an item that was never added is not changed in silence', async () => {
        await expect(store.items.update(aVoicemail('v9'))).rejects.toThrow('add it before')
        await expect(store.items.queue(aVoicemail('v9'))).rejects.toThrow('add it before')
        expect(await claimIds('media')).toEqual([])
      })

      test('an item is delivered in the moment its job is', async () => {
        await store.items.add(aVoicemail('v1', 'waiting'), fileOf(aVoicemail('v1')))
        await store.items.queue(aVoicemail('v1'))
        const jobs = await claim('media')
        expect(jobs[0]?.payload).toEqual({ kind: 'item', item: aVoicemail('v1') })
        await settle(jobs, delivered)
        expect(await store.items.get(recordingId('v1'))).toEqual({ ...aVoicemail('v1'), state: 'delivered' })
        expect(await store.views.getJob(jobId('v1'))).toMatchObject({ state: { kind: 'delivered', remoteId: 'z1' } })
      })

      test('an item that is queued again after it was delivered stays delivered', async () => {
        await store.items.add(aVoicemail('v1', 'waiting'), fileOf(aVoicemail('v1')))
        await store.items.queue(aVoicemail('v1'))
        await settle(await claim('media'), delivered)
        await store.items.queue(aVoicemail('v1'))
        expect(await claimIds('media')).toEqual([])
        expect(await store.items.get(recordingId('v1'))).toMatchObject({ state: 'delivered' })
      })

      test('an item that is queued again after its job died is delivered again', async () => {
        await store.items.add(aVoicemail('v1', 'waiting'), fileOf(aVoicemail('v1')))
        await store.items.queue(aVoicemail('v1'))
        await settle(await claim('media'), rejected)
        await store.items.queue(aVoicemail('v1'))
        expect((await claim('media'))[0]).toMatchObject({ id: 'v1', attempts: 0 })
      })

      test('calls alive at a time are found, newest first, with or without an end', async () => {
        const at = (startedAt: number, endedAt: number | null) => ({ snapshot: { startedAt, endedAt }, ended: endedAt !== null })
        await store.calls.append([
          aChange('old', [1], at(T0, T0 + 10)),
          aChange('open', [1], at(T0 + 5, null)),
          aChange('new', [1], at(T0 + 50, T0 + 60)),
          aChange('later', [1], at(T0 + 100, T0 + 110)),
        ])
        const alive = async (from: number, to: number, limit = 9): Promise<string[]> =>
          idsOf(await store.items.callsAlive({ from, to, limit }))
        expect(await alive(T0 + 20, T0 + 55)).toEqual(['new', 'open'])
        expect(await alive(T0 + 10, T0 + 10)).toEqual(['open', 'old'])
        expect(await alive(T0 + 20, T0 + 55, 1)).toEqual(['new'])
        expect(await alive(T0 - 20, T0 - 10)).toEqual([])
      })
    })

    describe('operators', () => {
      const deadLetter = async (): Promise<void> => {
        await store.calls.append([aChange('a', [1, 2, 3])])
        await settle(await claim(), rejected)
      }

      test('a redriven dead letter goes out before the later events that are still to go, alone, with all its attempts', async () => {
        await deadLetter()
        now = T0 + 1_000
        const second = await claim()
        expect(await store.operations.redriveJob(jobId('a.1'), ops)).toEqual({ kind: 'done' })
        expect(await claimIds()).toEqual([])
        await settle(second, { kind: 'retry', runAt: now, reason: '503' })
        const [first] = await claim()
        expect(first).toMatchObject({ id: 'a.1', attempts: 0, dueSince: T0 + 1_000 })
        expect(await claimIds()).toEqual([])
      })

      test('a redriven pending job does not wait for its backoff', async () => {
        await store.calls.append([aChange('a', [1])])
        await settle(await claim(), { kind: 'retry', runAt: T0 + 60_000, reason: '503' })
        expect(await claimIds()).toEqual([])
        await store.operations.redriveJob(jobId('a.1'), ops)
        expect((await claim())[0]).toMatchObject({ id: 'a.1', attempts: 1 })
      })

      test('a dropped job is never delivered, and lets the next one go', async () => {
        await store.calls.append([aChange('a', [1, 2])])
        expect(await store.operations.dropJob(jobId('a.1'), { ...ops, reason: 'a test call' })).toEqual({ kind: 'done' })
        expect(await claimIds()).toEqual(['a.2'])
        expect(await store.views.getJob(jobId('a.1'))).toMatchObject({ state: { kind: 'dropped', reason: 'a test call' } })
      })

      test('dropping the job of an item drops the item; redriving it has its audio made again, which is then delivered', async () => {
        await store.items.add(aVoicemail('v1', 'waiting'), fileOf(aVoicemail('v1')))
        await store.items.queue(aVoicemail('v1'))
        await store.operations.dropJob(jobId('v1'), { ...ops, reason: 'spam' })
        expect(await store.items.get(recordingId('v1'))).toMatchObject({ state: 'dropped', reason: 'spam' })
        await store.operations.redriveJob(jobId('v1'), ops)
        expect(await store.items.get(recordingId('v1'))).toMatchObject({ state: 'waiting', reason: null })
        expect(await store.desk.getUpload('v1')).toMatchObject({ state: 'waiting' })
        expect(await claimIds('media')).toEqual([])
        await store.items.queue(aVoicemail('v1'))
        expect(await claimIds('media')).toEqual(['v1'])
      })

      test('what is being delivered or has been is refused, what nobody knows is unknown', async () => {
        await store.calls.append([aChange('a', [1])])
        const jobs = await claim()
        expect(await store.operations.redriveJob(jobId('a.1'), ops)).toMatchObject({ kind: 'refused' })
        expect(await store.operations.dropJob(jobId('a.1'), { ...ops, reason: 'x' })).toMatchObject({ kind: 'refused' })
        await settle(jobs, delivered)
        expect(await store.operations.redriveJob(jobId('a.1'), ops)).toMatchObject({ kind: 'refused' })
        expect(await store.operations.dropJob(jobId('nobody'), { ...ops, reason: 'x' })).toEqual({ kind: 'unknown' })
      })

      test('a quarantined item goes back to waiting or is dropped; another is left alone', async () => {
        for (const id of ['r1', 'r2', 'r3']) {
          const state = id === 'r3' ? 'waiting' : 'quarantined'
          await store.items.add({ ...aRecording(id, null, state), reason: 'no call' }, fileOf(aRecording(id, null)))
        }
        expect(await store.operations.redriveItem(recordingId('r1'), ops)).toEqual({ kind: 'done' })
        expect(await store.operations.dropItem(recordingId('r2'), { ...ops, reason: 'private' })).toEqual({ kind: 'done' })
        expect(await store.operations.dropItem(recordingId('r3'), { ...ops, reason: 'x' })).toMatchObject({ kind: 'refused' })
        expect(await store.operations.redriveItem(recordingId('r9'), ops)).toEqual({ kind: 'unknown' })
        expect(await store.items.get(recordingId('r1'))).toMatchObject({ state: 'waiting', reason: null })
        expect(await store.items.get(recordingId('r2'))).toMatchObject({ state: 'dropped', reason: 'private' })
      })
    })

    describe('the desk', () => {
      test('shows deliveries and audio that has none yet in one list, page by page', async () => {
        await store.calls.append([aChange('a', [1, 2])])
        for (const [id, state, foundAt] of [
          ['r1', 'quarantined', T0 + 1],
          ['r2', 'waiting', T0 + 2],
        ] as const) {
          await store.items.add(
            { ...aRecording(id, null, state), foundAt, reason: state === 'waiting' ? null : 'empty' },
            fileOf(aRecording(id, null)),
          )
        }
        const seen: string[] = []
        for (let before: string | null = null, pages = 0; pages < 10; pages += 1) {
          const page: Awaited<ReturnType<Store['desk']['listUploads']>> = await store.desk.listUploads({
            limit: 1,
            before,
            state: null,
          })
          seen.push(...page.rows.map(({ id, state }) => `${id} ${state}`))
          before = page.next
          if (before === null) break
        }
        expect(seen).toEqual(['r2 waiting', 'r1 quarantined', 'a.2 pending', 'a.1 pending'])
        const quarantined = await store.desk.listUploads({ limit: 10, before: null, state: 'quarantined' })
        expect(quarantined).toMatchObject({ rows: [{ id: 'r1', kind: 'recording', reason: 'empty' }], next: null })
      })

      test('redrives and drops whatever an id names, and says what came of it', async () => {
        await store.calls.append([aChange('a', [1])])
        await settle(await claim(), rejected)
        await store.items.add({ ...aRecording('r1', null, 'quarantined'), reason: 'empty' }, fileOf(aRecording('r1', null)))
        expect(await store.desk.getUpload('a.1')).toMatchObject({ state: 'dead', reason: '422 invalid', attempts: 1 })
        expect(await store.desk.redrive('a.1', ops)).toMatchObject({ kind: 'done', upload: { state: 'pending', attempts: 0 } })
        expect(await store.desk.redrive('r1', ops)).toMatchObject({ kind: 'done', upload: { state: 'waiting', reason: null } })
        expect(await store.desk.drop('r1', { ...ops, reason: 'x' })).toMatchObject({ kind: 'refused' })
        expect(await store.desk.drop('a.1', { ...ops, reason: 'a test' })).toMatchObject({
          kind: 'done',
          upload: { state: 'dropped', reason: 'a test' },
        })
        expect(await store.desk.redrive('nobody', ops)).toEqual({ kind: 'unknown' })
      })
    })

    describe('views', () => {
      test('calls are listed newest first, page by page, with what is left to deliver', async () => {
        const names = ['c1', 'c2', 'c3', 'c4']
        // Two calls of the same millisecond must not make a page skip or repeat one.
        await store.calls.append(
          names.map((name, index) => aChange(name, [1, 2], { snapshot: { startedAt: T0 + Math.floor(index / 2) } })),
        )
        const [job] = await claim('event', 1)
        if (job === undefined) throw new Error('a job expected')
        await settle([job], rejected)
        const first = await store.views.listCalls({ limit: 3 })
        expect(first.map(view => view.call.id)).toEqual(['c4', 'c3', 'c2'])
        const second = await store.views.listCalls({ limit: 3, before: callId('c2') })
        expect(second.map(view => [view.call.id, view.undelivered, view.dead])).toEqual([['c1', 1, 1]])
        expect(await store.views.listCalls({ limit: 3, before: callId('nobody') })).toEqual([])
      })

      test('one call is shown with its state, events, recordings and their jobs', async () => {
        await store.calls.append([aChange('a', [1, 2], { ended: true })])
        await store.items.add(aRecording('r1', 'a', 'waiting'), fileOf(aRecording('r1', 'a')))
        await store.items.queue(aRecording('r1', 'a'))
        expect(await store.views.getCall(callId('a'))).toMatchObject({
          ended: true,
          undelivered: 3,
          state: aCall('a', 2),
          events: [
            { event: { id: 'a.1' }, storedAt: T0, job: { state: { kind: 'pending' } } },
            { event: { id: 'a.2' }, job: { orderNo: 2 } },
          ],
          items: [{ item: { id: 'r1' }, job: { lane: 'media' } }],
        })
        expect(await store.views.getCall(callId('b'))).toBeNull()
      })

      test('jobs are listed by state and lane, newest first, page by page', async () => {
        await store.calls.append([aChange('a', [1, 2, 3])])
        await settle(await claim(), rejected)
        expect(idsOf(await store.views.listJobs({ limit: 9 }))).toEqual(['a.3', 'a.2', 'a.1'])
        expect(idsOf(await store.views.listJobs({ limit: 1, state: 'pending', lane: 'event', before: jobId('a.3') }))).toEqual([
          'a.2',
        ])
        expect(await store.views.listJobs({ limit: 9, state: 'dead' })).toMatchObject([
          { state: { kind: 'dead', reason: '422 invalid', attempts: 1 } },
        ])
        expect(await store.views.listJobs({ limit: 9, lane: 'media' })).toEqual([])
      })

      test('the backlog says how much waits, and since when', async () => {
        expect((await store.views.backlog()).oldestPendingAt).toBeNull()
        await store.calls.append([aChange('a', [1, 2])])
        now = T0 + 9
        await store.calls.append([aChange('b', [1])])
        const [first] = await claim('event', 1)
        if (first === undefined) throw new Error('a job expected')
        await settle([first], rejected)
        expect(await store.views.backlog()).toEqual({
          pending: { event: 2, media: 0, archive: 0, erasure: 0 },
          running: { event: 0, media: 0, archive: 0, erasure: 0 },
          dead: { event: 1, media: 0, archive: 0, erasure: 0 },
          oldestPendingAt: T0,
        })
        expect(await store.views.jobCounts()).toEqual({ pending: 2, running: 0, delivered: 0, dead: 1, dropped: 0 })
      })
    })

    describe('what a sink remembers', () => {
      test('is there after a restart, and the newest value counts', async () => {
        expect(await store.memory.get('call:a')).toBeNull()
        await store.memory.put('call:a', '1')
        await store.memory.put('call:a', '2')
        await reopen()
        expect(await store.memory.get('call:a')).toBe('2')
      })

      test('is claimed once: whoever comes second learns what the first one said', async () => {
        const answers = await Promise.all([store.memory.claim('caller:+1', 'a'), store.memory.claim('caller:+1', 'b')])
        expect(answers).toEqual(['a', 'a'])
        expect(await store.memory.claim('caller:+1', 'c')).toBe('a')
      })

      test('of a delivery is kept as long as there is anything of it, and then forgotten in time', async () => {
        const keys = ['call:over', 'call-ticket:over', 'wish:over.1', 'item:gone', 'call:open', 'call:dead', 'wish:dead.1']
        await store.calls.append([
          aChange('over', [1], { ended: true, snapshot: { endedAt: T0 } }),
          aChange('open', [1]),
          aChange('dead', [1], { ended: true, snapshot: { endedAt: T0 } }),
        ])
        for (const key of keys) await store.memory.put(key, '1')
        for (const job of await claim()) await settle([job], job.orderKey === 'dead' ? rejected : delivered)
        await store.prune(60_000)
        const known = async () => {
          const values = await Promise.all(keys.map(key => store.memory.get(key)))
          return keys.filter((_, i) => values[i] !== null)
        }
        expect(await known()).toEqual(keys)
        now += 60_001
        // One step forgets the jobs, the next what only they held.
        await store.prune(60_000)
        await store.prune(60_000)
        expect(await known()).toEqual(['call:open', 'call:dead', 'wish:dead.1'])
      })

      test('of people and the account is kept for good: who has called, their tickets, agents, credentials', async () => {
        const keys = ['caller:+1', 'first:+1', 'ticket-of:caller:+1', 'agent:7', 'oauth:tokens']
        for (const key of keys) await store.memory.put(key, '1')
        await store.memory.claim('first:+2', 'call_x')
        now += 400 * 86_400_000
        await store.prune(60_000)
        for (const key of [...keys, 'first:+2']) expect(await store.memory.get(key), key).not.toBeNull()
      })
    })

    describe('pruning', () => {
      const HOUR = 3_600_000

      test('an ended call goes when all of it was delivered long enough ago; its files stay known', async () => {
        await store.calls.append([aChange('a', [1], { ended: true, snapshot: { endedAt: T0 } })])
        await store.items.add(aRecording('r1', 'a', 'waiting'), fileOf(aRecording('r1', 'a')))
        await store.items.queue(aRecording('r1', 'a'))
        await settle(await claim(), delivered)
        await settle(await claim('media'), delivered)
        expect(await store.prune(HOUR)).toEqual({ calls: 0, jobs: 0, more: false })
        now = T0 + 2 * HOUR
        expect(await store.prune(HOUR)).toEqual({ calls: 1, jobs: 2, more: false })
        expect(await store.views.eventsAfter(null, 9)).toEqual([])
        expect(await store.items.callByKey('sip:a@pbx')).toBeNull()
        expect(await store.items.isKnownFile(fileOf(aRecording('r1', 'a')))).toBe(true)
      })

      test('nothing that is undelivered, dead or under way is ever pruned', async () => {
        await store.calls.append([
          aChange('open', [1], { snapshot: { endedAt: null } }),
          aChange('dead', [1], { ended: true, snapshot: { endedAt: T0 } }),
          aChange('pending', [1, 2], { ended: true, snapshot: { endedAt: T0 } }),
        ])
        const [open, dead, pending] = await claim()
        if (open === undefined || dead === undefined || pending === undefined) throw new Error('three jobs expected')
        await settle([open, pending], delivered)
        await settle([dead], rejected)
        now = T0 + 2 * HOUR
        expect(await store.prune(HOUR)).toMatchObject({ calls: 0, jobs: 2 })
        expect(await store.views.listCalls({ limit: 9 })).toHaveLength(3)
        expect(await claimIds()).toEqual(['pending.2'])
        expect(await store.operations.redriveJob(jobId('dead.1'), ops)).toEqual({ kind: 'done' })
        expect(await claimIds()).toEqual(['dead.1'])
      })
    })
  })
}
