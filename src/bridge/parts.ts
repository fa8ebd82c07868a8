import type { CallTracker } from '../events/tracker.ts'
import type { Store } from '../uploads/store/store.ts'
import type { DeliveryWorker } from '../uploads/worker.ts'
import type { AgentStatuses } from '../zendesk/agents/agent-status.ts'
import type { Connection } from '../zendesk/http/connection.ts'
import type { Archiving } from './archiving.ts'
import type { Audio } from './audio.ts'
import type { Erasing } from './erasing.ts'
import type { Pruning } from './pruning.ts'
import type { Reconciling } from './reconciling.ts'
import type { OpenedStore } from './store.ts'
import type { ThreadedSignalling } from './threaded-signalling.ts'

/** The parts of a running bridge, for health and metrics. */
export interface BridgeParts {
  readonly store: Store
  readonly limit: OpenedStore['limit']
  readonly pruning: Pruning
  readonly tracker: CallTracker
  readonly worker: DeliveryWorker
  readonly connection: Connection
  readonly agents: AgentStatuses
  readonly archiving: Archiving
  readonly erasing: Erasing
  readonly audio: Audio
  readonly signalling: ThreadedSignalling
  readonly reconciling: Reconciling
}
