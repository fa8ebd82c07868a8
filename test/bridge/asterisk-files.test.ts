/** The files that a real Asterisk left (test/fixtures/audio), beside calls with the Call-IDs that their names carry. */
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { run } from './program.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

const fixtures = join(import.meta.dirname, '../fixtures/audio')

let site: Site
let bridge: RunningBridge

beforeAll(async () => {
  site = await Site.open({ onCall: call => (call.callId.startsWith('1-6600') ? call.ring() : call.answer()) })
  bridge = await site.start()
}, 60_000)

afterAll(() => site.close(), 60_000)

/** 1001 calls 1002, as in the captures; the recording lies there when the call is over. */
async function recorded(callId: string, name: string): Promise<void> {
  const call = site.pbx.call({ callId, from: '1001', to: '1002', via: bridge.sip('udp') })
  if (callId.startsWith('1-6600')) {
    await vi.waitFor(() => expect(call.seen.rangAt).not.toBeNull(), patience)
    expect(await call.cancel()).toBe(487)
  } else {
    expect(await call.final).toBe(200)
    expect(await call.hangUp()).toBe(200)
  }
  await site.leave(join(site.monitor, name), await readFile(join(fixtures, name)))
}

test.each([
  { name: '1795329426.4_1-3723@127.0.0.1.wav', callId: '1-3723@127.0.0.1', seconds: 8, of: 'PCM' },
  { name: '1795329441.8_1-3852@127.0.0.1.WAV', callId: '1-3852@127.0.0.1', seconds: 6, of: 'GSM 6.10' },
])(
  'a recording of $seconds s of $of arrives with its length and its call',
  { timeout: 60_000 },
  async ({ name, callId, seconds }) => {
    await recorded(callId, name)
    await vi.waitFor(async () => {
      const call = await bridge.sandbox.call(callIdOf(callId))
      expect(call).toMatchObject({ status: 'connected', reason: 'completed' })
      const arrived = (await bridge.sandbox.recordings()).filter(({ external_call_id }) => external_call_id === callIdOf(callId))
      expect(arrived).toMatchObject([{ duration: seconds, call_id: call?.id }])
    }, patience)
  },
)

test('the 44 bytes of an abandoned call are quarantined as empty, where an operator sees them', { timeout: 60_000 }, async () => {
  await recorded('1-6600@127.0.0.1', '1795329535.28_1-6600@127.0.0.1.wav')
  await vi.waitFor(async () => {
    const call = await bridge.sandbox.call(callIdOf('1-6600@127.0.0.1'))
    expect(call).toMatchObject({ status: 'abandoned', reason: 'caller-hung-up' })
    expect(await bridge.uploads('quarantined')).toHaveLength(1)
  }, patience)
  const { code, output } = await run(['uploads', 'list', '--state', 'quarantined', '-c', site.configFile], site.folder)
  expect(code).toBe(0)
  expect(output).toMatch(/recording +quarantined .* empty: header only, no audio \(the call was not answered\)/)
  const arrived = (await bridge.sandbox.recordings()).filter(
    ({ external_call_id }) => external_call_id === callIdOf('1-6600@127.0.0.1'),
  )
  expect(arrived).toEqual([])
})

test('a voicemail arrives once, from its caller, for its mailbox, with its length', { timeout: 60_000 }, async () => {
  await cp(join(fixtures, 'voicemail'), site.voicemail, { recursive: true })
  await vi.waitFor(async () => expect(await bridge.sandbox.voicemails()).toHaveLength(1), patience)
  await bridge.drained()
  expect(await bridge.sandbox.voicemails()).toMatchObject([
    { mailbox: '1002', from: '1001', to: '1002', duration: 14, received_at: '2026-11-22T06:38:08.000Z', external_call_id: null },
  ])
})
