/** SQLite binds at most 32,766 values in a statement, PostgreSQL 65,535: what may be many goes in batches. */
const BATCH = 200

/** The list in slices of at most 200, in order; none when it is empty. */
export function* batches<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += BATCH) yield list.slice(start, start + BATCH)
}
