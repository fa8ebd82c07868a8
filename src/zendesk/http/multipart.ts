/**
 * A multipart/form-data body (RFC 7578) of one JSON part and one file, streamed from disk with an exact Content-Length, so memory
 * stays flat for a recording of any length. It is opened anew for every attempt: a stream cannot be sent twice.
 */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { parts } from '../wire/audio-upload.ts'

const chunkBytes = 64 * 1024

/** What to send. `boundary` must not occur in the file; `size` is what the file must still have. */
export interface MultipartSpec {
  readonly metadata: object
  readonly path: string
  readonly size: number
  readonly filename: string
  readonly boundary: string
}

export interface MultipartBody {
  readonly contentType: string
  /** Bytes of the whole body. */
  readonly contentLength: number
  readonly stream: Readable
  /** Ends the stream and gives the file back; to be called however the request ended. */
  close(): Promise<void>
}

/** The file on disk is not the one that was encoded: sending it would only be refused. */
export class AudioFileChanged extends Error {
  override readonly name = 'AudioFileChanged'
}

/** Opens the file and frames it. Throws AudioFileChanged when its size is not `spec.size`, and what `open` throws. */
export async function openMultipart(spec: MultipartSpec): Promise<MultipartBody> {
  const file = await open(spec.path, 'r')
  try {
    const { size } = await file.stat()
    if (size !== spec.size) throw new AudioFileChanged(`${spec.path} has ${size} bytes, ${spec.size} were encoded`)
  } catch (cause) {
    await file.close()
    throw cause
  }
  const head = Buffer.from(
    `--${spec.boundary}\r\n` +
      `Content-Disposition: form-data; name="${parts.metadata}"\r\n` +
      'Content-Type: application/json\r\n\r\n' +
      `${JSON.stringify(spec.metadata)}\r\n` +
      `--${spec.boundary}\r\n` +
      `Content-Disposition: form-data; name="${parts.file}"; filename="${spec.filename}"\r\n` +
      'Content-Type: audio/mpeg\r\n\r\n',
  )
  const tail = Buffer.from(`\r\n--${spec.boundary}--\r\n`)
  const stream = Readable.from(framed(head, file, spec, tail), { objectMode: false, highWaterMark: chunkBytes })
  return {
    contentType: `multipart/form-data; boundary=${spec.boundary}`,
    contentLength: head.length + spec.size + tail.length,
    stream,
    async close() {
      stream.destroy()
      await file.close()
    },
  }
}

async function* framed(head: Buffer, file: FileHandle, spec: MultipartSpec, tail: Buffer): AsyncGenerator<Buffer> {
  yield head
  let position = 0
  while (position < spec.size) {
    // A fresh buffer each time: the one before may still be on its way into the socket.
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, spec.size - position))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) throw new AudioFileChanged(`${spec.path} ended after ${position} of ${spec.size} bytes`)
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
  yield tail
}
