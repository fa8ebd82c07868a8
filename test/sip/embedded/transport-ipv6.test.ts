import { networkInterfaces } from 'node:os'
import { describe, expect, it, vi } from 'vitest'
import { LocalIdentity } from '../../../src/sip/embedded/local-identity.ts'
import { type NextHop, NextHopLocator } from '../../../src/sip/embedded/proxy/next-hop.ts'
import { canonicalAddress } from '../../../src/sip/embedded/transport/ip-address.ts'
import { LocalAddresses } from '../../../src/sip/embedded/transport/local-addresses.ts'
import { stampedSource, stampVia } from '../../../src/sip/embedded/transport/via-routing.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { formatVia, parseVia } from '../../../src/sip/message/via.ts'
import { noIpv6, streamPeer } from './stream-peers.ts'
import { answer, kinds, outgoing, recordedUser, requestText, startLayer, udpPeer } from './transaction-peers.ts'

const settled = { timeout: 5_000, interval: 5 }

it.each([
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['fe80::0:1%eth0', 'fe80::1%eth0'],
  ['192.0.2.1', '192.0.2.1'],
  ['pbx.example', 'pbx.example'],
  ['', ''],
])('the address %s is %s', (text, expected) => expect(canonicalAddress(text)).toBe(expected))

it.each([
  ['sip:[2001:DB8:0::1]', true],
  ['sip:bob@[2001:db8::1]:5060;transport=tcp', true],
  ['sip:[2001:db8::1]:5061', true],
  ['sips:bob@[2001:db8::1]', true],
  ['sip:[2001:db8::1];transport=TLS', true],
  ['sips:[2001:db8::1]:5062', false],
  ['sip:[2001:db8::2]', false],
])('%s is us: %s', (uri, expected) => {
  const listening: HopAddress[] = [
    { transport: 'udp', address: '2001:db8::1', port: 5060 },
    { transport: 'tls', address: '2001:db8::1', port: 5061 },
  ]
  expect(new LocalIdentity(listening, {}, () => null).isLocalUri(uri)).toBe(expected)
})

describe('the next hop of a URI', () => {
  const locate = (uri: string, speaks: readonly HopAddress['transport'][] = ['udp', 'tcp', 'tls'], reaches = /./) =>
    new Promise<NextHop>(resolve =>
      new NextHopLocator({
        hasTransport: transport => speaks.includes(transport),
        canReach: ({ address }) => reaches.test(address),
        lookUp: async () => ['2001:db8::7', '192.0.2.7'],
        clock: () => 0,
      }).locate(uri, resolve),
    )
  const hop = (transport: HopAddress['transport'], address: string, port: number, domain?: string) => ({
    ok: true,
    hop: { transport, address, port, ...(domain === undefined ? {} : { domain }) },
  })

  it.each<[uri: string, expected: object]>([
    ['sip:[2001:DB8::0:1]', hop('udp', '2001:db8::1', 5060)],
    ['sip:192.0.2.1;transport=tls', hop('tls', '192.0.2.1', 5061, '192.0.2.1')],
    ['sips:PBX.example', hop('tls', '2001:db8::7', 5061, 'pbx.example')],
    ['sips:pbx.example:5080;transport=tcp', hop('tls', '2001:db8::7', 5080, 'pbx.example')],
    ['sips:pbx.example;transport=udp', { ok: false, reason: 'transport-not-available' }],
    ['sip:pbx.example;transport=ws', { ok: false, reason: 'transport-not-available' }],
  ])('%s', async (uri, expected) => expect(await locate(uri)).toEqual(expected))

  it('by TLS is none where nothing speaks TLS', async () => {
    expect(await locate('sips:192.0.2.1', ['udp', 'tcp'])).toEqual({ ok: false, reason: 'transport-not-available' })
    expect(await locate('sip:192.0.2.1;transport=tls', ['udp', 'tcp'])).toEqual({ ok: false, reason: 'transport-not-available' })
  })

  it('is the address of a name that a socket of ours can reach', async () =>
    expect(await locate('sip:pbx.example', ['udp'], /^192/)).toEqual(hop('udp', '192.0.2.7', 5060)))

  it.each(['sip:[2001:db8::1]', 'sip:pbx.example'])('%s is none where no socket of ours can reach it', async uri =>
    expect(await locate(uri, ['udp'], /^10/)).toEqual({ ok: false, reason: 'transport-not-available' }),
  )
})

it('a response finds its way by a received with brackets or without (RFC 5118 4.5)', () => {
  for (const received of ['2001:db8::9', '[2001:db8::9]']) {
    const via = parseVia(`SIP/2.0/TLS [2001:db8::8]:5070;branch=z9hG4bK1;received=${received};rport=40000`)
    expect(via && stampedSource(via)).toEqual({ transport: 'tls', address: '2001:db8::9', port: 40_000 })
  }
  const via = parseVia('SIP/2.0/UDP [2001:db8::8];branch=z9hG4bK1')
  if (via === null) throw new Error('no via')
  const request = { kind: 'request', method: 'OPTIONS', uri: 'sip:x', headers: [{ name: 'Via', value: formatVia(via) }] } as const
  const source: HopAddress = { transport: 'udp', address: '2001:db8::9', port: 5060 }
  expect(stampVia({ ...request, body: Buffer.alloc(0) }, via, source).headers[0]?.value).toBe(
    'SIP/2.0/UDP [2001:db8::8];branch=z9hG4bK1;received=2001:db8::9',
  )
})

it('our address toward a peer whose address has a zone is found without an exception', () => {
  expect(new LocalAddresses(networkInterfaces()).toward('fe80::1%eth0')).toContain(':')
})

describe.skipIf(noIpv6)('on every IPv6 address (this machine has ::1)', () => {
  it('IPv4 is not caught as well: it may have its own socket on the same port', async () => {
    const user = recordedUser(answer(200))
    // Again when somebody else has one of the ports on IPv4.
    const { layer, udp, tcp } = await vi.waitFor(async () => {
      const running = await startLayer(user, { listen: ['udp://[::]:0', 'tcp://[::]:0'] })
      const listen = running.layer.listening.map(({ transport, port }) => `${transport}://0.0.0.0:${port}`)
      await startLayer(recordedUser(), { listen })
      return running
    }, settled)
    const phone = await udpPeer({ ...udp, address: '::1' }, () => {}, '::1')
    phone.send(requestText('OPTIONS', phone.address, { via: `SIP/2.0/UDP [::1]:${phone.address.port};branch=z9hG4bKw;rport` }))
    expect(kinds([await phone.message(0)])).toEqual([200])
    // What peers are told is a real address, in one family with theirs.
    expect(user.requests[0]?.local).toEqual({ transport: 'udp', address: '::1', port: udp.port })
    const pbx = await streamPeer({ transport: 'tcp', address: '::1' })
    layer.request(outgoing('OPTIONS'), pbx.address, { onResponse: () => {}, onFailure: () => {} })
    const request = await pbx.message(0)
    expect(request.headers[0]?.value).toContain(`SIP/2.0/TCP [::1]:${tcp.port};`)
    await vi.waitFor(() => expect(layer.counters.connectionsOpened).toBe(1), settled)
  })

  it('no socket of ours reaches an IPv4 peer, and that is said', async () => {
    const { layer } = await startLayer(recordedUser(), { listen: ['udp://[::1]:0'] })
    const failures: string[] = []
    const peer: HopAddress = { transport: 'udp', address: '127.0.0.1', port: 9 }
    layer.request(outgoing('OPTIONS'), peer, { onResponse: () => {}, onFailure: (_, detail) => failures.push(detail) })
    await vi.waitFor(() => expect(failures).toEqual(['no udp socket can reach 127.0.0.1; add one to sip.listen']), settled)
  })
})
