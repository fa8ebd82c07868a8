import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { retryTable } from '../../src/uploads/retry.ts'
import { accepted } from '../config/loading.ts'
import { anchors, links, pages, paragraphs, read, references, tests } from './pages.ts'

/** Quotation marks of a source are written in many ways. */
const plain = (text: string): string => text.replaceAll(/[’‘`]/g, "'").replaceAll("\\'", "'")

describe('docs/failures.md', () => {
  test('names in each paragraph a test that is there, by its path and its title', async () => {
    const all = await tests()
    const wrong: string[] = []
    for (const [heading, text] of paragraphs(await read('docs/failures.md'), 'What an answer means')) {
      const named = references(text)
      if (named.length === 0) wrong.push(`${heading}: names no test`)
      for (const { test: path, titles } of named) {
        if (!all.has(path)) {
          wrong.push(`${heading}: there is no test/${path}.test.ts`)
          continue
        }
        const source = plain(await read(`test/${path}.test.ts`))
        // A contract is run by the tests of both stores.
        const contracts = [...source.matchAll(/from '\.\/([a-z-]+-contract)\.ts'/g)].map(([, name]) => name)
        const folder = path.split('/').slice(0, -1).join('/')
        const sources = [source, ...(await Promise.all(contracts.map(name => read(`test/${folder}/${name}.ts`)))).map(plain)]
        for (const title of titles) {
          if (!sources.some(text => text.includes(plain(title)))) wrong.push(`${heading}: test/${path}.test.ts has no "${title}"`)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('prints the retry table of the settings that hold when nobody sets any', async () => {
    const { uploads } = await accepted('')
    const table = retryTable({ ...uploads.retry, giveUpAfterMs: uploads.giveUpAfterMs })
    expect(await read('docs/failures.md')).toContain(`\n${table}\n`)
  })

  test('has a table of contents that leads to every chapter', async () => {
    const page = await read('docs/failures.md')
    const [, ...chapters] = page.split(/\n## /)
    const listed = links('docs/failures.md', page)
    for (const chapter of chapters) {
      const [anchor = ''] = [...anchors(`# ${chapter.split('\n')[0]}`)]
      expect(listed).toContain(`docs/failures.md#${anchor}`)
    }
  })
})

describe('the documents', () => {
  test('point at pages, files and headings that are there', async () => {
    const broken: string[] = []
    for (const path of await pages()) {
      for (const link of links(path, await read(path))) {
        const [target = '', anchor] = link.split('#')
        if (!existsSync(join(import.meta.dirname, '../..', target))) broken.push(`${path}: ${link}`)
        else if (anchor !== undefined && target.endsWith('.md') && !anchors(await read(target)).has(anchor))
          broken.push(`${path}: ${link}, no such heading`)
      }
    }
    expect(broken).toEqual([])
  })
})
