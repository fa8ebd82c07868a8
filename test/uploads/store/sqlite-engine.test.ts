import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { forKysely, openHandle, type SqliteHandle } from '../../../src/uploads/store/sqlite-engine.ts'

let dir: string
let handle: SqliteHandle
let db: Kysely<{ t: { a: string } }>

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tpe-engine-'))
  handle = await openHandle(join(dir, 'x.db'))
  handle.exec('create table t (a text)')
  db = new Kysely({ dialect: new SqliteDialect({ database: forKysely(handle) }) })
})

afterEach(async () => {
  handle.close()
  await rm(dir, { recursive: true, force: true })
})

const fill = async (): Promise<void> =>
  await db.transaction().execute(async trx => {
    await trx
      .insertInto('t')
      .values({ a: 'x'.repeat(200_000) })
      .execute()
  })

test('a full disk is reported as a full disk, rolls back, and the next transaction works', async () => {
  handle.exec('pragma max_page_count = 10')
  await expect(fill()).rejects.toThrow('database or disk is full')
  expect(handle.isTransaction).toBe(false)
  handle.exec('pragma max_page_count = 10000')
  await fill()
  expect(await db.selectFrom('t').select(sql<number>`count(*)`.as('n')).execute()).toEqual([expect.objectContaining({ n: 1 })])
})

test('a transaction that reads first waits for another writer instead of failing', async () => {
  handle.exec('pragma journal_mode = wal')
  const other = await openHandle(join(dir, 'x.db'))
  await db.transaction().execute(async trx => {
    await trx.selectFrom('t').selectAll().execute()
    expect(() => other.exec(`insert into t values ('late')`)).toThrow('locked')
    await trx.insertInto('t').values({ a: 'first' }).execute()
  })
  other.exec(`insert into t values ('late')`)
  other.close()
  expect(await db.selectFrom('t').select('a').execute()).toMatchObject([{ a: 'first' }, { a: 'late' }])
})

test('more kinds of statements than are kept still run', async () => {
  for (let count = 1; count <= 450; count++) {
    const rows = Array.from({ length: count }, () => ({ a: 'y' }))
    await db.insertInto('t').values(rows).execute()
  }
  const [row] = await db.selectFrom('t').select(sql<number>`count(*)`.as('n')).execute()
  expect(row?.n).toBe((450 * 451) / 2)
})
