import { expect, test } from 'vitest'
import { nameInFile, planReload } from '../../src/bridge/reload.ts'
import { fileSchema, schemaAt } from '../../src/config/key-docs.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'

const configOf = (file: object): Config => configSchema.parse(file)

test('what can change at run time changes at once, and is told as the file has it', () => {
  const running = configOf({ uploads: { concurrency: 8 } })
  const wanted = configOf({
    zendesk: { requests_per_minute: 90 },
    uploads: { concurrency: 4, give_up_after: '36h', keep_delivered: '1d', retry: { base: '500ms' } },
    spool: { min_free: '2GiB', max: '20GB' },
    log: { level: 'debug' },
  })
  const { config, changed, needRestart } = planReload(running, wanted)
  expect(changed).toEqual([
    { path: 'log.level', before: 'info', after: 'debug' },
    { path: 'spool.min_free', before: '500MB', after: '2GiB' },
    { path: 'spool.max', before: 'not set', after: '20GB' },
    { path: 'zendesk.requests_per_minute', before: '600', after: '90' },
    { path: 'uploads.concurrency', before: '8', after: '4' },
    { path: 'uploads.give_up_after', before: '7d', after: '36h' },
    { path: 'uploads.keep_delivered', before: '30d', after: '1d' },
    { path: 'uploads.retry.base', before: '1s', after: '500ms' },
  ])
  expect(needRestart).toEqual([])
  expect(config).toEqual(wanted)
})

test('what cannot is named, keeps its old value, and is named again at the next reload', () => {
  const running = configOf({ zendesk: { requests_per_minute: 600 } })
  const wanted = configOf({
    site: 'branch',
    log: { numbers: 'full' },
    admin: { listen: '127.0.0.1:9999' },
    agents: [{ extension: '1001', zendesk_id: 1, name: 'Alice' }],
    recordings: { after_upload: 'delete' },
    transcode: { bitrate: '64k' },
    zendesk: { requests_per_minute: 60, base_url: 'https://example.zendesk.com', token: 'secret-1' },
  })
  const names = [
    'site',
    'log.numbers',
    'agents',
    'recordings.after_upload',
    'transcode.bitrate',
    'zendesk.base_url',
    'zendesk.token',
    'admin.listen',
  ]
  const first = planReload(running, wanted)
  expect(first.changed.map(({ path }) => path)).toContain('zendesk.requests_per_minute')
  expect([...first.needRestart].sort()).toEqual([...names].sort())
  expect(first.config).toMatchObject({ site: 'hq', zendesk: { requestsPerMinute: 60, token: null } })
  const second = planReload(first.config, wanted)
  expect(second.changed).toEqual([])
  expect(second.needRestart).toEqual(first.needRestart)
})

test('the same file in other words is no change', () => {
  const file = { uploads: { give_up_after: '7d' }, recordings: { folders: [{ path: '/a', match: '(?<call_id>.+)' }] } }
  const same = { ...file, uploads: { give_up_after: '168h' } }
  expect(planReload(configOf(file), configOf(same))).toMatchObject({ changed: [], needRestart: [] })
})

test('every name is one of the file', () => {
  const schema = fileSchema()
  const namesIn = (value: unknown, path: readonly string[]): readonly string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, child]) => namesIn(child, [...path, key]))
      : [nameInFile(path.join('.'))]
  // Written as one word in the file, and told under that one's name.
  const words =
    /^(?:recordings\.after_upload\.kind|(?:admin|sandbox)\.listen\.(?:host|port)|sip\.siprec\.media\.ports\.(?:first|last))$/
  const unknown = namesIn(configOf({}), []).filter(name => !words.test(name) && schemaAt(schema, name.split('.')) === null)
  expect(unknown).toEqual([])
})
