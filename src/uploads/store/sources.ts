/** The files that delivered recordings were taken from, for whoever ends their time (recordings/intake/source-retention.ts). */
import type { Kysely } from 'kysely'
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import type { Schema } from './schema.ts'
import type { Share } from './share.ts'
import { DamagedRowError, readItem } from './stored-json.ts'

export interface KnownSource {
  readonly path: string
  readonly size: number
  /** Epoch ms, to the fraction that the file system told. */
  readonly mtimeMs: number
}

export interface SourceStoreOptions {
  readonly db: Kysely<Schema>
  /** `null`: one bridge has the database to itself, or this is a tool. */
  readonly share: Share | null
}

export class SourceStore {
  readonly #db: Kysely<Schema>
  readonly #share: Share | null

  constructor({ db, share }: SourceStoreOptions) {
    this.#db = db
    this.#share = share
  }

  /**
   * Files of this bridge whose items all sinks have and nobody holds, last changed before `before` (epoch ms), the oldest first, after the
   * one named. A file and its copies are each one of them. An item that cannot be read is an error in its place.
   */
  async delivered(query: {
    readonly before: number
    readonly after: KnownSource | null
    readonly limit: number
  }): Promise<readonly { readonly file: KnownSource; readonly item: AudioItem | DamagedRowError }[]> {
    const { before, after, limit } = query
    let rows = this.#db
      .selectFrom('source_files as file')
      .innerJoin('items', 'items.id', 'file.item_id')
      .select(['file.path', 'file.size', 'file.mtime_ms'])
      .select(['items.id', 'items.state', 'items.reason', 'items.hold', 'items.body'])
      .where('file.mtime_ms', '<', before)
      .where('items.state', '=', 'delivered')
      .where('items.hold', 'is', null)
    if (after !== null) {
      rows = rows.where(eb => eb(eb.refTuple('file.mtime_ms', 'file.path'), '>', eb.tuple(after.mtimeMs, after.path)))
    }
    const { bridge } = this.#share ?? { bridge: null }
    if (bridge !== null) rows = rows.where('file.origin', '=', bridge)
    const found = await rows.orderBy('file.mtime_ms').orderBy('file.path').limit(limit).execute()
    return found.map(({ path, size, mtime_ms: mtimeMs, ...item }) => ({ file: { path, size, mtimeMs }, item: readOr(item) }))
  }

  /** Whether all sinks still have it and nobody holds it, now. */
  async mayGo(id: RecordingId): Promise<boolean> {
    const row = await this.#db.selectFrom('items').select(['state', 'hold']).where('id', '=', id).executeTakeFirst()
    return row !== undefined && row.state === 'delivered' && row.hold === null
  }

  /** The file is gone. Should it come back, its item is still known, and goes out no second time. */
  async forget({ path, size, mtimeMs }: KnownSource): Promise<void> {
    await this.#db
      .deleteFrom('source_files')
      .where('path', '=', path)
      .where('size', '=', size)
      .where('mtime_ms', '=', mtimeMs)
      .$if(this.#share !== null, query => query.where('origin', '=', this.#share?.bridge ?? ''))
      .execute()
  }
}

/** One damaged row keeps no other from being looked at. */
const readOr = (row: Parameters<typeof readItem>[0]): AudioItem | DamagedRowError => {
  try {
    return readItem(row)
  } catch (error) {
    if (error instanceof DamagedRowError) return error
    throw error
  }
}
