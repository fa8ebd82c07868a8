import { describe, expect, it } from 'vitest'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { GatewayOrder } from '../../../src/sip/trunk/gateway-order.ts'
import type { PeerAddress } from '../../../src/sip/trunk/peers.ts'
import { TrunkPeers } from '../../../src/sip/trunk/trunk-peers.ts'

const udp = (address: string, port = 5060): HopAddress => ({ transport: 'udp', address, port })
const tcp = (address: string, port: number): HopAddress => ({ transport: 'tcp', address, port })
const peer = (host: string, port = 5060): PeerAddress => ({ host, port, transport: 'udp' })

async function trunkPeers(pbx: PeerAddress[], carrier: PeerAddress[], names: Record<string, string[]> = {}): Promise<TrunkPeers> {
  const lookup = async (host: string): Promise<string[]> => {
    if (/^[\d.]+$/.test(host)) return [host]
    const addresses = names[host]
    if (addresses === undefined) throw new Error('no such name')
    return addresses
  }
  const peers = new TrunkPeers({ pbx, carrier, lookup, log: { warn: () => {} } })
  await peers.refresh()
  return peers
}

describe('who may use the trunk', () => {
  it('a peer is known by its address whatever its port', async () => {
    const peers = await trunkPeers([peer('192.0.2.1')], [peer('198.51.100.1')])
    expect(peers.sideOf(udp('192.0.2.1', 40_000), null)).toBe('pbx')
    expect(peers.sideOf(udp('::ffff:198.51.100.1'), null)).toBe('carrier')
    expect(peers.sideOf(udp('203.0.113.1'), null)).toBeNull()
  })

  it('two peers at one address are told apart by port, over TCP by the port in their Via', async () => {
    const peers = await trunkPeers([peer('127.0.0.1', 5070)], [peer('127.0.0.1', 5080)])
    expect(peers.sideOf(udp('127.0.0.1', 5070), null)).toBe('pbx')
    expect(peers.sideOf(udp('127.0.0.1', 5080), null)).toBe('carrier')
    expect(peers.sideOf(udp('127.0.0.1', 5090), null)).toBeNull()
    expect(peers.sideOf(tcp('127.0.0.1', 49_152), 5080)).toBe('carrier')
    expect(peers.sideOf(tcp('127.0.0.1', 49_152), null)).toBeNull()
  })

  it('two TLS peers at one address are told apart by the port in their Via, 5061 without one, and known by the names they have', async () => {
    const tls = (host: string, port: number): PeerAddress => ({ host, port, transport: 'tls' })
    const addresses = { 'pbx.example': ['192.0.2.1'], 'sip.example': ['192.0.2.1'] }
    const peers = await trunkPeers([tls('pbx.example', 5061)], [tls('sip.example', 5062)], addresses)
    const from: HopAddress = { transport: 'tls', address: '192.0.2.1', port: 49_152 }
    expect([peers.sideOf(from, null), peers.sideOf(from, 5062)]).toEqual(['pbx', 'carrier'])
    expect(peers.hostsAt('192.0.2.1')).toEqual(['pbx.example', 'sip.example'])
    expect(peers.hostsAt('192.0.2.2')).toEqual([])
  })

  it('within a dialog the PBX may reach anyone, a carrier only the PBX, a stranger nobody', async () => {
    const peers = await trunkPeers([peer('192.0.2.1')], [peer('198.51.100.1')])
    expect(peers.mayRelay(udp('192.0.2.1'), udp('198.51.100.77'))).toBe(true)
    expect(peers.mayRelay(udp('198.51.100.1'), udp('192.0.2.1'))).toBe(true)
    expect(peers.mayRelay(udp('198.51.100.1'), udp('10.0.0.1'))).toBe(false)
    expect(peers.mayRelay(udp('203.0.113.1'), udp('192.0.2.1'))).toBe(false)
    expect(peers.counters.relaysRefused).toBe(2)
  })

  it('a name that stops resolving keeps its last addresses and is reported', async () => {
    const names: Record<string, string[]> = { 'sbc.example': ['198.51.100.1'] }
    const peers = await trunkPeers([peer('192.0.2.1')], [peer('sbc.example')], names)
    delete names['sbc.example']
    await peers.refresh()
    expect(peers.sideOf(udp('198.51.100.1'), null)).toBe('carrier')
    expect(peers.failures()).toEqual(['sbc.example: no such name'])
  })
})

describe('gateway order', () => {
  it('a gateway that failed goes last until its penalty is over or it works again', () => {
    let now = 0
    const order = new GatewayOrder({ penaltyMs: 30_000, now: () => now })
    const gateways = [{ gateway: 'a' }, { gateway: 'b' }]
    order.failed('a')
    expect(order.sort(gateways).map(({ gateway }) => gateway)).toEqual(['b', 'a'])
    now = 30_000
    expect(order.sort(gateways).map(({ gateway }) => gateway)).toEqual(['a', 'b'])
    order.failed('a')
    order.worked('a')
    expect(order.down()).toEqual([])
  })
})
