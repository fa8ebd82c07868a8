/** The store of a bridge that has its database to itself: `data_dir/bridge.db`. */
import { openSqlite, type SqliteOptions } from './sqlite-database.ts'
import { Store, type StoreOptions } from './store.ts'

export class SqliteStore extends Store {
  /** Throws a StoreOpenError that says what to do. */
  static async open(options: SqliteOptions & StoreOptions): Promise<SqliteStore> {
    return new SqliteStore(await openSqlite(options), options)
  }
}
