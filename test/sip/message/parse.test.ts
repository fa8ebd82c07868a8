import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerValue, headerValues } from '../../../src/sip/message/headers.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { serializeMessage } from '../../../src/sip/message/serialize.ts'

const REQUIRED = [
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
  'From: <sip:a@example.com>;tag=1',
  'To: <sip:b@example.com>',
  'Call-ID: x@192.0.2.1',
  'CSeq: 1 OPTIONS',
]
const START = 'OPTIONS sip:b@example.com SIP/2.0'

function wire(start: string, headers: readonly string[], body = ''): Buffer {
  return Buffer.from(`${[start, ...headers].join('\r\n')}\r\n\r\n${body}`)
}

function parsed(bytes: Buffer): SipMessage {
  const result = parseMessage(bytes)
  if (!result.ok) throw new Error(`refused as ${result.reason}`)
  return result.message
}

const reasonOf = (bytes: Buffer): string => {
  const result = parseMessage(bytes)
  return result.ok ? 'accepted' : result.reason
}

const without = (name: string): string[] => REQUIRED.filter(line => !line.startsWith(`${name}:`))
const replaced = (name: string, line: string): string[] => [...without(name), line]

/** RFC 4475 3.1.1.1, with the parts that make it a torture: folding everywhere, odd blanks, odd case, escaped quotes. */
const TORTUOUS = [
  'INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0',
  'TO :',
  ' sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n',
  'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
  '  ;',
  '  tag = 98asjd8',
  'MaX-fOrWaRdS: 0068',
  'Call-ID: wsinv.ndaksdj@192.0.2.1',
  'Content-Length   : 5',
  'cseq: 0009',
  '  INVITE',
  'Via  : SIP  /   2.0',
  ' /UDP',
  '    192.0.2.2;branch=390skdjuw',
  's :',
  'NewFangledHeader:   newfangled value',
  ' continued newfangled value',
  'UnknownHeaderWithUnusualValue: ;;,,;;,;',
  'Content-Type: application/sdp',
  'Route:',
  ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
  'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
  '  branch  =   z9hG4bK9ikj8  ,',
  ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
  ' z9hG4bK30239',
  'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
  '      newvalue ;',
  '  secondparam ; q = 0.33',
  '',
  'v=0\r\n',
].join('\r\n')

describe('a message that is legal is read', () => {
  test('however tortuous its blanks, folds and case are (RFC 4475 3.1.1.1)', () => {
    const message = parsed(Buffer.from(TORTUOUS))
    expect(message).toMatchObject({ kind: 'request', method: 'INVITE', uri: 'sip:vivekg@chair-dnrc.example.com;unknownparam' })
    expect(headerValue(message, 'To')).toBe('sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n')
    expect(headerValue(message, 'CSeq')).toBe('0009 INVITE')
    expect(headerValue(message, 'Subject')).toBe('')
    expect(headerValue(message, 'Contact')).toBe(
      '"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam = newvalue ; secondparam ; q = 0.33',
    )
    expect(headerValues(message, 'Via')).toHaveLength(3)
    expect(message.body.toString()).toBe('v=0\r\n')
  })

  test.each([
    ['a method of unusual token characters (RFC 4475 3.1.1.2)', "!interesting-Method0123456789_*+`.%indeed'~"],
    ['a method that nobody knows', 'NEWMETHOD'],
  ])('%s', (_, method) => {
    const bytes = wire(
      `${method} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0`,
      [...without('CSeq'), `CSeq: 1 ${method}`],
    )
    expect(parsed(bytes)).toMatchObject({ method })
  })

  test.each([
    ['a URI of another scheme', 'OPTIONS nobodyknowsthisscheme:totallyopaquecontent SIP/2.0'],
    ['escapes in the URI', 'OPTIONS sip:sips%3Auser%40example.com@example.net SIP/2.0'],
    ['an IPv6 URI', 'OPTIONS sip:[2001:db8::10] SIP/2.0'],
  ])('%s', (_, start) => expect(reasonOf(wire(start, REQUIRED))).toBe('accepted'))

  test.each([
    ['no reason phrase (RFC 4475 3.1.1.13)', 'SIP/2.0 100 ', ''],
    ['not even the blank before it', 'SIP/2.0 100', ''],
    ['a reason of several words', 'SIP/2.0 481 Call Leg/Transaction Does Not Exist', 'Call Leg/Transaction Does Not Exist'],
  ])('a response with %s', (_, start, reason) =>
    expect(parsed(wire(start, REQUIRED))).toMatchObject({ kind: 'response', reason }),
  )

  test('blank lines before it are skipped', () => {
    expect(reasonOf(Buffer.concat([Buffer.from('\r\n\r\n\r\n'), wire(START, REQUIRED)]))).toBe('accepted')
  })

  test('bytes behind its Content-Length are dropped', () => {
    expect(parsed(wire(START, [...REQUIRED, 'l: 3'], 'abcdef')).body.toString()).toBe('abc')
  })

  test('without Content-Length the rest of the datagram is its body', () => {
    expect(parsed(wire(START, REQUIRED, 'abcdef')).body.toString()).toBe('abcdef')
  })

  test('compact names are expanded, and one-letter names that mean nothing are kept', () => {
    const message = parsed(
      wire(START, ['v: SIP/2.0/UDP h;branch=1', 'f: <sip:a@b>', 't: <sip:b@b>', 'i: 1', 'CSeq: 1 OPTIONS', 'z: 1']),
    )
    expect(message.headers.map(field => field.name)).toEqual(['Via', 'From', 'To', 'Call-ID', 'CSeq', 'z'])
  })

  test('Latin-1 in a display name becomes the UTF-8 that the next hop expects', () => {
    const bytes = Buffer.from(wire(START, replaced('From', 'From: "J\u00fcrgen" <sip:a@b>;tag=1')).toString('utf8'), 'latin1')
    expect(headerValue(parsed(bytes), 'From')).toBe('"J\u00fcrgen" <sip:a@b>;tag=1')
  })
})

describe('what is no message is refused with its reason', () => {
  test.each<[reason: string, what: string, bytes: Buffer]>([
    ['empty', 'nothing', Buffer.alloc(0)],
    ['empty', 'a keep-alive', Buffer.from('\r\n\r\n')],
    ['too-long', '70 kB', Buffer.alloc(70_000, 'x')],
    ['too-long', 'headers of 20 kB', wire(START, [...REQUIRED, `X: ${'x'.repeat(20_000)}`])],
    ['headers-not-ended', 'a message cut in its headers', wire(START, REQUIRED).subarray(0, 60)],
    ['start-line', 'HTTP', wire('GET / HTTP/1.1', REQUIRED)],
    ['start-line', 'a single word', wire('OPTIONS', REQUIRED)],
    ['start-line', 'a blank in the URI (RFC 4475 3.1.2.7)', wire('OPTIONS sip:user@example.com; lr SIP/2.0', REQUIRED)],
    ['start-line', 'a URI in brackets (RFC 4475 3.1.2.6)', wire('OPTIONS <sip:user@example.com> SIP/2.0', REQUIRED)],
    ['start-line', 'several blanks (RFC 4475 3.1.2.8)', wire('OPTIONS  sip:user@example.com  SIP/2.0', REQUIRED)],
    ['start-line', 'a blank behind it (RFC 4475 3.1.2.9)', wire(`${START} `, REQUIRED)],
    ['version', 'SIP/7.0 (RFC 4475 3.1.2.16)', wire('OPTIONS sip:t@example.com SIP/7.0', REQUIRED)],
    ['version', 'a response of SIP/3.0', wire('SIP/3.0 200 OK', REQUIRED)],
    ['status', 'a status of 4294967301 (RFC 4475 3.1.2.19)', wire('SIP/2.0 4294967301 better not', REQUIRED)],
    ['status', 'a status of 99', wire('SIP/2.0 099 x', REQUIRED)],
    ['status', 'a status of 700', wire('SIP/2.0 700 x', REQUIRED)],
    ['status', 'a status of 1e2', wire('SIP/2.0 1e2 x', REQUIRED)],
    ['header-line', 'a line without colon', wire(START, [...REQUIRED, 'nonsense'])],
    ['header-line', 'a name with a blank inside', wire(START, [...REQUIRED, 'Bad Name: 1'])],
    ['header-line', 'a NUL', wire(START, [...REQUIRED, 'Subject: a\0b'])],
    ['header-line', 'a bare LF inside a value', wire(START, [...REQUIRED, 'Subject: a\nX-Injected: b'])],
    ['header-line', 'a bare CR inside a value', wire(START, [...REQUIRED, 'Subject: a\rX-Injected: b'])],
    ['too-many-headers', '300 headers', wire(START, [...REQUIRED, ...Array.from({ length: 300 }, () => 'X: 1')])],
    ['missing-via', 'no Via', wire(START, without('Via'))],
    ['missing-from', 'no From', wire(START, without('From'))],
    ['missing-to', 'no To', wire(START, without('To'))],
    ['missing-to', 'an empty To', wire(START, replaced('To', 'To:'))],
    ['missing-call-id', 'no Call-ID', wire(START, without('Call-ID'))],
    ['missing-cseq', 'no CSeq', wire(START, without('CSeq'))],
    ['duplicate-header', 'two Call-IDs (RFC 4475 3.3.8)', wire(START, [...REQUIRED, 'i: y'])],
    ['duplicate-header', 'two Froms', wire(START, [...REQUIRED, 'f: <sip:c@d>'])],
    ['cseq', 'a method in CSeq that is not its own (RFC 4475 3.1.2.17)', wire(START, replaced('CSeq', 'CSeq: 1 INVITE'))],
    ['cseq', 'a CSeq beyond 32 bits (RFC 4475 3.1.2.4)', wire(START, replaced('CSeq', 'CSeq: 36893488147419103232 OPTIONS'))],
    ['content-length', 'a negative Content-Length (RFC 4475 3.1.2.3)', wire(START, [...REQUIRED, 'Content-Length: -999'])],
    ['content-length', 'two lengths that differ', wire(START, [...REQUIRED, 'Content-Length: 1', 'l: 2'], 'ab')],
    [
      'truncated-body',
      'a body shorter than promised (RFC 4475 3.1.2.2)',
      wire(START, [...REQUIRED, 'Content-Length: 9999'], 'v=0'),
    ],
  ])('%s: %s', (reason, _, bytes) => expect(reasonOf(bytes)).toBe(reason))

  test('a header of blanks only takes linear time', () => {
    const bytes = wire(START, [...REQUIRED, `X:${' \t'.repeat(7_500)}`, ' y'])
    const before = performance.now()
    expect(reasonOf(bytes)).toBe('accepted')
    expect(performance.now() - before).toBeLessThan(50)
  })
})

const token = fc.stringMatching(/^[A-Za-z0-9\-.!%*_+`'~]{1,20}$/)
const headerText = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .map(text => text.replace(/[\r\n\0]/g, '').replace(/^[ \t]+|[ \t]+$/g, ''))
const headerName = token.filter(name => name.length > 1 && !/^(via|from|to|call-id|cseq|content-length)$/i.test(name))
const required = (method: string) => [
  { name: 'Via', value: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1' },
  { name: 'From', value: '<sip:a@example.com>;tag=1' },
  { name: 'To', value: '<sip:b@example.com>' },
  { name: 'Call-ID', value: 'x@192.0.2.1' },
  { name: 'CSeq', value: `1 ${method}` },
]
const message: fc.Arbitrary<SipMessage> = fc
  .record({
    method: token.filter(method => !/^sip/i.test(method)),
    status: fc.integer({ min: 100, max: 699 }),
    reason: headerText,
    request: fc.boolean(),
    extra: fc.array(fc.record({ name: headerName, value: headerText }), { maxLength: 10 }),
    body: fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  })
  .map(({ method, status, reason, request, extra, body }) => {
    const headers = [...required(method), ...extra, { name: 'Content-Length', value: String(body.length) }]
    return request
      ? { kind: 'request', method, uri: 'sip:b@example.com', headers, body }
      : { kind: 'response', status, reason, headers, body }
  })

test('parsing what was serialised gives the message back', () => {
  fc.assert(
    fc.property(message, value => {
      expect(parseMessage(serializeMessage(value))).toEqual({ ok: true, message: value })
    }),
  )
})

test('arbitrary bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), bytes => {
      expect(typeof parseMessage(Buffer.from(bytes)).ok).toBe('boolean')
    }),
  )
})

test('a mutated message never throws, and what is accepted survives another round', () => {
  const mutation = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'\r\n\t ,;:<>"\\%@=\0\xffA0'.split(''), '\r\n', '\r\n\r\n')), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(message, mutation, (value, edits) => {
      let bytes = serializeMessage(value)
      for (const [where, text] of edits) {
        const at = where % bytes.length
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(text, 'latin1'), bytes.subarray(at + (where % 2))])
      }
      const once = parseMessage(bytes)
      if (once.ok) {
        const twice = parseMessage(serializeMessage(once.message))
        expect(twice.ok && { ...twice.message, headers: [] }).toEqual({ ...once.message, headers: [] })
      }
    }),
    { numRuns: 1_000 },
  )
})
