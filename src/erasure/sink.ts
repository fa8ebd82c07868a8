/**
 * Takes a recording or voicemail away again from everywhere it went.
 *
 *   begin ─▶ place ─▶ note ─▶ place ─▶ note … ─▶ finish
 *     │        └── not now: the other places have their turn, and this one at the next try
 *     └── a delivery of it is under way: wait
 *
 * 1 Each place is safe to repeat, and is noted before the next one: a crash between any two steps ends the same.
 * 2 Trouble with one place keeps no other waiting: what can be erased is erased.
 * 3 Only when every place is done with is the item itself forgotten: until then it is known what is left, and where.
 */
import type { AudioItem } from '../events/recording.ts'
import type { Begun, ErasureBook, Place, Unfinished } from './place.ts'

export interface Erasure {
  readonly item: AudioItem
}

export type ErasureResult =
  | { readonly kind: 'delivered'; readonly remoteId: null }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'wait'; readonly reason: string; readonly afterMs: number; readonly scope: 'job' }
  | { readonly kind: 'reject'; readonly reason: string }

export interface ErasureSinkOptions {
  readonly book: ErasureBook
  /** In the order in which they are emptied. */
  readonly places: readonly Place[]
}

const busyMs = 2_000
const askAgainMs = 5_000
const gone: ErasureResult = { kind: 'delivered', remoteId: null }

export class ErasureSink {
  readonly name = 'erasure'
  readonly #book: ErasureBook
  readonly #places: readonly Place[]

  constructor({ book, places }: ErasureSinkOptions) {
    this.#book = book
    this.#places = places
  }

  /** One attempt. Rejects for a bug of ours, and when the store does after the beginning: whatever was done then is done again. */
  async deliver({ item }: Erasure, signal: AbortSignal): Promise<ErasureResult> {
    let begun: Begun
    try {
      begun = await this.#book.begin(item.id)
    } catch (cause) {
      const reason = `where it is could not be read: ${cause instanceof Error ? cause.message : String(cause)}`
      return { kind: 'wait', scope: 'job', reason, afterMs: askAgainMs }
    }
    switch (begun.kind) {
      case 'unasked':
        return { kind: 'reject', reason: 'nobody asked to have it erased: drop this upload' }
      // Whoever redrives what was left to be done by hand says that it is done.
      case 'done':
        return gone
      case 'busy':
        return { kind: 'wait', scope: 'job', reason: begun.reason, afterMs: busyMs }
      case 'ready':
        break
      default:
        return begun satisfies never
    }
    const troubles: Unfinished[] = []
    const byHand: string[] = []
    for (const place of this.#places) {
      const before = begun.errand.places[place.name]
      const outcome =
        before === undefined ? await place.erase(item, begun.errand, signal) : { kind: 'erased' as const, ...before }
      if (outcome.kind !== 'erased') {
        troubles.push({ ...outcome, reason: `${place.name}: ${outcome.reason}` })
        continue
      }
      const { told, byHand: rest } = outcome
      if (before === undefined) await this.#book.note(item.id, place.name, { told, byHand: rest })
      if (rest !== null) byHand.push(rest)
    }
    if (troubles.length > 0) return together(troubles)
    await this.#book.finish(item.id)
    if (byHand.length === 0) return gone
    return { kind: 'reject', reason: `${byHand.join('; ')}. All else is erased: redrive this upload when that is done` }
  }
}

/** What may still pass is tried again, whatever else was refused; the soonest to be tried says when. Pure. */
const together = (troubles: readonly Unfinished[]): ErasureResult => {
  const reason = troubles.map(trouble => trouble.reason).join('; ')
  if (troubles.some(({ kind }) => kind === 'retry')) {
    const floors = troubles.flatMap(trouble => (trouble.kind === 'retry' ? [trouble.afterMs ?? 0] : []))
    return { kind: 'retry', reason, afterMs: Math.min(...floors) || null }
  }
  const waits = troubles.flatMap(trouble => (trouble.kind === 'wait' ? [trouble.afterMs] : []))
  if (waits.length > 0) return { kind: 'wait', scope: 'job', reason, afterMs: Math.min(...waits) }
  return { kind: 'reject', reason }
}
