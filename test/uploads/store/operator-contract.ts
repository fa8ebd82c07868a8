/** What every store promises of what operators do to sinks and to many deliveries at once. Run for each as store-contract.ts is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type JobId, jobId } from '../../../src/uploads/job.ts'
import type { SweepStep } from '../../../src/uploads/store/desk.ts'
import type { Store } from '../../../src/uploads/store/store.ts'
import { aChange, aRecording, aVoicemail, callId, fileOf, ops, recordingId, T0 } from '../fixtures.ts'

export interface OperatedStore {
  open(now: () => number): Promise<Store>
  /** Another process's view of the same database. */
  openAsTool(now: () => number): Promise<Store>
  dispose(): Promise<void>
}

export const operatorContract = (name: string, make: () => Promise<OperatedStore>): void => {
  describe(`${name} lets operators pause a sink`, () => {
    let underTest: OperatedStore
    let store: Store
    let tool: Store
    let now = T0

    beforeEach(async () => {
      now = T0
      underTest = await make()
      store = await underTest.open(() => now)
      tool = await underTest.openAsTool(() => now)
    })

    afterEach(async () => {
      await tool.close()
      await store.close()
      await underTest.dispose()
    })

    const byOps = { ...ops, reason: 'maintenance until ten' }

    test('a pause says who, since when and why, and holds one sink only', async () => {
      expect(await store.pauses.pause('zendesk', byOps)).toBe(true)
      const paused = { sink: 'zendesk', since: T0, ...byOps }
      expect(await store.pauses.of('zendesk')).toEqual(paused)
      expect(await store.pauses.of('archive')).toBeNull()
      expect(await store.pauses.list()).toEqual([paused])
    })

    test('another process’s pause and resumption are known within half a second', async () => {
      expect(await store.pauses.of('archive')).toBeNull()
      await tool.pauses.pause('archive', byOps)
      now += 500
      expect(await store.pauses.of('archive')).toMatchObject(byOps)
      await tool.pauses.resume('archive', ops)
      now += 500
      expect(await store.pauses.of('archive')).toBeNull()
    })

    test('a clock that was set back makes no old knowledge fresh', async () => {
      expect(await store.pauses.of('zendesk')).toBeNull()
      await tool.pauses.pause('zendesk', byOps)
      now -= 3_600_000
      expect(await store.pauses.of('zendesk')).toMatchObject(byOps)
    })

    test('a second pause changes nothing, and is no line of the audit log', async () => {
      await store.pauses.pause('zendesk', byOps)
      now += 1_000
      expect(await tool.pauses.pause('zendesk', { actor: 'api 10.0.0.7', reason: 'also' })).toBe(false)
      expect(await store.pauses.list()).toMatchObject([{ since: T0, ...byOps }])
      expect(await store.audit.list({ limit: 9 })).toHaveLength(1)
    })

    test('a pause outlives the process', async () => {
      await store.pauses.pause('zendesk', byOps)
      await store.close()
      store = await underTest.open(() => now)
      expect(await store.pauses.of('zendesk')).toMatchObject(byOps)
    })

    test('both are in the audit log; resuming what is not paused is not', async () => {
      expect(await store.pauses.resume('zendesk', ops)).toBe(false)
      await store.pauses.pause('zendesk', byOps)
      now += 1_000
      expect(await store.pauses.resume('zendesk', { actor: 'api 10.0.0.7' })).toBe(true)
      expect(await store.audit.list({ limit: 9 })).toMatchObject([
        {
          at: T0 + 1_000,
          actor: 'api 10.0.0.7',
          action: 'sink.resumed',
          subject: 'zendesk',
          detail: { pausedBy: ops.actor, pausedAt: T0, pausedFor: byOps.reason },
        },
        { at: T0, ...byOps, action: 'sink.paused', subject: 'zendesk' },
      ])
    })
  })

  describe(`${name} lets operators redrive and drop by filter`, () => {
    let underTest: OperatedStore
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

    /** Claims everything that is due and has it refused. */
    const refuse = async (reason: string, only: (id: JobId) => boolean = () => true): Promise<void> => {
      const jobs = [...(await store.jobs.claim('event', 999)), ...(await store.jobs.claim('media', 999))]
      await store.jobs.settle(jobs.map(job => ({ job, verdict: only(job.id) ? { kind: 'dead', reason } : { kind: 'put-back' } })))
    }
    const queueVoicemail = async (id: string): Promise<void> => {
      await store.items.add(aVoicemail(id, 'waiting'), fileOf(aVoicemail(id)))
      await store.items.queue(aVoicemail(id))
    }
    const quarantine = async (id: string, reason: string): Promise<void> => {
      const item = { ...aRecording(id, null, 'quarantined'), reason }
      await store.items.add(item, fileOf(item))
    }
    /** Every step of a sweep, one after the other. */
    const through = async (step: (after: string | null) => Promise<SweepStep>): Promise<readonly SweepStep[]> => {
      const steps: SweepStep[] = []
      for (let after: string | null = null; steps.length === 0 || after !== null; after = steps.at(-1)?.next ?? null)
        steps.push(await step(after))
      return steps
    }
    const stateOf = async (id: string) => (await store.desk.getUpload(id))?.state

    test('what fits is redriven, what does not fit stays', async () => {
      await store.calls.append([aChange('a', [1]), aChange('b', [1])])
      await queueVoicemail('v1')
      await quarantine('r1', 'empty file')
      await refuse('422 Subject is too long', id => id !== 'b.1')
      await refuse('404 no such user')
      const [step] = await through(after => store.desk.redriveSome({ reasonContains: 'SUBJECT' }, ops, after))
      expect(step).toEqual({ seen: 4, done: 2, refused: [], next: null })
      expect(await Promise.all(['a.1', 'b.1', 'v1', 'r1'].map(stateOf))).toEqual(['pending', 'dead', 'pending', 'quarantined'])
      expect(await store.items.get(recordingId('v1'))).toMatchObject({ state: 'queued' })
    })

    test('a filter without a state means the dead and the quarantined', async () => {
      await store.calls.append([aChange('a', [1])])
      await refuse('422')
      await store.calls.append([aChange('b', [1])])
      await quarantine('r1', 'empty file')
      await store.desk.drop('a.1', { ...ops, reason: 'test' })
      await store.calls.append([aChange('c', [1])])
      await refuse('422', id => id === 'c.1')
      expect(await store.desk.sweepSize({})).toBe(2)
      await through(after => store.desk.dropSome({}, { ...ops, reason: 'all of it' }, after))
      expect(await Promise.all(['a.1', 'b.1', 'c.1', 'r1'].map(stateOf))).toEqual(['dropped', 'pending', 'dropped', 'dropped'])
      expect((await store.desk.getUpload('r1'))?.reason).toBe('all of it')
    })

    test('after a redrive the events of a call go one by one, in their order', async () => {
      await store.calls.append([aChange('a', [1, 2, 3])])
      for (let i = 0; i < 3; i++) await refuse('422')
      await store.calls.append([aChange('a', [4])])
      await through(after => store.desk.redriveSome({ callId: 'a' }, ops, after))
      const order: string[] = []
      for (let claimed = await store.jobs.claim('event', 9); claimed.length > 0; claimed = await store.jobs.claim('event', 9)) {
        expect(claimed).toHaveLength(1)
        order.push(...claimed.map(job => job.id))
        await store.jobs.settle(claimed.map(job => ({ job, verdict: { kind: 'delivered', remoteId: null } })))
      }
      expect(order).toEqual(['a.1', 'a.2', 'a.3', 'a.4'])
    })

    test('a redriven delivery has all its attempts and time again', async () => {
      await store.calls.append([aChange('a', [1])])
      await refuse('422')
      now += 86_400_000
      await through(after => store.desk.redriveSome({ state: 'dead' }, ops, after))
      expect(await store.jobs.claim('event', 9)).toMatchObject([{ id: 'a.1', attempts: 0, dueSince: now }])
    })

    test('pending ones need not wait for their backoff', async () => {
      await store.calls.append([aChange('a', [1])])
      const [job] = await store.jobs.claim('event', 9)
      if (job === undefined) throw new Error('nothing was claimed')
      await store.jobs.settle([{ job, verdict: { kind: 'retry', runAt: T0 + 300_000, reason: '503' } }])
      expect(await store.jobs.claim('event', 9)).toEqual([])
      await through(after => store.desk.redriveSome({ state: 'pending' }, ops, after))
      expect(await store.jobs.claim('event', 9)).toMatchObject([{ id: 'a.1', attempts: 1 }])
    })

    test('many go in bounded steps, each exactly once, with a line of the audit log each', async () => {
      await store.calls.append(Array.from({ length: 600 }, (_, n) => aChange(`c${n}`, [1])))
      await refuse('422')
      expect(await store.desk.sweepSize({ state: 'dead' })).toBe(600)
      const steps = await through(after => store.desk.redriveSome({ state: 'dead', kind: 'event' }, ops, after))
      expect(steps.map(({ seen, done }) => [seen, done])).toEqual([
        [250, 250],
        [250, 250],
        [100, 100],
      ])
      expect(await store.views.jobCounts()).toMatchObject({ pending: 600, dead: 0 })
      const lines = await store.audit.list({ limit: 999 })
      expect(new Set(lines.map(({ subject }) => subject)).size).toBe(600)
      expect(lines[0]).toMatchObject({
        ...ops,
        action: 'upload.redriven',
        detail: { sink: 'zendesk', kind: 'event', was: 'dead', error: '422' },
      })
    })

    test('counting changes nothing', async () => {
      await store.calls.append([aChange('a', [1]), aChange('b', [1])])
      await refuse('422', id => id === 'a.1')
      expect(await store.desk.countSome('redrive', { state: 'dead' }, null)).toMatchObject({ seen: 1, done: 1 })
      expect(await stateOf('a.1')).toBe('dead')
      expect(await store.audit.list({ limit: 9 })).toEqual([])
    })

    test('what is being delivered is refused, and says why; the others are done', async () => {
      await store.calls.append([aChange('a', [1]), aChange('b', [1])])
      const [job] = await store.jobs.claim('event', 1)
      const jobs = [jobId('a.1'), jobId('b.1'), jobId('x.1')]
      const { done, refused } = await store.operations.redrive({ jobs, items: [] }, ops)
      expect(refused).toEqual([{ id: job?.id, reason: expect.stringContaining('being delivered at this moment') }])
      expect(done).toEqual(['a.1', 'b.1'].filter(id => id !== job?.id))
    })

    test('a list takes the same filters, and goes on where the last page ended', async () => {
      await store.calls.append([aChange('a', [1, 2]), aChange('b', [1])])
      now += 3_600_000
      await store.calls.append([aChange('c', [1])])
      const idsOf = async (filter: Parameters<Store['desk']['listUploads']>[0]) =>
        (await store.desk.listUploads(filter)).rows.map(({ id }) => id)
      const page = { limit: 10, before: null }
      expect(await idsOf({ ...page, callId: callId('a') })).toEqual(['a.2', 'a.1'])
      expect(await idsOf({ ...page, since: now })).toEqual(['c.1'])
      expect(await idsOf({ ...page, until: now })).toEqual(['b.1', 'a.2', 'a.1'])
      expect(await idsOf({ ...page, sink: 'archive' })).toEqual([])
      await queueVoicemail('v1')
      expect(await idsOf({ ...page, kind: 'voicemail' })).toEqual(['v1'])
      const first = await store.desk.listUploads({ limit: 2, before: null, kind: 'event' })
      expect(first.rows.map(({ id }) => id)).toEqual(['c.1', 'b.1'])
      expect(await idsOf({ limit: 2, before: first.next, kind: 'event' })).toEqual(['a.2', 'a.1'])
    })
  })
}
