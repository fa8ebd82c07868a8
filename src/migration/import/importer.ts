/**
 * Carries calls from the records to the store, a batch in a transaction. It owns no state but the tally: what was stored is in the
 * store, so a run that was killed is repeated from the start of its files and stores nothing twice.
 *
 * Invariants
 * 1 A row that was read is stored, known already, reported live, or refused with a reason: `calls = stored + known + live` plus
 *   the refused ones.
 * 2 No more than a batch is in memory beside the rows of calls that are not complete.
 */
import type { CallChange } from '../../events/journal.ts'
import type { ReadPiece } from '../formats/read-files.ts'
import type { HistoricCall, Place, Refusal } from '../historic-call.ts'
import { type ImportedCall, importedCall, type Site } from './imported-call.ts'
import { Tally } from './tally.ts'

/** Where imported calls go. */
export interface HistoryStore {
  /** Whether a call is stored under its id or one of these keys. */
  knows(call: ImportedCall): Promise<boolean>
  /** Stores calls and the jobs that deliver them, in one transaction. */
  append(changes: readonly CallChange[]): Promise<void>
}

/** What the bridge reported by itself. */
export interface LiveCalls {
  knows(call: ImportedCall): Promise<boolean>
}

export interface ImporterOptions {
  readonly site: Site
  readonly store: HistoryStore
  /** `null` when no bridge has run with this data. */
  readonly live: LiveCalls | null
  /** Told of each refusal. */
  readonly onRefusal: (refusal: Refusal) => void
  /** Told now and then, with how much of the files was read. */
  readonly onProgress: (bytes: number) => void
  /** After so many calls the rest is left alone. */
  readonly limit: number
  /** Epoch ms. */
  readonly now: () => number
}

const batchSize = 500

export class Importer {
  readonly tally = new Tally()
  readonly #options: ImporterOptions
  #batch = new Map<string, ImportedCall>()

  constructor(options: ImporterOptions) {
    this.#options = options
  }

  /** Reads to the end, the limit, or until the signal is aborted; answers whether it came to the end of what there was to do. */
  async run(pieces: AsyncIterable<ReadPiece>, signal: AbortSignal): Promise<boolean> {
    const { onProgress, limit } = this.#options
    for await (const piece of pieces) {
      this.tally.rows += piece.rows
      for (const found of piece.found) {
        if (found.kind === 'refusal') this.#refuse(found.refusal)
        else if (this.tally.calls < limit) await this.#take(found.call, found.place)
        if (this.#batch.size >= batchSize) await this.#store()
        if (signal.aborted) break
      }
      onProgress(piece.bytes)
      if (signal.aborted || this.tally.calls >= limit) break
    }
    await this.#store()
    return !signal.aborted
  }

  async #take(historic: HistoricCall, place: Place): Promise<void> {
    const { site, now, live, store } = this.#options
    this.tally.calls += 1
    const call = importedCall(historic, site, now())
    if ('reason' in call) this.#refuse({ ...call, ...place })
    else if (this.#batch.has(call.change.call.id) || (await store.knows(call))) this.tally.known += 1
    else if (live !== null && (await live.knows(call))) this.tally.live += 1
    else this.#batch.set(call.change.call.id, call)
  }

  async #store(): Promise<void> {
    const batch = [...this.#batch.values()]
    this.#batch = new Map()
    if (batch.length === 0) return
    await this.#options.store.append(batch.map(({ change }) => change))
    this.tally.stored += batch.length
  }

  #refuse(refusal: Refusal): void {
    this.tally.refuse(refusal)
    this.#options.onRefusal(refusal)
  }
}
