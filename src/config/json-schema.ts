/** config/bridge.schema.json: lets editors complete, explain and check the configuration file while it is typed. */
import { eachSchema, fileSchema, type JsonSchema } from './key-docs.ts'

/** Where the example tells editors to find its schema. */
export const schemaFileName = 'bridge.schema.json'

const reference = '\\$\\{[A-Za-z_]'

/** The JSON Schema (draft 2020-12) of the configuration file, as text with a final line break. */
export function jsonSchema(): string {
  const { $schema, ...schema } = fileSchema()
  eachSchema(schema, allowReferences)
  eachSchema(schema, (key, path) => {
    if (path !== '') key.title = path.replaceAll('[0]', '[]')
    if (key.example === undefined) return
    key.examples = [key.example]
    delete key.example
  })
  const root = { $schema, title: 'tpe-bridge', description: 'Configuration of tpe-bridge', ...schema }
  return `${JSON.stringify(root, null, 2)}\n`
}

/** Any value may be a `${ENV}` reference: it is a text until the bridge substitutes it. */
function allowReferences(key: JsonSchema): void {
  if (key.type === 'object' || key.type === 'array') return
  if (key.type === 'string' && key.enum === undefined) {
    if (key.pattern !== undefined) key.pattern = `(?:${key.pattern})|${reference}`
    return
  }
  const { description, default: fallback, example, ...constraint } = key
  for (const name of Object.keys(constraint)) delete key[name]
  key.anyOf = [constraint, { type: 'string', pattern: reference }]
}
