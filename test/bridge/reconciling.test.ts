/** Reconciliation as a part of the bridge: with a real store, and in a hurry. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { CdrSources } from '../../src/bridge/cdrs/cdr-sources.ts'
import { rulesOf } from '../../src/bridge/reconciliation.ts'
import { Reconciling } from '../../src/bridge/reconciling.ts'
import { configSchema } from '../../src/config/schema.ts'
import { startAdmin } from '../admin/started-admin.ts'
import { aChange } from '../uploads/fixtures.ts'
import { temporaryFolder } from '../zendesk/running-sandbox.ts'
import { answeredRow, day, runningStore, site } from './cdrs/records.ts'

const config = configSchema.parse({ recordings: { folders: [{ path: '/monitor' }] } })
const at = day.since + 12 * 3_600_000

async function reconciling(path: string | null = null) {
  const store = await runningStore(() => at)
  const warnings: string[] = []
  const sources = path === null ? [] : [{ format: 'asterisk' as const, path, timezone: 'UTC' }]
  const part = new Reconciling({
    stored: store.reconciliation('hq'),
    records: store.cdrs.of('hq'),
    sources: new CdrSources({ sources, keeper: store.cdrs, site, host: 'pbx', keepMs: 86_400_000, now: () => at }),
    rules: rulesOf(config),
    everyMs: 5,
    lookBackMs: 86_400_000,
    troubles: () => ['/monitor: ENOENT'],
    now: () => at,
    log: { info: () => {}, warn: (_fields, message) => void warnings.push(message) },
  })
  onTestFinished(() => part.stop())
  return { part, store, warnings }
}

/** An answered call of an hour ago, which no recording came of. */
const answered = () => {
  const startedAt = at - 3_600_000
  const times = { startedAt, answeredAt: startedAt, endedAt: startedAt + 60_000, durationMs: 60_000 }
  return aChange('a', [1], { ended: true, snapshot: { ...times, from: { kind: 'e164', value: '+14155550199', display: null } } })
}

test('what is missing is found by itself, and shown by the API and as metrics', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'Master.csv'), answeredRow)
  const { part, store } = await reconciling(join(folder, 'Master.csv'))
  const { url } = await startAdmin({ reconciliation: part, metrics: { read: async () => part.metrics() } })
  const api = async () => JSON.parse(await (await fetch(`${url}/v1/reconciliation`)).text()).reconciliation
  expect(await api()).toBeNull()
  expect(part.health()).toEqual({ state: 'ok', reason: null })
  await store.calls.append([answered()])
  part.start()
  await vi.waitFor(async () => expect((await api())?.total).toBe(2))
  const result = await api()
  expect(result).toMatchObject({
    at: new Date(at).toISOString(),
    looked: { calls: 1, cdrs: 1, deliveries: 1 },
    counts: {
      'recording-missing': { count: 1, oldest_since: new Date(at - 3_540_000).toISOString() },
      'call-unseen': { count: 1 },
    },
    problems: [],
  })
  expect(result.findings).toEqual([
    expect.objectContaining({
      kind: 'recording-missing',
      call_id: 'a',
      age_seconds: 3_540,
      cause: expect.stringContaining('/monitor: ENOENT'),
    }),
    expect.objectContaining({ kind: 'call-unseen', cdr_id: 'asterisk:hq:1795329426.4' }),
  ])
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('tpe_bridge_reconciliation_findings{kind="recording-missing"} 1')
  expect(metrics).toContain('tpe_bridge_reconciliation_findings{kind="cdr-missing"} 0')
  expect(metrics).toContain(
    `tpe_bridge_reconciliation_oldest_finding_timestamp_seconds{kind="recording-missing"} ${at / 1000 - 3540}`,
  )
  expect(metrics).toContain(`tpe_bridge_reconciliation_last_run_timestamp_seconds ${at / 1000}`)
  // Findings are no fault of the bridge.
  expect(part.health()).toEqual({ state: 'ok', reason: null })
})

test('a run that fails says so, keeps the newest result, and is tried again', async () => {
  const { part, store, warnings } = await reconciling()
  part.start()
  await vi.waitFor(() => expect(part.counters.runs).toBeGreaterThan(1))
  await store.close()
  await vi.waitFor(() => expect(part.counters.failedRuns).toBeGreaterThan(1))
  expect(part.health()).toMatchObject({
    state: 'degraded',
    reason: expect.stringMatching(`^the last run at ${new Date(at).toISOString()} failed: `),
  })
  expect(part.newest).not.toBeNull()
  expect(warnings).toContain('reconciliation failed, it is tried again')
})

test('records that cannot be read are said, and the rest is reconciled', async () => {
  const { part } = await reconciling('/nowhere/Master.csv')
  part.start()
  await vi.waitFor(() => expect(part.newest).not.toBeNull())
  expect(part.health()).toMatchObject({
    state: 'degraded',
    reason: expect.stringContaining('/nowhere/Master.csv cannot be read'),
  })
})

test('nothing runs any more once it was stopped, and it may be started again', async () => {
  const { part } = await reconciling()
  part.start()
  part.start()
  await vi.waitFor(() => expect(part.counters.runs).toBeGreaterThan(0))
  await part.stop()
  await part.stop()
  const { runs } = part.counters
  const other = await reconciling()
  other.part.start()
  await vi.waitFor(() => expect(other.part.counters.runs).toBeGreaterThan(2))
  expect(part.counters).toMatchObject({ runs, failedRuns: 0 })
  part.start()
  await vi.waitFor(() => expect(part.counters.runs).toBeGreaterThan(runs))
})
