/** What the documented API answers when it does not do what was asked. */
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { errorNames, type FieldComplaint, notAuthenticated } from '../../wire/documented/words.ts'
import { Problem } from '../problem.ts'

/** 422 about fields. */
export const recordInvalid = (details: Readonly<Record<string, FieldComplaint | readonly FieldComplaint[]>>) =>
  new Problem(422, { error: errorNames.invalid, description: 'Record validation errors', details })

/** 422 about one field. */
export const invalidValue = (field: string, description: string, error = 'InvalidValue') =>
  recordInvalid({ [field]: [{ description, error }] })

/** 422 with the schema's complaints; the wrapper (`ticket.`, `call.`) is no part of a field's name. */
export function invalidBody(cause: z.ZodError): Problem {
  const details: Record<string, FieldComplaint[]> = {}
  for (const issue of cause.issues) {
    const [first, ...rest] = issue.path
    const field = (rest.length === 0 ? String(first ?? 'base') : rest.join('.')) || 'base'
    const complaint = {
      description: `${field}: ${issue.message}`,
      error: issue.code === 'invalid_type' ? 'BlankValue' : 'InvalidValue',
    }
    details[field] = [...(details[field] ?? []), complaint]
  }
  return recordInvalid(details)
}

export const recordNotFound = () => new Problem(404, { error: errorNames.notFound, description: 'Not found' })

export const couldNotAuthenticate = () => new Problem(401, notAuthenticated)

export const forbidden = () =>
  new Problem(403, {
    error: 'Forbidden',
    description: 'You do not have access to this page. Please contact the account owner of this help desk for further help.',
  })

export const otherBody = () =>
  new Problem(400, { error: errorNames.otherBody, description: "Request parameters don't match the given idempotency key" })

export const updatedMeanwhile = () =>
  new Problem(409, { error: 'UpdateConflict', description: 'Safe Update prevented the update due to outdated ticket data' })

export const tooDeep = () =>
  new Problem(400, { error: 'InvalidPaginationDepth', description: 'Only the first 10000 records have pages: use cursors' })

export const attachmentTooLarge = (limit: number) =>
  new Problem(422, { error: 'AttachmentTooLarge', description: `The file is larger than ${limit} bytes` })

/** As the limit of one ticket's updates arrives: plain text, and no word of when to come back. */
export const plainTooMany = (reply: FastifyReply): FastifyReply =>
  reply.code(429).type('text/plain; charset=utf-8').send('Number of allowed incoming requests for this ticket exceeded')
