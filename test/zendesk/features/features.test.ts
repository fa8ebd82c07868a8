/**
 * Everything the Voice API's documentation promises, row by row, and the README's table of it.
 * `GENERATE=1 npx vitest run test/zendesk/features` writes the table anew.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderTable, sections, withTable } from './table.ts'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())

for (const { title, rows } of sections) {
  describe(title, () => {
    for (const { kind, name, promise, run } of rows) it(`${kind} ${name}: ${promise}`, () => run(world))
  })
}

it('has each row once', () => {
  const names = sections.flatMap(({ title, rows }) => rows.map(({ kind, name }) => `${title}: ${kind} ${name}`))
  expect(new Set(names).size).toBe(names.length)
})

it('is what the README says', async () => {
  const path = join(import.meta.dirname, '../../../README.md')
  const text = await readFile(path, 'utf8')
  const current = withTable(text, renderTable(sections))
  if (process.env.GENERATE === '1') await writeFile(path, current)
  else expect(text, 'run GENERATE=1 npx vitest run test/zendesk/features').toBe(current)
})
