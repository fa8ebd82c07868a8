import { spawnSync } from 'node:child_process'
import { appendFile, mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process, { stdout } from 'node:process'
import { expect, onTestFinished, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { tone, wav } from '../recordings/wav.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { RunningSandbox } from './running-sandbox.ts'
import { sandboxToken } from './sandbox-view.ts'
import { Site } from './site.ts'

const mayMount = process.getuid?.() === 0 && canMount()
if (!mayMount) stdout.write('no small disk can be mounted here (that takes root), so none is filled\n')

test.skipIf(!mayMount)(
  'short of space it encodes nothing and reports calls; with none left it holds calls in memory; then all goes on by itself',
  {
    timeout: 120_000,
  },
  async () => {
    const site = await Site.open()
    const dataDir = join(site.folder, 'data')
    await mkdir(dataDir)
    mount(dataDir)
    const sandbox = await RunningSandbox.start(site.folder)
    onTestFinished(async () => {
      await sandbox.stop()
      await site.stopBridges()
      run('umount', dataDir)
      await site.close()
    })
    await site.configure({
      zendesk: { base_url: sandbox.view.url, token: sandboxToken, requests_per_minute: 100_000 },
      spool: { min_free: '8MiB' },
    })
    const bridge = await site.start()
    const carried: string[] = []
    const carry = async (): Promise<void> => {
      const callId = `disk-${carried.length}@phones`
      expect(await site.carrier.callAndHangUp({ callId, from: '+14155550100', to: '1001', via: bridge.sip('udp') })).toBe(200)
      carried.push(callId)
    }
    const record = async (number: number): Promise<void> =>
      await site.leave(join(site.monitor, `1_disk-${number}@phones.wav`), wav({ data: tone(2) }))
    const part = async (name: string) => (await bridge.readiness()).parts[name]
    const reported = async (): Promise<void> => {
      const exactlyOnce = { phone_calls: carried.length, phone_call_events: carried.length * 4, out_of_order: 0, gaps: 0 }
      await vi.waitFor(async () => expect(await sandbox.view.state()).toMatchObject(exactlyOnce), patience)
    }
    await carry()
    await record(0)
    await vi.waitFor(async () => expect(await sandbox.view.recordings()).toHaveLength(1), patience)

    // Below the floor: no audio, but all about calls.
    const first = join(dataDir, 'ballast')
    await writeFile(first, Buffer.alloc((await freeIn(dataDir)) - 6_500_000))
    const noRoom = {
      state: 'degraded',
      reason: expect.stringMatching(/^no audio is encoded .*spool\.min_free\): make room for /),
    }
    await vi.waitFor(async () => expect(await part('disk')).toMatchObject(noRoom), patience)
    for (let i = 0; i < 5; i += 1) await carry()
    await record(1)
    await reported()
    const putOff = await upload(bridge, 'disk-2@phones')
    expect([putOff.status, putOff.headers.get('retry-after')]).toEqual([503, '60'])
    await bridge.counts('tpe_bridge_recordings_waiting', 1)
    await bridge.counts('tpe_bridge_spool_short', 2)
    expect(await sandbox.view.recordings()).toHaveLength(1)

    // Nothing left: calls are carried and held.
    const second = join(dataDir, 'more-ballast')
    await fill(second)
    const refusing = /the journal has refused .* full; \d+ changes wait in memory, .* beyond 50000 no signal is taken/
    await vi.waitFor(async () => {
      await carry()
      expect(await part('calls')).toMatchObject({ state: 'degraded', reason: expect.stringMatching(refusing) })
    }, patience)
    for (let i = 0; i < 10; i += 1) await carry() // calls do not wait for the disk
    expect((await upload(bridge, 'disk-2@phones')).status).toBe(503)
    await record(3)
    expect(bridge.lines('call journal refused a batch, it will be repeated').length).toBeGreaterThan(0)

    // Back below the floor: what was held is stored and reported, audio still waits.
    await rm(second)
    await bridge.logged('call journal stores again')
    await reported()
    await vi.waitFor(async () => expect(await part('calls')).toMatchObject({ state: 'ok' }), patience)
    expect(await part('disk')).toMatchObject(noRoom)
    expect(await sandbox.view.recordings()).toHaveLength(1)

    await rm(first)
    await vi.waitFor(async () => expect(await part('disk')).toMatchObject({ state: 'ok' }), patience)
    expect((await upload(bridge, 'disk-2@phones')).status).toBe(202)
    await vi.waitFor(async () => {
      const recordings = await sandbox.view.recordings()
      expect(recordings.map(({ external_call_id, duration }) => [external_call_id, duration]).toSorted()).toEqual(
        [
          [callIdOf('disk-0@phones'), 2],
          [callIdOf('disk-1@phones'), 2],
          [callIdOf('disk-2@phones'), 1],
          [callIdOf('disk-3@phones'), 2],
        ].toSorted(),
      )
    }, patience)
    await reported()
    expect(bridge.lines('bridge started')).toHaveLength(1)
  },
)

async function upload(bridge: RunningBridge, callId: string): Promise<Response> {
  const query = new URLSearchParams({ file_name: `${callId}.wav`, call_id: callId })
  const headers = { 'content-type': 'audio/wav' }
  return await fetch(`${bridge.admin}/v1/recordings?${query}`, { method: 'POST', headers, body: wav() })
}

async function freeIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Writes until nothing more fits. */
async function fill(path: string): Promise<void> {
  for (const size of [65_536, 4096, 1]) {
    try {
      for (;;) await appendFile(path, Buffer.alloc(size))
    } catch (error) {
      if (!(error instanceof Error) || !/ENOSPC/.test(error.message)) throw error
    }
  }
}

/** A disk of 32 MB: small, but with more below the floor than the 4 MB that SQLite’s write-ahead log may take. */
function mount(folder: string): void {
  run('mount', '-t', 'tmpfs', '-o', 'size=32m', 'tpe-bridge-test', folder)
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

/** Root within a container may not. */
function canMount(): boolean {
  const trial = 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d" && rmdir "$d"'
  return spawnSync('sh', ['-c', trial]).status === 0
}
