/** What a bridge of release 0.1.0 left behind, in the hands of this one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { advance } from '../../../src/events/advance.ts'
import type { JobId } from '../../../src/uploads/job.ts'
import { partiesOf } from '../../../src/uploads/store/parties.ts'
import { openHandle } from '../../../src/uploads/store/sqlite-engine.ts'
import { SCHEMA_VERSION } from '../../../src/uploads/store/sqlite-migrations.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { office } from '../../events/office.ts'
import { ops, recordingId, T0 } from '../fixtures.ts'
import { old, restoreRelease } from './release-0-1-0.ts'

const now = T0 + 60_000

interface Upgrade {
  readonly dataDir: string
  open(role?: 'bridge' | 'tool'): Promise<SqliteStore>
  rows(query: string): Promise<readonly Record<string, unknown>[]>
}

async function left(): Promise<Upgrade> {
  const site = await mkdtemp(join(tmpdir(), 'tpe-upgrade-'))
  const opened: SqliteStore[] = []
  onTestFinished(async () => {
    for (const store of opened) await store.close()
    await rm(site, { recursive: true, force: true })
  })
  const dataDir = await restoreRelease(site, T0)
  return {
    dataDir,
    async open(role = 'bridge') {
      const store = await SqliteStore.open({ dataDir, role, now: () => now, log: { error: () => {} } })
      opened.push(store)
      return store
    },
    async rows(query) {
      const handle = await openHandle(join(dataDir, 'bridge.db'))
      const rows = handle.prepare(query).all()
      handle.close()
      return rows as readonly Record<string, unknown>[]
    },
  }
}

const tables = ['calls', 'call_keys', 'events', 'items', 'source_files', 'jobs']
const names = (jobs: readonly { readonly id: string }[]): readonly string[] => jobs.map(({ id }) => id)

test('every row of an older database is still there, and can be read', async () => {
  const upgrade = await left()
  const before = await Promise.all(tables.map(table => upgrade.rows(`select * from ${table} order by 1`)))
  expect(before.filter(rows => rows.length === 0)).toEqual([])
  const store = await upgrade.open()
  expect(await upgrade.rows('pragma user_version')).toEqual([{ user_version: SCHEMA_VERSION }])
  for (const [index, table] of tables.entries()) {
    const rows = await upgrade.rows(`select * from ${table} order by 1`)
    expect(rows, table).toEqual(before[index]?.map(row => expect.objectContaining(row)))
  }
  const calls = await store.views.listCalls({ limit: 9 })
  expect(calls.map(({ call }) => call.id).toSorted()).toEqual([old.done, old.refused, old.waiting, old.open].toSorted())
  for (const { call } of calls) {
    const details = await store.views.getCall(call.id)
    expect(details?.events.map(({ event }) => event.sequence)).toEqual(call.id === old.open ? [1, 2, 3] : [1, 2, 3, 4])
  }
  expect(await store.views.eventsAfter(null, 99)).toHaveLength(15)
  expect(await store.views.listJobs({ limit: 99 })).toHaveLength(18)
})

test('a tool leaves an older database to the bridge, and opens what the bridge has brought up to date', async () => {
  const upgrade = await left()
  await expect(upgrade.open('tool')).rejects.toMatchObject({ reason: 'older-version' })
  expect(await upgrade.rows('pragma user_version')).toEqual([{ user_version: 1 }])
  await (await upgrade.open()).close()
  const tool = await upgrade.open('tool')
  expect(await tool.views.jobCounts()).toMatchObject({ pending: 9, dead: 1, delivered: 8 })
})

test('what was on its way goes on in order: each call’s events, then its recording, and the voicemail', async () => {
  const store = await (await left()).open()
  await store.jobs.recover(['event', 'media'])
  const went: string[] = []
  for (;;) {
    const jobs = [...(await store.jobs.claim('event', 9)), ...(await store.jobs.claim('media', 9))]
    if (jobs.length === 0) break
    went.push(...names(jobs))
    await store.jobs.settle(jobs.map(job => ({ job, verdict: { kind: 'delivered', remoteId: `remote-${job.id}` } })))
  }
  expect(went.filter(id => id.startsWith(old.waiting))).toEqual(
    ['started', 'ringing', 'answered', 'ended'].map(type => `${old.waiting}.${type}.1`),
  )
  expect(went.filter(id => id.startsWith(old.open))).toEqual(
    ['started', 'ringing', 'answered'].map(type => `${old.open}.${type}.1`),
  )
  expect(went.indexOf(old.queued)).toBeGreaterThan(went.indexOf(`${old.waiting}.started.1`))
  expect(went).toContain(old.voicemail)
  expect(went).toHaveLength(9)
  expect(await store.items.get(recordingId(old.queued))).toMatchObject({ state: 'delivered' })
})

test('what was refused stays so until somebody redrives it, and what waited still waits', async () => {
  const store = await (await left()).open()
  const dead = `${old.refused}.started.1` as JobId
  expect(names(await store.views.listJobs({ limit: 9, state: 'dead' }))).toEqual([dead])
  expect(await store.operations.redriveJob(dead, ops)).toEqual({ kind: 'done' })
  expect(names(await store.jobs.claim('event', 9))).toContain(dead)
  const waiting = await store.items.list('waiting', 9)
  expect(waiting.map(({ id }) => id)).toEqual([old.unmatched])
  expect(await store.items.list('quarantined', 9)).toMatchObject([{ id: old.empty, reason: expect.stringContaining('empty') }])
})

test('a call that was under way is taken up where it was, and ends', async () => {
  const store = await (await left()).open()
  const [call, ...others] = await store.calls.openCalls()
  expect(others).toEqual([])
  if (call === undefined) throw new Error('no call is open')
  expect(call).toMatchObject({ id: old.open, sequence: 3, phase: { kind: 'talking' } })
  expect(await store.items.callByKey('sip:open@phones')).toBe(old.open)
  const [sip] = call.sipCalls
  if (sip === undefined) throw new Error('the call has no SIP call')
  const { sipCallId, callerTag, legs } = sip
  const tags = { fromTag: callerTag, toTag: legs[0]?.calleeTag ?? '' }
  const bye = { kind: 'hungup', source: 'trunk', sipCallId, ...tags, at: now, sipCode: null, q850: null } as const
  const step = advance(call, bye, office)
  expect(step).toMatchObject({ events: [{ type: 'call.ended', sequence: 4 }] })
  await store.calls.append([{ call: step.call, events: step.events, keys: [], ended: true }])
  expect(await store.calls.openCalls()).toEqual([])
  expect(await store.views.getCall(old.open)).toMatchObject({ ended: true, undelivered: 4, call: { durationMs: now - T0 + 678 } })
})

test('the parties of recordings and voicemails are known as if this version had stored them', async () => {
  const upgrade = await left()
  const store = await upgrade.open()
  const stored = await upgrade.rows('select party, item_id from item_parties')
  for (const id of [old.delivered, old.queued, old.unmatched, old.empty, old.voicemail].map(recordingId)) {
    const item = await store.items.get(id)
    if (item === null) throw new Error(`no item ${id}`)
    const call = item.callId === null ? null : await store.items.call(item.callId)
    expect(stored.flatMap(row => (row.item_id === id ? [row.party] : [])).toSorted(), id).toEqual(
      partiesOf(item, call).toSorted(),
    )
  }
  expect(stored).not.toEqual([])
  expect(await upgrade.rows(`select id, remote_id from items where remote_id is not null`)).toEqual([
    { id: old.delivered, remote_id: '1' },
  ])
})
