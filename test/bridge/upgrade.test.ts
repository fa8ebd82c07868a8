import { expect, onTestFinished, test, vi } from 'vitest'
import { old, restoreRelease } from '../uploads/store/release-0-1-0.ts'
import { patience } from './running-bridge.ts'
import { Site } from './site.ts'

test('a bridge that follows release 0.1.0 delivers what that one left, once and in order', { timeout: 60_000 }, async () => {
  const site = await Site.open()
  onTestFinished(() => site.close())
  const folders = [{ path: site.monitor, match: '(?<unique>[^_]+)_(?<call_id>.+)\\.wav$' }]
  await site.configure({ calls: { orphan_after: '1m' }, recordings: { folders, match_wait: '1s' } })
  await restoreRelease(site.folder, Date.now() - 3_600_000)
  const bridge = await site.start()
  const { sandbox } = bridge
  await bridge.drained()

  // `done` was delivered to a Zendesk that this test does not have.
  const told = async (callId: string) => await sandbox.events((await sandbox.call(callId))?.id ?? 0)
  const types = ['call.started', 'call.ringing', 'call.answered', 'call.ended']
  const inOrder = types.map((type, index) => ({ type, sequence: index + 1 }))
  expect(await told(old.waiting)).toMatchObject(inOrder)
  // Nobody heard its end.
  await vi.waitFor(async () => expect(await told(old.open)).toMatchObject(inOrder), patience)
  expect(await sandbox.call(old.open)).toMatchObject({ status: 'connected', reason: 'lost-signalling' })
  expect(await sandbox.recordings()).toMatchObject([{ external_id: old.queued, external_call_id: old.waiting, duration: 1 }])
  expect(await sandbox.voicemails()).toMatchObject([{ from: '+14155550133', mailbox: '1002', duration: 1 }])
  expect(await sandbox.state()).toMatchObject({ out_of_order: 0, gaps: 0, repeats: 0 })
  const quarantined = await bridge.uploads('quarantined')
  expect(quarantined.map(({ id }) => id).toSorted()).toEqual([old.unmatched, old.empty].toSorted())
  expect(await bridge.uploads('dead')).toMatchObject([{ id: `${old.refused}.started.1` }])
  expect(await bridge.terminate()).toEqual({ code: 0, signal: null })
})
