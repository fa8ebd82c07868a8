// biome-ignore-all lint/suspicious/noTemplateCurlyInString: configurations speak of ${NAME} references
import { expect, test } from 'vitest'
import { formatProblem } from '../../src/config/problems.ts'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints, load } from './loading.ts'

const url = 'postgres://bridge:hush%40hush@db.example:5432/calls'

test('a bridge has a database of its own unless one is named', async () => {
  expect((await accepted('')).store).toEqual({ postgres: null, leaseMs: 30_000 })
})

test('a shared database comes from the environment or from a file, and its password is never shown', async () => {
  const fromEnvironment = await accepted('store: { postgres: "${DATABASE_URL}", lease: 1m }\n', { env: { DATABASE_URL: url } })
  expect(fromEnvironment.store).toEqual({ postgres: url, leaseMs: 60_000 })
  const fromFile = await accepted('store: { postgres_file: /run/url }\n', { files: { '/run/url': `${url}\n` } })
  expect(fromFile.store.postgres).toBe(url)
  expect(JSON.stringify(redactedConfig(fromFile))).not.toContain('hush')
})

test('through a socket, its folder is named as a parameter', async () => {
  const socket = 'postgresql:///calls?host=/var/run/postgresql'
  expect((await accepted(`store: { postgres: "${socket}" }\n`)).store.postgres).toBe(socket)
})

test.each([
  ['another database', 'mysql://bridge:hush@db/calls', /store\.postgres: is not the address of a PostgreSQL database — fix: /],
  ['no host', 'postgres:///calls', /store\.postgres: names no host/],
  ['no database', 'postgres://bridge:hush@db', /store\.postgres: names no database/],
  ['a password with a slash', 'postgres://bridge:hu/sh@db:x/calls', /store\.postgres: cannot be read as an address — fix: .*%2F/],
])('%s is refused, and its value not shown', async (_, text, expected) => {
  const found = (await complaints(`store: { postgres: "${text}" }\n`)).join('\n')
  expect(found).toMatch(expected)
  expect(found).not.toContain('hu/sh')
  expect(found).not.toContain('hush')
})

test('a lease shorter than a pause of the network is refused', async () => {
  expect((await complaints('store: { lease: 1s }\n')).join('\n')).toMatch(/store\.lease: .*is not between 2s and 10m/)
})

test('a shared store without an account is probably not meant', async () => {
  const loaded = await load('store: { postgres: "${DATABASE_URL}" }\n', { env: { DATABASE_URL: url } })
  expect(loaded.ok && loaded.warnings.map(formatProblem)).toEqual([
    'config/bridge.yaml:1:20 store.postgres: is set, but zendesk.base_url is not: each bridge delivers to a sandbox of its own — fix: set zendesk.base_url',
  ])
})
