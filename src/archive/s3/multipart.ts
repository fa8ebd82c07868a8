/**
 * An object too large for one request, sent in parts, one part in memory at a time. The object is there once the store has put it
 * together; before, nobody sees any of it. Parts of an upload that failed are given up at once, those of a process that died by the
 * next upload of the same key, once they are a day old: a store asks money for them.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { EncodedAudio } from '../../events/recording.ts'
import { ArchiveError } from '../archive.ts'
import { notAsEncoded, unreadable } from '../audio-file.ts'
import type { KeptPart, ObjectKind, S3Bucket } from './bucket.ts'

/** S3's own: no more parts than this in an object. */
const mostParts = 10_000
const abandonedAfterMs = 86_400_000
const abortMs = 10_000

export interface PartsOptions {
  readonly partBytes: number
  /** Epoch ms. */
  readonly now: number
}

export async function putInParts(
  bucket: S3Bucket,
  key: string,
  audio: EncodedAudio,
  kind: ObjectKind,
  { partBytes, now }: PartsOptions,
  signal: AbortSignal,
): Promise<void> {
  await giveUpAbandoned(bucket, key, now - abandonedAfterMs, signal)
  const file = await open(audio.path, 'r').catch(cause => {
    throw unreadable(audio.path, cause)
  })
  try {
    const id = await bucket.beginParts(key, kind, signal)
    try {
      const parts: KeptPart[] = []
      for await (const part of partsOf(file, audio, Math.max(partBytes, Math.ceil(audio.size / mostParts)))) {
        parts.push(await bucket.putPart(key, id, parts.length + 1, part, signal))
      }
      await bucket.finishParts(key, id, parts, signal)
    } catch (cause) {
      throw await givenUp(bucket, key, id, cause)
    }
  } finally {
    await file.close()
  }
}

/** The file in pieces; throws at its end when it was not what was encoded. The same memory holds one after the other. */
async function* partsOf(file: FileHandle, { path, size, sha256 }: EncodedAudio, partBytes: number): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  const memory = Buffer.allocUnsafe(partBytes)
  for (let position = 0; position < size; ) {
    const length = Math.min(partBytes, size - position)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await file.read(memory, filled, length - filled, position + filled).catch(cause => {
        throw unreadable(path, cause)
      })
      if (bytesRead === 0) throw notAsEncoded(path)
      filled += bytesRead
    }
    const part = memory.subarray(0, length)
    hash.update(part)
    yield part
    position += length
  }
  if (hash.digest('hex') !== sha256) throw notAsEncoded(path)
}

/** What to throw. The signal may be the reason for giving up, so this has a time of its own. */
async function givenUp(bucket: S3Bucket, key: string, id: string, cause: unknown): Promise<unknown> {
  try {
    await bucket.abortParts(key, id, AbortSignal.timeout(abortMs))
  } catch {
    // What failed first is what matters; the parts are given up by a later upload of the key, or by the bucket's own rule.
  }
  return cause
}

async function giveUpAbandoned(bucket: S3Bucket, key: string, before: number, signal: AbortSignal): Promise<void> {
  try {
    for (const id of await bucket.unfinished(key, before, signal)) await bucket.abortParts(key, id, signal)
  } catch (cause) {
    // A key that may not list uploads can still make them.
    if (!(cause instanceof ArchiveError)) throw cause
  }
}
