// biome-ignore-all lint/suspicious/noTemplateCurlyInString: configurations speak of ${NAME} references
import { expect, test } from 'vitest'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints } from './loading.ts'

test('there is no archive unless one is configured', async () => {
  expect((await accepted('')).archive).toEqual({ folder: null, s3: null, retentionMs: null, publicUrl: null })
})

test('a retention is in days or more', async () => {
  const { archive } = await accepted('archive: { folder: /srv/calls, retention: 90d }\n')
  expect(archive.retentionMs).toBe(90 * 86_400_000)
})

test('the public address gets the slash that a folder needs', async () => {
  const { archive } = await accepted('archive: { folder: /srv/calls, public_url: "https://calls.example.com/pbx" }\n')
  expect(archive).toEqual({ folder: '/srv/calls', s3: null, retentionMs: null, publicUrl: 'https://calls.example.com/pbx/' })
})

test('a bucket needs nothing but its name: credentials are looked for where the tools of AWS look', async () => {
  const { archive } = await accepted('archive: { s3: { bucket: calls } }\n')
  expect(archive.s3).toEqual({
    bucket: 'calls',
    prefix: '',
    region: 'us-east-1',
    endpoint: null,
    accessKey: null,
    secretKey: null,
    pathStyle: false,
    storageClass: null,
    sse: null,
    kmsKeyId: null,
    checksums: 'sha256',
  })
})

test('a store of one’s own is addressed by path, its prefix is a folder, and its secret is never shown', async () => {
  const config = await accepted(
    'archive: { s3: { bucket: calls, prefix: pbx, endpoint: "http://127.0.0.1:9000", access_key: AKIA1, secret_key_file: /run/s3 } }\n',
    { files: { '/run/s3': 'hush/hush\n' } },
  )
  expect(config.archive.s3).toMatchObject({ prefix: 'pbx/', pathStyle: true, accessKey: 'AKIA1', secretKey: 'hush/hush' })
  expect(JSON.stringify(redactedConfig(config))).not.toContain('hush')
})

test.each([
  ['a folder and a bucket', 'archive: { folder: a, s3: { bucket: calls } }\n', /archive\.s3: is set, and so is archive\.folder/],
  [
    'an access key without its secret',
    'archive: { s3: { bucket: calls, access_key: A } }\n',
    /archive\.s3\.secret_key: is missing: archive\.s3\.access_key is set/,
  ],
  [
    'a secret without its access key',
    'archive: { s3: { bucket: calls, secret_key: "${S}" } }\n',
    /archive\.s3\.access_key: is missing/,
  ],
  [
    'a KMS key that nothing uses',
    'archive: { s3: { bucket: calls, sse: AES256, kms_key_id: k } }\n',
    /archive\.s3\.kms_key_id: .*does not use it — fix: write sse: aws:kms/,
  ],
  ['a bucket with a path', 'archive: { s3: { bucket: calls/hq } }\n', /archive\.s3\.bucket: .*is not the name of a bucket/],
  ['a prefix that begins nowhere', 'archive: { s3: { bucket: calls, prefix: /hq } }\n', /archive\.s3\.prefix: /],
  [
    'a class that cannot be listened to',
    'archive: { s3: { bucket: calls, storage_class: DEEP_ARCHIVE } }\n',
    /archive\.s3\.storage_class: /,
  ],
  [
    'an address that shows the recordings to everyone on the way',
    'archive: { s3: { bucket: calls, endpoint: "http://s3.example.com" } }\n',
    /archive\.s3\.endpoint: .*use https/,
  ],
  [
    'an address without a folder',
    'archive: { public_url: "https://a.example/" }\n',
    /archive\.folder: .*is missing: archive\.public_url is set/,
  ],
  [
    'an address with a query',
    'archive: { folder: a, public_url: "https://a.example/?x" }\n',
    /is not the web address of a folder — fix: write it like/,
  ],
  [
    'an address with a password',
    'archive: { folder: a, public_url: "https://u:p@a.example/" }\n',
    /is not the web address of a folder/,
  ],
  ['an address that no browser takes', 'archive: { folder: a, public_url: "https://[a/" }\n', /is not a web address/],
  ['a retention of nothing', 'archive: { retention: 90d }\n', /archive\.folder: is missing: archive\.retention is set/],
  ['a retention of hours', 'archive: { folder: /srv/calls, retention: 4h }\n', /archive\.retention: /],
])('%s is refused', async (_name, yaml, complaint) => {
  expect(await complaints(yaml, { env: { S: 'x' } })).toEqual([expect.stringMatching(complaint)])
})
