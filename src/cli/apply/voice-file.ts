/** Reads a voice.yaml; what is wrong with it is told by file, line and column, as for the bridge's own configuration. */
import { z } from 'zod'
import { closest } from '../../config/closest.ts'
import { formatPath, type PathStep } from '../../config/config-path.ts'
import { placeOf } from '../../config/explain.ts'
import { type JsonSchema, schemaAt } from '../../config/key-docs.ts'
import { type Complaint, type ConfigProblem, formatProblem, sortProblems } from '../../config/problems.ts'
import { readTextFile } from '../../config/read-file.ts'
import { readSourceTree, type SourceTree } from '../../config/source-tree.ts'
import { parseYaml } from '../../config/yaml-syntax.ts'
import type { FileProblem } from '../../migration/provisioning/desired-state.ts'
import { type VoiceFile, voiceFileSchema } from '../../migration/provisioning/voice-file.ts'
import { CommandFailed } from '../failure.ts'

type Issue = z.core.$ZodIssue

export interface LoadedVoiceFile {
  readonly file: VoiceFile
  /** What is wrong with its content, as one failure of the command. */
  refuse(problems: readonly FileProblem[]): CommandFailed
}

const example = 'compare with config/voice.example.yaml'

/** Throws CommandFailed (2) with every problem at once. */
export async function loadVoiceFile(path: string, env: Readonly<Record<string, string | undefined>>): Promise<LoadedVoiceFile> {
  const content = await readTextFile(path)
  if (!content.ok) {
    throw new CommandFailed(
      2,
      `${path} ${content.reason} — fix: name another file, or begin with a copy of config/voice.example.yaml`,
    )
  }
  const yaml = parseYaml(path, content.text)
  const tree = readSourceTree(path, yaml, env)
  if (yaml.document === null || tree.problems.length > 0) throw failure(tree.problems)
  const parsed = voiceFileSchema.safeParse(withNulls(tree.value ?? {}, tree, []))
  if (!parsed.success) throw failure(parsed.error.issues.flatMap(issue => explain(issue, tree)))
  return {
    file: parsed.data,
    refuse: problems =>
      failure(problems.map(({ at, reason, fix }) => ({ ...placeOf(at, tree, 'value'), path: formatPath(at), reason, fix }))),
  }
}

function failure(problems: readonly ConfigProblem[]): CommandFailed {
  const sorted = sortProblems(problems)
  const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`
  return new CommandFailed(2, [...sorted.map(formatProblem), `the file has ${count}; nothing was changed`].join('\n'))
}

/** In this file, unlike the configuration, `null` means something when it is written out: that the value is taken away. */
function withNulls(value: unknown, tree: SourceTree, path: readonly PathStep[]): unknown {
  if (value === undefined) return /^(?:null|~)$/i.test(tree.origins.get(formatPath(path))?.written ?? '') ? null : undefined
  if (Array.isArray(value)) return value.map((item, index) => withNulls(item, tree, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNulls(item, tree, [...path, key])]))
}

function explain(issue: Issue, tree: SourceTree): readonly ConfigProblem[] {
  const path = issue.path.map(step => (typeof step === 'number' ? step : String(step)))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => {
      const at = [...path, key]
      return { ...placeOf(at, tree, 'key'), path: formatPath(at), ...unknownKey(key, path) }
    })
  }
  return [{ ...placeOf(path, tree, 'value'), path: formatPath(path), ...complaintAbout(issue, path, tree) }]
}

function unknownKey(key: string, path: readonly PathStep[]): Complaint {
  const schema: JsonSchema = z.toJSONSchema(voiceFileSchema, { io: 'input' })
  const known = Object.keys(schemaAt(schema, path)?.properties ?? {})
  const meant = closest(key, known)
  const fix = meant === null ? `remove it; the keys here are ${known.join(', ')}` : `did you mean ${meant}?`
  return { reason: 'is not a key that can stand here', fix }
}

function complaintAbout(issue: Issue, path: readonly PathStep[], tree: SourceTree): Complaint {
  const origin = tree.origins.get(formatPath(path))
  const written = origin?.written ?? null
  if (issue.code === 'invalid_type') {
    if (origin === undefined) return { reason: 'is missing', fix: `add it; ${example}` }
    if (written === '') return { reason: 'has no value', fix: `write one, or remove the key; ${example}` }
    if (issue.expected === 'string' && written !== null)
      return { reason: `is ${written}, which YAML does not read as a text`, fix: `put it in quotes: "${written}"` }
    return { reason: `is no ${issue.expected}`, fix: example }
  }
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String)
    const meant = written === null ? null : closest(written, allowed)
    return { reason: `is not one of ${allowed.join(', ')}`, fix: `write ${meant ?? allowed.join(' or ')}` }
  }
  const [reason = '', ...fix] = issue.message.split('; ')
  return { reason, fix: fix.length === 0 ? example : fix.join('; ') }
}
