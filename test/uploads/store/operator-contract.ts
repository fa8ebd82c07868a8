/** What every store promises of what operators do to sinks and to many deliveries at once. Run for each as store-contract.ts is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../../src/uploads/store/store.ts'
import { ops, T0 } from '../fixtures.ts'

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
}
