/** The real command against a real sandbox: killed, interrupted, repeated, with recordings, beside what a bridge reported. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { agentDirectory } from '../../../src/events/agents.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import { importedCall } from '../../../src/migration/import/imported-call.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { json } from '../../zendesk/running-sandbox.ts'
import { historicCall, masterCsv } from './history.ts'
import { type Office, office } from './office.ts'

const patient = { timeout: 120_000, interval: 20 }

async function delivered({ sandbox }: Office): Promise<number> {
  const { phone_calls: calls } = await sandbox.state()
  return typeof calls === 'number' ? calls : 0
}

test('an import that is killed several times ends with every call once', { timeout: 180_000 }, async () => {
  const site = await office()
  const count = 1_000
  const file = await site.write('Master.csv', masterCsv(count))
  for (const share of [0.02, 0.3, 0.6]) {
    const run = site.start(['import', 'asterisk-cdr', file])
    await vi.waitFor(async () => expect(await delivered(site)).toBeGreaterThan(count * share), patient)
    expect(await run.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' })
  }
  const last = await site.run(['import', 'asterisk-cdr', file])
  expect(last).toMatchObject({ code: 0 })
  expect(last.output).toMatch(/1,000 done, 0 to go, 0 refused by Zendesk\neverything that could be imported was/)
  // Each event once: an event is a call here, so a second one of a call would show in either figure.
  expect(await site.sandbox.state()).toMatchObject({ phone_calls: count, phone_call_events: count })
})

test('importing again, an overlapping file or a gzipped copy changes nothing', { timeout: 60_000 }, async () => {
  const site = await office()
  const file = await site.write('Master.csv', masterCsv(40))
  expect(await site.run(['import', 'asterisk-cdr', file])).toMatchObject({ code: 0 })
  const overlapping = await site.write('Master.csv.1', masterCsv(40, 20))
  const packed = await site.write('old/Master.csv.gz', gzipSync(masterCsv(40)))
  const again = await site.run(['import', 'asterisk-cdr', overlapping, join(packed, '..')])
  expect(again).toMatchObject({ code: 0 })
  expect(again.output).toMatch(/20 {2}stored now\n *40 {2}stored by an earlier run/)
  expect(await site.sandbox.state()).toMatchObject({ phone_calls: 60, phone_call_events: 60, repeats: 0 })
})

test('an interruption ends it with 130, says how to go on, and what was left goes out next time', {
  timeout: 60_000,
}, async () => {
  const site = await office()
  const file = await site.write('Master.csv', masterCsv(300))
  const interruption = new AbortController()
  const running = site.run(['import', 'asterisk-cdr', file, '--requests-per-minute', '600'], interruption.signal)
  await vi.waitFor(async () => expect(await delivered(site)).toBeGreaterThan(0), patient)
  interruption.abort('SIGINT')
  const run = await running
  expect(run.code).toBe(130)
  expect(run.output).toContain('the same command goes on where this one stopped')
  const before = await delivered(site)
  expect(before).toBeLessThan(300)
  expect(await site.run(['import', 'asterisk-cdr', file])).toMatchObject({ code: 0 })
  expect(await site.sandbox.state()).toMatchObject({ phone_calls: 300, phone_call_events: 300 })
})

test('rows that cannot be read are named with file and line, in the output and in a file; the others are imported', {
  timeout: 60_000,
}, async () => {
  const site = await office()
  const file = await site.write('Master.csv', `${masterCsv(2)}broken,row\n${masterCsv(1, 2)}`)
  const refusedFile = join(site.folder, 'refused.csv')
  const run = await site.run(['import', 'asterisk-cdr', file, '--refused', refusedFile])
  expect(run).toMatchObject({ code: 0 })
  expect(run.output).toContain(`${file}:3: 2 instead of 16 or more`)
  expect((await readFile(refusedFile, 'utf8')).split('\n')[1]).toMatch(/Master\.csv,3,the record has too few fields/)
  expect(await delivered(site)).toBe(3)
})

test('what Zendesk refuses is listed, fails the command, and is tried again by the next run', { timeout: 60_000 }, async () => {
  const site = await office()
  const file = await site.write('Master.csv', masterCsv(3))
  await site.sandbox.fault('phone_call_events', { kind: 'status', status: 422 }, { times: 1 })
  const run = await site.run(['import', 'asterisk-cdr', file])
  expect(run).toMatchObject({ code: 1 })
  expect(run.output).toMatch(/2 done, 0 to go, 1 refused by Zendesk/)
  expect(await site.run(['import', 'asterisk-cdr', file])).toMatchObject({ code: 0 })
  expect(await site.sandbox.state()).toMatchObject({ phone_calls: 3, phone_call_events: 3 })
})

test('--dry-run shows what would come of it, and stores and sends nothing', { timeout: 60_000 }, async () => {
  const site = await office()
  const run = await site.run(['import', 'asterisk-cdr', await site.write('Master.csv', masterCsv(5)), '--dry-run'])
  expect(run).toMatchObject({ code: 0 })
  expect(run.output).toMatch(/2026-01-05 08:00:00 +inbound +\+14155551000 +1001 +Alice +5s +0s +abandoned/)
  expect(run.output).toContain('5  would be stored')
  expect(await delivered(site)).toBe(0)
})

test('a recording goes to the call whose record or id it bears; others are held back with a reason', {
  timeout: 60_000,
}, async () => {
  const site = await office()
  const audio = await readFile(join(import.meta.dirname, '../../fixtures/audio/1795329426.4_1-3723@127.0.0.1.wav'))
  const file = await site.write(
    'cdr.csv',
    `calldate,clid,src,dst,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,uniqueid,recordingfile
2026-01-05 08:00:00,x,+14155550100,1001,SIP/t-1,SIP/1001-2,Dial,x,10,8,ANSWERED,1767600000.1,2026/01/05/in-1767600000.wav\n`,
  )
  await site.write('monitor/2026/01/05/in-1767600000.wav', audio)
  // Another file of the same sound is another recording.
  await site.write('monitor/stranger.wav', Buffer.concat([audio, Buffer.alloc(0)]))
  const run = await site.run(['import', 'asterisk-cdr', file, '--recordings', join(site.folder, 'monitor')])
  expect(run).toMatchObject({ code: 0 })
  expect(run.output).toMatch(/2 recordings:\n +1 {2}matched to their calls\n +1 {2}held back:\n.*stranger\.wav: no call/)
  const { phone_recordings: recordings } = await json(await site.sandbox.call('/phone_recordings'))
  const { phone_calls: calls } = await json(await site.sandbox.call('/phone_calls'))
  expect(recordings).toHaveLength(1)
  expect(recordings[0].call_id).toBe(calls[0].id)
  const again = await site.run(['import', 'asterisk-cdr', file, '--recordings', join(site.folder, 'monitor')])
  expect(again).toMatchObject({ code: 0 })
  expect(await site.sandbox.state()).toMatchObject({ phone_recordings: 1, phone_calls: 1 })
})

test('a recording of a caller who had to be asked is left out, and counted', { timeout: 60_000 }, async () => {
  const site = await office({}, { recordings: { consent: { rules: [{ number: '^\\+1415', policy: 'opt_in' }] } } })
  const audio = await readFile(join(import.meta.dirname, '../../fixtures/audio/1795329426.4_1-3723@127.0.0.1.wav'))
  const rows = ['+14155550100', '+442079460000'].map(
    (from, n) => `2026-01-05 08:0${n}:00,x,${from},1001,SIP/t-1,SIP/1001-2,Dial,x,10,8,ANSWERED,176760000${n}.1,in-${n}.wav`,
  )
  const head = 'calldate,clid,src,dst,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,uniqueid,recordingfile'
  const file = await site.write('cdr.csv', `${[head, ...rows].join('\n')}\n`)
  for (const n of [0, 1]) await site.write(`monitor/in-${n}.wav`, audio)
  const run = await site.run(['import', 'asterisk-cdr', file, '--recordings', join(site.folder, 'monitor')])
  expect(run).toMatchObject({ code: 0 })
  expect(run.output).toMatch(/2 recordings:\n +1 {2}matched to their calls\n +1 {2}left out: there is no consent/)
  expect(await site.sandbox.state()).toMatchObject({ phone_recordings: 1, phone_calls: 2 })
})

test('what the bridge reported live is left alone, and report names what only one side has', { timeout: 60_000 }, async () => {
  const site = await office()
  const store = await SqliteStore.open({ dataDir: site.dataDir, role: 'bridge', now: Date.now, log: { error() {} } })
  // As a bridge in the trunk had it: half a second later than the CDR, and one call that is in no CDR.
  const plan = { name: 'hq', numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }), agents: agentDirectory([]) }
  const call = (id: string, n: number, ms: number) => {
    const startedAt = Date.UTC(2026, 0, 5, 8) + n * 20_000 + ms
    const parties = {
      from: { user: `+1415555${1000 + n}`, display: null, anonymous: false },
      to: { user: String(1001 + n), display: null, anonymous: false },
    }
    const made = importedCall(
      historicCall({ id, names: [id], ...parties, startedAt, answeredAt: startedAt + 3_000, endedAt: startedAt + 9_000 }),
      plan,
      Date.now(),
    )
    if ('reason' in made) throw new Error(made.reason)
    return made.change
  }
  await store.calls.append([call('live-1', 1, 480), call('live-2', 2, 700), call('alone', 3, 9_000)])
  await store.close()
  const file = await site.write('Master.csv', masterCsv(5))
  const run = await site.run(['import', 'asterisk-cdr', file])
  expect(run).toMatchObject({ code: 0 })
  expect(run.output).toMatch(/3 {2}stored now\n +2 {2}already reported live by the bridge/)
  expect(await delivered(site)).toBe(3)
  const report = await site.run(['report', 'asterisk-cdr', file, '--json'])
  expect(report).toMatchObject({ code: 0 })
  expect(JSON.parse(report.output)).toMatchObject({
    total: { records: { calls: 5, answered: 4, averageWaitMs: 3_000 }, bridge: { calls: 3, answered: 3, answerRate: 1 } },
    onlyInRecordsCount: 3,
    onlyInBridge: [{ from: '+14155551003', to: '1004' }],
    refused: 0,
  })
  const table = await site.run(['report', 'asterisk-cdr', file, '--by', 'site', '--since', '2026-01-05', '--until', '2026-01-06'])
  expect(table).toMatchObject({ code: 0 })
  expect(table.output).toMatch(/^hq +5 +4 +80\.0% +3\.0s +0 +3 +3 +100\.0% +3\.0s +0$/m)
})

test('an account with the documented API gets a record for each call, once, and no ticket', { timeout: 60_000 }, async () => {
  const site = await office({ api: 'calls', app_id: 7, email: 'bridge@example.com' })
  const file = await site.write('Master.csv', masterCsv(20))
  expect(await site.run(['import', 'asterisk-cdr', file])).toMatchObject({ code: 0 })
  expect(await site.run(['import', 'asterisk-cdr', file])).toMatchObject({ code: 0 })
  expect(await site.sandbox.state()).toMatchObject({
    documented_calls: 20,
    tickets: 0,
    duplicates: { calls_with_one_external_id: [], users_with_one_phone: [] },
  })
})

test('past recordings are refused where only tickets could hold them', async () => {
  const site = await office({ api: 'calls', app_id: 7, email: 'bridge@example.com' })
  const run = await site.run([
    'import',
    'asterisk-cdr',
    await site.write('Master.csv', masterCsv(1)),
    '--recordings',
    site.folder,
  ])
  expect(run).toMatchObject({ code: 2 })
  expect(run.output).toMatch(/import without --recordings/)
})

test.each([
  [{ api: 'calls', licence: 'none', email: 'bridge@example.com' }, /nothing to import into/],
  [{ token: undefined, oauth: { client_id: 'a', refresh_token: 'b' } }, /belongs to the running bridge alone/],
])('an account that history cannot go to is refused: %j', async (zendesk, message) => {
  const site = await office(zendesk)
  const run = await site.run(['import', 'asterisk-cdr', await site.write('Master.csv', masterCsv(1))])
  expect(run).toMatchObject({ code: 2 })
  expect(run.output).toMatch(message)
})

test.each([
  [['import', 'wireshark', 'x'], /x does not exist/],
  [['import', 'csv', '.'], /needs --mapping/],
  [['import', 'asterisk-cdr', 'package.json', '--site', '../up'], /is not a short name/],
  [['import', 'asterisk-cdr', 'package.json', '--limit', '0'], /whole number from 1/],
  [['report', 'asterisk-cdr', 'package.json', '--since', 'soon'], /is no day/],
])('wrong usage is told with exit code 2: %j', { timeout: 30_000 }, async (args, message) => {
  const site = await office()
  const run = await site.run(args)
  expect(run).toMatchObject({ code: 2 })
  expect(run.output).toMatch(message)
})
