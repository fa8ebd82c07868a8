/** Bodies as Zendesk takes them: a key that it does not know is dropped, with a header that says so. */
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { warningHeader } from '../../wire/documented/words.ts'
import { invalidBody } from './refusals.ts'

/** So that a header stays a header. */
const shownKeys = 20
const shownLength = 64

/** A body by its schema, or a 422; warns of what was dropped. */
export function acceptBody<T>(schema: z.ZodType<T>, body: unknown, reply: FastifyReply): T {
  const parsed = schema.safeParse(body ?? {})
  if (!parsed.success) throw invalidBody(parsed.error)
  const removed = removedKeys(body, parsed.data)
  if (removed.length > 0) {
    const shown = removed.slice(0, shownKeys).map(key => key.slice(0, shownLength).replace(/[^\x20-\x7e]/g, '?'))
    reply.header(warningHeader, `Removed restricted keys ${JSON.stringify(shown)} from parameters according to whitelist`)
  }
  return parsed.data
}

/** Names of the keys of `given`, at any depth, that `kept` has not. Pure. */
export function removedKeys(given: unknown, kept: unknown): readonly string[] {
  if (Array.isArray(given)) return Array.isArray(kept) ? given.flatMap((item, index) => removedKeys(item, kept[index])) : []
  if (!isRecord(given) || !isRecord(kept)) return []
  return Object.entries(given).flatMap(([key, value]) => (Object.hasOwn(kept, key) ? removedKeys(value, kept[key]) : [key]))
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
