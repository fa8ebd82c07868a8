/** `/api/v2/uploads` and the addresses of what was uploaded. */
import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { uploadLimitBytes } from '../../wire/documented/upload.ts'
import { documentedTime } from '../../wire/documented/words.ts'
import { accept, baseOf, idAsked } from '../asked.ts'
import { readRange } from '../range.ts'
import type { StoredAttachment } from './attachments.ts'
import { attachmentView } from './documented-views.ts'
import { attachmentTooLarge, couldNotAuthenticate, invalidValue, recordNotFound } from './refusals.ts'
import type { SupportParts, SupportScope } from './support-scope.ts'

const querySchema = z.object({
  filename: z.string().regex(/^[^/\\\p{Cc}]{1,255}$/u),
  token: z.string().max(255).optional(),
})
const tokenSchema = z.object({ token: z.string() })
const redactedSchema = z.object({
  id: z.coerce.number().int(),
  comment: z.coerce.number().int(),
  attachment: z.coerce.number().int(),
})
const secretSchema = z.object({ secret: z.string() })

/** What a file of this ending must be called, or no browser plays it. */
const audioTypes: ReadonlyMap<string, readonly string[]> = new Map([
  ['.mp3', ['audio/mpeg', 'audio/mp3']],
  ['.wav', ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave']],
])

export async function uploadRoutes(app: FastifyInstance, scope: SupportScope): Promise<void> {
  const { account, commits, media, clock } = scope
  const limit = Math.min(scope.fileLimitBytes, uploadLimitBytes)
  const { attachments, settings, newToken } = account

  await app.register(async raw => {
    // The bytes as they come, whatever they call themselves.
    raw.removeAllContentTypeParsers()
    raw.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    raw.post('/uploads', async (request, reply) => {
      try {
        return await take(request, reply)
      } catch (cause) {
        // What was not read still comes: let it through to nowhere, or the connection stalls before its answer is seen.
        request.raw.resume()
        throw cause
      }
    })
  })

  app.delete('/uploads/:token', async (request, reply) => {
    const { token } = tokenSchema.parse(request.params)
    const files = await commits.run(() => attachments.forget(token))
    if (files.length === 0) throw recordNotFound()
    for (const file of files) await media.remove(file)
    return reply.code(204).send()
  })

  app.get('/attachments/:id', async request => {
    const attachment = attachments.get(idAsked(request))
    if (attachment === null) throw recordNotFound()
    return { attachment: attachmentView(attachment, baseOf(request)) }
  })

  // For good: the comment stays, with a text file in its place. Not on a closed ticket.
  app.put('/tickets/:id/comments/:comment/attachments/:attachment/redact', async request => {
    const asked = accept(redactedSchema, request.params)
    const { id: ticketId } = account.tickets.get(asked.id) ?? missing()
    const before = attachments.get(asked.attachment) ?? missing()
    const comments = account.history.commentIds(ticketId)
    if (before.commentId !== asked.comment || !comments.has(asked.comment)) throw recordNotFound()
    const file = `upload-${newToken()}.txt`
    const { size } = await media.receive(file, Readable.from([Buffer.from('redacted')], { objectMode: false }))
    await media.keep(file)
    await commits.run(() => {
      // Asked inside the transaction: it may have been closed meanwhile.
      if (account.tickets.get(ticketId)?.fields.status === 'closed') throw invalidValue('base', 'Ticket is closed')
      attachments.redact(before.id, { fileName: 'redacted.txt', contentType: 'text/plain', size, file })
    })
    await media.remove(before.file)
    return { attachment: attachmentView(attachments.get(before.id) ?? missing(), baseOf(request)) }
  })

  async function take(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const query = querySchema.safeParse(request.query)
    if (!query.success) throw invalidValue('filename', 'Filename: must be given, without a path', 'BlankValue')
    const { filename, token = newToken() } = query.data
    const contentType = typeAsked(request, filename)
    if (query.data.token !== undefined && attachments.waiting(token, clock()).length === 0) {
      throw invalidValue('token', 'Token: is not valid, was used before, or has expired')
    }
    if (Number(request.headers['content-length'] ?? 0) > limit) throw attachmentTooLarge(limit)
    const file = `upload-${newToken()}${extname(filename).replace(/[^.a-z0-9]/gi, '')}`
    const { size } = await media.receive(file, Readable.from(atMost(limit, request.raw), { objectMode: false }))
    await media.keep(file)
    const now = clock()
    const given = {
      token,
      secret: newToken(),
      fileName: filename,
      contentType,
      size,
      file,
      expiresAt: now + settings.current.upload_kept_ms,
    }
    const { purged, added, all } = await commits.run(() => ({
      purged: attachments.purge(now),
      added: attachments.add(given, now),
      all: attachments.waiting(token, now),
    }))
    for (const old of purged) await media.remove(old)
    return reply.code(201).send({ upload: uploadView(added, all, baseOf(request)) })
  }
}

const missing = (): never => {
  throw recordNotFound()
}

function uploadView(added: StoredAttachment, all: readonly StoredAttachment[], base: string) {
  return {
    token: added.token,
    expires_at: documentedTime(added.expiresAt),
    attachment: attachmentView(added, base),
    attachments: all.map(attachment => attachmentView(attachment, base)),
  }
}

/** The Content-Type, or a 422: Zendesk would take a wrong one, and then play nothing. */
function typeAsked(request: FastifyRequest, filename: string): string {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!/^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(type)) {
    throw invalidValue('content_type', 'Content-Type: must say what the file is, as audio/mpeg does', 'BlankValue')
  }
  const expected = audioTypes.get(extname(filename).toLowerCase())
  if (expected !== undefined && !expected.includes(type)) {
    throw invalidValue('content_type', `Content-Type: of ${extname(filename)} must be ${expected[0]}`)
  }
  return type
}

/** The bytes of `source`; throws a 422 when there are more than `limit`, without ending the connection. */
async function* atMost(limit: number, source: Readable): AsyncGenerator<Buffer> {
  let size = 0
  for await (const piece of source.iterator({ destroyOnReturn: false })) {
    const chunk: Buffer = piece
    size += chunk.length
    if (size > limit) throw attachmentTooLarge(limit)
    yield chunk
  }
}

/** Whoever knows the address of an attached file may have it; until it is attached, only who could have uploaded it. */
export function downloadRoutes(app: FastifyInstance, { account, media, clock }: SupportParts): void {
  const download = async (request: FastifyRequest, reply: FastifyReply) => {
    const { secret } = secretSchema.parse(request.params)
    const attachment = account.attachments.at(secret, clock())
    if (attachment === null) throw recordNotFound()
    if (attachment.commentId === null && !account.knows(request.headers.authorization, clock())) throw couldNotAuthenticate()
    return sendFile(attachment, media.path(attachment.file), request, reply)
  }
  app.get('/attachments/token/:secret', download)
  app.get('/attachments/token/:secret/', download)
}

/** Honours Range (RFC 9110 section 14); the file never changes, so its address is its version. */
function sendFile({ size, contentType, fileName }: StoredAttachment, path: string, request: FastifyRequest, reply: FastifyReply) {
  const shown = contentType.startsWith('audio/') ? 'inline' : 'attachment'
  reply.headers({
    'accept-ranges': 'bytes',
    'content-type': contentType,
    'content-disposition': `${shown}; filename="${fileName.replace(/[^A-Za-z0-9._-]/g, '_')}"`,
    // It came from somebody else, so no browser is to run it.
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'",
  })
  const range = readRange(request.headers.range, size)
  switch (range.kind) {
    case 'whole':
      return reply.header('content-length', size).send(createReadStream(path))
    case 'part': {
      const { first, last } = range
      reply.code(206).headers({ 'content-range': `bytes ${first}-${last}/${size}`, 'content-length': last - first + 1 })
      return reply.send(createReadStream(path, { start: first, end: last }))
    }
    case 'unsatisfiable':
      return reply
        .code(416)
        .headers({ 'content-range': `bytes */${size}`, 'content-type': 'text/plain' })
        .send('')
    default:
      return range satisfies never
  }
}
