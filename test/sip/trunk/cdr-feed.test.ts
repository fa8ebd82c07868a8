import { expect, it } from 'vitest'
import { parseVia } from '../../../src/sip/message/via.ts'
import { peerOf } from '../../../src/sip/trunk/cdr-feed.ts'

it.each([
  ['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1', { transport: 'udp', address: '192.0.2.1', port: 5060 }],
  ['SIP/2.0/TCP pbx.example:5070;received=192.0.2.1', { transport: 'tcp', address: '192.0.2.1', port: 5070 }],
  ['SIP/2.0/TLS 192.0.2.1;rport=40000', { transport: 'tls', address: '192.0.2.1', port: 40_000 }],
  ['SIP/2.0/TLS 192.0.2.1', { transport: 'tls', address: '192.0.2.1', port: 5061 }],
])('a call that a drachtio-server tells of is of whom its Via names: %s', (value, peer) => {
  const via = parseVia(value)
  expect(via === null ? null : peerOf(via)).toEqual(peer)
})
