/** The command beside a bridge's store, with records as Asterisk wrote them. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { run } from '../../src/cli/program.ts'
import type { CallSnapshot } from '../../src/events/event.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { answeredRow, at, date, day, ringingRow, voicemailRow } from '../bridge/cdrs/records.ts'
import { aChange, aRecording, fileOf } from '../uploads/fixtures.ts'
import { temporaryFolder } from '../zendesk/running-sandbox.ts'

const start = at(6, 37, 0)
const period = ['--since', date, '--until', new Date(day.until).toISOString()]

/** A bridge's data with the two calls of the records, all delivered; and the command. */
async function site(reconciliation: object = {}) {
  const folder = await temporaryFolder()
  const dataDir = join(folder, 'data')
  const file = (name: string) => join(folder, name)
  const configFile = file('bridge.yaml')
  const numbers = { country: 'US', internal: ['^1\\d{3}$'] }
  await writeFile(configFile, JSON.stringify({ data_dir: dataDir, numbers, reconciliation }))
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => start, log: { error: () => {} } })
  onTestFinished(() => store.close())
  const add = async (name: string, startedAt: number, snapshot: Partial<CallSnapshot>): Promise<void> => {
    const change = aChange(name, [1], { ended: true, keys: [`unique:${name}`], snapshot: { startedAt, ...snapshot } })
    await store.calls.append([change])
    const jobs = await store.jobs.claim('event', 9)
    await store.jobs.settle(jobs.map(job => ({ job, verdict: { kind: 'delivered', remoteId: '1' } })))
  }
  const from = (value: string) => ({ kind: 'e164', value, display: null }) as const
  const talk = { answeredAt: start + 8_000, endedAt: start + 16_500, durationMs: 8_500, from: from('+14155550100') }
  await add('1795329426.4', start + 6_400, talk)
  await add('1795329467.16', start + 47_300, { endedAt: start + 83_000, from: from('+14155550111') })
  return {
    store,
    add,
    file,
    async run(...args: readonly string[]) {
      const written: string[] = []
      const stream = { isTerminal: false, write: (text: string) => void written.push(text) }
      const context = { env: {}, version: '0.0.0-test', actor: 'test@here', stdout: stream, stderr: stream }
      const interrupted = new AbortController().signal
      const code = await run(['reconcile', '-c', configFile, ...args], { ...context, interrupted })
      return { code, output: written.join('') }
    },
  }
}

const master = answeredRow + ringingRow + voicemailRow

test('a day on which all is there ends with 0', async () => {
  const { run: reconcile, file } = await site()
  await writeFile(file('Master.csv'), master)
  const given = ['--cdr', file('Master.csv'), '--format', 'asterisk', '--timezone', 'UTC']
  const done = await reconcile(...period, ...given)
  expect(done.output).toContain('nothing is missing')
  expect(done.output).toContain('records of the PBX: 2; they cover ')
  expect(done.output).toContain(`${date} 06:37:06 to ${date} 06:38:23`)
  expect(done.code).toBe(0)
  await writeFile(file('Master.csv.gz'), gzipSync(master))
  expect(await reconcile(...period, ...given.with(1, file('Master.csv.gz')))).toMatchObject({ code: 0 })
})

test('what is missing is listed by kind with its age, its cause and what to do, and ends with 1', async () => {
  const { run: reconcile, file, store } = await site({ recordings: { expected: 'all' } })
  await writeFile(
    file('Master.csv'),
    `${master}${answeredRow.replaceAll('1795329426.4', '1795329426.7').replaceAll('5550100', '5550177')}`,
  )
  await store.calls.append([aChange('stuck', [1], { snapshot: { startedAt: start } })])
  const { code, output } = await reconcile(...period, '--cdr', file('Master.csv'), '--format', 'asterisk', '--timezone', 'UTC')
  expect(code).toBe(1)
  expect(output).toMatch(
    /recording-missing: 1\nAGE +ID +WHAT +CAUSE, AND WHAT TO DO\n\d+\S+ +1795329426\.4 +inbound \+14155550100 → 1001, 9 s +no file of it came/,
  )
  expect(output).toMatch(/call-unseen: 1\n.*\n\d+\S+ +asterisk:hq:1795329426\.7 +inbound \+14155550177 → 1002, 10 s in all/)
  expect(output).toMatch(/event-unacknowledged: 1\n.*\n\d+\S+ +stuck +event stuck\.1 +it was never tried/)
  expect(output).toMatch(/\n3 findings\n$/)
})

test('--json has everything, for machines', async () => {
  const { run: reconcile } = await site({ recordings: { expected: 'all' } })
  const { code, output } = await reconcile(...period, '--json')
  expect(code).toBe(1)
  expect(JSON.parse(output)).toMatchObject({
    total: 1,
    covered: null,
    looked: { calls: 2, cdrs: 0 },
    counts: { 'recording-missing': { count: 1, oldestSince: start + 16_500 } },
    findings: [{ kind: 'recording-missing', callId: '1795329426.4' }],
    problems: [],
  })
})

test('a recording makes the call whole', async () => {
  const { run: reconcile, store } = await site({ recordings: { expected: 'all' } })
  const item = { ...aRecording('r', '1795329426.4', 'waiting'), source: { durationMs: 8_000, channels: 1, sampleRate: 8_000 } }
  await store.items.add(item, fileOf(item))
  const { counts } = JSON.parse((await reconcile(...period, '--json')).output)
  expect(counts).toMatchObject({ 'recording-missing': { count: 0 }, 'duration-mismatch': { count: 0 } })
})

test('the configured files are read on beside the bridge, and stay as they are', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'Master.csv')
  await writeFile(path, answeredRow)
  const { run: reconcile, add } = await site({ cdr: [{ path, format: 'asterisk', timezone: 'UTC' }] })
  await add('1795329428.1', start + 9_000, { endedAt: start + 10_000 })
  const first = await reconcile(...period, '--json')
  expect(JSON.parse(first.output)).toMatchObject({ looked: { cdrs: 1 }, counts: { 'cdr-missing': { count: 1 } } })
  await writeFile(path, master, { flag: 'a' })
  expect(JSON.parse((await reconcile(...period, '--json')).output)).toMatchObject({ looked: { cdrs: 2 } })
  expect(await readdir(folder)).toEqual(['Master.csv'])
  expect(await readFile(path, 'utf8')).toBe(answeredRow + master)
})

test('records that cannot be read leave it open whether anything is missing, which ends with 1', async () => {
  const { run: reconcile, file } = await site()
  await writeFile(file('Master.csv'), `${master}what is this\n`)
  const { code, output } = await reconcile(...period, '--cdr', file('Master.csv'), '--format', 'asterisk', '--timezone', 'UTC')
  expect(output).toMatch(/not read: .*1 record gives no call.*\nno findings, but not all of the records could be read\n$/)
  expect(output).not.toContain('nothing is missing')
  expect(code).toBe(1)
  const beside = await site({ cdr: [{ path: '/nowhere/Master.csv', format: 'asterisk' }] })
  expect((await beside.run(...period)).code).toBe(1)
})

test('records of calls that are forgotten are of no use: it looks from where the bridge remembers', async () => {
  const { run: reconcile, file } = await site()
  const old = answeredRow.replaceAll(date, '2020-01-01').replaceAll('1795329426.4', '1577860626.4')
  await writeFile(file('Master.csv'), old + master)
  const given = ['--cdr', file('Master.csv'), '--format', 'asterisk', '--timezone', 'UTC']
  const { code, output } = await reconcile('--since', '2019-12-31', ...period.slice(2), ...given)
  expect(output).toMatch(/^earlier calls are forgotten \(uploads\.keep_delivered\): it looks from /)
  expect(output).toContain('nothing is missing')
  expect(code).toBe(0)
})

test.each([
  [['--since', 'yesterday'], 'write how long ago (30m, 6h, 2d) or a date'],
  [['--since', '12'], 'write how long ago (30m, 6h, 2d) or a date'],
  [['--since', '90d', '--until', '60d'], 'are forgotten (uploads.keep_delivered)'],
  [['--since', '1h', '--until', '2h'], '--since is not before --until'],
  [['--cdr', '/nowhere.csv', '--format', 'asterisk'], '/nowhere.csv does not exist'],
  [['--cdr', '/etc/hosts'], '--cdr needs --format'],
  [['--format', 'asterisk'], '--format says what --cdr is'],
  [['--cdr', '/etc/hosts', '--format', 'asterisk', '--timezone', 'Mars/Olympus'], 'is no time zone'],
])('%j is refused with what to write instead', async (args, reason) => {
  const { run: reconcile } = await site()
  const { code, output } = await reconcile(...args)
  expect(output).toContain(reason)
  expect(code).toBe(2)
})

test('--help says what the exit codes mean', async () => {
  const { run: reconcile } = await site()
  const { output } = await reconcile('--help')
  expect(output).toContain('Exit codes: 0 nothing is missing, 1 something is, or records could not be read')
  expect(output).toContain('Changes nothing but what it has read of the records.')
})
