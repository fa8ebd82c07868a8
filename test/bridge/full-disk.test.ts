import { spawnSync } from 'node:child_process'
import { appendFile, mkdir, rm } from 'node:fs/promises'
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
  'a full disk is said in /readyz, stops no call, and loses nothing that was accepted',
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
    await site.configure({ zendesk: { base_url: sandbox.view.url, token: sandboxToken, requests_per_minute: 100_000 } })
    const bridge = await site.start()
    const carried: string[] = []
    const carry = async (): Promise<void> => {
      const callId = `disk-${carried.length}@phones`
      expect(await site.carrier.callAndHangUp({ callId, from: '+14155550100', to: '1001', via: bridge.sip('udp') })).toBe(200)
      carried.push(callId)
    }
    await carry()

    const ballast = join(dataDir, 'ballast')
    await fill(ballast)
    await vi.waitFor(async () => {
      await carry()
      expect((await bridge.readiness()).parts.calls).toMatchObject({
        state: 'degraded',
        reason: expect.stringMatching(/the journal has refused .* full/),
      })
    }, patience)
    for (let i = 0; i < 10; i += 1) await carry() // calls do not wait for the disk
    const refused = await upload(bridge, 'refused@phones')
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).not.toBeNull()
    await site.leave(join(site.monitor, '1_disk-0@phones.wav'), wav({ data: tone(2) }))
    expect(bridge.lines('call journal refused a batch, it will be repeated').length).toBeGreaterThan(0)

    await rm(ballast)
    await bridge.logged('call journal stores again')
    expect((await upload(bridge, 'disk-1@phones')).status).toBe(202)
    await vi.waitFor(async () => {
      const state = await sandbox.view.state()
      expect(state).toMatchObject({
        phone_calls: carried.length,
        phone_call_events: carried.length * 4,
        out_of_order: 0,
        gaps: 0,
      })
      const recordings = await sandbox.view.recordings()
      expect(recordings.map(({ external_call_id, duration }) => [external_call_id, duration]).toSorted()).toEqual(
        [
          [callIdOf('disk-0@phones'), 2],
          [callIdOf('disk-1@phones'), 1],
        ].toSorted(),
      )
    }, patience)
    await vi.waitFor(async () => expect((await bridge.readiness()).parts.calls).toMatchObject({ state: 'ok' }), patience)
  },
)

async function upload(bridge: RunningBridge, callId: string): Promise<Response> {
  const query = new URLSearchParams({ file_name: `${callId}.wav`, call_id: callId })
  const headers = { 'content-type': 'audio/wav' }
  return await fetch(`${bridge.admin}/v1/recordings?${query}`, { method: 'POST', headers, body: wav() })
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

/** A disk of 8 MB. */
function mount(folder: string): void {
  run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tpe-bridge-test', folder)
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
