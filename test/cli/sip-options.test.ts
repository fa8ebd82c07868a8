/** How doctor asks a peer: over each transport, and what it makes of peers that answer nonsense. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { type AskedPeer, askOptions } from '../../src/cli/doctor/sip-options.ts'
import { headerValue } from '../../src/sip/message/headers.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { LOOPBACK_NAMES, makeCertificate } from '../sip/embedded/certificates.ts'

const ask = (peer: Omit<AskedPeer, 'host'>, withinMs = 2_000) =>
  askOptions(
    { ...peer, host: peer.address },
    { withinMs, token: 'c0ffee0123456789', now: () => performance.now(), tls: {}, signal: new AbortController().signal },
  )

const answerTo = (request: string, status: string): string => {
  const copied = request.split('\r\n').filter(line => /^(Via|From|To|Call-ID|CSeq):/.test(line))
  return [`SIP/2.0 ${status}`, ...copied, 'Content-Length: 0', '', ''].join('\r\n')
}

async function streamPeer(server: Server, answer: (request: string) => string | null): Promise<number> {
  const open = new Set<Socket>()
  const onConnection = (socket: Socket): void => {
    open.add(socket)
    socket.on('error', () => {}) // whoever asked is gone
    socket.on('data', bytes => {
      const text = answer(bytes.toString())
      if (text === null) socket.end()
      else socket.write(text)
    })
  }
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('over TLS any certificate will do: whether it fits is told by the bridge that speaks to it', async () => {
  const { cert, key } = makeCertificate({ subject: 'pbx.example', names: LOOPBACK_NAMES })
  const port = await streamPeer(createTlsServer({ cert, key }), request => answerTo(request, '200 OK'))
  expect(await ask({ address: '127.0.0.1', port, transport: 'tls' })).toMatchObject({ kind: 'answered', status: 200 })
})

test('over IPv6 the request is whole, names where its answer shall go, and is repeated until it comes', async () => {
  const socket = createSocket('udp6')
  socket.bind(0, '::1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const requests: Buffer[] = []
  socket.on('message', (bytes, { address, port }) => {
    requests.push(bytes)
    if (requests.length === 2) socket.send(answerTo(bytes.toString(), '481 Not Here'), port, address)
  })
  const { port } = socket.address()
  expect(await ask({ address: '::1', port, transport: 'udp' })).toMatchObject({ kind: 'answered', status: 481 })
  expect(requests[1]).toEqual(requests[0])
  const parsed = parseMessage(requests[0] ?? Buffer.alloc(0))
  expect(parsed).toMatchObject({ ok: true, message: { kind: 'request', method: 'OPTIONS', uri: `sip:[::1]:${port}` } })
  if (parsed.ok) expect(headerValue(parsed.message, 'Via')).toMatch(/^SIP\/2\.0\/UDP \[::1\]:\d+;rport;branch=z9hG4bK/)
})

test('a closed UDP port is told from silence, where the system tells', async () => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  const closed = once(socket, 'close')
  socket.close()
  await closed
  expect(await ask({ address: '127.0.0.1', port, transport: 'udp' })).toEqual({ kind: 'unreachable', reason: 'ECONNREFUSED' })
})

test.each([
  ['that hangs up', () => null, 'closed the connection without an answer'],
  ['that speaks HTTP', () => 'HTTP/1.1 400 Bad Request\r\n\r\n', /^answered no SIP/],
])('a peer %s cannot be reached, and the reason says why', async (_what, answer, reason) => {
  const port = await streamPeer(createServer(), answer)
  const found = await ask({ address: '127.0.0.1', port, transport: 'tcp' })
  expect(found).toEqual({
    kind: 'unreachable',
    reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
  })
})

test('the answer to another request, and a provisional one, are no answer', async () => {
  const port = await streamPeer(createServer(), request =>
    [answerTo(request, '100 Trying'), answerTo(request, '200 OK').replace('Call-ID: c0ffee', 'Call-ID: other')].join(''),
  )
  expect(await ask({ address: '127.0.0.1', port, transport: 'tcp' }, 300)).toEqual({ kind: 'silent' })
})
