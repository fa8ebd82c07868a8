/** What zod found, told in terms of the file: where it stands, what is wrong with it and what to write instead. */
import type { z } from 'zod'
import { closest } from './closest.ts'
import { formatPath, isSecretPath, type PathStep } from './config-path.ts'
import { complaintIn } from './fields.ts'
import { fileSchema, type JsonSchema, schemaAt } from './key-docs.ts'
import type { Complaint, ConfigProblem, Place } from './problems.ts'
import { notInThisVersion } from './schema.ts'
import type { SourceTree } from './source-tree.ts'
import { durationPattern, sizePattern } from './units.ts'

type Issue = z.core.$ZodIssue

/** Problems of a tree that the schema refused; paths that are blamed already are left out. */
export function explain(issues: readonly Issue[], tree: SourceTree): readonly ConfigProblem[] {
  const schema = fileSchema()
  const problems = issues.flatMap(issue => {
    const path = issue.path.map(step => (typeof step === 'number' ? step : String(step)))
    if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey([...path, key], schema, tree))
    return [{ ...placeOf(path, tree, 'value'), path: formatPath(path), ...complaintAbout(issue, path, schema, tree) }]
  })
  return problems.filter(({ path }) => !tree.blamed.has(path))
}

/** The place of a path; of the nearest section above it, where the path is not in the file. */
export function placeOf(path: readonly PathStep[], tree: SourceTree, part: 'key' | 'value'): Place {
  const origin = tree.origins.get(formatPath(path))
  if (origin !== undefined) return origin[part]
  return path.length === 0 ? { file: tree.file, line: 0, column: 0 } : placeOf(path.slice(0, -1), tree, 'key')
}

function unknownKey(path: readonly PathStep[], schema: JsonSchema, tree: SourceTree): ConfigProblem {
  const name = formatPath(path)
  const at = { ...placeOf(path, tree, 'key'), path: name }
  if (notInThisVersion.includes(name)) return { ...at, reason: 'is not in this version yet', fix: 'remove it' }
  const known = Object.keys(schemaAt(schema, path.slice(0, -1))?.properties ?? {})
  const meant = closest(String(path.at(-1)), known)
  return {
    ...at,
    reason: 'is not a key of the configuration',
    fix: meant === null ? `remove it; the keys here are ${known.join(', ')}` : `did you mean ${meant}?`,
  }
}

function complaintAbout(issue: Issue, path: readonly PathStep[], schema: JsonSchema, tree: SourceTree): Complaint {
  const own = complaintIn(issue.message)
  const shown = shownValue(path, tree)
  const about = (reason: string): string => (shown === null ? reason : `${shown} ${reason}`)
  if (own !== null) return { reason: about(own.reason), fix: own.fix }
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, path, schema, tree)
    case 'invalid_value': {
      const allowed = issue.values.map(String)
      const value = valueAt(path, tree)
      const meant = typeof value === 'string' ? closest(value, allowed) : null
      return { reason: about(`is not one of ${allowed.join(', ')}`), fix: `write ${meant ?? allowed.join(' or ')}` }
    }
    case 'too_small':
      return issue.origin === 'array'
        ? { reason: 'has too few items', fix: `list at least ${issue.minimum}` }
        : { reason: about(`is less than ${issue.minimum}`), fix: `write a number of at least ${issue.minimum}` }
    case 'too_big':
      return issue.origin === 'array'
        ? { reason: 'has too many items', fix: `list at most ${issue.maximum}` }
        : { reason: about(`is more than ${issue.maximum}`), fix: `write a number of at most ${issue.maximum}` }
    default:
      return { reason: about('is not valid'), fix: 'compare with config/bridge.example.yaml' }
  }
}

function wrongType(expected: string, path: readonly PathStep[], schema: JsonSchema, tree: SourceTree): Complaint {
  const key = schemaAt(schema, path)
  const value = valueAt(path, tree)
  const written = tree.origins.get(formatPath(path))?.written ?? null
  if (value === undefined) {
    const example = key?.example
    const fix = example === undefined ? 'add it' : `add it, such as ${path.at(-1)}: ${JSON.stringify(example)}`
    return { reason: tree.origins.has(formatPath(path)) ? 'has no value' : 'is missing', fix }
  }
  if (expected !== 'string' || typeof value === 'object')
    return {
      reason: `is ${kindOf(value)}, where ${kindNames[expected] ?? expected} is expected`,
      fix: `write ${kindNames[expected] ?? expected}`,
    }
  if (key?.pattern === durationPattern)
    return { reason: `${value} has no unit`, fix: `write ${value}s for seconds, ${value}m for minutes` }
  if (key?.pattern === sizePattern) return { reason: `${value} has no unit`, fix: `write ${value}MiB, or ${value}GiB` }
  if (isSecretPath(formatPath(path))) return { reason: 'YAML reads the value as a number, not as text', fix: 'put it in quotes' }
  const changed = written === String(value) ? '' : ` and makes ${value} of it`
  return { reason: `YAML reads ${written} as ${kindOf(value)}${changed}`, fix: `put it in quotes: "${written}"` }
}

const kindNames: Readonly<Record<string, string>> = {
  string: 'a text',
  object: 'a section (lines of KEY: VALUE)',
  array: 'a list ([a, b], or lines that begin with "- ")',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a section'
  return typeof value === 'boolean' ? 'a boolean' : typeof value === 'number' ? 'a number' : 'a text'
}

/** A scalar as it stands in the file, for a message: never what the environment gave, never a secret. */
function shownValue(path: readonly PathStep[], tree: SourceTree): string | null {
  if (isSecretPath(formatPath(path))) return null
  const origin = tree.origins.get(formatPath(path))
  if (origin === undefined || origin.written === null) return null
  const text = origin.written.replace(/\/\/[^/@]*@/g, '//***@')
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

function valueAt(path: readonly PathStep[], tree: SourceTree): unknown {
  let here = tree.value
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined
    here = Object.entries(here).find(([key]) => key === String(step))?.[1]
  }
  return here
}
