import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { tone, wav } from '../recordings/wav.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site, type SiteOptions } from './site.ts'

async function open(options: SiteOptions = {}): Promise<Site> {
  const site = await Site.open(options)
  onTestFinished(() => site.close())
  return site
}

/** From now on the same SIP port at each start: what phones know of the bridge outlives it. */
async function keepPort(site: Site, bridge: RunningBridge): Promise<void> {
  const { port } = bridge.sip('udp')
  await site.configure({ sip: { listen: [`udp://127.0.0.1:${port}`], trunk: site.trunk() } })
}

test('SIGTERM lets what is in flight finish, then the bridge exits 0', { timeout: 60_000 }, async () => {
  const site = await open()
  const first = await site.start()
  const dialling = { callId: 'in-flight@phones', from: '+14155550100', to: '1001', via: first.sip('udp') }
  expect(await site.carrier.callAndHangUp(dialling)).toBe(200)
  await vi.waitFor(async () => expect(await first.uploads('delivered')).toHaveLength(4), patience)
  // The sandbox stores the recording at once and answers late: the bridge is told to stop in between.
  await first.sandbox.fault({ route: 'phone_recording_upload', times: 1 }, { kind: 'late', delay_ms: 1500 })
  await site.leave(join(site.monitor, '1_in-flight@phones.wav'), wav({ data: tone(1) }))
  await vi.waitFor(async () => expect(await first.sandbox.recordings()).toHaveLength(1), patience)
  expect(await first.metric('tpe_bridge_uploads', 'state="running"')).toBe(1)

  expect(await first.terminate()).toEqual({ code: 0, signal: null })
  expect(first.lines('bridge stopped')).toHaveLength(1)

  const second = await site.start()
  expect(await second.uploads('delivered')).toHaveLength(5)
  expect(await second.sandbox.state()).toMatchObject({ phone_recordings: 1, repeats: 0 })
})

test('a BYE after a restart ends the call that began before it', { timeout: 60_000 }, async () => {
  const site = await open()
  const first = await site.start()
  await keepPort(site, first)
  const call = site.carrier.call({ callId: 'long@phones', from: '+14155550100', to: '1001', via: first.sip('udp') })
  expect(await call.final).toBe(200)
  await vi.waitFor(async () => expect(await first.uploads('delivered')).toHaveLength(3), patience)
  await first.kill()

  const hangUp = call.hangUp() // while nobody is there to hear it
  const second = await site.start()
  expect(await hangUp).toBe(200)
  await site.pbx.incoming('long@phones')?.over
  const outcome = { status: 'connected', reason: 'completed' }
  const stored = await vi.waitFor(async () => {
    const found = await second.sandbox.call(callIdOf('long@phones'))
    expect(found).toMatchObject(outcome)
    return found
  }, patience)
  expect(await second.sandbox.events(stored?.id ?? 0)).toMatchObject([
    { type: 'call.started', sequence: 1 },
    { type: 'call.ringing', sequence: 2 },
    { type: 'call.answered', sequence: 3 },
    { type: 'call.ended', sequence: 4 },
  ])
})

test('an answer that comes while the bridge restarts still connects the call', { timeout: 60_000 }, async () => {
  const site = await open({ onCall: call => call.ring() })
  const before = await site.start()
  await keepPort(site, before)
  const call = site.carrier.call({ callId: 'answered-late@phones', from: '+14155550100', to: '1001', via: before.sip('udp') })
  await vi.waitFor(() => expect(call.seen.rangAt).not.toBeNull(), patience)
  await vi.waitFor(async () => expect(await before.uploads('delivered')).toHaveLength(2), patience)
  await before.kill()

  site.pbx.incoming('answered-late@phones')?.answer()
  const after = await site.start()
  expect(await call.final).toBe(200)
  expect(await call.hangUp()).toBe(200)
  await vi.waitFor(async () => {
    const found = await after.sandbox.call(callIdOf('answered-late@phones'))
    expect(found).toMatchObject({ status: 'connected', reason: 'completed' })
  }, patience)
})

test('a second bridge on the same data_dir is refused, and told why', { timeout: 60_000 }, async () => {
  const site = await open()
  const first = await site.start()
  const second = site.spawn()
  expect(await second.program.exited).toEqual({ code: 1, signal: null })
  expect(second.program.output).toContain(
    `another bridge is running on ${join(site.folder, 'data')}: stop it, or give this one a data_dir of its own`,
  )
  expect(await first.readiness()).toMatchObject({ ready: true })
})
