/**
 * The admin application: routes, guard and error shape. It knows no port (server.ts does) and nothing of the stages whose
 * state it shows: it reads them through the small interfaces that the route files declare.
 */
import websocket from '@fastify/websocket'
import fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { type AgentBoard, agentRoutes } from './agent-routes.ts'
import { type AuditReader, auditRoutes } from './audit-routes.ts'
import { type CallReader, callRoutes } from './call-routes.ts'
import { type CdrDoor, cdrRoutes } from './cdr-routes.ts'
import { type ComplianceDesk, complianceRoutes } from './compliance-routes.ts'
import { answerBrokenRequest, answerNotFound, errorResponder } from './errors.ts'
import type { StoredEvents } from './feed-pages.ts'
import { feedRoute, websocketOptions } from './feed-route.ts'
import { type Refusal, requestGuard } from './guard.ts'
import { type HealthSource, healthRoutes } from './health.ts'
import { LiveFeed, type LiveFeedLimits } from './live-feed.ts'
import type { AdminLog } from './log.ts'
import { type MetricFamily, type MetricsSource, metricsRoutes } from './metrics.ts'
import { describeApi } from './openapi.ts'
import { type ReconciliationBoard, reconciliationRoutes } from './reconciliation-routes.ts'
import { type RecordingIntake, recordingRoute } from './recording-upload.ts'
import { type Reload, reloadRoute } from './reload-route.ts'
import { type SinkBoard, sinkRoutes } from './sink-routes.ts'
import { type UploadDesk, uploadRoutes } from './upload-routes.ts'

/** What the admin shows and does, and for whom. */
export interface AdminOptions {
  /** Wanted from every client when set; `null` only on loopback. */
  readonly token: string | null
  readonly version: string
  readonly health: HealthSource
  readonly metrics: MetricsSource
  readonly calls: CallReader
  readonly uploads: UploadDesk
  /** Absent: nobody has sinks to show. */
  readonly sinks?: SinkBoard
  /** Absent: there is no configuration to read again. */
  readonly reload?: Reload
  /** Absent: nothing is erased or held here. */
  readonly compliance?: ComplianceDesk
  /** Absent: there is no audit log. */
  readonly audit?: AuditReader
  /** Absent: nobody has agents to show. */
  readonly agents?: AgentBoard
  readonly events: StoredEvents
  /** Absent: records of calls are not taken. */
  readonly cdrs?: CdrDoor
  /** Absent: nothing is reconciled. */
  readonly reconciliation?: ReconciliationBoard
  /** `null`: recordings are not taken over HTTP. */
  readonly recordings: RecordingIntake | null
  readonly feedLimits: LiveFeedLimits
  readonly log: AdminLog
}

/** A connection on which nothing moves for this long is closed; WebSockets are exempt, they have their own heartbeat. */
const idleMs = 60_000
/** Of JSON bodies; recordings are streams and have the audio stage's limit. */
const maxJsonBytes = 64 * 1024

/** The app and its live feed, ready to listen. `notify` of the feed is to be called after each commit of events. */
export async function adminApp(options: AdminOptions): Promise<{ readonly app: FastifyInstance; readonly feed: LiveFeed }> {
  const { log } = options
  const refused = new Map<Refusal, number>()
  const feed = new LiveFeed({ stored: options.events, limits: options.feedLimits, log })
  const app = fastify({
    logger: false,
    bodyLimit: maxJsonBytes,
    connectionTimeout: idleMs,
    frameworkErrors: (error, request, reply) => void errorResponder(log)(error, request, reply),
    clientErrorHandler: answerBrokenRequest,
  })

  app.setErrorHandler(errorResponder(log))
  app.setNotFoundHandler(answerNotFound)
  app.addHook('onReady', () => feed.start())
  // Before the WebSocket plugin's own, which would close clients without a code.
  app.addHook('preClose', () => feed.stop())

  await app.register(websocket, websocketOptions)
  // After the plugin's own hook, which marks upgrades: it closes the connection of one that is refused only when it is marked.
  const guard = requestGuard(options.token, (why, request) => {
    refused.set(why, (refused.get(why) ?? 0) + 1)
    log.warn({ why, peer: request.ip, route: request.routeOptions.url ?? null }, 'admin request refused')
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    guard(request)
  })
  // JSON only, except where recordings come in; it is also the one type that a foreign page cannot send without asking.
  app.removeContentTypeParser('text/plain')
  await describeApi(app, { version: options.version, secured: options.token !== null })

  const own: MetricsSource = { read: async () => [...feed.metrics(), refusedMetric(refused)] }
  const health: HealthSource = { parts: () => ({ ...options.health.parts(), live_feed: feed.health() }) }
  await app.register(async api => {
    // Only here: routes of plugins carry plain JSON Schema, which these compilers cannot read.
    api.setValidatorCompiler(validatorCompiler)
    api.setSerializerCompiler(serializerCompiler)
    await api.register(healthRoutes(health))
    await api.register(metricsRoutes([options.metrics, own]))
    await api.register(callRoutes(options.calls))
    await api.register(uploadRoutes(options.uploads))
    await api.register(sinkRoutes(options.sinks ?? null))
    await api.register(reloadRoute(options.reload ?? null))
    if (options.compliance !== undefined) await api.register(complianceRoutes(options.compliance))
    if (options.audit !== undefined) await api.register(auditRoutes(options.audit))
    await api.register(agentRoutes(options.agents ?? { list: () => [], unmapped: [] }))
    await api.register(recordingRoute(options.recordings, log))
    if (options.cdrs !== undefined) await api.register(cdrRoutes(options.cdrs))
    if (options.reconciliation !== undefined) await api.register(reconciliationRoutes(options.reconciliation))
    await api.register(feedRoute(feed))
  })
  return { app, feed }
}

function refusedMetric(refused: ReadonlyMap<Refusal, number>): MetricFamily {
  return {
    name: 'tpe_bridge_admin_requests_refused_total',
    help: 'Requests refused for want of a token, or for a foreign Host or Origin',
    type: 'counter',
    samples: [...refused].map(([reason, value]) => ({ labels: { reason }, value })),
  }
}
