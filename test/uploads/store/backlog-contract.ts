/** What every store says of how much waits. Run for each as store-contract.ts is. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Job, lanes } from '../../../src/uploads/job.ts'
import type { Store } from '../../../src/uploads/store/store.ts'
import type { Verdict } from '../../../src/uploads/verdict.ts'
import { aChange, aRecording, fileOf, ops, T0 } from '../fixtures.ts'

export interface CountingStore {
  open(now: () => number): Promise<Store>
  dispose(): Promise<void>
}

const states = ['pending', 'running', 'dead'] as const
const verdicts: readonly Verdict[] = [
  { kind: 'delivered', remoteId: 'z1' },
  { kind: 'retry', runAt: T0, reason: '503' },
  { kind: 'wait', runAt: T0, reason: '429' },
  { kind: 'dead', reason: '422' },
  { kind: 'put-back' },
]

/** Something that happens to jobs; `pick` chooses to which. */
const deeds = fc.array(
  fc.record({
    kind: fc.constantFrom('append', 'queue', 'claim', 'settle', 'recover', 'redrive', 'drop', 'prune'),
    lane: fc.constantFrom('event' as const, 'media' as const),
    pick: fc.nat(),
  }),
  { minLength: 5, maxLength: 25 },
)

export const backlogContract = (name: string, make: () => Promise<CountingStore>): void => {
  describe(`${name} knows how much waits`, () => {
    let underTest: CountingStore
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

    const listed = (): Promise<readonly Job[]> => store.views.listJobs({ limit: 1_000 })

    test('by lane and state, whatever becomes of the jobs', async () => {
      let calls = 0
      const run = async ({ kind, lane, pick }: { kind: string; lane: 'event' | 'media'; pick: number }): Promise<void> => {
        const all = await listed()
        const dead = all.filter(({ state }) => state.kind === 'dead')
        const one = dead[pick % Math.max(1, dead.length)]
        if (kind === 'append') await store.calls.append([aChange(`c${++calls}`, [1, 2, 3], { ended: true })])
        else if (kind === 'queue') {
          const item = aRecording(`r${++calls}`, null)
          await store.items.add({ ...item, state: 'waiting' }, fileOf(item))
          await store.items.queue(item)
        } else if (kind === 'claim') await store.jobs.claim(lane, 1 + (pick % 3))
        else if (kind === 'settle') {
          const claimed = await store.jobs.claim(lane, 2)
          const verdict = verdicts[pick % verdicts.length]
          if (verdict !== undefined) await store.jobs.settle(claimed.map(job => ({ job, verdict })))
        } else if (kind === 'recover') await store.jobs.recover(lanes)
        else if (kind === 'redrive' && one !== undefined) await store.operations.redriveJob(one.id, ops)
        else if (kind === 'drop' && one !== undefined) await store.operations.dropJob(one.id, { ...ops, reason: 'no use' })
        else if (kind === 'prune') {
          now += 1_000
          await store.prune(500)
        }
      }
      const property = fc.asyncProperty(deeds, async script => {
        for (const deed of script) await run(deed)
        const jobs = await listed()
        const backlog = await store.views.backlog()
        for (const state of states) {
          for (const lane of lanes) {
            const count = jobs.filter(job => job.state.kind === state && job.lane === lane).length
            expect(backlog[state][lane], `${state} ${lane}`).toBe(count)
          }
        }
        const counts = await store.views.jobCounts()
        expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(jobs.length)
      })
      await fc.assert(property, { numRuns: 12 })
    })
  })
}
