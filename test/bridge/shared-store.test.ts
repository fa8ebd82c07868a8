/** Several bridges on one PostgreSQL and one S3 (docs/adr/0022, 0024): processes as operators have them, killed while there is work. */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { PostgresStore } from '../../src/uploads/store/postgres-store.ts'
import { s3Server } from '../archive/s3-server.ts'
import { keys } from '../archive/s3-store.ts'
import { tone, wav } from '../recordings/wav.ts'
import { aChange } from '../uploads/fixtures.ts'
import { PostgresServer } from '../uploads/store/postgres-server.ts'
import { run } from './program.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { RunningSandbox } from './running-sandbox.ts'
import { sandboxToken } from './sandbox-view.ts'
import { Site } from './site.ts'

const silent = { error: () => {}, warn: () => {} }

let server: PostgresServer
let sandbox: RunningSandbox
const sites: Site[] = []

beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)

afterAll(async () => {
  for (const site of sites) await site.close()
  await sandbox?.stop()
  await server.stop()
}, 60_000)

/** A site whose bridge keeps its work in the shared database. */
async function siteOn(url: string, name: string, sandboxUrl: string, s3: object): Promise<Site> {
  const site = await Site.open()
  sites.push(site)
  await site.configure({
    site: name,
    store: { postgres: url, lease: '2s' },
    archive: { s3 },
    zendesk: { base_url: sandboxUrl, token: sandboxToken, requests_per_minute: 3_000 },
    recordings: {
      folders: [{ path: site.monitor, match: '^(?<call_id>.+)\\.wav$', settle: '0s' }],
      rescan_every: '1s',
      match_wait: '1m',
    },
  })
  return site
}

test('three bridges, killed in turn while their database crashes: every event and recording arrives once, in order, and is archived', {
  timeout: 120_000,
}, async () => {
  const url = await server.database()
  const { store, endpoint, region, bucket } = await s3Server()
  const s3 = { bucket, region, endpoint, access_key: keys.accessKey, secret_key: keys.secretKey }
  const first = await Site.open()
  sites.push(first)
  sandbox = await RunningSandbox.start(first.folder)
  const three = await Promise.all(['hq', 'hq', 'branch'].map(name => siteOn(url, name, sandbox.view.url, s3)))
  let bridges: RunningBridge[] = await Promise.all(three.map(site => site.start()))

  // What a fourth one sees, which delivers nothing itself: so all that it stores is there for the others to lose.
  const { host } = new URL(sandbox.view.url)
  const share = { bridge: 'br_watcher', site: 'hq', account: host, owner: 'br_watcher/1', leaseMs: 30_000 }
  const watcher = await PostgresStore.open({ url, share, now: Date.now, log: silent })
  const calls = 60
  const append = async (name: string, sequence: number): Promise<void> => {
    const ended = sequence === 4
    const snapshot = ended ? { endedAt: Date.now() } : {}
    const change = aChange(callIdOf(name), [sequence], { ended, keys: [`sip:${name}`], snapshot })
    // As the tracker does: the same again until it is stored.
    await vi.waitFor(() => watcher.calls.append([change]), patience)
  }
  const traffic = (async () => {
    for (let n = 0; n < calls; n++) {
      for (const sequence of [1, 2, 3, 4]) await append(`${n}@pbx`, sequence)
      if (n % 10 === 0) {
        const site = three[(n / 10) % 3]
        await site?.leave(join(site.monitor, `${n}@pbx.wav`), wav({ data: tone(1, 8000, 1, n) }))
      }
      await wait(30)
    }
  })()
  for (const n of [0, 1, 2]) {
    await wait(700)
    await bridges[n]?.kill()
    if (n === 1) {
      await server.kill('SIGQUIT')
      await server.run()
    }
    bridges = await Promise.all(bridges.map(async (bridge, i) => (i === n ? ((await three[n]?.start()) ?? bridge) : bridge)))
  }
  await traffic
  await watcher.close()

  await vi.waitFor(async () => {
    const state = await sandbox.view.state()
    expect(state).toMatchObject({ phone_call_events: calls * 4, phone_recordings: calls / 10 })
  }, patience)
  const state = await sandbox.view.state()
  expect(state).toMatchObject({ phone_calls: calls, out_of_order: 0, gaps: 0 })
  expect(Object.values(state.sequences).filter(sequence => sequence.join() !== '1,2,3,4')).toEqual([])
  const recordings = await sandbox.view.recordings()
  expect(new Set(recordings.map(recording => recording.external_id)).size).toBe(calls / 10)
  for (const bridge of bridges) expect(await bridge.uploads('dead')).toEqual([])
  const [one] = bridges
  await vi.waitFor(async () => expect(await one?.uploads('pending')).toEqual([]), patience)

  expect([...store.objects.keys()].filter(key => key.endsWith('.mp3'))).toHaveLength(calls / 10)
  expect([...store.objects.keys()].filter(key => key.endsWith('.vcon.json'))).toHaveLength(calls / 10)

  expect((await one?.readiness())?.parts.store).toEqual({ state: 'ok', reason: null })
  const [here] = three
  const checked = await run(['check', '-c', here?.configFile ?? ''], here?.folder ?? '')
  expect(checked.output).toMatch(/ok +store: the database bridge\d+ on 127\.0\.0\.1:\d+ can be reached/)
  expect(one?.lines('store is shared')[0]).toMatchObject({ bridge: expect.stringMatching(/^br_[0-9a-f]{12}$/) })
})
