/** What the documented half's routes are built of. */
import type { FastifyRequest } from 'fastify'
import type { Faults } from '../faults.ts'
import type { GroupCommit } from '../group-commit.ts'
import type { MediaFolder } from '../media-folder.ts'
import type { RequestBudget } from '../rate-limit.ts'
import type { Account, Actor } from './account.ts'

export interface SupportParts {
  readonly account: Account
  readonly commits: GroupCommit
  readonly media: MediaFolder
  readonly budget: RequestBudget
  readonly faults: Faults
  /** Of one file; an upload is at most 50 MB in any case. */
  readonly fileLimitBytes: number
  /** Epoch ms. */
  readonly clock: () => number
  /** Aborted when the sandbox stops. */
  readonly stopping: AbortSignal
}

/** What the routes behind the check of credentials know beside it. */
export interface SupportScope extends SupportParts {
  /** Who asks; rejects with a 401. */
  actorOf(request: FastifyRequest): Promise<Actor>
}
