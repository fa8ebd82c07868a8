/** What a request asks for: its query or body by a schema, the id in its path, and the address the asker used. */
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { invalid } from './problem.ts'

const idSchema = z.object({ id: z.coerce.number().int().min(1) })

/** A query or body by its schema, or a 422. */
export function accept<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw invalid(parsed.error)
  return parsed.data
}

/** The `:id` of the path; 0, which nothing has, when it is no number. */
export function idAsked(request: FastifyRequest): number {
  const parsed = idSchema.safeParse(request.params)
  return parsed.success ? parsed.data.id : 0
}

/** `http://host:port` as the asker wrote it, for the links in an answer. */
export const baseOf = (request: FastifyRequest) => `${request.protocol}://${request.host}`

/** The request's whole address, for the next page of a list. */
export const urlOf = (request: FastifyRequest) => new URL(request.url, baseOf(request))
