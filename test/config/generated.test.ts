import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { formatPath } from '../../src/config/config-path.ts'
import { exampleYaml } from '../../src/config/example.ts'
import { jsonSchema } from '../../src/config/json-schema.ts'
import { eachSchema, fileSchema } from '../../src/config/key-docs.ts'
import { accepted, load } from './loading.ts'

test.for([
  ['config/bridge.example.yaml', exampleYaml],
  ['config/bridge.schema.json', jsonSchema],
] as const)('%s is what the schema generates', async ([path, generate]) => {
  const stored = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
  expect(stored === generate(), `${path} is stale: run \`npm run generate\` and commit what it changes`).toBe(true)
})

test('the example, used as it is, changes nothing and warns of nothing', async () => {
  const loaded = await load(exampleYaml())
  expect(loaded).toMatchObject({ ok: true, warnings: [] })
  expect(await accepted(exampleYaml())).toEqual(await accepted(''))
})

/** The example with every key that it comments out, but for those of the other of two ways to say a thing. */
const uncommented = (otherWay: RegExp): string =>
  exampleYaml()
    .replace(otherWay, '')
    .replace(/^( *)#(?=[^ \n])/gm, '$1')

const env = {
  DRACHTIO_SECRET: 'a',
  ZENDESK_TOKEN: 'b',
  ADMIN_TOKEN: 'c',
  SANDBOX_TOKEN: 'd',
  TRANSCRIBER_TOKEN: 'e',
  ZENDESK_CLIENT_SECRET: 'f',
  ZENDESK_REFRESH_TOKEN: 'g',
  DATABASE_URL: 'postgres://bridge:h@127.0.0.1/bridge',
  S3_ACCESS_KEY: 'i',
  S3_SECRET_KEY: 'j',
  BRANCH_SIP_PASSWORD: 'k',
  PBX_PASSWORD: 'l',
  HEP_KEY: 'm',
}

test('every commented-out key of the example is a working example', async () => {
  const config = await accepted(
    uncommented(
      /^ *#(?:client_id|client_secret|refresh_token|command|bucket|prefix|endpoint|access_key|secret_key|sse|kms_key_id): .*\n/gm,
    ),
    { env },
  )
  expect(config.agents).toEqual([{ extension: '1001', id: 35436, name: 'Alice' }])
  expect(config.recordings.folders[0]?.match.exec('17.4_abc@pbx.wav')?.groups).toEqual({ unique: '17.4', call_id: 'abc@pbx' })
  expect(config.voicemail.folders).toHaveLength(1)
  expect(config.sip.trunk.carrier).toHaveLength(2)
  expect(config.tickets.rules).toHaveLength(1)
  expect(config).toMatchObject({
    zendesk: { token: 'b', oauth: null },
    transcripts: { http: { token: 'e' }, command: null },
    admin: { token: 'c' },
    sandbox: { token: 'd' },
    sip: { drachtio: { secret: 'a' } },
  })
})

test('so are those of the other way, where there are two', async () => {
  const config = await accepted(uncommented(/^ *#(?:token|url|email|folder): .*\n/gm), { env })
  expect(config).toMatchObject({
    zendesk: { token: null, oauth: { clientId: 'tpe_bridge', clientSecret: 'f', refreshToken: 'g' } },
    transcripts: { http: null, command: ['whisper-wrapper', '{file}'] },
    archive: { folder: null, s3: { bucket: 'calls', secretKey: 'j' } },
  })
})

test('every key is documented, in the example and in the schema', () => {
  const example = exampleYaml()
  eachSchema(fileSchema(), (key, path) => {
    if (path === '' || path.endsWith(']')) return
    expect(key.description, path).toBeTypeOf('string')
    expect(example, path).toMatch(new RegExp(`^ *#?(?:- )?(?: )?${path.split('.').at(-1)}: ?`, 'm'))
  })
})

test('the schema lets editors accept references and complete file keys', () => {
  const schema = JSON.parse(jsonSchema())
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
  const { zendesk, log, agents_file } = schema.properties
  expect(zendesk.properties.token_file.title).toBe('zendesk.token_file')
  expect(log.properties.level).toMatchObject({ default: 'info', title: 'log.level' })
  expect(log.properties.level.anyOf[1]).toEqual({ type: 'string', pattern: '\\$\\{[A-Za-z_]' })
  expect(agents_file.type).toBe('string')
  expect(schema.additionalProperties).toBe(false)
  expect(formatPath(['a', 0, 'b c'])).toBe('a[0]["b c"]')
})
