/** A PBX whose calls are only watched: what its capture agent mirrors becomes the calls that a person would tell of, in Zendesk. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { asteriskDatagrams } from '../sip/hep/fixtures.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

const hep = {
  listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
  peers: ['127.0.0.1'],
  pbx: ['127.0.0.1:5070'],
  carrier: ['127.0.0.1:5060'],
  auth_key: 'labhep',
  max_age: '30d',
}

async function watching(more: object = {}): Promise<RunningBridge> {
  const site = await Site.open()
  onTestFinished(() => site.close())
  await site.configure({ hep, calls: { ring_orphan_after: '10s' }, ...more })
  return await site.start()
}

async function sentByUdp(bridge: RunningBridge, datagrams: readonly Buffer[]): Promise<void> {
  const socket = createSocket('udp4')
  const { address, port } = bridge.hep('udp')
  for (const datagram of datagrams) await new Promise<void>(resolve => socket.send(datagram, port, address, () => resolve()))
  socket.close()
}

async function sentByTcp(bridge: RunningBridge, datagrams: readonly Buffer[]): Promise<void> {
  const { address, port } = bridge.hep('tcp')
  const socket = connect(port, address)
  await once(socket, 'connect')
  socket.end(Buffer.concat(datagrams))
  await once(socket, 'close')
}

test('a call through the PBX is one call with both its legs, whichever way the agent sends', { timeout: 60_000 }, async () => {
  const bridge = await watching()
  await sentByUdp(bridge, asteriskDatagrams('07-hold'))
  await sentByTcp(bridge, asteriskDatagrams('10-trunk-b2bua-out'))
  const told = await vi.waitFor(async () => {
    const known = await bridge.sandbox.calls()
    expect(known.map(({ status }) => status)).toEqual(['connected', 'connected'])
    return known
  }, patience)
  expect(told).toContainEqual(expect.objectContaining({ from: '1001', to: '1002', direction: 'internal', hold_time: 3 }))
  expect(told).toContainEqual(expect.objectContaining({ from: '1001', direction: 'outbound' }))
  for (const { legs } of told) expect(legs).toHaveLength(2)
})
