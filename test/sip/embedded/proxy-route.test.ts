import { describe, expect, it } from 'vitest'
import { LocalIdentity } from '../../../src/sip/embedded/local-identity.ts'
import { forwardedCopy, hopsLeft, recordRoutes, towardsNextHop, withoutOwnRoutes } from '../../../src/sip/embedded/proxy/route.ts'
import { headerValues } from '../../../src/sip/message/headers.ts'
import type { HopAddress, SipRequest } from '../../../src/sip/message/message.ts'

const udp: HopAddress = { transport: 'udp', address: '192.0.2.1', port: 5060 }
const tcp: HopAddress = { transport: 'tcp', address: '192.0.2.1', port: 5062 }
const identity = new LocalIdentity([udp, tcp], {}, () => udp)

const request = (uri: string, headers: readonly [string, string][] = []): SipRequest => ({
  kind: 'request',
  method: 'BYE',
  uri,
  headers: headers.map(([name, value]) => ({ name, value })),
  body: Buffer.alloc(0),
})

describe('our own routes', () => {
  it('are taken off the top, both of a pair, and foreign ones stay', () => {
    const { request: stripped, routed } = withoutOwnRoutes(
      request('sip:bob@198.51.100.7', [
        ['Route', '<sip:192.0.2.1;lr>, <sip:192.0.2.1:5062;transport=tcp;lr>'],
        ['Route', '<sip:203.0.113.9;lr>'],
      ]),
      identity,
    )
    expect(routed).toBe(true)
    expect(headerValues(stripped, 'Route')).toEqual(['<sip:203.0.113.9;lr>'])
  })

  it('below a foreign one are not for us yet', () => {
    const { routed } = withoutOwnRoutes(
      request('sip:bob@198.51.100.7', [['Route', '<sip:203.0.113.9;lr>, <sip:192.0.2.1;lr>']]),
      identity,
    )
    expect(routed).toBe(false)
  })

  it('put into the request URI by a strict router are undone', () => {
    const { request: stripped, routed } = withoutOwnRoutes(
      request('sip:192.0.2.1;lr', [['Route', '<sip:203.0.113.9;lr>, <sip:bob@198.51.100.7>']]),
      identity,
    )
    expect(routed).toBe(true)
    expect(stripped.uri).toBe('sip:bob@198.51.100.7')
    expect(headerValues(stripped, 'Route')).toEqual(['<sip:203.0.113.9;lr>'])
  })
})

describe('the next hop', () => {
  it('is the request URI when no route is left', () => {
    expect(towardsNextHop(request('sip:bob@198.51.100.7')).nextHop).toBe('sip:bob@198.51.100.7')
  })

  it('is the first loose router', () => {
    expect(towardsNextHop(request('sip:bob@198.51.100.7', [['Route', '<sip:203.0.113.9;lr>']])).nextHop).toBe(
      'sip:203.0.113.9;lr',
    )
  })

  it('that is a strict router gets the request URI as the last route', () => {
    const { request: sent, nextHop } = towardsNextHop(request('sip:bob@198.51.100.7', [['Route', '<sip:203.0.113.9>']]))
    expect([nextHop, sent.uri, headerValues(sent, 'Route')]).toEqual([
      'sip:203.0.113.9',
      'sip:203.0.113.9',
      ['<sip:bob@198.51.100.7>'],
    ])
  })
})

it.each([
  [undefined, 70],
  ['70', 69],
  ['1', 0],
  ['0', null],
  ['soon', 69],
])('Max-Forwards %s leaves %s', (value, left) => {
  expect(hopsLeft(request('sip:a@b', value === undefined ? [] : [['Max-Forwards', value]]))).toBe(left)
})

it('the Record-Route names each side when the sides differ', () => {
  const side = (local: HopAddress, uri = 'sip:bob@192.0.2.1') => ({ local, uri })
  const tls: HopAddress = { transport: 'tls', address: '2001:db8::1', port: 5061 }
  expect(recordRoutes(identity, side(udp), side(udp))).toEqual(['<sip:192.0.2.1:5060;lr>'])
  expect(recordRoutes(identity, side(udp), side(tcp))).toEqual([
    '<sip:192.0.2.1:5062;transport=tcp;lr>',
    '<sip:192.0.2.1:5060;lr>',
  ])
  expect(recordRoutes(identity, side(tls), side(udp))).toEqual([
    '<sip:192.0.2.1:5060;lr>',
    '<sip:[2001:db8::1]:5061;transport=tls;lr>',
  ])
  // Who asked for SIPS stays in SIPS (RFC 3261 16.6 step 4); over UDP there is none.
  const sips = 'sips:bob@[2001:db8::1]'
  expect(recordRoutes(identity, side(tls, sips), side(udp, sips))).toEqual([
    '<sip:192.0.2.1:5060;lr>',
    '<sips:[2001:db8::1]:5061;lr>',
  ])
})

it('a forwarded copy takes the headers of the application, but none that identify the dialog', () => {
  const copy = forwardedCopy(
    request('sip:a@b', [
      ['From', '<sip:x@y>;tag=1'],
      ['Max-Forwards', '70'],
      ['X-Trunk', 'old'],
    ]),
    {
      uri: 'sip:c@d',
      maxForwards: 69,
      onTop: [{ name: 'Record-Route', value: '<sip:me;lr>' }],
      headers: [
        { name: 'X-Trunk', value: 'new' },
        { name: 'from', value: '<sip:forged@y>' },
      ],
    },
  )
  expect(copy.uri).toBe('sip:c@d')
  expect(copy.headers.map(({ name, value }) => `${name}: ${value}`)).toEqual([
    'Record-Route: <sip:me;lr>',
    'Max-Forwards: 69',
    'From: <sip:x@y>;tag=1',
    'X-Trunk: new',
  ])
})
