import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatNameAddr, parseNameAddr, tagOf } from '../../../src/sip/message/name-addr.ts'
import { parseUri, type SipUri } from '../../../src/sip/message/uri.ts'
import { formatVia, parseVia, type Via } from '../../../src/sip/message/via.ts'
import { formatUri } from './format-uri.ts'

const uri = (over: Partial<SipUri>): SipUri => ({
  scheme: 'sip',
  user: null,
  password: null,
  host: 'example.com',
  port: null,
  params: new Map(),
  headers: [],
  ...over,
})

describe('a URI', () => {
  test.each<[text: string, expected: SipUri]>([
    ['sip:example.com', uri({})],
    ['SIP:alice@example.com:5070', uri({ user: 'alice', port: 5070 })],
    ['sips:alice:secret@example.com', uri({ scheme: 'sips', user: 'alice', password: 'secret' })],
    ['sip:[2001:db8::9:1]:5070;lr', uri({ host: '2001:db8::9:1', port: 5070, params: new Map([['lr', null]]) })],
    ['sip:[::1]', uri({ host: '::1' })],
    ['sip:sips%3Auser%40example.com@example.com', uri({ user: 'sips:user@example.com' })],
    ['sip:J%c3%bcrgen@example.com', uri({ user: 'J\u00fcrgen' })],
    ['sip:J%fcrgen@example.com', uri({ user: 'J\u00fcrgen' })],
    ['sip:100%@example.com', uri({ user: '100%' })],
    ['sip:+15551234567;ext=5@example.com;user=phone', uri({ user: '+15551234567;ext=5', params: new Map([['user', 'phone']]) })],
    [
      'sip:1001@example.com?Replaces=a%40b%3Bto-tag%3Dx&Subject=hi',
      uri({
        user: '1001',
        headers: [
          ['Replaces', 'a@b;to-tag=x'],
          ['Subject', 'hi'],
        ],
      }),
    ],
    ['sip:1001@example.com?Replaces=call@10.0.0.1', uri({ user: '1001', headers: [['Replaces', 'call@10.0.0.1']] })],
    [
      'sip:example.com;Transport=TCP;lr=on',
      uri({
        params: new Map([
          ['transport', 'TCP'],
          ['lr', 'on'],
        ]),
      }),
    ],
    [
      'tel:+1-555-123;phone-context=x',
      uri({ scheme: 'tel', user: '+1-555-123', host: '', params: new Map([['phone-context', 'x']]) }),
    ],
  ])('%s', (text, expected) => expect(parseUri(text)).toEqual(expected))

  test.each([
    '',
    'sip:',
    'sip:@example.com',
    'sip:alice@',
    'sip:a@b@c',
    'sip:a@b:0',
    'sip:a@b:65536',
    'sip:a@b:x',
    'sip:a b@c',
    '<sip:a@b>',
    'sip:[::1',
    'sip:[x]',
    'http://example.com',
    'tel:',
    'alice@example.com',
  ])('%s is none', text => expect(parseUri(text)).toBeNull())

  test('a replacement character that was meant as one is no sign of Latin-1', () => {
    expect(parseUri('sip:%EF%BF%BD@example.com')?.user).toBe('\uFFFD')
    expect(parseUri('sip:%E4@example.com')?.user).toBe('ä')
  })

  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
  const host = fc.constantFrom('example.com', '192.0.2.1', '2001:db8::1', 'pbx_1')
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }))
  const paramMap = fc.array(fc.tuple(name, fc.option(text))).map(entries => new Map(entries))

  test('whatever its parts hold survives being written and read', () => {
    const any = fc.record<SipUri>({
      scheme: fc.constantFrom('sip', 'sips'),
      user: text,
      password: fc.option(text),
      host,
      port,
      params: paramMap,
      headers: fc.array(fc.tuple(name, fc.string({ unit: 'grapheme', maxLength: 12 }))),
    })
    fc.assert(
      fc.property(any, value => {
        expect(parseUri(formatUri(value))).toEqual(value)
      }),
    )
  })

  test('no text makes a parser throw', () => {
    const soup = fc.string({ unit: fc.constantFrom(...'sip:@;?=&%[]<>"\\, 5aZ/.SIP/2.0/UDP'.split('')), maxLength: 40 })
    fc.assert(
      fc.property(
        fc.oneof(
          soup,
          soup.map(rest => `sip:${rest}`),
          soup.map(rest => `SIP/2.0/UDP ${rest}`),
          fc.string(),
        ),
        value => {
          const parsed = parseUri(value)
          if (parsed !== null) expect(parseUri(formatUri(parsed))).toEqual(parsed)
          const address = parseNameAddr(value)
          if (address !== null) expect(parseNameAddr(formatNameAddr(address))?.uri).toBe(address.uri)
          const via = parseVia(value)
          if (via !== null) expect(parseVia(formatVia(via))?.host).toBe(via.host)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('a From, To or Contact', () => {
  test.each([
    ['<sip:a@b>;tag=1', { display: null, uri: 'sip:a@b', params: new Map([['tag', '1']]) }],
    ['Alice <sip:a@b>', { display: 'Alice', uri: 'sip:a@b', params: new Map() }],
    ['Alice in Chains <sip:a@b>', { display: 'Alice in Chains', uri: 'sip:a@b', params: new Map() }],
    ['"A \\"B\\" <C>"<sip:a@b;lr>;Tag=x', { display: 'A "B" <C>', uri: 'sip:a@b;lr', params: new Map([['tag', 'x']]) }],
    ['sip:a@b;tag=1', { display: null, uri: 'sip:a@b', params: new Map([['tag', '1']]) }],
    ['sip:a@b ;  tag  = 1', { display: null, uri: 'sip:a@b', params: new Map([['tag', '1']]) }],
    ['"" <sip:a@b>', { display: null, uri: 'sip:a@b', params: new Map() }],
    ['<tel:+15551234567>;x="a;b"', { display: null, uri: 'tel:+15551234567', params: new Map([['x', 'a;b']]) }],
  ])('%s', (text, expected) => {
    expect(parseNameAddr(text)).toEqual(expected)
    expect(parseNameAddr(formatNameAddr(expected))).toEqual(expected)
  })

  test.each(['', '*', '"never closed <sip:a@b>', '<sip:a@b', '<>', 'Alice', '"Alice"', '< >'])('%s is none', text =>
    expect(parseNameAddr(text)).toBeNull(),
  )

  test('its tag is found in any case and not inside a URI or display name', () => {
    expect(tagOf('"x;tag=2" <sip:a@b;tag=3>;TAG=1')).toBe('1')
    expect(tagOf('<sip:a@b;tag=3>')).toBeNull()
  })
})

describe('a Via', () => {
  const via = (over: Partial<Via>): Via => ({ transport: 'UDP', host: '192.0.2.1', port: null, params: new Map(), ...over })
  test.each<[text: string, expected: Via]>([
    [
      'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport',
      via({
        port: 5060,
        params: new Map([
          ['branch', 'z9hG4bK1'],
          ['rport', null],
        ]),
      }),
    ],
    ['SIP/2.0/tcp pbx.example.com', via({ transport: 'TCP', host: 'pbx.example.com' })],
    ['SIP / 2.0  / UDP   192.0.2.1 : 5060  ; branch =  x', via({ port: 5060, params: new Map([['branch', 'x']]) })],
    [
      'SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::1]',
      via({ host: '2001:db8::9:1', params: new Map([['received', '[2001:db8::1]']]) }),
    ],
  ])('%s', (text, expected) => {
    expect(parseVia(text)).toEqual(expected)
    expect(parseVia(formatVia(expected))).toEqual(expected)
  })

  test.each([
    '',
    'SIP/2.0',
    'SIP/2.0/UDP',
    'SIP/3.0/UDP h',
    'SIP/2.0/UDP ;branch=1',
    'SIP/2.0/UDP h:99999',
    'HTTP/1.1 x',
    'SIP/2.0/ h',
  ])('%s is none', text => expect(parseVia(text)).toBeNull())
})
