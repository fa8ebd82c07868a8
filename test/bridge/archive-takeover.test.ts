/** Two bridges on one PostgreSQL and one S3: what a dead one has archived and not sent is sent by the other. */
import { existsSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { PostgresStore } from '../../src/uploads/store/postgres-store.ts'
import { s3Server } from '../archive/s3-server.ts'
import { keys } from '../archive/s3-store.ts'
import { tone, wav } from '../recordings/wav.ts'
import { aChange } from '../uploads/fixtures.ts'
import { PostgresServer } from '../uploads/store/postgres-server.ts'
import { patience } from './running-bridge.ts'
import { RunningSandbox } from './running-sandbox.ts'
import { sandboxToken } from './sandbox-view.ts'
import { Site } from './site.ts'

const silent = { error: () => {}, warn: () => {} }

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(async () => {
  await server.stop()
})

async function siteAt(
  name: string,
  shared: { readonly url: string; readonly zendesk: string; readonly s3: object },
): Promise<Site> {
  const site = await Site.open()
  onTestFinished(() => site.close())
  await site.configure({
    site: name,
    store: { postgres: shared.url, lease: '2s' },
    archive: { s3: shared.s3 },
    zendesk: { base_url: shared.zendesk, token: sandboxToken, requests_per_minute: 3_000 },
    recordings: {
      folders: [{ path: site.monitor, match: '^(?<call_id>.+)\\.wav$', settle: '0s' }],
      rescan_every: '1s',
      after_upload: 'delete',
    },
  })
  return site
}

test('a recording that a dead bridge archived and did not send is sent by another, from S3, once', {
  timeout: 120_000,
}, async () => {
  const url = await server.database()
  const { store, endpoint, region } = await s3Server()
  const s3 = { bucket: 'calls', region, endpoint, access_key: keys.accessKey, secret_key: keys.secretKey }
  const office = await Site.open()
  const sandbox = await RunningSandbox.start(office.folder)
  onTestFinished(async () => {
    await sandbox.stop()
    await office.close()
  })
  const shared = { url, zendesk: sandbox.view.url, s3 }
  // Two sites, because the archive's keys begin with the site of whoever archived.
  const branch = await siteAt('branch', shared)
  const hq = await siteAt('hq', shared)

  const { host } = new URL(sandbox.view.url)
  const share = { bridge: 'br_watcher', site: 'branch', account: host, owner: 'br_watcher/1', leaseMs: 30_000 }
  const watcher = await PostgresStore.open({ url, share, now: Date.now, log: silent })
  onTestFinished(() => watcher.close())
  const over = { ended: true, keys: ['sip:a@pbx'], snapshot: { endedAt: Date.now() } }
  const change = aChange(callIdOf('a@pbx'), [1, 2, 3, 4], over)
  await watcher.calls.append([change])

  await sandbox.view.fault({ route: 'phone_recording_upload' }, { kind: 'status', status: 503 })
  const dying = await branch.start()
  const source = join(branch.monitor, 'a@pbx.wav')
  await branch.leave(source, wav({ data: tone(1) }))
  const archived = async () => (await watcher.views.listJobs({ limit: 9, lane: 'archive' })).map(({ state }) => state.kind)
  await vi.waitFor(async () => expect(await archived()).toEqual(['delivered']), patience)
  await dying.kill()
  // Its disk is gone with it.
  const disk = join(branch.folder, 'data')
  await rename(disk, `${disk}.away`)

  const living = await hq.start()
  await sandbox.view.heal()
  await vi.waitFor(async () => expect(await sandbox.view.recordings()).toHaveLength(1), patience)
  await vi.waitFor(async () => expect(await living.uploads('pending')).toEqual([]), patience)
  expect(store.operations).toContain('Get')
  expect([...store.objects.keys()].every(key => key.startsWith('branch/'))).toBe(true)
  // What was fetched goes once the delivery is known, a moment after it is stored.
  await vi.waitFor(async () => expect(await readdir(join(hq.folder, 'data/spool/fetched'))).toEqual([]), patience)
  expect(await living.metric('tpe_bridge_recordings_elsewhere')).toBe(0)
  expect(existsSync(source)).toBe(true)

  // The disk comes back: what the other one has sent is cleared here, and nothing is sent twice.
  await rm(disk, { recursive: true, force: true })
  await rename(`${disk}.away`, disk)
  await branch.start()
  await vi.waitFor(() => expect(existsSync(source)).toBe(false), patience)
  await vi.waitFor(async () => expect(await readdir(join(disk, 'spool/audio'))).toEqual([]), patience)
  expect(await sandbox.view.state()).toMatchObject({ phone_recordings: 1 })
  expect(await living.uploads('dead')).toEqual([])
})
