/**
 * What a failed request is answered with. A 4xx says what the client should do differently; the text of a 5xx stays in the
 * log, because it may hold paths, addresses or parts of somebody's call.
 */
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AdminLog } from './log.ts'

/** The error shape of the whole product, the one Zendesk's voice API uses. */
export const errorView = z.object({
  error: z.string().describe('a short constant text'),
  description: z.string().describe('what to do about it'),
  details: z.record(z.string(), z.array(z.string())).optional().describe('by field'),
})
export type ErrorView = z.infer<typeof errorView>

/** A refusal that is the client's to mend. `statusCode` is 4xx. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly statusCode: number
  readonly title: string

  /** `title` is short and constant; `description` says what to do. */
  constructor(statusCode: number, title: string, description: string) {
    super(description)
    this.statusCode = statusCode
    this.title = title
  }
}

const titles = new Map<number, string>([
  [400, 'Bad request'],
  [404, 'Not found'],
  [413, 'Too large'],
  [414, 'Too long'],
  [415, 'Unsupported media type'],
])

/** Answers whatever a handler, hook or parser threw, and logs what is ours to mend. */
export function errorResponder(log: AdminLog) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const route = `${request.method} ${request.routeOptions.url ?? '(no route)'}`
    if (error.validation !== undefined) return reply.code(400).send(invalid(error))
    if (error instanceof RequestRefused) {
      if (error.statusCode === 401) reply.header('www-authenticate', 'Bearer')
      return reply.code(error.statusCode).send({ error: error.title, description: error.message } satisfies ErrorView)
    }
    const status = error.statusCode ?? 500
    if (status >= 400 && status < 500) {
      return reply
        .code(status)
        .send({ error: titles.get(status) ?? 'Bad request', description: error.message } satisfies ErrorView)
    }
    if (request.raw.destroyed && !request.raw.complete) {
      log.info({ route, err: error }, 'admin client went away in the middle of a request')
    } else {
      log.error({ route, err: error }, 'admin request failed')
    }
    return reply.code(500).send(internalError)
  }
}

/** What a client hears of a fault of ours. */
const internalError: ErrorView = {
  error: 'Internal error',
  description: 'The bridge could not answer. The reason is in its log.',
}

/** Answers a path that is not ours. */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(404).send({
    error: 'Not found',
    description: `There is no ${request.method} at this path. GET /docs lists what there is.`,
  } satisfies ErrorView)
}

/** Answers bytes that are no HTTP request, and closes: what follows them cannot be understood either. */
export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  const { line, description } = brokenRequests.get(error.code ?? '') ?? notHttp
  const body = JSON.stringify({ error: line.slice(4), description } satisfies ErrorView)
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`
  if (socket.writable) socket.write(`HTTP/1.1 ${line}\r\n${headers}\r\n\r\n${body}`)
  socket.destroySoon()
}

const notHttp = { line: '400 Bad Request', description: 'This is not HTTP/1.1.' }
const brokenRequests = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', { line: '408 Request Timeout', description: 'The request did not arrive in time.' }],
  ['HPE_HEADER_OVERFLOW', { line: '431 Request Header Fields Too Large', description: 'The headers have more than 16 kB.' }],
])

function invalid(error: FastifyError): ErrorView {
  const details: Record<string, string[]> = {}
  for (const issue of error.validation ?? []) {
    const field = issue.instancePath.replace(/^\//, '').replaceAll('/', '.') || (error.validationContext ?? 'request')
    details[field] = [...(details[field] ?? []), issue.message ?? 'is not valid']
  }
  return { error: 'Invalid request', description: 'Correct the fields named in details.', details }
}
