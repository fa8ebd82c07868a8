import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../../src/sip/embedded/control/command.ts'
import { parseAppMessage, spellHeader } from '../../../src/sip/embedded/control/message-text.ts'
import { formatTimeOfDay } from '../../../src/sip/embedded/control/report.ts'

const parse = (text: string) => parseCommand(Buffer.from(text))

describe('commands', () => {
  it('are never thrown over, whatever the payload', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.mixedCase(fc.constant('1|proxy|t||||serial|2s||sip:a\r\n'))),
        text => {
          expect(typeof parse(text).kind).toBe('string')
        },
      ),
    )
    fc.assert(fc.property(fc.uint8Array(), bytes => void parseCommand(Buffer.from(bytes))))
  })

  it.each([
    ['1|authenticate|secret|tag1,tag2', { kind: 'authenticate', id: '1', secret: 'secret' }],
    ['1|route|invite', { kind: 'route', id: '1', verb: 'invite' }],
    ['1|remove_route|cdr:stop', { kind: 'remove-route', id: '1', verb: 'cdr:stop' }],
    ['1|ping', { kind: 'ping', id: '1' }],
    ['1|sip|t|\r\nSIP/2.0 200 OK\r\n', { kind: 'respond', transactionId: 't', response: { status: 200, reason: 'OK' } }],
    ['1|sip|t|\r\nSIP/2.0 480', { kind: 'respond', response: { status: 480, reason: '' } }],
    [
      '1|sip|||sip:hop\r\nOPTIONS sip:a SIP/2.0',
      { kind: 'request', routeUri: 'sip:hop', request: { method: 'OPTIONS', uri: 'sip:a' } },
    ],
    ['1|sip||d;from-tag=1\r\nBYE sip:placeholder SIP/2.0', { kind: 'request-in-dialog', dialogId: 'd;from-tag=1' }],
    ['1|sip|t|\r\nCANCEL sip:a SIP/2.0\r\nreason: x', { kind: 'cancel', transactionId: 't' }],
    [
      '1|proxy|t|remainInDialog|fullResponse||simultaneous|2s||sip:a|sip:b\r\nINVITE sip:a SIP/2.0\r\nX-a: 1\r\n\r\n',
      {
        kind: 'proxy',
        remainInDialog: true,
        fullResponse: true,
        followRedirects: false,
        simultaneous: true,
        provisionalTimeoutMs: 2000,
        destinations: ['sip:a', 'sip:b'],
        headers: [{ name: 'X-a', value: '1' }],
      },
    ],
    ['1|proxy|t||||serial|500ms||sip:a', { provisionalTimeoutMs: 500, simultaneous: false }],
  ])('%s is understood', (text, expected) => {
    expect(parse(text)).toMatchObject(expected)
  })

  it.each([
    ['nothing', 'NO', 'Invalid message format'],
    ['1|dance', 'NO', 'Unknown message type'],
    ['1|sip|\r\nSIP/2.0 200 OK', 'NO', 'transaction id missing'],
    ['1|proxy|', 'NO', 'Invalid proxy request: not enough information provided'],
    ['1|proxy|t|a|b|c|serial|||', 'NOK', 'proxy request without a destination'],
    ['1|route', 'NOK', 'missing verb'],
    ['1|sip|', 'NOK', 'invalid request-uri: '],
    ['1|sip||\r\nnonsense', 'NOK', 'invalid request-uri: nonsense'],
    ['1|sip|t|\r\nBYE sip:a SIP/2.0', 'NOK', 'only CANCEL may name a transaction, not BYE'],
  ])('%s is refused', (text, verdict, reason) => {
    expect(parse(text)).toMatchObject({ kind: 'refusal', verdict, reason })
  })
})

describe('the SIP text of an application', () => {
  it('may be a start line alone', () => {
    expect(parseAppMessage(Buffer.from('SIP/2.0 100 Trying'))).toMatchObject({ startLine: 'SIP/2.0 100 Trying', headers: [] })
  })

  it('loses the headers that are the server’s own and lines that are no headers', () => {
    const text =
      'INVITE sip:a SIP/2.0\r\nvia: x\r\nv: x\r\nroute: <sip:x>\r\nrecord-route: <sip:x>\r\nrseq: 1\r\ncontent-length: 9\r\nnone\r\nsubject: a\r\n b\r\n\r\nbody'
    const message = parseAppMessage(Buffer.from(text))
    expect(message.headers).toEqual([{ name: 'Subject', value: 'a b' }])
    expect(message.body.toString()).toBe('body')
  })

  it.each([
    ['call-id', 'Call-ID'],
    ['cseq', 'CSeq'],
    ['m', 'Contact'],
    ['p-asserted-identity', 'P-Asserted-Identity'],
    ['some-header', 'Some-Header'],
    ['X-myHeader', 'X-myHeader'],
    ['x-myHeader', 'x-myHeader'],
  ])('spells %s as %s', (written, spelt) => {
    expect(spellHeader(written)).toBe(spelt)
  })
})

it('times of day are UTC with microseconds', () => {
  expect(formatTimeOfDay(Date.UTC(2026, 10, 22, 1, 2, 3, 45))).toBe('01:02:03.045000')
  expect(formatTimeOfDay(Date.UTC(2026, 10, 22, 23, 59, 59, 999))).toBe('23:59:59.999000')
})
