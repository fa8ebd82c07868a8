import { env, stdout } from 'node:process'
import { expect, onTestFinished, test, vi } from 'vitest'
import { freePort, isOpen } from './free-port.ts'
import { patience } from './running-bridge.ts'
import { hasSipp, sipp } from './sipp.ts'
import { carrierHost, pbxHost, Site } from './site.ts'

const present = hasSipp()
if (!present)
  stdout.write('sipp is missing, so the trunk is not loaded with calls. Install it: sudo apt-get install sip-tester\n')

test.runIf(!present && env.CI !== undefined)('sipp is installed where all tests have to run', () => {
  expect.unreachable('sipp is missing: apt-get install sip-tester')
})

test.skipIf(!present).each([
  { transport: 'udp', calls: 1000, rate: 50 },
  { transport: 'tcp', calls: 200, rate: 50 },
] as const)(
  '$calls calls at $rate a second over $transport are carried, and reported in order and once',
  {
    timeout: 120_000,
  },
  async ({ transport, calls, rate }) => {
    const site = await Site.open()
    onTestFinished(() => site.close())
    const [pbx, carrier] = [await freePort(pbxHost), await freePort(carrierHost)]
    const suffix = transport === 'tcp' ? ';transport=tcp' : ''
    await site.configure({
      sip: {
        listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
        trunk: { pbx: [`sip:${pbxHost}:${pbx}${suffix}`], carrier: [`sip:${carrierHost}:${carrier}${suffix}`] },
      },
    })
    const bridge = await site.start()
    const { address, port } = bridge.sip(transport)
    const common = { transport, calls, folder: site.folder }
    const callee = sipp({ ...common, scenario: 'callee', host: pbxHost, port: pbx })
    onTestFinished(() => callee.stop())
    await vi.waitFor(async () => expect(await isOpen(transport, pbxHost, pbx)).toBe(true), patience)
    const caller = sipp({ ...common, scenario: 'caller', host: carrierHost, port: carrier, target: `${address}:${port}`, rate })
    onTestFinished(() => caller.stop())

    expect(await caller.done).toMatchObject({ code: 0, successful: calls, failed: 0, errors: '' })
    expect(await callee.done).toMatchObject({ code: 0, successful: calls, failed: 0, errors: '' })
    await bridge.drained(60_000)
    const state = await bridge.sandbox.state()
    expect(state).toMatchObject({ phone_calls: calls, phone_call_events: calls * 4, out_of_order: 0, gaps: 0, repeats: 0 })
    const wrong = Object.entries(state.sequences).filter(([, sequence]) => sequence.join() !== '1,2,3,4')
    expect(wrong).toEqual([])
    await bridge.counts('tpe_bridge_sip_malformed_total', 0)
  },
)
