/** Sinks as operators see them: what waits for each, who has paused it, and how this bridge's deliveries there are. */
import type { PartHealth } from '../admin/health.ts'
import type { SinkBoard } from '../admin/sink-routes.ts'
import { lanes, type SinkName, sinkNames, sinkOf } from '../uploads/job.ts'
import type { Store } from '../uploads/store/store.ts'
import { deliveryHealth } from './delivery-health.ts'
import type { BridgeParts } from './parts.ts'

type Deliveries = Pick<BridgeParts, 'worker' | 'archiving' | 'erasing'>

/** `deliveries`: `null` until they have started. */
export function sinkBoard(store: Pick<Store, 'pauses' | 'views'>, deliveries: () => Deliveries | null): SinkBoard {
  return {
    async list() {
      const paused = await store.pauses.list()
      const backlog = await store.views.backlog()
      const parts = deliveries()
      return sinkNames.map(name => {
        const count = (state: 'pending' | 'running' | 'dead'): number =>
          lanes.reduce((sum, lane) => (sinkOf(lane) === name ? sum + backlog[state][lane] : sum), 0)
        return {
          name,
          paused: paused.find(({ sink }) => sink === name) ?? null,
          health: parts === null ? null : healthOfSink(name, parts),
          pending: count('pending'),
          running: count('running'),
          dead: count('dead'),
        }
      })
    },
    async pause(name, by) {
      await store.pauses.pause(name, by)
    },
    async resume(name, by) {
      await store.pauses.resume(name, by)
      const parts = deliveries()
      if (parts === null) return
      const { worker, archiving, erasing } = parts
      for (const [sink, of] of [
        ['zendesk', worker],
        ['archive', archiving],
        ['erasure', erasing],
      ] as const)
        if (sink === name) of.resume()
    },
  }
}

const healthOfSink = (name: SinkName, { worker, archiving, erasing }: Deliveries): PartHealth | null => {
  switch (name) {
    case 'zendesk':
      return deliveryHealth(worker.health())
    case 'archive':
      return archiving.health()
    case 'erasure':
      return erasing.health()
    default:
      return name satisfies never
  }
}
