/**
 * config/bridge.example.yaml: every key with its documentation. Keys that have a default stand there with it; those without one, and
 * lists that are empty by default, stand commented out (`#key: value`, no space) with an example. Used as it is, it changes nothing.
 */

import { schemaFileName } from './json-schema.ts'
import { fileSchema, isSchema, type JsonSchema } from './key-docs.ts'

const head = `# yaml-language-server: $schema=./${schemaFileName}
#
# Configuration of tpe-bridge: every key, with its default. Keep the keys that you change; leave out the rest.
# Lines like "#key: value" are examples of keys that are not set, or lists that are empty, by default.
#
# \${NAME} and \${NAME:-default} take a value from the environment, in any value ($\${ stands for \${ itself). Secrets may also come
# from files: token_file: /run/secrets/zendesk-token. "tpe-bridge check -c FILE" says what is wrong with a file.
# Durations: 500ms, 10s, 15m, 4h, 7d. Sizes: 500MiB, 2GiB.
`
const width = 128

export function exampleYaml(): string {
  const schema = fileSchema()
  const lines = Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    isSchema(value) ? ['', ...keyLines(key, value, 0, false)] : [],
  )
  return `${head}${lines.join('\n')}\n`
}

/** The lines of one key, at an indentation; within a commented-out list everything is commented out. */
function keyLines(key: string, schema: JsonSchema, indent: number, inComment: boolean): string[] {
  const documentation = comment(schema.description ?? '', indent)
  const { example } = schema
  const absent = inComment || schema.default === undefined || example !== undefined
  if (schema.type === 'object' && schema.properties !== undefined) {
    const children = Object.entries(schema.properties)
    return [
      ...documentation,
      code(`${key}:`, indent, inComment),
      ...children.flatMap(([name, child]) => (isSchema(child) ? keyLines(name, child, indent + 2, inComment) : [])),
    ]
  }
  const items = schema.type === 'array' && isSchema(schema.items) && schema.items.properties !== undefined ? schema.items : null
  if (items !== null) return [...documentation, code(`${key}:`, indent, true), ...itemLines(items, indent + 2)]
  // A key that is read from a file (token_file) has neither a default nor an example: its documentation says how it is written.
  if (absent && example === undefined && schema.default === undefined)
    return comment(`${key}: ${schema.description ?? ''}`, indent)
  return [...documentation, code(`${key}: ${inline(example ?? schema.default)}`, indent, absent)]
}

/** One item of a list of maps, commented out. */
function itemLines(schema: JsonSchema, indent: number): string[] {
  const lines = Object.entries(schema.properties ?? {}).flatMap(([key, child]) =>
    isSchema(child) ? keyLines(key, child, indent + 2, true) : [],
  )
  const first = lines.findIndex(text => text.trimStart().startsWith('#') && !text.trimStart().startsWith('# '))
  return lines.map((text, i) => (i === first ? `${' '.repeat(indent)}#- ${text.trimStart().slice(1)}` : text))
}

function code(text: string, indent: number, commented: boolean): string {
  return `${' '.repeat(indent)}${commented ? '#' : ''}${text}`
}

function comment(text: string, indent: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').filter(part => part !== '')) {
    if (line !== '' && indent + 3 + line.length + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  if (line !== '') lines.push(line)
  return lines.map(words => `${' '.repeat(indent)}# ${words}`)
}

/** A value on one line. Texts are quoted unless they are plain words beyond doubt; JSON's quoting is YAML's, too. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (
    typeof value === 'string' &&
    /^(?!(?:true|false|null)$)([A-Za-z./][\w./-]*|\d+(ms|s|m|h|d|k|[KMG]i?B)|\d+(\.\d+){3}(:\d+)?)$/.test(value)
  )
    return value
  return JSON.stringify(value)
}
