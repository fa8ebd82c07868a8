/** The Voice API's resources beside deliveries and their reading: numbers, lines, menus, queues, agents, analytics. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance } from 'fastify'
import type { GroupCommit } from '../group-commit.ts'

export interface VoiceParts {
  readonly db: DatabaseSyncInstance
  readonly commits: GroupCommit
  /** Epoch ms. */
  readonly clock: () => number
}

/** Registers them below the Voice API's path; the token and the budget are checked before. */
export function voiceRoutes(_app: FastifyInstance, _parts: VoiceParts): void {}
