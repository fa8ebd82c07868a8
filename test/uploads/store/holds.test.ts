/** What operators may do to what is held. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AudioItem } from '../../../src/events/recording.ts'
import type { About } from '../../../src/uploads/store/about.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { aChange, aRecording, aVoicemail, callId, fileOf, ops, recordingId, T0 } from '../fixtures.ts'

const item = (id: string): About => ({ kind: 'item', id })

async function open() {
  const dataDir = await mkdtemp(join(tmpdir(), 'tpe-holds-'))
  const silent = { error: () => {} }
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => T0, archive: 'all-bridges', log: silent })
  onTestFinished(async () => {
    await store.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const add = async (made: AudioItem): Promise<AudioItem> => {
    await store.items.add(made, fileOf(made))
    return made
  }
  const queue = async (made: AudioItem): Promise<void> => {
    await add(made)
    await store.items.queue({ ...made, state: 'queued' })
  }
  return { store, add, queue, stateOf: async (id: string) => await store.items.get(recordingId(id)) }
}

test('what is held cannot be dropped, by its id or by filter, until it is released', async () => {
  const { store, add, queue, stateOf } = await open()
  for (const id of ['v1', 'v2']) await queue(aVoicemail(id))
  const waiting = await add(aRecording('r1', null, 'waiting'))
  await store.items.update({ ...waiting, state: 'quarantined', reason: 'empty' })
  for (const id of ['v1', 'r1']) await store.holds.hold(item(id), { ...ops, reason: 'case 7' }, 9)
  const why = { ...ops, reason: 'not wanted' }
  for (const id of ['v1', 'v1.archive', 'r1'])
    expect(await store.desk.drop(id, why)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('it is held') })
  await store.desk.dropSome({ kind: 'voicemail', state: 'pending' }, why, null)
  expect(await stateOf('v1')).toMatchObject({ state: 'queued', hold: 'case 7' })
  expect(await stateOf('v2')).toMatchObject({ state: 'dropped' })
  expect(await stateOf('r1')).toMatchObject({ state: 'quarantined' })
  await store.holds.release(item('v1'), { ...ops, reason: 'settled' }, 9)
  expect(await store.desk.drop('v1', why)).toMatchObject({ kind: 'done' })
})

test('a released item is held no more, whatever was written to it meanwhile', async () => {
  const { store, add, stateOf } = await open()
  await add(aRecording('r1', null, 'waiting'))
  await store.holds.hold(item('r1'), { ...ops, reason: 'case 7' }, 9)
  const held = await stateOf('r1')
  if (held === null) throw new Error('it is gone')
  await store.items.update({ ...held, state: 'quarantined', reason: 'empty' })
  await store.holds.release(item('r1'), { ...ops, reason: 'settled' }, 9)
  expect((await stateOf('r1'))?.hold ?? null).toBeNull()
})

test('what waits is found by its call, and by whom the call is between, as soon as the call is known', async () => {
  const { store, add } = await open()
  await store.calls.append([aChange('a', [1])])
  const waiting = await add(aRecording('r1', null, 'waiting'))
  const call: About = { kind: 'call', id: callId('a') }
  await store.items.update({ ...waiting, callId: callId('a') })
  expect(
    await store.holds.hold({ kind: 'number', forms: ['1001', '+14155550100'], shown: '**' }, { ...ops, reason: 'case 7' }, 9),
  ).toMatchObject([{ id: 'r1' }])
  expect(await store.holds.find(call, { limit: 9 })).toMatchObject([{ id: 'r1' }])
})
