/** Creations: done once for each Idempotency-Key when the asker sends one, and answered only when they are on disk. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Answers, idempotencyKey, type Reply } from '../answers.ts'
import type { GroupCommit } from '../group-commit.ts'

export interface CreationParts {
  readonly answers: Answers
  readonly commits: GroupCommit
}

/** Answers 201 with what `effect` made (200 when its key made it before). `effect` may only touch the database. */
export async function create(
  { answers, commits }: CreationParts,
  request: FastifyRequest,
  reply: FastifyReply,
  effect: () => object,
): Promise<FastifyReply> {
  const header = request.headers['idempotency-key']
  if (header === undefined) return reply.code(201).send(await commits.run(effect))
  const body = fingerprint(`POST ${request.url}`, request.body)
  return send(reply, await answers.once(idempotencyKey(header), body, effect))
}

/** Tells requests apart: the same key with another one of these is a mistake. */
export const fingerprint = (endpoint: string, body: unknown) =>
  createHash('sha256')
    .update(`${endpoint}\n${JSON.stringify(body)}`)
    .digest('hex')

export const send = (reply: FastifyReply, { status, body }: Reply) =>
  reply.code(status).type('application/json; charset=utf-8').send(body)
