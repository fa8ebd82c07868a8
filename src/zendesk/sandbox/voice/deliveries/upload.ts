/** Reads the two parts of an upload, metadata first, the file straight to disk, and holds the one against the other. */
import type { MultipartFile, MultipartValue } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { parts, type RecordingMetadata } from '../../../wire/audio-upload.ts'
import type { MediaFolder, ReceivedFile } from '../../media-folder.ts'
import { invalid, invalidField, tooLarge } from '../../problem.ts'

/** The file is longer than its calls' clocks said by an encoder's padding at most. */
const durationToleranceMs = 1_000
/** Room for the longest transcript, every character of it escaped. */
const metadataLimitBytes = 6 * 1024 * 1024 + 64 * 1024

export interface UploadOptions<Metadata> {
  readonly schema: z.ZodType<Metadata>
  readonly folder: MediaFolder
  /** The name to receive the file under. */
  readonly name: string
  readonly fileLimitBytes: number
  /** Throws to refuse an upload whose metadata is valid, before its file is read. */
  readonly check: (metadata: Metadata) => void
}

/**
 * Receives an upload; resolves with its metadata once the file lies flushed in the folder (not yet in place: `keep` or `discard`
 * it). Throws a Problem for what the sender did wrong; nothing is left on disk then.
 */
export async function receiveUpload<Metadata extends RecordingMetadata>(
  request: FastifyRequest,
  { schema, folder, name, fileLimitBytes, check }: UploadOptions<Metadata>,
): Promise<Metadata> {
  if (!request.isMultipart()) throw invalidField('content-type', 'must be multipart/form-data with the parts metadata and file')
  const limits = { fields: 2, files: 2, parts: 4, fieldSize: metadataLimitBytes, fileSize: fileLimitBytes }
  const incoming = request.parts({ limits })
  try {
    const metadata = readMetadata((await incoming.next()).value, schema)
    check(metadata)
    const received = await readFile((await incoming.next()).value, folder, name, fileLimitBytes)
    try {
      if (!(await incoming.next()).done) throw invalidField('body', 'has more than the parts metadata and file')
      compare(metadata, received)
    } catch (cause) {
      await folder.discard(name)
      throw cause
    }
    return metadata
  } catch (cause) {
    // What was not read still comes: let it through to nowhere, or the connection stalls before its answer is seen.
    request.raw.unpipe()
    request.raw.resume()
    throw cause
  }
}

type Part = MultipartFile | MultipartValue | undefined

function readMetadata<Metadata>(part: Part, schema: z.ZodType<Metadata>): Metadata {
  if (part?.fieldname !== parts.metadata || part.type !== 'field' || part.mimetype !== 'application/json') {
    throw invalidField(parts.metadata, 'must be the first part, of type application/json')
  }
  const parsed = schema.safeParse(part.value)
  if (!parsed.success) throw invalid(parsed.error)
  return parsed.data
}

async function readFile(part: Part, folder: MediaFolder, name: string, limit: number): Promise<ReceivedFile> {
  if (
    part?.fieldname !== parts.file ||
    part.type !== 'file' ||
    part.mimetype !== 'audio/mpeg' ||
    !part.filename.endsWith('.mp3')
  ) {
    throw invalidField(parts.file, 'must be the second part, of type audio/mpeg, with a filename that ends in .mp3')
  }
  const received = await folder.receive(name, part.file)
  if (part.file.truncated) {
    await folder.discard(name)
    throw tooLarge(`The file is larger than ${limit} bytes`)
  }
  return received
}

function compare(metadata: RecordingMetadata, { size, sha256, mp3 }: ReceivedFile): void {
  if (size !== metadata.size) throw invalidField('size', `the file has ${size} bytes`)
  if (sha256 !== metadata.sha256) throw invalidField('sha256', `the file's is ${sha256}`)
  if (!mp3.ok) throw invalidField(parts.file, `is not a whole MP3: ${mp3.reason}`)
  const { durationMs, channels, sampleRate } = mp3.summary
  if (channels !== metadata.channels) throw invalidField('channels', `the file has ${channels}`)
  if (sampleRate !== metadata.sample_rate) throw invalidField('sample_rate', `the file has ${sampleRate}`)
  if (Math.abs(durationMs - metadata.duration * 1000) > durationToleranceMs) {
    throw invalidField('duration', `the file plays ${(durationMs / 1000).toFixed(2)} s`)
  }
}
