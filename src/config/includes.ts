/**
 * Fills keys from files before the schema sees them: `token_file` becomes `token`, `agents_file` becomes `agents`. Relative names
 * are relative to the configuration file. The values keep the place they came from, so a wrong cell of agents.csv is named by its line.
 */
import { dirname, isAbsolute, join } from 'node:path'
import { parseAgentTable } from './agents-file.ts'
import { formatPath } from './config-path.ts'
import { type FileKey, fileKeys } from './key-docs.ts'
import type { ConfigProblem } from './problems.ts'
import type { ReadFile } from './read-file.ts'
import type { SourceTree } from './source-tree.ts'

type Section = Record<string, unknown>

/** Changes the tree in place; returns what went wrong. A file named in place of a secret is never quoted: it may be the secret. */
export async function fillFromFiles(tree: SourceTree, readFile: ReadFile): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = []
  for (const fileKey of fileKeys) problems.push(...(await fill(tree, fileKey, readFile)))
  return problems
}

async function fill(tree: SourceTree, fileKey: FileKey, readFile: ReadFile): Promise<readonly ConfigProblem[]> {
  const parent = fileKey.path.slice(0, -1)
  const filled = formatPath(fileKey.path)
  const path = formatPath([...parent, fileKey.key])
  const name = fileKey.path.at(-1) ?? ''
  const section = sectionAt(tree.value, parent)
  if (section === null || !(fileKey.key in section)) return []
  const fileName = section[fileKey.key]
  delete section[fileKey.key]
  if (tree.blamed.has(path)) tree.blamed.add(filled)
  if (fileName === undefined) return []

  const origin = tree.origins.get(path)
  const place = origin?.value ?? { file: tree.file, line: 0, column: 0 }
  const refuse = (reason: string, fix: string): readonly ConfigProblem[] => {
    tree.blamed.add(filled)
    return [{ ...place, path, reason, fix }]
  }
  if (section[name] !== undefined) return refuse(`is set, and so is ${filled}`, 'keep one of the two')
  if (typeof fileName !== 'string' || fileName === '') return refuse('is no file name', 'write the path of a file')
  const file = isAbsolute(fileName) ? fileName : join(dirname(tree.file), fileName)
  const content = await readFile(file)
  if (!content.ok) {
    const which = fileKey.holds === 'secret' ? 'the file it names' : file
    return refuse(`${which} ${content.reason}`, 'correct the path, or the file’s permissions')
  }
  if (fileKey.holds === 'secret') {
    section[name] = content.text.replace(/\r?\n$/, '')
    tree.origins.set(filled, { value: place, key: origin?.key ?? place, written: null, literal: false })
    return []
  }
  return fillAgents(tree, section, file, content.text)
}

function fillAgents(tree: SourceTree, section: Section, file: string, text: string): readonly ConfigProblem[] {
  const { rows, problems } = parseAgentTable(text)
  section.agents = rows.map(({ line, cells }, i) => {
    const agent: Section = Object.create(null)
    const rowPlace = { file, line, column: 1 }
    tree.origins.set(formatPath(['agents', i]), { value: rowPlace, key: rowPlace, written: null, literal: false })
    for (const [column, cell] of cells) {
      const place = { file, line: cell.line, column: cell.column }
      tree.origins.set(formatPath(['agents', i, column]), { value: place, key: place, written: cell.text, literal: false })
      agent[column] = cell.text
    }
    return agent
  })
  return problems.map(problem => ({ file, path: 'agents_file', ...problem }))
}

/** The map at a path of the tree; `null` where there is none. */
export function sectionAt(value: unknown, path: readonly string[]): Section | null {
  let here = value
  for (const step of path) here = isSection(here) ? here[step] : undefined
  return isSection(here) ? here : null
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
