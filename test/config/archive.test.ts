import { expect, test } from 'vitest'
import { accepted, complaints } from './loading.ts'

test('there is no archive unless one is configured', async () => {
  expect((await accepted('')).archive).toEqual({ folder: null, publicUrl: null })
})

test('the public address gets the slash that a folder needs', async () => {
  const { archive } = await accepted('archive: { folder: /srv/calls, public_url: "https://calls.example.com/pbx" }\n')
  expect(archive).toEqual({ folder: '/srv/calls', publicUrl: 'https://calls.example.com/pbx/' })
})

test.each([
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
  ['S3', 'archive: { s3: { bucket: calls } }\n', /1:12 archive\.s3: is not in this version yet — fix: remove it/],
  ['a retention', 'archive: { retention: 90d }\n', /archive\.retention: is not in this version yet/],
])('%s is refused', async (_name, yaml, complaint) => {
  expect(await complaints(yaml)).toEqual([expect.stringMatching(complaint)])
})
