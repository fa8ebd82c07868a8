/** What a message of a recording session carries: a session description, recording metadata, or both (RFC 7866 section 9). */
import { mediaType, parseMultipart } from './multipart.ts'

export interface RecordingBody {
  readonly sdp: Buffer | null
  /** The rs-metadata document. */
  readonly metadata: Buffer | null
}

/** Drafts of RFC 7865 and some products leave out the `+xml`. */
const METADATA = new Set(['application/rs-metadata+xml', 'application/rs-metadata', 'application/rs-metadata-request+xml'])

/** Reads a body by its Content-Type; of repeated parts the first counts, and parts of other types are passed over. */
export function readRecordingBody(contentType: string | null, body: Buffer): RecordingBody {
  if (body.length === 0 || contentType === null) return { sdp: null, metadata: null }
  const { type, boundary } = mediaType(contentType)
  if (type === 'application/sdp') return { sdp: body, metadata: null }
  if (METADATA.has(type)) return { sdp: null, metadata: body }
  if (!type.startsWith('multipart/') || boundary === null) return { sdp: null, metadata: null }
  const parts = parseMultipart(body, boundary)
  return {
    sdp: parts.find(({ contentType }) => contentType === 'application/sdp')?.content ?? null,
    metadata: parts.find(({ contentType }) => METADATA.has(contentType))?.content ?? null,
  }
}
