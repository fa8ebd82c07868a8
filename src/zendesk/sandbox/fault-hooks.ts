/** Makes scripted faults happen to requests (faults.ts says which). */
import { Readable } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { supportPath } from '../wire/documented/words.ts'
import { voicePath } from '../wire/words.ts'
import type { FaultAction, Faults } from './faults.ts'

/** Adds the hooks to the API's scope. `stopping` ends every delay. */
export function faultHooks(app: FastifyInstance, faults: Faults, stopping: AbortSignal): void {
  /** Faults that strike after the request was carried out. */
  const afterwards = new WeakMap<FastifyRequest, FaultAction>()

  app.addHook('onRequest', async (request, reply) => {
    const action = faults.next(routeOf(request))
    if (action === null) return
    switch (action.kind) {
      case 'status':
        return send(reply, action.status, action.headers ?? {}, action.body)
      case 'html':
        return send(reply, action.status ?? 200, { 'content-type': 'text/html; charset=utf-8' }, portalPage)
      case 'plain-429':
        return send(reply, 429, {}, 'Number of allowed API requests per minute exceeded')
      case 'hang':
        // The connection stays open until the other side, or stop(), ends it.
        reply.hijack()
        request.raw.resume()
        return
      case 'reset':
        reply.hijack()
        request.raw.socket.resetAndDestroy()
        return
      case 'late':
      case 'cut':
      case 'accept-then-reset':
        afterwards.set(request, action)
        return
      default:
        return action satisfies never
    }
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const action = afterwards.get(request)
    switch (action?.kind) {
      case 'late':
        // Rejects only when the sandbox stops: then there is no answer, as for a server that goes away.
        await setTimeout(action.delay_ms, undefined, { signal: stopping }).catch(() => request.raw.socket.destroy())
        return payload
      case 'accept-then-reset':
        request.raw.socket.resetAndDestroy()
        return payload
      case 'cut':
        if (typeof payload === 'string') reply.header('content-length', Buffer.byteLength(payload))
        return Readable.from(firstHalf(payload), { objectMode: false })
      default:
        return payload
    }
  })
}

const portalPage =
  '<!doctype html><html><head><title>Sign in to this network</title></head><body><h1>Sign in to this network</h1></body></html>'

function send(reply: FastifyReply, status: number, headers: Record<string, string>, body: unknown): FastifyReply {
  reply.code(status)
  // Said by the script or not at all: its text is not ours to label.
  if (typeof body === 'string' && !('content-type' in headers)) reply.type('text/plain; charset=utf-8')
  return reply.headers(headers).send(body ?? '')
}

/** `/api/v2/channels/voice/phone_calls/1?x` → `phone_calls`, `/api/v2/calls` → `calls`, `/oauth/tokens` → `oauth`. */
function routeOf(request: FastifyRequest): string {
  const prefix = [`${voicePath}/`, `${supportPath}/`].find(start => request.url.startsWith(start)) ?? '/'
  return request.url.slice(prefix.length).split(/[/?]/, 1)[0] ?? ''
}

async function* firstHalf(payload: unknown): AsyncGenerator<Buffer> {
  const whole: Buffer = payload instanceof Readable ? await firstPiece(payload) : Buffer.from(String(payload ?? ''))
  yield whole.subarray(0, Math.floor(whole.length / 2))
  // Let it out of the socket before the connection goes.
  await setImmediate()
  await setImmediate()
  throw new Error('cut by a scripted fault')
}

async function firstPiece(stream: Readable): Promise<Buffer> {
  for await (const piece of stream) return Buffer.from(piece)
  return Buffer.alloc(0)
}
