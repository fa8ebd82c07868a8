/** Audio on its way: streamed, and whole or an error: undici holds a body to its Content-Length, and this says how far it came. */
import { Readable } from 'node:stream'
import type { Answer } from '../http/answer.ts'
import type { StreamedAnswer } from '../http/connection.ts'
import { networkReason } from '../http/network-failure.ts'
import { type Asked, BrokenDownload } from './voice-failure.ts'

/** Of an error answer that comes in place of audio. */
const startBytes = 64 * 1024

export interface AudioDownload {
  /** `audio/mpeg`; `null` when the server did not say. */
  readonly contentType: string | null
  /** Bytes, from Content-Length; `null` when the server did not say. */
  readonly length: number | null
  /** Fails with BrokenDownload when it ends before `length`, or breaks off. To be read to its end, or destroyed. */
  readonly body: Readable
}

/** The body of a streamed answer as audio. */
export function audioDownload({ headers, body }: StreamedAnswer, asked: Asked, signal: AbortSignal): AudioDownload {
  const length = wholeNumber(headers['content-length'])
  return {
    contentType: headers['content-type'] ?? null,
    length,
    body: Readable.from(counted(body, length, asked, signal), { objectMode: false }),
  }
}

/** The start of a body that is not audio, as an answer has it; the rest is dropped. */
export async function readStart(body: Readable, signal: AbortSignal): Promise<Answer['body']> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const piece of body) {
      const chunk: Buffer = piece
      chunks.push(chunk)
      size += chunk.length
      // Leaving the loop destroys the body, and with it the connection.
      if (size > startBytes) break
    }
  } catch (cause) {
    if (signal.aborted) throw cause
    return { kind: 'broken', why: networkReason(cause) }
  }
  return { kind: 'whole', text: Buffer.concat(chunks).subarray(0, startBytes).toString('utf8') }
}

async function* counted(body: Readable, length: number | null, asked: Asked, signal: AbortSignal): AsyncGenerator<Buffer> {
  let received = 0
  try {
    for await (const piece of body) {
      const chunk: Buffer = piece
      received += chunk.length
      yield chunk
    }
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new BrokenDownload(asked, received, length, networkReason(cause), cause)
  }
}

const wholeNumber = (header: string | undefined) => (header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : null)
