/** Who a client of the admin API is to the audit log. Whoever is served has the token or is on this machine; there are no users. */
import type { FastifyRequest } from 'fastify'

/** `api 10.0.0.7` */
export const actorOf = (request: FastifyRequest): string => `api ${request.ip}`
