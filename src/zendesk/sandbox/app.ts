/** The sandbox as an HTTP application: it knows no port and no path on disk. */
import multipart from '@fastify/multipart'
import { type FastifyError, type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import { voicePath } from '../wire/words.ts'
import { faultHooks } from './fault-hooks.ts'
import { type OperatorParts, operatorRoutes } from './operator-routes.ts'
import { noEndpoint, Problem, tooManyRequests, unauthorized } from './problem.ts'
import type { RequestBudget } from './rate-limit.ts'
import { supportRoutes } from './support/routes.ts'
import type { SupportParts } from './support/support-scope.ts'
import { type VoiceTicketParts, voiceTicketRoutes } from './support/voice-tickets.ts'
import { type VoiceParts, voiceRoutes } from './voice/routes.ts'

const jsonLimitBytes = 1024 * 1024
/** A connection without a byte for this long is dropped. */
const idleMs = 300_000

/** pino's shape; whatever the composition root gives. */
export interface SandboxLog {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
}

export interface AppParts extends OperatorParts, VoiceParts, VoiceTicketParts, SupportParts {
  readonly budget: RequestBudget
  readonly log: SandboxLog
  readonly clock: () => number
  /** Aborted when the sandbox stops: ends every wait of a scripted fault. */
  readonly stopping: AbortSignal
}

export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const { log } = parts
  const app = fastify({
    logger: false,
    bodyLimit: jsonLimitBytes,
    // Zendesk's paths may end in .json.
    rewriteUrl: ({ url = '' }) => url.replace(/^(\/api\/v2\/[^?]*)\.json(?=\?|$)/, '$1'),
    connectionTimeout: idleMs,
    forceCloseConnections: true,
    return503OnClosing: false,
  })
  // Only JSON and multipart: fastify would take text/plain, too, which any web page may send anywhere.
  app.removeContentTypeParser('text/plain')
  await app.register(multipart)

  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const { status, body, headers } = problemOf(error, request, log)
    return reply.code(status).headers(headers).send(body)
  })
  app.setNotFoundHandler(async () => {
    throw noEndpoint()
  })
  app.addHook('onResponse', async (request, reply) => {
    const fields = {
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      ms: reply.elapsedTime,
    }
    log.debug(fields, 'answered a request')
  })

  await app.register(
    async api => {
      admissionHook(api, parts)
      faultHooks(api, parts.faults, parts.stopping)
      // In this scope, so that an unknown endpoint is refused, counted and made to fail like a known one.
      api.setNotFoundHandler(async () => {
        throw noEndpoint()
      })
      voiceRoutes(api, parts)
      voiceTicketRoutes(api, parts)
    },
    { prefix: voicePath },
  )
  await app.register(async support => supportRoutes(support, parts))
  await app.register(async operator => operatorRoutes(operator, parts))
  return app
}

/** The credentials, and the request budget, which every answer shows. */
function admissionHook(api: FastifyInstance, { account, budget, clock }: AppParts): void {
  api.addHook('onRequest', async (request, reply) => {
    const known = account.knows(request.headers.authorization, clock())
    const { admitted, limit, remaining, resetSeconds } = budget.admit(known ? 'token' : 'stranger', clock())
    reply.headers({ 'x-rate-limit': limit, 'x-rate-limit-remaining': remaining })
    if (!admitted) throw tooManyRequests(resetSeconds)
    if (!known) throw unauthorized()
  })
}

/** What the sender is told: its own mistakes in full, ours not at all. */
function problemOf(error: FastifyError, request: FastifyRequest, log: SandboxLog): Problem {
  if (error instanceof Problem) return error
  const status = error.statusCode ?? 500
  if (status >= 400 && status < 500) {
    return new Problem(status, { error: titles.get(status) ?? 'Invalid request', description: error.message })
  }
  if (request.raw.destroyed && request.raw.errored) {
    log.debug({ err: error }, 'lost a connection')
  } else {
    log.error({ err: error, route: request.routeOptions.url ?? null }, 'could not answer a request')
  }
  return new Problem(500, { error: 'Internal error', description: 'The sandbox failed; its log says why' })
}

const titles: ReadonlyMap<number, string> = new Map([
  [400, 'Invalid JSON'],
  [413, 'Too large'],
  [415, 'Unsupported media type'],
])
