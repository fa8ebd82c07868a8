import { spawnSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { tone, wav } from '../recordings/wav.ts'
import { freePort } from './free-port.ts'
import { patience } from './running-bridge.ts'
import { RunningSandbox } from './running-sandbox.ts'
import { sandboxToken } from './sandbox-view.ts'
import { Site } from './site.ts'

test('while Zendesk is away the spool fills up to its maximum and no further; then everything arrives once', {
  timeout: 90_000,
}, async () => {
  const site = await Site.open()
  onTestFinished(() => site.close())
  const listen = `127.0.0.1:${await freePort('127.0.0.1')}`
  await site.configure({
    zendesk: { base_url: `http://${listen}`, token: sandboxToken, requests_per_minute: 100_000 },
    spool: { min_free: '1KiB', max: '40kB' },
  })
  const bridge = await site.start()
  const calls = 4
  for (let n = 0; n < calls; n += 1) {
    const call = { callId: `spool-${n}@phones`, from: '+14155550100', to: '1001', via: bridge.sip('udp') }
    expect(await site.carrier.callAndHangUp(call)).toBe(200)
    await site.leave(join(site.monitor, `1_spool-${n}@phones.wav`), wav({ data: tone(3) }))
  }
  await vi.waitFor(async () => {
    const reason = expect.stringMatching(/^no audio is encoded .* of at most 40\.0 kB \(spool\.max\)/)
    expect((await bridge.readiness()).parts.disk).toMatchObject({ state: 'degraded', reason })
    expect(await bridge.metric('tpe_bridge_recordings_taken_total')).toBe(calls)
  }, patience)
  // 12 kB each, and 16 are held for one that is being made: two of them leave no room for a third.
  const audio = join(site.folder, 'data/spool/audio')
  const mp3s = async (): Promise<number> => (await readdir(audio)).filter(name => name.endsWith('.mp3')).length
  await vi.waitFor(async () => expect(await mp3s()).toBe(2), patience)
  expect(await bridge.metric('tpe_bridge_spool_bytes')).toBeLessThanOrEqual(40_000)
  expect(await bridge.metric('tpe_bridge_recordings_waiting')).toBe(calls - 2)

  const sandbox = await RunningSandbox.start(site.folder, listen)
  onTestFinished(() => sandbox.stop())
  await vi.waitFor(
    async () => {
      const recordings = await sandbox.view.recordings()
      expect(new Set(recordings.map(recording => recording.external_call_id)).size).toBe(calls)
      expect(recordings).toHaveLength(calls)
    },
    { ...patience, timeout: 75_000 },
  )
  await vi.waitFor(async () => expect((await bridge.readiness()).parts.disk).toMatchObject({ state: 'ok' }), patience)
})

/** Writes beyond this many bytes of any file fail (setrlimit(2), RLIMIT_FSIZE), which SQLite takes for what it is: an I/O error. */
function limitFiles(pid: number, bytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`prlimit: ${stderr}`)
}

test.skipIf(spawnSync('prlimit', ['--version']).status !== 0)(
  'while the database has I/O errors calls are held in memory and audio waits, /readyz says so, and nothing is lost',
  { timeout: 90_000 },
  async () => {
    const site = await Site.open()
    const sandbox = await RunningSandbox.start(site.folder)
    onTestFinished(async () => {
      await sandbox.stop()
      await site.close()
    })
    await site.configure({ zendesk: { base_url: sandbox.view.url, token: sandboxToken, requests_per_minute: 100_000 } })
    const bridge = await site.start()
    let calls = 0
    const carry = async (): Promise<void> => {
      const call = { callId: `io-${calls}@phones`, from: '+14155550100', to: '1001', via: bridge.sip('udp') }
      expect(await site.carrier.callAndHangUp(call)).toBe(200)
      calls += 1
    }
    const part = async (name: string) => (await bridge.readiness()).parts[name]
    await carry()

    limitFiles(bridge.program.pid, 4096)
    for (let n = 0; n < 5; n += 1) await carry()
    const held = /the journal has refused .* I\/O error.*; \d+ changes wait in memory, .* beyond 50000 no signal is taken/
    await vi.waitFor(async () => {
      expect(await part('calls')).toMatchObject({ state: 'degraded', reason: expect.stringMatching(held) })
    }, patience)
    await site.leave(join(site.monitor, '1_io-1@phones.wav'), wav({ data: tone(1) }))
    await vi.waitFor(async () => {
      const reason = expect.stringMatching(/^the last \d+ attempts to take in or encode audio failed, .* I\/O error/)
      expect(await part('recordings')).toMatchObject({ state: 'degraded', reason })
    }, patience)

    limitFiles(bridge.program.pid, 'unlimited')
    await vi.waitFor(async () => {
      const exactlyOnce = { phone_calls: calls, phone_call_events: calls * 4, out_of_order: 0, gaps: 0, phone_recordings: 1 }
      expect(await sandbox.view.state()).toMatchObject(exactlyOnce)
    }, patience)
    await vi.waitFor(async () => {
      expect(await part('calls')).toMatchObject({ state: 'ok' })
      expect(await part('recordings')).toMatchObject({ state: 'ok' })
    }, patience)
  },
)
