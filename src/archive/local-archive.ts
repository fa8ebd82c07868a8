/**
 * A folder as archive, on this machine or mounted on it.
 *
 * Invariants
 *  1 A file under its final name is whole: it is written under another name in `.incoming`, flushed, read back, and renamed.
 *  2 When `store` resolves, the files and the folders that lead to them are on disk.
 *  3 What a crash leaves in `.incoming` is removed by a later start or on a later day, once it is a day old.
 *  4 A record is written after its audio and removed before it, so that no record is left alone.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { AudioItem, EncodedAudio } from '../events/recording.ts'
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
  needsOperator,
} from './archive.ts'
import { errorCode, flushFolder, isWhole, land, provedAudio } from './audio-file.ts'
import { addressOf, archiveKey, audioKey, holdKey, recordKey, siteFolder } from './key.ts'
import { vconOf, vconSyntax, vconText } from './vcon.ts'

/** The archive's group may read, for a web server that serves it. */
const fileMode = 0o640
const folderMode = 0o750
/** What is fetched goes to the bridge's own folders. */
const fetchedMode = 0o600
const abandonedAfterMs = 86_400_000

export interface LocalArchiveOptions {
  readonly folder: string
  /** Where the folder can be seen from, with a slash at its end; `null`: nowhere. */
  readonly publicUrl: string | null
  readonly site: string
  /** A name that no other file has; for the time of writing. */
  readonly newName: () => string
  /** Epoch ms. */
  readonly clock: () => number
  /** Of the records; by default the newest that this bridge knows. */
  readonly vconSyntax?: string
}

export class LocalArchive implements Archive {
  readonly #options: LocalArchiveOptions
  readonly #folder: string
  readonly #incoming: string
  #tidying: NodeJS.Timeout | null = null

  constructor(options: LocalArchiveOptions) {
    this.#options = options
    this.#folder = resolve(options.folder)
    this.#incoming = join(this.#folder, '.incoming')
  }

  /**
   * Makes the folder and removes what an earlier run left unfinished, now and once a day. Rejects with an ArchiveError when it cannot be
   * written; it looks again all the same. Idempotent.
   */
  async start(): Promise<void> {
    this.#tidying ??= setInterval(() => {
      // A folder that cannot be written is told by whatever is stored next.
      this.#tidy().catch(() => undefined)
    }, abandonedAfterMs).unref()
    await this.#tidy()
  }

  /** Idempotent. */
  stop(): void {
    if (this.#tidying !== null) clearInterval(this.#tidying)
    this.#tidying = null
  }

  async #tidy(): Promise<void> {
    try {
      await this.#makeFolder(this.#incoming)
      const oldest = this.#options.clock() - abandonedAfterMs
      for (const name of await readdir(this.#incoming)) {
        const path = join(this.#incoming, name)
        if ((await writtenAt(path)) < oldest) await rm(path, { force: true })
      }
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  keyOf({ id, startedAt }: Pick<AudioItem, 'id' | 'startedAt'>): string {
    return archiveKey(this.#options.site, id, startedAt)
  }

  async store(item: AudioItem, audio: EncodedAudio, context: CallContext | null, signal: AbortSignal): Promise<ArchivedAudio> {
    const { site, publicUrl, vconSyntax: syntax = vconSyntax } = this.#options
    const key = this.keyOf(item)
    const url = publicUrl === null ? null : addressOf(key, publicUrl)
    const sha512 = await provedAudio(audio, signal)
    await this.#doing(signal, async () => {
      await this.#keep(key, audio, () => createReadStream(audio.path, { signal }), signal)
      if (context === null) return
      const { call } = context
      const text = vconText(vconOf({ site, item, audio, sha512, call, url, fileName: basename(key), syntax }))
      await this.#write(recordKey(key), Buffer.from(text), signal)
    })
    return { key, url }
  }

  async fetch(key: string, target: FetchTarget, signal: AbortSignal): Promise<void> {
    audioKey(key)
    const outcome = await land(() => createReadStream(this.#path(key), { signal }), target, {
      temporary: `${target.path}.${this.#options.newName()}.part`,
      mode: fetchedMode,
      signal,
    }).catch(cause => {
      if (signal.aborted) throw cause
      // The other file that can be missing is the target's folder, which may come back.
      if (errorCode(cause) === 'ENOENT' && 'path' in cause && cause.path === this.#path(key))
        throw new ArchiveError(`${key} is not in the archive ${this.#folder}`, forGood, { cause })
      throw new ArchiveError(`${key} cannot be fetched from the archive ${this.#folder}: ${String(cause)}`, mayPass, { cause })
    })
    if (outcome === 'other-content') {
      throw new ArchiveError(`${key} in the archive ${this.#folder} is not what was archived: restore it from a backup`, forGood)
    }
  }

  async delete(key: string, signal: AbortSignal): Promise<Deletion> {
    audioKey(key)
    signal.throwIfAborted()
    return this.#doing(signal, async () => {
      if (await exists(this.#path(holdKey(key)))) return 'held'
      await rm(this.#path(recordKey(key)), { force: true })
      const path = this.#path(key)
      if (!(await exists(path))) return 'absent'
      await rm(path, { force: true })
      await flushFolder(dirname(path))
      return 'deleted'
    })
  }

  async hold(key: string, reason: string, signal: AbortSignal): Promise<void> {
    audioKey(key)
    await this.#doing(signal, () => this.#write(holdKey(key), Buffer.from(`${reason}\n`), signal))
  }

  async release(key: string, signal: AbortSignal): Promise<void> {
    audioKey(key)
    signal.throwIfAborted()
    await this.#doing(signal, async () => {
      const path = this.#path(holdKey(key))
      if (!(await exists(path))) return
      await rm(path, { force: true })
      await flushFolder(dirname(path))
    })
  }

  async isHeld(key: string, signal: AbortSignal): Promise<boolean> {
    audioKey(key)
    return this.#doing(signal, () => exists(this.#path(holdKey(key))))
  }

  async *list(before: number, signal: AbortSignal): AsyncGenerator<ListedAudio> {
    const site = siteFolder(this.#options.site)
    const names = async (folder: string, wanted: RegExp) =>
      this.#doing(signal, async () => (await namesIn(this.#path(folder))).filter(name => wanted.test(name)).sort())
    for (const year of await names(site, /^\d{4}$/)) {
      for (const month of await names(`${site}${year}`, /^\d{2}$/)) {
        for (const day of await names(`${site}${year}/${month}`, /^\d{2}$/)) {
          const dayAt = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
          if (Number.isNaN(dayAt)) continue
          if (dayAt + dayMs > before) return
          for (const name of await names(`${site}${year}/${month}/${day}`, /\.mp3$/)) {
            signal.throwIfAborted()
            yield { key: `${site}${year}/${month}/${day}/${name}`, dayAt }
          }
        }
      }
    }
  }

  #write(key: string, text: Buffer, signal: AbortSignal): Promise<void> {
    const content = { size: text.length, sha256: createHash('sha256').update(text).digest('hex') }
    return this.#keep(key, content, () => once(text), signal)
  }

  /** Writes a file unless it is there, whole. */
  async #keep(
    key: string,
    content: Pick<EncodedAudio, 'size' | 'sha256'>,
    open: () => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const path = this.#path(key)
    if (await isWhole(path, content, signal)) return
    await this.#makeFolder(this.#incoming)
    await this.#makeFolder(dirname(path))
    const temporary = join(this.#incoming, `${this.#options.newName()}.part`)
    const outcome = await land(open, { path, size: content.size, sha256: content.sha256 }, { temporary, mode: fileMode, signal })
    if (outcome === 'other-content') {
      throw new ArchiveError(`the disk under ${this.#folder} does not keep what is written: check it`, mayPass)
    }
  }

  #path(key: string): string {
    return join(this.#folder, ...key.split('/'))
  }

  async #doing<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (signal.aborted || cause instanceof ArchiveError) throw cause
      throw this.#failure(cause)
    }
  }

  /** Makes a folder and those above it, each one's name on disk before the next. */
  async #makeFolder(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true, mode: folderMode })
    // Undefined: all of them were there, and whoever made them flushed them.
    if (first === undefined) return
    const above = dirname(first)
    for (let folder = dirname(path); folder.length >= above.length; folder = dirname(folder)) {
      await flushFolder(folder)
      if (folder === dirname(folder)) break
    }
  }

  #failure(cause: unknown): ArchiveError {
    const code = errorCode(cause) ?? String(cause)
    const advice =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'free some space, or point archive.folder elsewhere'
        : "create archive.folder and give it to the bridge's user, and see that what is mounted there is there"
    return new ArchiveError(`the archive ${this.#folder} cannot be written (${code}): ${advice}`, needsOperator, { cause })
  }
}

const dayMs = 86_400_000

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** When it was last written, epoch ms; what was finished meanwhile is young. */
async function writtenAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return Number.POSITIVE_INFINITY
    throw cause
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return false
    throw cause
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' || errorCode(cause) === 'ENOTDIR') return []
    throw cause
  }
}
