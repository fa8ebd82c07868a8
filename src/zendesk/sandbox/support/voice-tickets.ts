/** Tickets as the Voice API makes them: from a call, from a voicemail, by themselves, and comments on them. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance } from 'fastify'
import type { GroupCommit } from '../group-commit.ts'

export interface VoiceTicketParts {
  readonly db: DatabaseSyncInstance
  readonly commits: GroupCommit
  /** Epoch ms. */
  readonly clock: () => number
}

/** Registers them below the Voice API's path; the token and the budget are checked before. */
export function voiceTicketRoutes(_app: FastifyInstance, _parts: VoiceTicketParts): void {}
