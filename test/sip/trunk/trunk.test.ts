import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Signalling } from '../../../src/bridge/signalling.ts'
import { SipStation } from '../../../src/cli/demo/station.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { CallSignal } from '../../../src/events/signal.ts'
import { createLog } from '../../../src/log.ts'

const running: (() => Promise<unknown> | unknown)[] = []
const log = createLog({ level: 'error', numbers: 'masked', isTerminal: false })

afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop()
})

interface Gateway {
  readonly port: number
  /** Calls that reached it. */
  readonly calls: readonly string[]
}

/** A carrier's gateway: `answers` with 200 or a status. */
async function gateway(answers: number): Promise<Gateway> {
  const calls: string[] = []
  const station = new SipStation(async (called, req, res) => {
    calls.push(called)
    if (answers === 200) await req.srf.createUAS(req, res, { localSdp: 'v=0\r\n' })
    else res.send(answers)
  })
  await station.start()
  running.push(() => station.stop())
  return { port: station.port, calls }
}

/** An address at which somebody listens and says nothing. */
async function silentPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  running.push(() => socket.close())
  return socket.address().port
}

async function trunk(carrierPorts: readonly number[]) {
  const pbx = new SipStation(async (_called, _req, res) => res.send(486))
  await pbx.start()
  running.push(() => pbx.stop())
  const carriers = carrierPorts.map(port => `"sip:127.0.0.1:${port}"`).join(', ')
  const text = `sip: { listen: ["udp://127.0.0.1:0"], trunk: { pbx: ["sip:127.0.0.1:${pbx.port}"], carrier: [${carriers}], no_answer: 500ms } }`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const signals: CallSignal[] = []
  const signalling = new Signalling({ config: loaded.config.sip, onSignal: signal => signals.push(signal), log })
  running.push(() => signalling.stop())
  const [listening] = await signalling.start()
  const trunkPort = listening?.port ?? 0
  return { signalling, signals, trunkPort, dial: () => pbx.call({ name: 'Bob', from: '1002', to: '4155550142', trunkPort }) }
}

describe('several gateways', () => {
  it('a gateway that answers nothing is passed over, and is tried last from then on', async () => {
    const working = await gateway(200)
    const silent = await silentPort()
    const { dial, signalling, signals } = await trunk([silent, working.port])
    await dial()
    expect(working.calls).toEqual(['4155550142'])
    await vi.waitFor(() => expect(signalling.order.down()).toEqual([`127.0.0.1:${silent}`]))
    expect(signalling.trunk.counters.failovers).toBe(1)
    await dial()
    expect(working.calls).toHaveLength(2)
    expect(signalling.trunk.counters.failovers).toBe(1)
    expect(signals.filter(({ kind }) => kind === 'failed')).toEqual([]) // the caller never learned of it
  })

  it('a 503 goes to the next gateway', async () => {
    const busy = await gateway(503)
    const working = await gateway(200)
    const { dial, signalling } = await trunk([busy.port, working.port])
    await dial()
    expect(working.calls).toHaveLength(1)
    await vi.waitFor(() => expect(signalling.order.down()).toEqual([`127.0.0.1:${busy.port}`]))
  })

  it.each([486, 404, 603, 500])('a %i is an answer: no other gateway is tried', async status => {
    const refusing = await gateway(status)
    const other = await gateway(200)
    const { dial, signals } = await trunk([refusing.port, other.port])
    await expect(dial()).rejects.toMatchObject({ status })
    expect(other.calls).toEqual([])
    expect(signals.at(-1)).toMatchObject({ kind: 'failed', sipCode: status })
  })

  it('when every gateway is down the caller learns it', async () => {
    const { dial, signalling } = await trunk([await silentPort(), await silentPort()])
    await expect(dial()).rejects.toMatchObject({ status: 408 })
    await vi.waitFor(() => expect(signalling.order.down()).toHaveLength(2))
  })
})

describe('others than peers', () => {
  it('a stranger gets 403 for whatever it asks, and makes no signal', async () => {
    const { trunkPort, signalling, signals } = await trunk([await silentPort()])
    const stranger = new SipStation(async () => {})
    await stranger.start()
    running.push(() => stranger.stop())
    const call = stranger.call({ name: 'Mallory', from: '666', to: '+390000000000', trunkPort })
    await expect(call).rejects.toMatchObject({ status: 403 })
    expect(signalling.peers.counters.strangers).toBe(1)
    expect(signals).toEqual([])
  })
})
