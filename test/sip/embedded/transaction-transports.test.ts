import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { parseListenAddress } from '../../../src/sip/embedded/transport/listen-address.ts'
import { LocalAddresses } from '../../../src/sip/embedded/transport/local-addresses.ts'
import { type Framed, StreamFraming } from '../../../src/sip/embedded/transport/stream-framing.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
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
const peerAddress = { transport: 'tcp', address: '192.0.2.1', port: 5060 } as const
const options = (index: number, body = '') =>
  requestText('OPTIONS', peerAddress, { transport: 'TCP', branch: `z9hG4bK${index}`, callId: `c${index}` }).replace(
    'Content-Length: 0\r\n\r\n',
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )

/** `c1`, `ping`, `truncated-body`: what the framing made of the chunks. */
function framed(chunks: readonly (string | Buffer)[], framing = new StreamFraming()): string[] {
  const name = (item: Framed): string =>
    item.kind === 'message' ? (headerValue(item.message, 'Call-ID') ?? '') : item.kind === 'ping' ? 'ping' : item.reason
  return chunks.flatMap(chunk => framing.push(Buffer.from(chunk)).map(name))
}

describe('a byte stream', () => {
  test.each<[what: string, stream: string, expected: string[]]>([
    ['two messages in one segment', options(1, 'body') + options(2), ['c1', 'c2']],
    [
      'a ping before, between and after',
      `\r\n\r\n${options(1)}\r\n\r\n${options(2)}\r\n\r\n`,
      ['ping', 'c1', 'ping', 'c2', 'ping'],
    ],
    ['two pings', '\r\n\r\n\r\n\r\n', ['ping', 'ping']],
    ['a lone CRLF before a message, as some senders write', `\r\n${options(1)}`, ['c1']],
    ['a body that looks like the end of a head', options(1, 'a\r\n\r\nb') + options(2), ['c1', 'c2']],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', ['start-line']],
    ['no Content-Length', options(1).replace('Content-Length: 0\r\n', ''), ['content-length']],
    ['a head without end', 'x'.repeat(20_000), ['too-long']],
    ['a body of 70 kB', options(1).replace('Content-Length: 0', 'Content-Length: 70000'), ['too-long']],
    ['a message after garbage is not believed', `garbage\r\n\r\n${options(1)}`, ['start-line']],
  ])('%s', (_, stream, expected) => {
    expect(framed([stream])).toEqual(expected)
    expect(framed([...stream])).toEqual(expected)
  })

  test('gives the same messages wherever it is cut', () => {
    const stream = Buffer.from(`\r\n\r\n${options(1, 'h\u00e4llo')}\r\n\r\n${options(2)}${options(3, 'x'.repeat(300))}`)
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), cuts => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
        const chunks = edges.slice(1).map((end, index) => stream.subarray(edges[index], end))
        expect(framed(chunks)).toEqual(['ping', 'c1', 'ping', 'c2', 'c3'])
      }),
    )
  })

  test('of arbitrary bytes never throws, and is given up at most once', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
            fc.constant(options(1)),
          ),
          { maxLength: 8 },
        ),
        chunks => {
          const reasons = framed(chunks).filter(item => item !== 'ping' && item !== 'c1')
          expect(reasons.length).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  test('is partial only while a message is on its way', () => {
    const framing = new StreamFraming()
    const states = ['\r\n', '\r\n', options(1).slice(0, 40), options(1).slice(40), '\r\n'].map(chunk => {
      framing.push(Buffer.from(chunk))
      return framing.partial
    })
    expect(states).toEqual([false, false, true, false, false])
  })
})

describe('a TCP connection', () => {
  test('may bring a message in halves, and gets its response on the same connection', async () => {
    const { tcp } = await startLayer(recordedUser(answer(200)))
    const peer = await tcpPeer(tcp)
    const text = requestText('OPTIONS', { ...peer.address, port: 9 }, { transport: 'TCP' })
    peer.send(text.slice(0, 50))
    peer.send(text.slice(50))
    expect(kinds([await peer.message(0)])).toEqual([200])
  })

  test('is answered CRLF for each CRLFCRLF', async () => {
    const { tcp, layer } = await startLayer(recordedUser())
    const peer = await tcpPeer(tcp)
    peer.send('\r\n\r\n')
    await vi.waitFor(() => expect(peer.text()).toBe('\r\n'), settled)
    expect(layer.counters.keepalives).toBe(1)
  })

  test('that brings garbage is closed and counted, and the others live on', async () => {
    const { tcp, layer } = await startLayer(recordedUser(answer(200)))
    const bad = await tcpPeer(tcp)
    const good = await tcpPeer(tcp)
    bad.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await vi.waitFor(() => expect(bad.socket.destroyed).toBe(true), settled)
    good.send(requestText('OPTIONS', good.address, { transport: 'TCP' }))
    expect(kinds([await good.message(0)])).toEqual([200])
    expect(layer.counters).toMatchObject({ malformed: { 'start-line': 1 }, connectionsClosedMalformed: 1 })
  })

  test('beyond the limit is refused', async () => {
    const { tcp, layer } = await startLayer(recordedUser(), { limits: { maxConnections: 1 } })
    const first = await tcpPeer(tcp)
    const second = await tcpPeer(tcp)
    await vi.waitFor(() => expect(second.socket.destroyed).toBe(true), settled)
    expect(first.socket.destroyed).toBe(false)
    expect(layer.counters.connectionsRefused).toBe(1)
  })

  test('that is silent is closed', async () => {
    const { tcp, layer } = await startLayer(recordedUser(), { limits: { idleTimeoutMs: 50 } })
    const peer = await tcpPeer(tcp)
    await vi.waitFor(() => expect(peer.socket.destroyed).toBe(true), settled)
    expect(layer.counters.connectionsTimedOut).toBe(1)
  })

  test('that drips one message byte by byte is closed when its time is up', async () => {
    const { tcp, layer } = await startLayer(recordedUser(), { limits: { partialTimeoutMs: 60 } })
    const peer = await tcpPeer(tcp)
    const drip = setInterval(() => peer.send('x'), 5)
    await vi.waitFor(() => expect(peer.socket.destroyed).toBe(true), settled)
    clearInterval(drip)
    expect(layer.counters.connectionsTimedOut).toBe(1)
    expect(layer.held.connections).toBe(0)
  })

  test('whose far end reads nothing is closed before its backlog grows beyond the limit', async () => {
    const { layer } = await startLayer(recordedUser(), { limits: { maxUnsentBytes: 1_000_000 } })
    const deaf = await tcpServer()
    const answers = recordedAnswers()
    layer.request(outgoing('OPTIONS'), deaf.address, answers)
    await deaf.message(0)
    deaf.sockets[0]?.pause()
    // 30 MB: far more than the kernel holds for both ends.
    const wide = { ...outgoing('MESSAGE'), body: Buffer.alloc(60_000) }
    for (let times = 0; times < 500; times++) layer.request(wide, deaf.address, answers)
    await vi.waitFor(() => expect(answers.failures.length).toBeGreaterThan(0), settled)
    expect(answers.failures[0]).toMatchObject({ failure: 'transport', detail: expect.stringContaining('unread') })
  })

  test('that closed is replaced by one to the port of the Via for what is still to be answered', async () => {
    const user = recordedUser()
    const { tcp, layer } = await startLayer(user)
    const reachable = await tcpServer()
    const peer = await tcpPeer(tcp)
    peer.send(requestText('INVITE', reachable.address, { transport: 'TCP' }))
    await peer.message(0)
    peer.socket.destroy()
    await vi.waitFor(() => expect(layer.held.connections).toBe(0), settled)
    for (const transaction of user.requests) answer(200)(transaction)
    expect(kinds([await reachable.message(0)])).toEqual([200])
  })
})

describe('a datagram', () => {
  test('that is no message is counted by its reason and dropped or refused, and the next one is read', async () => {
    const { udp, layer } = await startLayer(recordedUser(answer(200)))
    const peer = await udpPeer(udp)
    peer.send('hello')
    peer.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    peer.send(Buffer.alloc(65_000, 'x'))
    peer.send(requestText('OPTIONS', peer.address).replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE'))
    peer.send(requestText('OPTIONS', peer.address).replace('SIP/2.0/UDP', 'SIP/2.0'))
    peer.send('\r\n\r\n')
    peer.send(Buffer.alloc(4))
    peer.send(requestText('OPTIONS', peer.address))
    expect(kinds([await peer.message(0), await peer.message(1)])).toEqual([400, 200])
    expect(layer.counters.malformed).toEqual({ 'headers-not-ended': 2, 'start-line': 1, cseq: 1, 'bad-via': 1 })
    expect(layer.counters.keepalives).toBe(2)
    expect(peer.got).toHaveLength(2)
  })

  test('of arbitrary bytes hurts nothing', async () => {
    const { udp, layer } = await startLayer(recordedUser(answer(200)))
    const peer = await udpPeer(udp)
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 500 }), 300)) peer.send(Buffer.from(bytes))
    peer.send(requestText('OPTIONS', peer.address))
    expect(kinds([await peer.message(0)])).toEqual([200])
    expect(layer.counters.userErrors).toBe(0)
  })
})

describe('listening', () => {
  test.each([
    ['udp://127.0.0.1:5070', { transport: 'udp', address: '127.0.0.1', port: 5070 }],
    ['tcp://[::1]:0', { transport: 'tcp', address: '::1', port: 0 }],
    ['udp://0.0.0.0', { transport: 'udp', address: '0.0.0.0', port: 5060 }],
    ['udp://localhost:5060', null],
    ['udp://127.0.0.1:65536', null],
    ['udp://300.0.0.1:1', null],
    ['tls://127.0.0.1', { transport: 'tls', address: '127.0.0.1', port: 5061 }],
    ['udp://[2001:DB8:0::1]:5060', { transport: 'udp', address: '2001:db8::1', port: 5060 }],
    ['udp://[127.0.0.1]:5060', null],
    ['ws://127.0.0.1:5060', null],
    ['127.0.0.1:5060', null],
    ['', null],
  ])('%s', (text, expected) => expect(parseListenAddress(text)).toEqual(expected))

  test('on a port that is taken says which, leaves no socket open, and works once the port is free', async () => {
    const { udp } = await startLayer(recordedUser())
    const free = 'tcp://127.0.0.1:0'
    await expect(startLayer(recordedUser(), { listen: [free, `udp://127.0.0.1:${udp.port}`] })).rejects.toThrow(
      `SIP can't listen on udp://127.0.0.1:${udp.port}: free the port or change sip.listen`,
    )
  })

  test('on a wildcard names an address that the peer can answer to', async () => {
    const user = recordedUser(answer(200))
    const { layer } = await startLayer(user, { listen: ['udp://0.0.0.0:0'] })
    const port = layer.listening[0]?.port ?? 0
    expect(layer.listening).toEqual([{ transport: 'udp', address: '0.0.0.0', port }])
    const peer = await udpPeer({ transport: 'udp', address: '127.0.0.1', port })
    peer.send(requestText('OPTIONS', peer.address))
    await peer.message(0)
    expect(user.requests[0]?.local).toEqual({ transport: 'udp', address: '127.0.0.1', port })
    expect(layer.localFor(peer.address)).toEqual({ transport: 'udp', address: '127.0.0.1', port })
  })

  test('our address toward a peer is the one on its subnet, else the first that is not loopback', () => {
    const info = (address: string, cidr: string, internal = false) => ({
      address,
      cidr,
      internal,
      netmask: '',
      mac: '',
      family: 'IPv4' as const,
    })
    const addresses = new LocalAddresses({
      lo: [info('127.0.0.1', '127.0.0.1/8', true)],
      wan: [info('192.0.2.10', '192.0.2.10/24')],
      lan: [info('10.1.0.5', '10.1.0.5/16')],
    })
    const toward = ['127.0.0.9', '10.1.200.1', '192.0.2.1', '198.51.100.1', 'pbx.example.com', '::1'].map(peer =>
      addresses.toward(peer),
    )
    expect(toward).toEqual(['127.0.0.1', '10.1.0.5', '192.0.2.10', '192.0.2.10', '192.0.2.10', '::1'])
  })
})
