/** The calls that a bridge with this configuration has reported by itself, whether it runs now or not. */
import { openStoreAsTool } from '../../bridge/store.ts'
import type { Config } from '../../config/schema.ts'
import type { CallId, CallSnapshot } from '../../events/event.ts'
import { CallIndex } from '../../migration/import/call-index.ts'
import type { ImportedCall } from '../../migration/import/imported-call.ts'
import type { Store } from '../../uploads/store/store.ts'
import { StoreOpenError } from '../../uploads/store/store-open-error.ts'
import type { CommandLog } from './command-log.ts'

const pageSize = 500
/** The newest this many are held in memory to be found by parties and time, some 200 bytes each; all are found by their ids. */
const mostCalls = 500_000

export class LiveStore {
  readonly #store: Store
  readonly #index: CallIndex

  private constructor(store: Store, index: CallIndex) {
    this.#store = store
    this.#index = index
  }

  /** `null` when no bridge has run with this data. Throws a StoreOpenError that says what to do. */
  static async open(config: Pick<Config, 'dataDir' | 'store'>, log: CommandLog): Promise<LiveStore | null> {
    const store = await openIfThere(config, log)
    if (store === null) return null
    const index = new CallIndex()
    for await (const call of callsOf(store)) {
      if (index.size >= mostCalls) break
      index.add(call)
    }
    return new LiveStore(store, index)
  }

  async knows(call: ImportedCall): Promise<boolean> {
    return (await this.find(call)) !== null
  }

  /** The id of the call as the bridge reported it; `null` when it did not. */
  async find(call: ImportedCall): Promise<string | null> {
    for (const key of call.keys) {
      const id = await this.callByKey(key)
      if (id !== null) return id
    }
    return this.#index.find(call.snapshot)
  }

  async callByKey(key: string): Promise<CallId | null> {
    return await this.#store.items.callByKey(key)
  }

  /** Whether the bridge has taken this very file in, whatever became of it. */
  async hasFile(file: { readonly path: string; readonly size: number; readonly mtimeMs: number }): Promise<boolean> {
    return await this.#store.items.isKnownFile(file)
  }

  /** Newest first. */
  calls(): AsyncGenerator<CallSnapshot> {
    return callsOf(this.#store)
  }

  /** The calls that have a recording, delivered or on its way; of at most `limit` recordings. */
  async callsWithRecording(limit: number): Promise<ReadonlySet<string>> {
    const items = [...(await this.#store.items.list('delivered', limit)), ...(await this.#store.items.list('queued', limit))]
    return new Set(items.flatMap(item => (item.kind === 'recording' && item.callId !== null ? [item.callId] : [])))
  }

  async close(): Promise<void> {
    await this.#store.close()
  }
}

async function openIfThere(config: Pick<Config, 'dataDir' | 'store'>, log: CommandLog): Promise<Store | null> {
  try {
    return await openStoreAsTool(config, log)
  } catch (error) {
    if (error instanceof StoreOpenError && error.reason === 'missing') return null
    throw error
  }
}

async function* callsOf(store: Store): AsyncGenerator<CallSnapshot> {
  let before: CallId | null = null
  for (;;) {
    const page = await store.views.listCalls(before === null ? { limit: pageSize } : { limit: pageSize, before })
    for (const { call } of page) yield call
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return
    before = last.call.id
  }
}
