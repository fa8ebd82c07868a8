import type websocket from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { errorView, RequestRefused } from './errors.ts'
import { feedProtocol } from './guard.ts'
import type { LiveFeed } from './live-feed.ts'

/** Clients have nothing to say; what they send is read, so that pings and closes are seen, and ignored. */
const maxClientMessage = 1024

/** What the WebSocket plugin needs to know. It is registered on the root, before any route. */
export const websocketOptions: websocket.WebsocketPluginOptions = {
  // LiveFeed.follow listens for errors itself; the default would cut the socket off before the client is told the code.
  errorHandler: () => undefined,
  options: {
    maxPayload: maxClientMessage,
    // ws would pick the first protocol offered, which may be the one that carries the token.
    handleProtocols: offered => (offered.has(feedProtocol) ? feedProtocol : false),
  },
}

/** `GET /ws`. */
export function feedRoute(feed: LiveFeed): FastifyPluginAsyncZod {
  return async app => {
    const begins = new WeakMap<FastifyRequest['raw'], string | null>()

    app.route({
      method: 'GET',
      url: '/ws',
      schema: {
        summary: 'Live feed (WebSocket): each event as it is stored, one a message',
        description:
          'With `after` it begins after that event, from storage: no gap, no double. Without, it begins now. Close codes: 4408 too slow, ' +
          '4404 no such event is stored, 1011 the store cannot be read, 1001 the bridge stops; after all but 4404 reconnect with the id of the last ' +
          'event received. Browsers give the token as the subprotocol `bearer.BASE64URL(TOKEN)` beside `tpe-bridge.v1`.',
        tags: ['events'],
        querystring: z.object({ after: z.string().min(1).max(200).optional() }),
        response: { 426: errorView, 503: errorView },
      },
      preHandler: async (request, reply) => {
        if (!request.ws) return
        if (!feed.admits()) {
          return reply.code(503).send({ error: 'Too many clients', description: 'The live feed is full. Try again later.' })
        }
        // Before the upgrade: what is stored once a client sees itself connected, it must hear.
        begins.set(request.raw, request.query.after ?? (await feed.newest()))
      },
      handler: () => {
        throw new RequestRefused(426, 'Upgrade required', 'Connect with a WebSocket client.')
      },
      wsHandler: (socket, request) => feed.follow(socket, begins.get(request.raw) ?? null),
    })
  }
}
