/** `POST /api/v2/uploads?filename=NAME`: raw bytes in, a token out that a comment's `uploads` must use in time. */
import { z } from 'zod'
import { numberId } from './words.ts'

/** The largest file that Zendesk takes: 50 MB. */
export const uploadLimitBytes = 50 * 1024 * 1024
/** How long an upload is kept when no comment uses its token. */
export const uploadKeptMs = 60 * 60_000

export const attachmentSchema = z.looseObject({
  id: numberId,
  file_name: z.string(),
  /** Downloadable by anybody who knows it, once it is attached. */
  content_url: z.string(),
  content_type: z.string(),
  size: z.int().min(0),
})

/** `PUT /api/v2/tickets/{id}/comments/{id}/attachments/{id}/redact`: what is left of the file, which is gone for good. */
export const attachmentAnswerSchema = z.object({ attachment: attachmentSchema })

export const uploadAnswerSchema = z.object({
  upload: z.looseObject({
    token: z.string().min(1),
    expires_at: z.string().nullish(),
    attachment: attachmentSchema.nullish(),
    attachments: z.array(attachmentSchema),
  }),
})
