/**
 * A bucket of S3, or of a store that speaks it, as archive.
 *
 * Invariants
 *  1 An object is there whole or not at all: S3 shows none before it has all of it.
 *  2 When `store` resolves, the store has been asked what it keeps, and it was this: some answer 200 and keep nothing.
 *  3 The same item always goes to the same key; what is there already is not sent again.
 *  4 A record is written after its audio and removed before it, so that no record is left alone.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { AudioItem, EncodedAudio } from '../../events/recording.ts'
import {
  type Archive,
  type ArchivedAudio,
  ArchiveError,
  type CallContext,
  type Deletion,
  type FetchTarget,
  forGood,
  type ListedAudio,
  mayPass,
} from '../archive.ts'
import { land, provedAudio, unreadable } from '../audio-file.ts'
import { addressOf, archiveKey, audioKey, dayOf, holdKey, recordKey, siteFolder } from '../key.ts'
import { vconOf, vconSyntax, vconText } from '../vcon.ts'
import { type ObjectKind, S3Bucket } from './bucket.ts'
import type { S3Account } from './client.ts'
import { audioMetadata } from './metadata.ts'
import { putInParts } from './multipart.ts'

/** What is fetched goes to the bridge's own folders. */
const fetchedMode = 0o600
const dayMs = 86_400_000
/** Held in memory by each upload under way. S3 wants at least 5 MiB. */
const defaultPartBytes = 8 * 1_048_576

export interface S3ArchiveOptions {
  readonly account: S3Account
  readonly site: string
  /** Where the keys below the prefix can be seen from, with a slash at its end; `null`: nowhere. */
  readonly publicUrl: string | null
  /** A name that no other file has; for the time of writing what is fetched. */
  readonly newName: () => string
  /** Epoch ms. */
  readonly clock: () => number
  /** Audio of more bytes than this goes up in parts of this size. */
  readonly partBytes?: number
  /** Of the records; by default the newest that this bridge knows. */
  readonly vconSyntax?: string
}

export class S3Archive implements Archive {
  readonly #options: S3ArchiveOptions
  readonly #bucket: S3Bucket

  constructor(options: S3ArchiveOptions) {
    this.#options = options
    this.#bucket = new S3Bucket(options.account)
  }

  /** Closes what is connected. Idempotent. */
  stop(): void {
    this.#bucket.close()
  }

  keyOf({ id, startedAt }: Pick<AudioItem, 'id' | 'startedAt'>): string {
    return archiveKey(this.#options.site, id, startedAt)
  }

  async store(item: AudioItem, audio: EncodedAudio, context: CallContext | null, signal: AbortSignal): Promise<ArchivedAudio> {
    const { site, publicUrl, vconSyntax: syntax = vconSyntax } = this.#options
    const key = this.keyOf(item)
    const url = publicUrl === null ? null : addressOf(key, publicUrl)
    const sha512 = await provedAudio(audio, signal)
    const kind = { contentType: 'audio/mpeg', metadata: audioMetadata(site, item, audio, context) }
    await this.#keep(key, audio.size, kind, signal, () => this.#send(key, audio, kind, signal))
    if (context !== null) {
      const { call } = context
      const text = vconText(vconOf({ site, item, audio, sha512, call, url, fileName: basename(key), syntax }))
      await this.#write(recordKey(key), text, 'application/vcon+json', signal)
    }
    return { key, url }
  }

  async fetch(key: string, target: FetchTarget, signal: AbortSignal): Promise<void> {
    audioKey(key)
    const temporary = `${target.path}.${this.#options.newName()}.part`
    const outcome = await land(() => this.#bucket.get(key, signal), target, { temporary, mode: fetchedMode, signal }).catch(
      cause => {
        if (signal.aborted || cause instanceof ArchiveError) throw cause
        throw new ArchiveError(`${key} cannot be written to ${target.path}: ${String(cause)}`, mayPass, { cause })
      },
    )
    if (outcome === 'other-content') {
      throw new ArchiveError(
        `${key} in the bucket is not what was archived: restore it from a backup or an older version`,
        forGood,
      )
    }
  }

  async delete(key: string, signal: AbortSignal): Promise<Deletion> {
    audioKey(key)
    if (await this.isHeld(key, signal)) return 'held'
    const found = await this.#bucket.head(key, signal)
    await this.#bucket.remove(recordKey(key), signal)
    if (found === null) return 'absent'
    await this.#bucket.remove(key, signal)
    return 'deleted'
  }

  async hold(key: string, reason: string, signal: AbortSignal): Promise<void> {
    audioKey(key)
    await this.#write(holdKey(key), `${reason}\n`, 'text/plain; charset=utf-8', signal)
  }

  async release(key: string, signal: AbortSignal): Promise<void> {
    audioKey(key)
    await this.#bucket.remove(holdKey(key), signal)
  }

  async isHeld(key: string, signal: AbortSignal): Promise<boolean> {
    audioKey(key)
    return (await this.#bucket.head(holdKey(key), signal)) !== null
  }

  async *list(before: number, signal: AbortSignal): AsyncGenerator<ListedAudio> {
    // The keys of a site come in the order of their days.
    for await (const key of this.#bucket.keys(siteFolder(this.#options.site), signal)) {
      const dayAt = dayOf(key)
      if (dayAt === null) continue
      if (dayAt + dayMs > before) return
      yield { key, dayAt }
    }
  }

  async #write(key: string, content: string, contentType: string, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(content)
    const kind = { contentType, metadata: { sha256: createHash('sha256').update(body).digest('hex') } }
    await this.#keep(key, body.length, kind, signal, () => this.#bucket.put(key, body, kind, signal))
  }

  /** Sends an object unless it is there, and looks whether the store has it. */
  async #keep(key: string, size: number, kind: ObjectKind, signal: AbortSignal, send: () => Promise<void>): Promise<void> {
    if (await this.#isKept(key, size, kind, signal)) return
    await send()
    if (await this.#isKept(key, size, kind, signal)) return
    const advice = 'see that nothing else writes to these keys, and that the store keeps metadata'
    throw new ArchiveError(`the archive took ${key}, and does not have it as it was sent: ${advice}`, mayPass)
  }

  async #isKept(key: string, size: number, { metadata }: ObjectKind, signal: AbortSignal): Promise<boolean> {
    const found = await this.#bucket.head(key, signal)
    if (found === null || found.size !== size) return false
    if (found.sha256 !== null && found.sha256 !== Buffer.from(metadata.sha256 ?? '', 'hex').toString('base64')) return false
    // What the metadata tells of the call may differ: it was not over when the audio was kept. The bytes are the same.
    return found.metadata.sha256 === metadata.sha256
  }

  async #send(key: string, audio: EncodedAudio, kind: ObjectKind, signal: AbortSignal): Promise<void> {
    const { partBytes = defaultPartBytes, clock } = this.#options
    if (audio.size > partBytes) return putInParts(this.#bucket, key, audio, kind, { partBytes, now: clock() }, signal)
    const body = await readFile(audio.path, { signal }).catch(cause => {
      throw signal.aborted ? signal.reason : unreadable(audio.path, cause)
    })
    await this.#bucket.put(key, body, kind, signal)
  }
}
