/** What the schema says about each key, as a plain tree: for the example file, the editors' schema and "did you mean". */
import { z } from 'zod'
import { formatPath, type PathStep, secretPaths } from './config-path.ts'
import { configSchema } from './schema.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** A key that takes the value of another from a file. */
export interface FileKey {
  /** Of the key that is filled. */
  readonly path: readonly string[]
  /** `token_file` */
  readonly key: string
  readonly holds: 'secret' | 'agents'
  readonly description: string
}

export const fileKeys: readonly FileKey[] = [
  ...secretPaths.map(
    (path): FileKey => ({
      path,
      key: `${path.at(-1)}_file`,
      holds: 'secret',
      description: `Instead of ${path.at(-1)}: a file that holds it, such as /run/secrets/${path.at(-2)}-${path.at(-1)}.`,
    }),
  ),
  {
    path: ['agents'],
    key: 'agents_file',
    holds: 'agents',
    description: 'Instead of agents: a CSV file whose first line is extension,zendesk_id,name. Relative to this file.',
  },
]

/** The JSON Schema of the file, each file key next to the key it fills. */
export function fileSchema(): JsonSchema {
  const schema: JsonSchema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' })
  for (const { path, key, description } of fileKeys) {
    const section = schemaAt(schema, path.slice(0, -1))
    if (section?.properties === undefined) continue
    section.properties = Object.fromEntries(
      Object.entries(section.properties).flatMap(entry =>
        entry[0] === path.at(-1) ? [entry, [key, { type: 'string', description }]] : [entry],
      ),
    )
  }
  return schema
}

/** The schema of one key; `null` where there is none. */
export function schemaAt(schema: JsonSchema, path: readonly PathStep[]): JsonSchema | null {
  let here: unknown = schema
  for (const step of path) {
    if (!isSchema(here)) return null
    if (typeof step === 'number') here = Array.isArray(here.items) ? undefined : here.items
    else here = Object.hasOwn(here.properties ?? {}, step) ? here.properties?.[step] : undefined
  }
  return isSchema(here) ? here : null
}

/** Calls `visit` for every key and for every kind of item, parents first. */
export function eachSchema(
  schema: JsonSchema,
  visit: (schema: JsonSchema, path: string) => void,
  path: readonly PathStep[] = [],
): void {
  visit(schema, formatPath(path))
  for (const [key, child] of Object.entries(schema.properties ?? {}))
    if (isSchema(child)) eachSchema(child, visit, [...path, key])
  if (isSchema(schema.items)) eachSchema(schema.items, visit, [...path, 0])
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
