/** The documented half of the API, below `/api/v2`: tickets, users, search, uploads, calls, agent statuses, OAuth. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance } from 'fastify'
import type { GroupCommit } from '../group-commit.ts'

export interface SupportParts {
  readonly db: DatabaseSyncInstance
  readonly commits: GroupCommit
  /** Epoch ms. */
  readonly clock: () => number
}

/** Registers them at the root of the server, with their own check of credentials and budget. */
export async function supportRoutes(_app: FastifyInstance, _parts: SupportParts): Promise<void> {}
