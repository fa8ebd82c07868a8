/** The second sink, in the command as operators have it: what goes to Zendesk goes to the archive, whatever fails in between. */
import { existsSync } from 'node:fs'
import { readdir, readFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { s3Server } from '../archive/s3-server.ts'
import { keys, type Store } from '../archive/s3-store.ts'
import { tone, wav } from '../recordings/wav.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

const silent = { error: () => {}, warn: () => {} }

async function archivingSite(archive: object): Promise<Site> {
  const site = await Site.open()
  onTestFinished(() => site.close())
  await site.configure({
    archive,
    recordings: {
      folders: [{ path: site.monitor, match: '(?<unique>[^_]+)_(?<call_id>.+)\\.(wav|WAV)$', settle: '0s' }],
      rescan_every: '1s',
      after_upload: 'delete',
    },
  })
  return site
}

async function bucket() {
  const { store, endpoint, region } = await s3Server()
  const { accessKey: access_key, secretKey: secret_key } = keys
  return { store, archive: { s3: { bucket: 'calls', region, endpoint, access_key, secret_key } } }
}

/** A call, its recording, and where that lies. */
async function recorded(site: Site, bridge: RunningBridge, name: string): Promise<string> {
  const callId = `${name}@phones`
  expect(await site.carrier.callAndHangUp({ callId, from: '+14155550100', to: '1001', via: bridge.sip('udp') })).toBe(200)
  const path = join(site.monitor, `1_${callId}.wav`)
  await site.leave(path, wav({ data: tone(1, 8000, 1, name.length) }))
  return path
}

const audioIn = (store: Store): readonly string[] => [...store.objects.keys()].filter(key => key.endsWith('.mp3'))
const spooled = (site: Site): Promise<readonly string[]> => readdir(join(site.folder, 'data/spool/audio'))
const archiveHealth = async (bridge: RunningBridge) => (await bridge.readiness()).parts.archive

test('a recording goes to Zendesk and to the archive, and stays where it is until both have it, whichever is away and whatever is killed', {
  timeout: 120_000,
}, async () => {
  const { store, archive } = await bucket()
  const site = await archivingSite(archive)
  let bridge = await site.start()
  expect(await archiveHealth(bridge)).toEqual({ state: 'ok', reason: null })

  // The archive is away: Zendesk is not kept waiting, and nothing is deleted.
  store.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
  const first = await recorded(site, bridge, 'first')
  await vi.waitFor(async () => expect(await bridge.sandbox.recordings()).toHaveLength(1), patience)
  await vi.waitFor(async () => expect((await archiveHealth(bridge))?.reason).toContain('(503)'), patience)
  expect((await bridge.readiness()).parts.uploads).toEqual({ state: 'ok', reason: null })
  expect(existsSync(first)).toBe(true)
  expect(await spooled(site)).toHaveLength(1)
  await bridge.kill()
  store.fault = () => null
  bridge = await site.start()
  await vi.waitFor(() => expect(existsSync(first)).toBe(false), patience)
  expect(audioIn(store)).toHaveLength(1)
  const [key = ''] = audioIn(store)
  const record = store.objects.get(key.replace('.mp3', '.vcon.json'))?.bytes.toString() ?? ''
  expect(JSON.parse(record)).toMatchObject({
    analysis: [{ body: { call: { id: callIdOf('first@phones'), status: 'connected', direction: 'inbound' } } }],
  })
  expect(store.objects.get(key)?.headers).toMatchObject({ 'x-amz-meta-from': '+14155550100', 'x-amz-meta-site': 'hq' })

  // Zendesk's uploads are away: the archive has it, and nothing is deleted.
  await bridge.sandbox.fault({ route: 'phone_recording_upload' }, { kind: 'status', status: 503 })
  const second = await recorded(site, bridge, 'second')
  await vi.waitFor(() => expect(audioIn(store)).toHaveLength(2), patience)
  expect(existsSync(second)).toBe(true)
  await bridge.kill()
  bridge = await site.start() // with a sandbox that has forgotten its fault
  await vi.waitFor(() => expect(existsSync(second)).toBe(false), patience)
  await bridge.drained()
  expect(await bridge.sandbox.state()).toMatchObject({ phone_recordings: 2, gaps: 0 })
  expect(audioIn(store)).toHaveLength(2)
  expect(await spooled(site)).toEqual([])
  expect(await bridge.terminate()).toEqual({ code: 0, signal: null })
})

test('audio that waits for an archive which is not configured any more is named, and delivered once it is again', {
  timeout: 60_000,
}, async () => {
  const { store, archive } = await bucket()
  const wrong = { s3: { ...archive.s3, secret_key: 'wrong' } }
  const site = await archivingSite(wrong)
  const first = await site.start()
  const source = await recorded(site, first, 'only')
  await vi.waitFor(async () => expect((await archiveHealth(first))?.reason).toContain('correct archive.s3.secret_key'), patience)
  await vi.waitFor(async () => expect(await first.sandbox.recordings()).toHaveLength(1), patience)
  expect(first.program.output).not.toContain('"wrong')
  await first.terminate()

  const written = JSON.parse(await readFile(site.configFile, 'utf8')) as object
  await site.configure({ ...written, archive: {} })
  const second = await site.start()
  expect(await archiveHealth(second)).toMatchObject({
    state: 'degraded',
    reason: expect.stringContaining('none is configured any more'),
  })
  expect(existsSync(source)).toBe(true)
  await second.terminate()

  await site.configure({ ...written, archive })
  const third = await site.start()
  const [waiting] = await third.uploads('pending')
  const redriven = await fetch(`${third.admin}/v1/uploads/${waiting?.id}/redrive`, { method: 'POST' })
  expect(redriven.status).toBe(200)
  await vi.waitFor(() => expect(existsSync(source)).toBe(false), patience)
  expect(audioIn(store)).toHaveLength(1)
  expect(await third.sandbox.recordings()).toHaveLength(1)
})

test('what is old enough is deleted from a folder and from the archive, and the audit log has said so', {
  timeout: 60_000,
}, async () => {
  const site = await Site.open()
  onTestFinished(() => site.close())
  const folder = join(site.folder, 'calls')
  const folders = [{ path: site.monitor, match: '\\.wav$', settle: '0s' }]
  await site.configure({
    archive: { folder, retention: '1d' },
    recordings: { folders, rescan_every: '1s', match_wait: '0s', unmatched: 'upload', retention: '1d' },
  })
  const old = join(folder, 'hq/2026/01/05')
  await site.leave(join(old, 'rec_old.mp3'), Buffer.from('voice'))
  await site.leave(join(old, 'rec_old.vcon.json'), Buffer.from('{}'))
  await site.leave(join(old, 'rec_held.mp3'), Buffer.from('voice'))
  await site.leave(join(old, 'rec_held.mp3.hold'), Buffer.from('a lawsuit'))
  const source = join(site.monitor, 'old.wav')
  await site.leave(source, wav({ data: tone(1) }))
  const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000)
  await utimes(source, twoDaysAgo, twoDaysAgo)
  const first = await site.start()
  await vi.waitFor(async () => expect((await readdir(old)).sort()).toEqual(['rec_held.mp3', 'rec_held.mp3.hold']), patience)
  await vi.waitFor(async () => expect(await first.uploads('delivered')).toHaveLength(2), patience)
  await first.terminate()

  // Sweeps are hourly, and one is at the start.
  const second = await site.start()
  await vi.waitFor(() => expect(existsSync(source)).toBe(false), patience)
  const store = await SqliteStore.open({ dataDir: join(site.folder, 'data'), role: 'tool', now: Date.now, log: silent })
  const said = await store.audit.list({ limit: 99 })
  await store.close()
  const archived = { actor: 'bridge', action: 'archive.expired', reason: 'archive.retention 1d' }
  expect(said).toContainEqual(expect.objectContaining({ ...archived, subject: 'hq/2026/01/05/rec_old.mp3' }))
  expect(said).toContainEqual(expect.objectContaining({ action: 'recording.expired', reason: 'recordings.retention 1d' }))
  // Recorders put their callers' numbers into names, and no line of the audit log can be deleted.
  expect(JSON.stringify(said)).not.toContain('old.wav')
  expect(JSON.stringify(said)).not.toContain('rec_held')
  await second.terminate()
})
