import { expect, test } from 'vitest'
import { lookBackMs, rulesOf } from '../../src/bridge/reconciliation.ts'
import { accepted, complaints } from './loading.ts'

test('without a word about it the bridge reconciles every hour, and expects recordings where a folder of them is watched', async () => {
  const config = await accepted('')
  expect(config.reconciliation).toMatchObject({ everyMs: 3_600_000, windowMs: 86_400_000, graceMs: 600_000, cdr: [] })
  expect(rulesOf(config).recordings.expected).toBe('named')
  const recorded = await accepted('recordings: { folders: [{ path: /monitor }], match_wait: 5m }\n')
  expect(rulesOf(recorded)).toMatchObject({ recordings: { expected: 'all' }, graceMs: 600_000, recordingGraceMs: 900_000 })
})

test('with the shortest window and the longest waits a call is looked at once its recording is missing', async () => {
  const text = 'recordings: { match_wait: 3h }\nreconciliation: { window: 1h, grace: 2h, every: 4h }\n'
  const config = await accepted(text)
  const [hour, length] = [3_600_000, 30 * 60_000]
  const { recordingGraceMs } = rulesOf(config)
  expect(recordingGraceMs).toBe(5 * hour)
  // The last moment at which the first run may come after the recording is missing.
  expect(lookBackMs(config)).toBeGreaterThan(length + recordingGraceMs + config.reconciliation.everyMs)
  expect((await complaints('reconciliation: { window: 5m }\n')).join('\n')).toContain('reconciliation.window')
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
