/**
 * Recordings that a PBX or a script sends by HTTP. Knows nothing of HTTP itself: a stream of bytes and its fields come in, a
 * result goes out. What was answered with `accepted` is on the disk and in the ledger.
 */
import { createHash } from 'node:crypto'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RecordingId } from '../../events/recording.ts'
import { sourceFile } from '../audio/byte-source.ts'
import type { TakeResult } from '../candidate.ts'
import { describe, errorCode, isGone } from '../failure.ts'
import type { Taker } from '../folders/recording-folder.ts'
import type { SourceFile } from '../ledger.ts'
import type { Log } from '../log.ts'
import { recordingId } from './identity.ts'
import { type Spool, syncFolder, syncFolderOf } from './spool.ts'
import type { Hold, SpoolSpace } from './spool-space.ts'
import { checkUploadFields, type UploadFields } from './upload-name.ts'

export type UploadResult =
  /** Stored; 202. */
  | { readonly kind: 'accepted'; readonly id: RecordingId }
  /** The same file by the same name was sent before; 200. */
  | { readonly kind: 'known'; readonly id: RecordingId }
  /** Stored, but not deliverable as it is (no WAV, empty); 422. */
  | { readonly kind: 'quarantined'; readonly id: RecordingId; readonly reason: string }
  /** A field is wrong; 400. */
  | { readonly kind: 'refused'; readonly field: string; readonly reason: string }
  /** 413. */
  | { readonly kind: 'too-large'; readonly limit: number }
  /** Too many uploads at once; 503 with Retry-After. */
  | { readonly kind: 'busy'; readonly reason: string }
  /** The disk or the spool is full; nothing of it was kept. 503 with Retry-After. */
  | { readonly kind: 'no-room'; readonly reason: string }
  /** The sender went away before the end. */
  | { readonly kind: 'aborted' }
  /** This machine could not store it; 503. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface HttpIntakeOptions {
  readonly taker: Taker
  readonly spool: Spool
  /** Absent or `null`: as much room as the disk has. */
  readonly space?: SpoolSpace | null
  /** A name for a temporary file that no other has. */
  readonly newName: () => string
  readonly log: Log
  /** Bytes. Default 2 GiB. */
  readonly maxBytes?: number
  /** Default 16. */
  readonly maxUploads?: number
}

export interface HttpIntakeCounters {
  accepted: number
  known: number
  refused: number
  failed: number
}

/** An upload's size is not known before its end, so room is held for it bit by bit, in bytes. */
const holdStep = 256 * 1024

export class HttpIntake {
  readonly counters: HttpIntakeCounters = { accepted: 0, known: 0, refused: 0, failed: 0 }
  readonly #options: HttpIntakeOptions
  #uploads = 0

  constructor(options: HttpIntakeOptions) {
    this.#options = options
  }

  /** Reads the stream to its end, or not at all. Never rejects. */
  async accept(bytes: AsyncIterable<Uint8Array>, fields: UploadFields, signal: AbortSignal): Promise<UploadResult> {
    const result = await this.#accept(bytes, fields, signal)
    const { log } = this.#options
    if (result.kind === 'accepted' || result.kind === 'quarantined') this.counters.accepted += 1
    else if (result.kind === 'known') this.counters.known += 1
    else if (result.kind === 'failed') {
      this.counters.failed += 1
      log.error({ reason: result.reason }, 'uploaded recording could not be stored')
    } else {
      this.counters.refused += 1
      log.warn({ result }, 'uploaded recording refused')
    }
    return result
  }

  async #accept(bytes: AsyncIterable<Uint8Array>, fields: UploadFields, signal: AbortSignal): Promise<UploadResult> {
    const { maxUploads = 16 } = this.#options
    const checked = checkUploadFields(fields)
    if (checked.kind === 'refused') return checked
    if (this.#uploads >= maxUploads) return { kind: 'busy', reason: `${maxUploads} uploads are under way` }
    const { space = null } = this.#options
    const shortage = space?.shortage('uploads') ?? null
    if (shortage !== null) return { kind: 'no-room', reason: shortage.reason }
    this.#uploads += 1
    const temporary = join(this.#options.spool.incomingFolder, `${this.#options.newName()}.tmp`)
    const hold = space?.hold('uploads') ?? null
    let kept = 0
    try {
      const written = await this.#write(bytes, temporary, hold, signal)
      if (written.kind !== 'written') return written
      const id = recordingId(checked.fileName, written.sha256)
      const path = this.#options.spool.incomingPath(id, checked.fileName)
      const file = await this.#keep(temporary, path)
      const { fileName: baseName, hints } = checked
      const result = await this.#options.taker.take({ kind: 'recording', file, audioPath: path, baseName, hints })
      // Its item needs no source any more, so nobody would remove this copy.
      const needless = result.kind === 'known' && (result.state === 'delivered' || result.state === 'dropped')
      if (needless) await this.#options.spool.remove(id)
      else if (result.kind !== 'known') kept = file.size
      return answer(result)
    } catch (error) {
      return signal.aborted || isSenderGone(error) ? { kind: 'aborted' } : { kind: 'failed', reason: describe(error) }
    } finally {
      this.#uploads -= 1
      hold?.end(kept)
      // What cannot be removed now (its folder is gone) the next start removes, as it does after a crash.
      await rm(temporary, { force: true }).catch(() => undefined)
    }
  }

  /** Gives the whole file its name. The same bytes may be there already, perhaps being encoded: those then stay. */
  async #keep(temporary: string, path: string): Promise<SourceFile> {
    await mkdir(dirname(path), { recursive: true })
    const there = await lstat(path).catch((error: unknown) => {
      if (isGone(error)) return null
      throw error
    })
    if (there !== null) return sourceFile(path, there)
    await rename(temporary, path)
    await syncFolderOf(path)
    await syncFolder(this.#options.spool.incomingFolder)
    return sourceFile(path, await lstat(path))
  }

  async #write(bytes: AsyncIterable<Uint8Array>, path: string, hold: Hold | null, signal: AbortSignal) {
    const { maxBytes = 2 * 1024 ** 3 } = this.#options
    const hash = createHash('sha256')
    const handle = await open(path, 'wx', 0o640)
    try {
      let size = 0
      let heldBytes = 0
      for await (const chunk of bytes) {
        signal.throwIfAborted()
        size += chunk.length
        if (size > maxBytes) return { kind: 'too-large', limit: maxBytes } as const
        if (hold !== null && size > heldBytes) {
          const step = Math.max(chunk.length, holdStep)
          const shortage = await hold.more(step)
          if (shortage !== null) return { kind: 'no-room', reason: shortage.reason } as const
          heldBytes += step
        }
        hash.update(chunk)
        await handle.writeFile(chunk)
        hold?.wrote(chunk.length)
      }
      signal.throwIfAborted()
      await handle.sync()
      return { kind: 'written', sha256: hash.digest('hex') } as const
    } finally {
      await handle.close()
    }
  }
}

/** What Node.js says when a request ends before its body does. */
function isSenderGone(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR'
}

function answer(result: TakeResult): UploadResult {
  switch (result.kind) {
    case 'taken':
      return { kind: 'accepted', id: result.id }
    case 'known':
      return { kind: 'known', id: result.id }
    case 'quarantined':
      return result
    case 'failed':
      return { kind: 'failed', reason: result.reason }
    case 'unsettled':
    case 'gone':
      return { kind: 'failed', reason: 'the stored upload was changed or removed from the spool' }
    default:
      return result satisfies never
  }
}
