/**
 * A Zendesk that fails as it is told: a real HTTP server for many worlds, each below a path of its own. What it does for a delivery it does
 * once for each Idempotency-Key, as Zendesk would; a repeated key gets the first answer again.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { recordingMetadataSchema, voicemailMetadataSchema } from '../../src/zendesk/wire/audio-upload.ts'
import { phoneCallEventSchema } from '../../src/zendesk/wire/call-event.ts'
import { callNotFound, endpoints, voicePath } from '../../src/zendesk/wire/words.ts'
import type { FaultName } from './fault-names.ts'
import { type Answer, misbehaviours } from './misbehaviour.ts'

/** What came in and had its effect. */
export type Arrival =
  | { readonly kind: 'event'; readonly id: string; readonly call: string; readonly sequence: number }
  | { readonly kind: 'recording' | 'voicemail'; readonly id: string; readonly call: string | null; readonly sha256: string }

/** A world as its sink sees it. */
export interface Account {
  /** The world's time, epoch ms. */
  now(): number
  /** A request has come (`id`: its Idempotency-Key); answers what is to go wrong with it, and a number from 0 to 1 for the details. */
  onRequest(id: string): { readonly fault: FaultName | null; readonly chance: number }
  /** Whether the call is known here. */
  knows(call: string): boolean
  /** Something took effect, for the first time or (a repetition that a key does not explain) again. */
  onEffect(arrival: Arrival): void
  /** Something came that must never come. */
  onNonsense(what: string): void
}

interface Done {
  readonly answer: Answer
  readonly bytes: string
}

/** When a late effect comes, ms: an event's client has given up by then. */
const LATE_MS = 1_200
const AUDIO = { recording: recordingMetadataSchema, voicemail: voicemailMetadataSchema } as const

export class FaultySink {
  readonly #accounts = new Map<string, { readonly account: Account; readonly done: Map<string, Done> }>()
  readonly #server: Server
  readonly #late = new Set<NodeJS.Timeout>()
  #url = ''

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response))
    // Clients vanish in the middle of everything here.
    this.#server.on('clientError', (_error, socket) => socket.destroy())
    this.#server.on('connection', socket => socket.on('error', () => {}))
  }

  static async start(): Promise<FaultySink> {
    const sink = new FaultySink()
    sink.#server.listen(0, '127.0.0.1')
    await once(sink.#server, 'listening')
    const address = sink.#server.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP address expected')
    sink.#url = `http://127.0.0.1:${address.port}`
    return sink
  }

  /** Opens an account; answers its base URL. */
  open(name: string, account: Account): string {
    this.#accounts.set(name, { account, done: new Map() })
    return `${this.#url}/${name}`
  }

  async stop(): Promise<void> {
    for (const timer of this.#late) clearTimeout(timer)
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {})
    response.on('error', () => {})
    const [, name = '', ...rest] = (request.url ?? '').split('/')
    const world = this.#accounts.get(name)
    const id = request.headers['idempotency-key']
    if (world === undefined || typeof id !== 'string') {
      world?.account.onNonsense(`a request without an Idempotency-Key: ${request.url}`)
      request.socket.destroy()
      return
    }
    const { account, done } = world
    const { fault, chance } = account.onRequest(id)
    const exchange = { request, response, now: account.now(), chance }
    const wrong = fault === null ? null : misbehaviours[fault]
    if (wrong?.early === true) {
      request.resume()
      wrong.act(exchange, { status: 0, body: '' })
      return
    }
    const body = await bodyOf(request)
    if (body === null) return // the client broke off
    const effect = (): Answer =>
      this.#effect(account, done, id, `/${rest.join('/')}`, request.headers['content-type'] ?? '', body)
    if (wrong?.effect === 'late') {
      const timer = setTimeout(() => {
        this.#late.delete(timer)
        effect()
      }, LATE_MS)
      this.#late.add(timer)
    }
    if (wrong !== null) return wrong.act(exchange, wrong.effect === 'first' ? effect() : { status: 0, body: '' })
    const answer = effect()
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer.body),
      date: new Date(account.now()).toUTCString(),
    })
    response.end(answer.body)
  }

  #effect(account: Account, done: Map<string, Done>, id: string, path: string, type: string, body: Buffer): Answer {
    const bytes = sha256(body)
    const before = done.get(id)
    if (before !== undefined) {
      if (before.bytes !== bytes) account.onNonsense(`${id} came again with other bytes`)
      return { ...before.answer, status: 200 }
    }
    const arrival = read(path, type, body)
    if (typeof arrival === 'string') {
      account.onNonsense(`${id}: ${arrival}`)
      return { status: 422, body: JSON.stringify({ error: 'Invalid', description: arrival }) }
    }
    if (arrival.kind === 'recording' && arrival.call !== null && !account.knows(arrival.call)) {
      account.onNonsense(`${id} came before the first event of its call`)
      return { status: 404, body: JSON.stringify({ error: callNotFound, description: 'No such call' }) }
    }
    account.onEffect(arrival)
    const answer = { status: 201, body: JSON.stringify(answerTo(arrival)) }
    done.set(id, { answer, bytes })
    return answer
  }
}

/** What a body says, or what is wrong with it. */
function read(path: string, type: string, body: Buffer): Arrival | string {
  if (path === `${voicePath}${endpoints.event}`) {
    const parsed = phoneCallEventSchema.safeParse(JSON.parse(body.toString('utf8')))
    if (!parsed.success) return `no event: ${parsed.error.message}`
    const { id, sequence, call } = parsed.data.phone_call_event
    return { kind: 'event', id, call: call.external_id, sequence }
  }
  for (const kind of ['recording', 'voicemail'] as const) {
    if (path !== `${voicePath}${endpoints[kind]}`) continue
    const parts = multipart(type, body)
    if (parts === null) return 'no multipart body of two parts'
    const parsed = AUDIO[kind].safeParse(JSON.parse(parts.metadata.toString('utf8')))
    if (!parsed.success) return `no ${kind}: ${parsed.error.message}`
    const { external_id: id, external_call_id: call, size, sha256: told } = parsed.data
    if (size !== parts.file.length) return `${parts.file.length} bytes came, ${size} were announced`
    if (sha256(parts.file) !== told) return 'the file is another one than was announced'
    return { kind, id, call, sha256: told }
  }
  return `nothing is at ${path}`
}

function answerTo(arrival: Arrival): object {
  switch (arrival.kind) {
    case 'event':
      return { phone_call_event: { id: `zendesk-${arrival.id}`, phone_call_id: `zendesk-${arrival.call}` } }
    case 'recording':
      return { phone_recording: { id: `zendesk-${arrival.id}` } }
    case 'voicemail':
      return { phone_voicemail: { id: `zendesk-${arrival.id}` } }
    default:
      return arrival satisfies never
  }
}

/** The two parts of an upload as the bridge frames them. */
function multipart(type: string, body: Buffer): { readonly metadata: Buffer; readonly file: Buffer } | null {
  const boundary = /boundary=([^;]+)/.exec(type)?.[1]
  if (boundary === undefined) return null
  const between = Buffer.from(`\r\n--${boundary}`)
  const second = body.indexOf(between)
  const end = body.lastIndexOf(between)
  const metadata = contentOf(body.subarray(0, second))
  const file = contentOf(body.subarray(second + 2, end))
  return second === end || metadata === null || file === null ? null : { metadata, file }
}

function contentOf(part: Buffer): Buffer | null {
  const from = part.indexOf('\r\n\r\n')
  return from === -1 ? null : part.subarray(from + 4)
}

/** `null`: the client broke off. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  return await new Promise(resolve => {
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => resolve(null))
  })
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
