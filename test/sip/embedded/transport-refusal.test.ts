import fc from 'fast-check'
import { describe, expect, it, test, vi } from 'vitest'
import { refusalOf } from '../../../src/sip/embedded/transport/refusal.ts'
import { firstValue, headerValue } from '../../../src/sip/message/headers.ts'
import { type MalformedReason, parseMessage } from '../../../src/sip/message/parse.ts'
import {
  answer,
  kinds,
  outgoing,
  recordedAnswers,
  recordedUser,
  requestText,
  startLayer,
  tcpPeer,
  tcpServer,
  udpPeer,
} from './transaction-peers.ts'

const settled = { timeout: 5_000, interval: 5 }
const peer = { transport: 'udp', address: '192.0.2.1', port: 5070 } as const
/** As long as what real phones send: an answer must not be longer than what it answers. */
const talkative = ['User-Agent: Some Phone 1.2.3 of a Vendor', 'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE']
const request = (method = 'OPTIONS'): string =>
  requestText(method, peer, { headers: talkative, branch: 'z9hG4bKm', callId: 'c@m' })

function refused(text: string): [number, string] | null {
  const bytes = Buffer.from(text)
  const parsed = parseMessage(bytes)
  if (parsed.ok) throw new Error('it is a message')
  const refusal = refusalOf(bytes, parsed.reason)
  return refusal === null ? null : [refusal.status, refusal.reason]
}

describe('what is no message', () => {
  it.each<[what: string, text: string, expected: [number, string] | null]>([
    ['a CSeq of another method', request().replace('1 OPTIONS', '1 INVITE'), [400, 'Bad Request: CSeq']],
    ['a CSeq beyond 31 bits', request().replace('CSeq: 1 ', 'CSeq: 36893488147419103232 '), [400, 'Bad Request: CSeq']],
    ['another version', request().replace('bob@127.0.0.1 SIP/2.0', 'bob@127.0.0.1 SIP/7.0'), [505, 'Version Not Supported']],
    [
      'a URI in angle brackets',
      request().replace('sip:bob@127.0.0.1 SIP', '<sip:bob@127.0.0.1> SIP'),
      [400, 'Bad Request: Request Line'],
    ],
    [
      'a body that is too short',
      request().replace('Length: 0', 'Length: 9'),
      [400, 'Bad Request: Body Shorter Than Content-Length'],
    ],
    ['a negative length', request().replace('Length: 0', 'Length: -999'), [400, 'Bad Request: Content-Length']],
    [
      'two From',
      request().replace('Max-Forwards', 'From: <sip:x@y>;tag=x\r\nMax-Forwards'),
      [400, 'Bad Request: Header Repeated'],
    ],
    ['no Call-ID', request().replace(/Call-ID.*\r\n/, ''), [400, 'Bad Request: Call-ID Missing']],
    ['17 kB of headers', request().replace('Allow: ', `Allow: ${'x'.repeat(17_000)}`), [513, 'Message Too Large']],
    ['an ACK: it has no answer', request('ACK').replace('1 ACK', '1 INVITE'), null],
    ['a response: it has no answer', request().replace(/^.*\r\n/, 'SIP/2.0 OK\r\n'), null],
    ['no Via: nobody knows where to', request().replace(/Via.*\r\n/, ''), null],
    ['no CSeq', request().replace(/CSeq.*\r\n/, ''), null],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', null],
    ['noise', 'x'.repeat(500), null],
  ])('%s', (_, text, expected) => expect(refused(text)).toEqual(expected))

  test('of arbitrary bytes, or a request with arbitrary damage, is refused or ignored, never thrown at', () => {
    const whole = Buffer.from(request())
    const damaged = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 })
      .map(changes => {
        const bytes = Buffer.from(whole)
        for (const [at, byte] of changes) bytes[at] = byte
        return bytes
      })
    const reasons: MalformedReason[] = ['too-long', 'version', 'cseq', 'header-line', 'truncated-body']
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 600 }).map(bytes => Buffer.from(bytes)),
          damaged,
        ),
        fc.constantFrom(...reasons),
        (bytes, reason) => {
          const refusal = refusalOf(bytes, reason)
          // What goes back may hold no line of its own.
          for (const { value } of refusal?.request.headers ?? []) expect(value).not.toMatch(/[\r\n\0]/)
        },
      ),
    )
  })
})

describe('over UDP', () => {
  it('it is answered to whom the Via names, by its reason, and counted', async () => {
    const { udp, layer } = await startLayer(recordedUser(answer(200)))
    const phone = await udpPeer(udp)
    phone.send(requestText('OPTIONS', phone.address, { headers: talkative, branch: 'z9hG4bKa' }).replace('1 OPTIONS', '1 INVITE'))
    const response = await phone.message(0)
    expect(response).toMatchObject({ kind: 'response', status: 400, reason: 'Bad Request: CSeq' })
    expect(firstValue(response, 'Via')).toContain('branch=z9hG4bKa')
    expect(headerValue(response, 'To')).toMatch(/^<sip:bob@127\.0\.0\.1>;tag=/)
    expect(layer.counters).toMatchObject({ malformed: { cseq: 1 }, malformedAnswered: 1 })
  })

  it('a Via of another version is answered to the packet’s source', async () => {
    const { udp } = await startLayer(recordedUser())
    const phone = await udpPeer(udp)
    phone.send(requestText('OPTIONS', phone.address, { headers: talkative }).replaceAll('SIP/2.0', 'SIP/7.0'))
    expect(kinds([await phone.message(0)])).toEqual([505])
  })

  it('it is not answered to whom is not let in', async () => {
    const accept = vi.fn((): 'accept' | 'drop' => 'drop')
    const { udp, layer } = await startLayer(recordedUser(answer(200)), { accept })
    const phone = await udpPeer(udp)
    phone.send(requestText('OPTIONS', phone.address, { headers: talkative }).replace('1 OPTIONS', '1 INVITE'))
    await vi.waitFor(() => expect(accept).toHaveBeenCalledTimes(1), settled)
    accept.mockReturnValue('accept')
    phone.send(requestText('OPTIONS', phone.address))
    expect(kinds([await phone.message(0)])).toEqual([200])
    expect(layer.counters.malformedAnswered).toBe(0)
  })

  it('a message of more than 1,300 bytes goes as a datagram all the same, and is counted', async () => {
    const { layer } = await startLayer(recordedUser())
    const phone = await udpPeer(null)
    layer.request({ ...outgoing('MESSAGE'), body: Buffer.alloc(2_000, 'x') }, phone.address, recordedAnswers())
    expect((await phone.message(0)).body).toHaveLength(2_000)
    expect(layer.counters.longDatagramsSent).toBeGreaterThanOrEqual(1)
  })
})

describe('over TCP', () => {
  it.each<[what: string, text: (request: string) => string, status: number]>([
    ['a body of 70 kB', text => text.replace('Length: 0', 'Length: 70000') + 'x'.repeat(70_000), 513],
    ['headers of 20 kB', text => text.replace('Allow: ', `Allow: ${'x'.repeat(20_000)}`), 513],
    ['no Content-Length', text => text.replace('Content-Length: 0\r\n', ''), 400],
  ])('%s is answered, and the connection closed', async (_, spoil, status) => {
    const { tcp, layer } = await startLayer(recordedUser(answer(200)))
    const phone = await tcpPeer(tcp)
    phone.send(spoil(requestText('OPTIONS', phone.address, { transport: 'TCP', headers: talkative })))
    expect(kinds([await phone.message(0)])).toEqual([status])
    await vi.waitFor(() => expect(phone.socket.destroyed).toBe(true), settled)
    await vi.waitFor(() => expect(layer.held.connections).toBe(0), settled)
    expect(layer.counters).toMatchObject({ connectionsClosedMalformed: 1, malformedAnswered: 1 })
  })

  it('the answer is not taken back by a reset while the rest of the message is still coming', async () => {
    const { tcp } = await startLayer(recordedUser())
    const phone = await tcpPeer(tcp)
    phone.socket.pause()
    const text = requestText('OPTIONS', phone.address, { transport: 'TCP', headers: talkative })
    phone.send(text.replace('Length: 0', 'Length: 8000000') + 'x'.repeat(8_000_000))
    await vi.waitFor(() => expect(phone.socket.destroyed || phone.socket.writableLength === 0).toBe(true), settled)
    phone.socket.resume()
    expect(kinds([await phone.message(0)])).toEqual([513])
  })

  it('a request on a connection after its end is nobody’s', async () => {
    const user = recordedUser(answer(200))
    const { tcp } = await startLayer(user)
    const phone = await tcpPeer(tcp)
    const bad = requestText('OPTIONS', phone.address, { transport: 'TCP', headers: talkative }).replace(
      'Content-Length: 0\r\n',
      '',
    )
    phone.send(bad + requestText('OPTIONS', phone.address, { transport: 'TCP' }))
    await phone.message(0)
    phone.send(requestText('OPTIONS', phone.address, { transport: 'TCP' }))
    await vi.waitFor(() => expect(phone.socket.destroyed).toBe(true), settled)
    expect(user.requests).toHaveLength(0)
  })
})

describe('connections of one peer', () => {
  it('are bounded, and those that are closed make room', async () => {
    const { tcp, layer } = await startLayer(recordedUser(answer(200)), { limits: { maxConnectionsPerPeer: 1 } })
    const first = await tcpPeer(tcp)
    const second = await tcpPeer(tcp)
    await vi.waitFor(() => expect(second.socket.destroyed).toBe(true), settled)
    expect(layer.counters).toMatchObject({ connectionsRefused: 0, connectionsRefusedPerPeer: 1 })
    first.socket.destroy()
    await vi.waitFor(() => expect(layer.held.connections).toBe(0), settled)
    const third = await tcpPeer(tcp)
    third.send(requestText('OPTIONS', third.address, { transport: 'TCP' }))
    expect(kinds([await third.message(0)])).toEqual([200])
  })

  it('that fill the table leave room for those that we open', async () => {
    const { tcp, layer } = await startLayer(recordedUser(), { limits: { maxConnections: 1 } })
    await tcpPeer(tcp)
    await vi.waitFor(() => expect(layer.held.connections).toBe(1), settled)
    const pbx = await tcpServer()
    layer.request(outgoing('OPTIONS'), pbx.address, recordedAnswers())
    expect(kinds([await pbx.message(0)])).toEqual(['OPTIONS'])
  })
})
