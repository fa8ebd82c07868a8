import { expect, test } from 'vitest'
import { rulesOf } from '../../src/bridge/reconciliation.ts'
import { accepted, complaints } from './loading.ts'

test('without a word about it the bridge reconciles every hour, and expects recordings where a folder of them is watched', async () => {
  const config = await accepted('')
  expect(config.reconciliation).toMatchObject({ everyMs: 3_600_000, windowMs: 86_400_000, graceMs: 600_000, cdr: [] })
  expect(rulesOf(config).recordings.expected).toBe('named')
  const recorded = await accepted('recordings: { folders: [{ path: /monitor }], match_wait: 5m }\n')
  expect(rulesOf(recorded)).toMatchObject({ recordings: { expected: 'all' }, graceMs: 600_000, recordingGraceMs: 900_000 })
})

test('what is expected may be said', async () => {
  const text = 'reconciliation: { recordings: { expected: none, numbers: ["^10"], directions: [inbound] } }\n'
  const { recordings } = rulesOf(await accepted(`recordings: { folders: [{ path: /monitor }] }\n${text}`))
  expect(recordings).toMatchObject({ expected: 'none', directions: ['inbound'], numbers: [/^10/] })
})

test.each([
  ['[{ path: /cdr, format: csv }]', 'reconciliation.cdr[0].format'],
  ['[{ format: asterisk }]', 'reconciliation.cdr[0].path'],
  ['[{ path: /cdr, format: asterisk, timezone: Mars/Olympus }]', 'reconciliation.cdr[0].timezone'],
])('records that cannot be read are refused with their path: %s', async (cdr, path) => {
  expect((await complaints(`reconciliation: { cdr: ${cdr} }\n`)).join('\n')).toContain(path)
})
