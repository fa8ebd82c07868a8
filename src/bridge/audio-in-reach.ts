/**
 * Zendesk's sink for audio that lies on another bridge's disk: fetched from the archive, delivered, and removed again. What lies here,
 * and every event, goes to the sink as it is.
 *
 * 1. What is fetched is the very file that was archived, by size and SHA-256, or there is none.
 * 2. Nothing of it stays: not after a delivery, whatever became of it, and not after a crash (start).
 */
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Archive, ArchiveError } from '../archive/archive.ts'
import { failed } from '../archive/delivery.ts'
import type { EncodedAudio, RecordingId } from '../events/recording.ts'
import type { Hold, SpoolSpace } from '../recordings/intake/spool-space.ts'
import type { Delivery, DeliveryResult, Sink } from '../uploads/sink.ts'

export interface AudioInReachOptions {
  readonly sink: Sink
  /** `null`: none is configured. */
  readonly archive: Pick<Archive, 'fetch'> | null
  /** The key of an item in the archive; `null` when it is not there (yet). */
  readonly archivedAs: (id: RecordingId) => Promise<string | null>
  readonly space: Pick<SpoolSpace, 'hold'>
  /** For what is fetched; nobody else's. */
  readonly folder: string
}

const noRoomMs = 60_000
const askAgainMs = 5_000

type Delivered = Exclude<Delivery, { readonly kind: 'event' }>

export class AudioInReach implements Sink {
  readonly name: string
  readonly #options: AudioInReachOptions

  constructor(options: AudioInReachOptions) {
    this.#options = options
    this.name = options.sink.name
  }

  /** Makes the folder, and removes what a crash left there. Rejects with the file system's error. */
  async start(): Promise<void> {
    const { folder } = this.#options
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true, mode: 0o750 })
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    const { sink, archivedAs, archive } = this.#options
    if (delivery.kind === 'event' || (await isHere(delivery.audio))) return await sink.deliver(delivery, signal)
    let key: string | null
    try {
      key = await archivedAs(delivery.item.id)
    } catch (cause) {
      return notNow(`where its audio lies could not be read: ${messageOf(cause)}`, askAgainMs)
    }
    // The sink has the right words for audio that is gone.
    if (key === null) return await sink.deliver(delivery, signal)
    if (archive === null) {
      const reason = `its audio lies on the disk of another bridge, and in an archive (${key}) that is not configured here: configure the same archive for all bridges of the database`
      return { kind: 'retry', afterMs: null, reason, unasked: true }
    }
    return await this.#deliverFetched(delivery, key, archive, signal)
  }

  async #deliverFetched(
    delivery: Delivered,
    key: string,
    archive: Pick<Archive, 'fetch'>,
    signal: AbortSignal,
  ): Promise<DeliveryResult> {
    const { sink, space, folder } = this.#options
    const { size, sha256 } = delivery.audio
    const path = join(folder, `${delivery.item.id}.mp3`)
    const room: Hold = space.hold('encoding')
    try {
      const shortage = await room.more(size)
      if (shortage !== null) return notNow(`there is no room to fetch its audio from the archive: ${shortage.reason}`, noRoomMs)
      await archive.fetch(key, { path, size, sha256 }, signal)
      room.wrote(size)
      return await sink.deliver({ ...delivery, audio: { ...delivery.audio, path } }, signal)
    } catch (cause) {
      if (!(cause instanceof ArchiveError)) throw cause
      const result = failed(cause)
      // The archive's troubles, which are none of Zendesk's.
      return { ...(result.kind === 'wait' ? { ...result, scope: 'job' } : result), unasked: true }
    } finally {
      room.end(0)
      await rm(path, { force: true })
    }
  }
}

const notNow = (reason: string, afterMs: number): DeliveryResult => ({
  kind: 'wait',
  scope: 'job',
  afterMs,
  reason,
  unasked: true,
})

async function isHere({ path, size }: EncodedAudio): Promise<boolean> {
  try {
    return (await stat(path)).size === size
  } catch {
    // Whatever keeps it from being read, the archive has it too; if not, the sink says what is wrong.
    return false
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
