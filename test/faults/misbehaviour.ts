/** How a request goes wrong, byte by byte: for each fault what becomes of its effect, and what the client sees. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FaultName } from './fault-names.ts'

/** What the sink would have said. */
export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The world's time, epoch ms. */
  readonly now: number
  /** A number that follows from the delivery and the attempt, 0 … 1. */
  readonly chance: number
}

export interface Misbehaviour {
  /** Whether what was asked for is done: not at all, before the client hears anything, or when it has long gone. */
  readonly effect: 'none' | 'first' | 'late'
  /** It strikes while the request is still being sent. */
  readonly early?: boolean
  /** `answer`: only where the effect is there. */
  act(exchange: Exchange, answer: Answer): void
}

const page = '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>'
const busy = JSON.stringify({ error: 'TooManyRequests', description: 'Number of allowed API requests per minute exceeded' })
const failed = JSON.stringify({ error: 'InternalError', description: 'Something went wrong' })

const silence = (): void => {}
const reset = ({ request }: Exchange): void => {
  request.socket.resetAndDestroy()
}
const raw = (request: IncomingMessage, bytes: string): Socket => {
  request.socket.write(bytes)
  return request.socket
}
const answered =
  (status: number, type: string, body: string, headers: (exchange: Exchange) => Record<string, string> = () => ({})) =>
  (exchange: Exchange): void => {
    const { response, now } = exchange
    // The server's own clock: the one that its Retry-After dates are by.
    const date = new Date(now).toUTCString()
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), date, ...headers(exchange) })
    response.end(body)
  }
const json = (status: number, body: string, headers?: (exchange: Exchange) => Record<string, string>) =>
  answered(status, 'application/json', body, headers)

const pauseSeconds = ({ chance }: Exchange): number => 1 + Math.floor(chance * 120)
const inSeconds = (exchange: Exchange) => ({ 'retry-after': String(pauseSeconds(exchange)) })
const atDate = (exchange: Exchange) => ({ 'retry-after': new Date(exchange.now + pauseSeconds(exchange) * 1_000).toUTCString() })

const head = ({ status, body }: Answer, now: number): string =>
  `HTTP/1.1 ${status} OK\r\ncontent-type: application/json\r\ndate: ${new Date(now).toUTCString()}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`

/** A piece every few ms; `last`: how many of them come at all. */
const drip =
  (last: number) =>
  ({ request, now }: Exchange, answer: Answer): void => {
    const { socket } = request
    socket.write(head(answer, now))
    const size = Math.ceil(answer.body.length / 4)
    let sent = 0
    const timer = setInterval(() => {
      if (socket.destroyed || sent >= last) return clearInterval(timer)
      socket.write(answer.body.slice(sent * size, ++sent * size))
    }, 8)
  }

export const misbehaviours: Readonly<Record<FaultName, Misbehaviour>> = {
  silence: { effect: 'none', act: silence },
  'silence-after': { effect: 'first', act: silence },
  'late-effect': { effect: 'late', act: silence },
  reset: { effect: 'none', act: reset },
  'reset-while-sending': { effect: 'none', early: true, act: reset },
  'reset-after': { effect: 'first', act: reset },
  close: { effect: 'none', act: ({ request }) => void request.socket.end() },
  'half-close': { effect: 'none', act: ({ request }) => void raw(request, 'HTTP/1.1 201 Cre').end() },
  'half-close-after': { effect: 'first', act: ({ request }) => void raw(request, 'HTTP/1.1 201 Created\r\ncontent-ty').end() },
  garbage: { effect: 'none', act: ({ request }) => void raw(request, '\x16\x03\x01 no HTTP at all\r\n\r\n').end() },
  '409': { effect: 'none', act: json(409, JSON.stringify({ error: 'Conflict', description: 'In progress' })) },
  '422': { effect: 'none', act: json(422, JSON.stringify({ error: 'Invalid', description: 'Never this one' })) },
  '429-seconds': { effect: 'none', act: json(429, busy, inSeconds) },
  '429-date': { effect: 'none', act: json(429, busy, atDate) },
  '429-bare': { effect: 'none', act: json(429, busy) },
  '429-text': { effect: 'none', act: answered(429, 'text/plain', 'Too many requests') },
  '500': { effect: 'none', act: json(500, failed) },
  '500-after': { effect: 'first', act: json(500, failed) },
  '502-page': { effect: 'none', act: answered(502, 'text/html', page) },
  '502-page-after': { effect: 'first', act: answered(502, 'text/html', page) },
  '503': { effect: 'none', act: answered(503, 'text/plain', 'unavailable') },
  '503-seconds': { effect: 'none', act: json(503, failed, inSeconds) },
  '503-while-sending': { effect: 'none', early: true, act: json(503, failed, () => ({ connection: 'close' })) },
  '200-page': { effect: 'none', act: answered(200, 'text/html', page.replaceAll('502 Bad Gateway', 'Please log in')) },
  '200-lacks-id-after': { effect: 'first', act: json(200, '{}') },
  '200-broken-after': {
    effect: 'first',
    act: (exchange, { body }) => json(200, body.slice(0, Math.floor(body.length / 2)))(exchange),
  },
  '201-cut-after': {
    effect: 'first',
    act: ({ request, now }, answer) => void raw(request, head(answer, now) + answer.body.slice(0, 10)).end(),
  },
  '201-cut-reset-after': {
    effect: 'first',
    act: ({ request, now }, answer) =>
      void request.socket.write(head(answer, now) + answer.body.slice(0, 10), () => request.socket.resetAndDestroy()),
  },
  '201-drip-after': { effect: 'first', act: drip(4) },
  '201-drip-for-ever-after': { effect: 'first', act: drip(2) },
}
