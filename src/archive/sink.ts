/**
 * Keeps every recording and voicemail, and beside it the record of its call, in the archive. Repeating a delivery is harmless: the
 * same item has the same key, and what is there whole is not sent again.
 */
import type { CallId, CallSnapshot } from '../events/event.ts'
import { type Archive, ArchiveError } from './archive.ts'
import { type ArchiveDelivery, type ArchiveResult, failed } from './delivery.ts'

export interface ArchiveSinkOptions {
  readonly archive: Pick<Archive, 'store'>
  /** The call as it is known now; `null` when it is not, or not any more. May reject; the delivery is then tried again. */
  readonly findCall: (id: CallId) => Promise<CallSnapshot | null>
  /** Epoch ms. */
  readonly clock: () => number
}

/** The record tells how the call went, so it waits for the end: but the audio shall not wait for ever for its second place. */
const longestCallMs = 3_600_000
const lookAgainMs = 30_000
const askAgainMs = 5_000

export class ArchiveSink {
  readonly name = 'archive'
  readonly #options: ArchiveSinkOptions

  constructor(options: ArchiveSinkOptions) {
    this.#options = options
  }

  /** Never throws for anything that the archive does, or whoever knows the calls; with the signal's reason when it is aborted. */
  async deliver({ item, audio }: ArchiveDelivery, signal: AbortSignal): Promise<ArchiveResult> {
    const { archive, findCall, clock } = this.#options
    let call: CallSnapshot | null
    try {
      call = item.callId === null ? null : await findCall(item.callId)
    } catch (cause) {
      const reason = `what is known of its call could not be read: ${cause instanceof Error ? cause.message : String(cause)}`
      return later(reason, askAgainMs)
    }
    if (call !== null && call.endedAt === null && clock() < item.foundAt + longestCallMs) {
      return later(`its call ${call.id} goes on: the record is written at its end`, lookAgainMs)
    }
    try {
      const { key } = await archive.store(item, audio, { call }, signal)
      return { kind: 'delivered', remoteId: key }
    } catch (cause) {
      if (cause instanceof ArchiveError) return failed(cause)
      throw cause
    }
  }
}

const later = (reason: string, afterMs: number): ArchiveResult => ({ kind: 'wait', scope: 'job', afterMs, reason, unasked: true })
