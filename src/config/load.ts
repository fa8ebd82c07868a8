/**
 * From a file to a configuration, or to everything that is wrong with it, all at once.
 *
 *   text ─▶ yaml-syntax ─▶ source-tree (${ENV}) ─▶ includes (*_file) ─▶ family-defaults (pbx) ─▶ schema ─▶ Config, frozen
 *              └───────────────┴── problems ──────────┴──────────────────┴──────────────────────┘ explain
 */

import type { Environment } from './environment.ts'
import { explain, placeOf } from './explain.ts'
import { fillFromFamily } from './family-defaults.ts'
import { fillFromFiles, sectionAt } from './includes.ts'
import { type ConfigProblem, sortProblems } from './problems.ts'
import type { ReadFile } from './read-file.ts'
import { type Config, configSchema, configVersion } from './schema.ts'
import { emptySourceTree, readSourceTree, type SourceTree } from './source-tree.ts'
import { warningsOf } from './warnings.ts'
import { parseYaml } from './yaml-syntax.ts'

export type LoadedConfig =
  /** `source`: the file's name, or `built-in defaults`. */
  | { readonly ok: true; readonly config: Config; readonly source: string; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

export interface LoadOptions {
  /** `null`: the built-in defaults. */
  readonly path: string | null
  readonly env: Environment
  readonly readFile: ReadFile
}

/** Never throws for anything that a file, the environment or the disk holds. */
export async function loadConfig({ path, env, readFile }: LoadOptions): Promise<LoadedConfig> {
  if (path === null) return validated(emptySourceTree(), [])
  const content = await readFile(path)
  if (!content.ok) {
    const fix = 'name another file with -c FILE, or begin with a copy of config/bridge.example.yaml'
    return { ok: false, problems: [{ file: path, line: 0, column: 0, path: '', reason: content.reason, fix }] }
  }
  const yaml = parseYaml(path, content.text)
  const tree = readSourceTree(path, yaml, env)
  // Without its syntax, nothing else about the file can be told for sure.
  if (yaml.document === null) return { ok: false, problems: sortProblems(tree.problems) }
  const foreign = otherVersion(tree)
  if (foreign !== null) return { ok: false, problems: [foreign] }
  return validated(tree, [...tree.problems, ...(await fillFromFiles(tree, readFile)), ...(await fillFromFamily(tree))])
}

function validated(tree: SourceTree, before: readonly ConfigProblem[]): LoadedConfig {
  const result = configSchema.safeParse(tree.value ?? {})
  if (!result.success) return { ok: false, problems: sortProblems([...before, ...explain(result.error.issues, tree)]) }
  if (before.length > 0) return { ok: false, problems: sortProblems(before) }
  const config: Config = deepFreeze(result.data)
  return { ok: true, config, source: tree.file, warnings: sortProblems(warningsOf(config, tree)) }
}

/** A file of another version is refused as a whole: complaints about its keys would be misleading. */
function otherVersion(tree: SourceTree): ConfigProblem | null {
  const version = sectionAt(tree.value, [])?.version
  if (version === undefined || version === configVersion) return null
  return {
    ...placeOf(['version'], tree, 'value'),
    path: 'version',
    reason: `the file is not of version ${configVersion}, the only one that this bridge reads`,
    fix: `use the bridge it was written for, or bring it to the form of config/bridge.example.yaml and write version: ${configVersion}`,
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof RegExp) return value
  for (const child of Object.values(value)) deepFreeze(child)
  return Object.freeze(value)
}
