/** Peers of the transaction layer for its tests: a layer on loopback with short timers, and raw UDP and TCP ends that a test scripts. */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, isIPv6, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { onTestFinished, vi } from 'vitest'
import { IdSource } from '../../../src/sip/embedded/identifiers.ts'
import { responseTo } from '../../../src/sip/embedded/responses.ts'
import type { SipTimers } from '../../../src/sip/embedded/transaction/sip-timers.ts'
import type {
  ClientTransactionUser,
  ServerTransaction,
  TransactionUser,
} from '../../../src/sip/embedded/transaction/transaction-layer.ts'
import { SipTransactions, type TransactionsOptions } from '../../../src/sip/embedded/transaction/transactions.ts'
import { StreamFraming } from '../../../src/sip/embedded/transport/stream-framing.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import type { HopAddress, SipMessage, SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'

/** Timers B, F, H, J, L: 640 ms. */
export const QUICK: SipTimers = { t1Ms: 10, t2Ms: 40, t4Ms: 50 }

/** What the layer told its user, and what the user does about a request. */
export interface RecordedUser extends TransactionUser {
  readonly requests: ServerTransaction[]
  readonly acks: SipRequest[]
  readonly cancels: { cancel: SipRequest; invite: ServerTransaction }[]
  readonly strays: SipResponse[]
  onRequest(transaction: ServerTransaction): void
}

export function recordedUser(answer: (transaction: ServerTransaction) => void = () => {}): RecordedUser {
  const user: RecordedUser = {
    requests: [],
    acks: [],
    cancels: [],
    strays: [],
    onRequest(transaction) {
      user.requests.push(transaction)
      answer(transaction)
    },
    onAck: ack => user.acks.push(ack),
    onCancel: (cancel, invite) => user.cancels.push({ cancel, invite }),
    onStrayResponse: response => user.strays.push(response),
  }
  return user
}

/** What a client transaction told its user. */
export interface RecordedAnswers extends ClientTransactionUser {
  readonly responses: SipResponse[]
  readonly failures: { failure: 'timeout' | 'transport'; detail: string }[]
}

export function recordedAnswers(): RecordedAnswers {
  const responses: SipResponse[] = []
  const failures: RecordedAnswers['failures'] = []
  return {
    responses,
    failures,
    onResponse: response => responses.push(response),
    onFailure: (failure, detail) => failures.push({ failure, detail }),
  }
}

export interface RunningLayer {
  readonly layer: SipTransactions
  readonly logged: { level: string; fields: object; msg: string }[]
  readonly udp: HopAddress
  readonly tcp: HopAddress
}

/** A started layer on one UDP and one TCP port, stopped when the test ends. */
export async function startLayer(user: TransactionUser, options: Partial<TransactionsOptions> = {}): Promise<RunningLayer> {
  const logged: RunningLayer['logged'] = []
  const at = (level: string) => (fields: object, msg: string) => logged.push({ level, fields, msg })
  const layer = new SipTransactions({
    listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
    ids: new IdSource(randomBytes),
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    now: Date.now,
    interfaces: networkInterfaces(),
    timers: QUICK,
    ...options,
  })
  await layer.start(user)
  onTestFinished(() => layer.stop())
  const named = (transport: 'udp' | 'tcp'): HopAddress =>
    layer.listening.find(address => address.transport === transport) ?? { transport, address: '127.0.0.1', port: 9 }
  return { layer, logged, udp: named('udp'), tcp: named('tcp') }
}

/** A far end: keeps what it got, and sends what it is told. */
export interface Peer {
  readonly address: HopAddress
  readonly got: SipMessage[]
  send(bytes: Buffer | string, to?: HopAddress): void
  /** The `index`-th message (from 0) once it has come. */
  message(index: number): Promise<SipMessage>
}

function waitingIn(got: readonly SipMessage[]): Peer['message'] {
  return index =>
    vi.waitFor(
      () => {
        const message = got[index]
        if (message === undefined) throw new Error(`${got.length} messages came, not ${index + 1}`)
        return message
      },
      { timeout: 5_000, interval: 2 },
    )
}

/** A UDP socket that talks to `to` unless told otherwise; `onMessage` may answer at once. */
export async function udpPeer(
  to: HopAddress | null,
  onMessage: (message: SipMessage, from: HopAddress) => void = () => {},
  at = '127.0.0.1',
): Promise<Peer> {
  const socket = createSocket(isIPv6(at) ? 'udp6' : 'udp4')
  const got: SipMessage[] = []
  socket.on('message', (bytes, { address, port }) => {
    const parsed = parseMessage(bytes)
    if (!parsed.ok) throw new Error(`the layer sent ${parsed.reason}: ${bytes.toString()}`)
    got.push(parsed.message)
    onMessage(parsed.message, { transport: 'udp', address, port })
  })
  socket.bind(0, at)
  await once(socket, 'listening')
  onTestFinished(async () => {
    socket.close()
    await once(socket, 'close')
  })
  return {
    address: { transport: 'udp', address: at, port: socket.address().port },
    got,
    send: (bytes, destination = to ?? undefined) => socket.send(bytes, destination?.port, destination?.address),
    message: waitingIn(got),
  }
}

export interface TcpPeer extends Peer {
  readonly socket: Socket
  /** Raw text that came, for what is no message. */
  text(): string
}

function onStream(socket: Socket, got: SipMessage[]): { text(): string } {
  const framing = new StreamFraming()
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    for (const framed of framing.push(chunk)) if (framed.kind === 'message') got.push(framed.message)
  })
  // A connection that the layer closes or resets is what some tests want to see: they look at `destroyed`.
  socket.on('error', () => {})
  return { text: () => text }
}

/** A TCP connection to the layer. */
export async function tcpPeer(to: HopAddress): Promise<TcpPeer> {
  const socket = connect(to.port, to.address)
  const got: SipMessage[] = []
  const { text } = onStream(socket, got)
  await once(socket, 'connect')
  onTestFinished(() => void socket.destroy())
  return {
    address: { transport: 'tcp', address: '127.0.0.1', port: socket.localPort ?? 0 },
    got,
    socket,
    text,
    send: bytes => void socket.write(bytes),
    message: waitingIn(got),
  }
}

/** A TCP listener; `sockets` are the connections that came. */
export async function tcpServer(): Promise<Peer & { readonly sockets: Socket[] }> {
  const sockets: Socket[] = []
  const got: SipMessage[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    onStream(socket, got)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  return {
    address: { transport: 'tcp', address: '127.0.0.1', port },
    got,
    sockets,
    send: bytes => void sockets[0]?.write(bytes),
    message: waitingIn(got),
  }
}

let serial = 0

export interface RequestParts {
  readonly transport?: 'UDP' | 'TCP'
  readonly branch?: string
  readonly via?: string
  readonly callId?: string
  readonly toTag?: string
  readonly cseq?: number
  readonly headers?: readonly string[]
}

/** The text of a request from a raw peer, with everything that RFC 3261 8.1.1 wants. */
export function requestText(method: string, from: HopAddress, parts: RequestParts = {}): string {
  serial++
  const { transport = 'UDP', branch = `z9hG4bKt${serial}`, callId = `call${serial}@peer`, cseq = 1, toTag, headers = [] } = parts
  const via = parts.via ?? `SIP/2.0/${transport} ${from.address}:${from.port};branch=${branch};rport`
  return [
    `${method} sip:bob@127.0.0.1 SIP/2.0`,
    `Via: ${via}`,
    'Max-Forwards: 70',
    'From: "Alice" <sip:alice@127.0.0.1>;tag=alice',
    `To: <sip:bob@127.0.0.1>${toTag === undefined ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    ...headers,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
}

/** A request for the layer to send: no Via of its own. */
export function outgoing(method: string, headers: readonly { name: string; value: string }[] = []): SipRequest {
  serial++
  return {
    kind: 'request',
    method,
    uri: 'sip:bob@127.0.0.1',
    headers: [
      { name: 'Max-Forwards', value: '70' },
      { name: 'From', value: '<sip:alice@127.0.0.1>;tag=alice' },
      { name: 'To', value: '<sip:bob@127.0.0.1>' },
      { name: 'Call-ID', value: `out${serial}@layer` },
      { name: 'CSeq', value: `1 ${method}` },
      ...headers,
    ],
    body: Buffer.alloc(0),
  }
}

/** `100`, `INVITE`…: what came, in order. */
export function kinds(messages: readonly SipMessage[]): (string | number)[] {
  return messages.map(message => (message.kind === 'request' ? message.method : message.status))
}

export function asRequest(message: SipMessage): SipRequest {
  if (message.kind !== 'request') throw new Error(`a ${message.status} came where a request was expected`)
  return message
}

export const answer =
  (status: number, toTag = 'bob') =>
  (transaction: ServerTransaction) =>
    void transaction.respond(responseTo(transaction.request, status, { toTag }))

/** The text of a raw peer's answer to what it got. */
export function answerTo(message: SipMessage, status: number, toTag = 'bob'): SipResponse {
  return responseTo(asRequest(message), status, { toTag })
}

export const cseqOf = (message: SipMessage): string => headerValue(message, 'CSeq') ?? ''
