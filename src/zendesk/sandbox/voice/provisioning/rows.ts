/** What the tables of provisioned things have in common: ids that count, two times, and being listed newest first. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { type Page, type PageQuery, page, where } from '../../page.ts'

const countRow = z.object({ n: z.int() })

/** The times of a row, epoch ms. */
export const timeColumns = { created_at: z.int(), updated_at: z.int() }

/** The same as they are shown. */
export const timesShown = ({ created_at, updated_at }: { readonly created_at: number; readonly updated_at: number }) => ({
  created_at: new Date(created_at).toISOString(),
  updated_at: new Date(updated_at).toISOString(),
})

/** One page of a whole table. */
export function listed<Row extends { readonly id: number }>(
  db: DatabaseSyncInstance,
  table: 'phone_lines' | 'phone_numbers' | 'queues',
  query: PageQuery,
  read: (row: unknown) => Row,
): Page<Row> {
  const { n } = countRow.parse(db.prepare(`SELECT count(*) AS n FROM ${table}`).get())
  const { sql, values } = where(query.before === undefined ? [] : [{ sql: 'id < ?', values: [query.before] }])
  const rows = db.prepare(`SELECT * FROM ${table} ${sql} ORDER BY id DESC LIMIT ?`).all(...values, query.limit + 1)
  return page(rows.map(read), query.limit, n)
}

/** `current` with what `change` gives. */
export function merged<T extends object>(current: T, change: { readonly [K in keyof T]?: T[K] | undefined }): T {
  return { ...current, ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) }
}
