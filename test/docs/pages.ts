/** The documents as they lie in the repository, and what they point at. */
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'

const root = join(import.meta.dirname, '../..')

export const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')

/** Every Markdown file that we write, relative to the repository. */
export async function pages(): Promise<readonly string[]> {
  const docs = (await readdir(join(root, 'docs'), { recursive: true })).map(name => join('docs', name))
  return ['README.md', 'CHANGELOG.md', ...docs].filter(name => name.endsWith('.md'))
}

/** The paths of all tests, relative to `test/`, without `.test.ts`: as docs/failures.md names them. */
export async function tests(): Promise<ReadonlySet<string>> {
  const names = await readdir(join(root, 'test'), { recursive: true })
  return new Set(names.filter(name => name.endsWith('.test.ts')).map(name => name.slice(0, -'.test.ts'.length)))
}

export interface Reference {
  /** `uploads/worker` */
  readonly test: string
  readonly titles: readonly string[]
}

/** What the `*Test:*` of a paragraph names: `path`, each with titles in quotation marks behind it. */
export function references(paragraph: string): readonly Reference[] {
  const named = paragraph.replaceAll(/\s+/g, ' ').split('*Test:*').slice(1).join(' ')
  const found: { test: string; titles: string[] }[] = []
  for (const [, test, title] of named.matchAll(/`([a-z0-9/-]+)`|"([^"]+)"/g)) {
    if (test !== undefined) found.push({ test, titles: [] })
    else if (title !== undefined) found.at(-1)?.titles.push(title)
  }
  return found
}

/** Paragraphs by their heading (###), above the heading that ends them. */
export function paragraphs(page: string, until: string): ReadonlyMap<string, string> {
  const [above = ''] = page.split(`\n## ${until}\n`)
  const parts = above.split(/\n### /).slice(1)
  return new Map(
    parts.map(part => {
      const [heading = '', ...lines] = part.split('\n')
      // What follows the next chapter's heading is not this paragraph's.
      return [heading, lines.join('\n').split('\n## ')[0] ?? '']
    }),
  )
}

/** Links of a page to other pages, as `path#anchor` relative to the repository. */
export function links(path: string, page: string): readonly string[] {
  const prose = page.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))
    .map(target => (target.startsWith('#') ? `${path}${target}` : normalize(join(dirname(path), target))))
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors(page: string): ReadonlySet<string> {
  const headings = page.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)
  const made = new Set<string>()
  for (const [, heading = ''] of headings) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    let name = anchor
    for (let again = 1; made.has(name); again++) name = `${anchor}-${again}`
    made.add(name)
  }
  return made
}
