/**
 * The recordings of imported calls: found in folders, tied to their calls by what their names say or by what the records say their
 * names are, encoded and stored for delivery by the same stage that does it for the bridge. Files are never changed.
 */
import { stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { Audio, foldersWithSidecars } from '../../bridge/audio.ts'
import type { Config } from '../../config/schema.ts'
import type { NumberPlan } from '../../events/numbers.ts'
import type { AudioItem, RecordingHints } from '../../events/recording.ts'
import { recordingKey, recordingName } from '../../migration/import/imported-call.ts'
import type { RecordingCounts } from '../../migration/import/summary.ts'
import { sourceFile } from '../../recordings/audio/byte-source.ts'
import { isGone } from '../../recordings/failure.ts'
import { noHints, readFileName } from '../../recordings/folders/file-name.ts'
import { walkFolder } from '../../recordings/folders/folder-walk.ts'
import { lastPart } from '../../recordings/folders/recording-folder.ts'
import { callKeys } from '../../recordings/intake/call-finder.ts'
import type { SourceFile } from '../../recordings/ledger.ts'
import type { SqliteStore } from '../../uploads/store/sqlite-store.ts'
import type { CommandLog } from './command-log.ts'
import type { LiveStore } from './live-store.ts'
import { importFolder } from './outbox.ts'

export interface HistoricRecordingsOptions {
  readonly config: Config
  readonly site: string
  readonly folders: readonly string[]
  readonly numbers: NumberPlan
  readonly ffmpegPath: string | null
  readonly searchPath: string
  readonly log: CommandLog
}

const mostShown = 20
const redriveLimit = 100_000

export class HistoricRecordings {
  readonly #options: HistoricRecordingsOptions
  readonly #store: SqliteStore
  readonly #audio: Audio
  #files = 0
  #known = 0
  #live = 0

  /** `store` is the import's own. */
  constructor(store: SqliteStore, options: HistoricRecordingsOptions) {
    const { config, site, numbers, ffmpegPath, searchPath, log } = options
    this.#options = options
    this.#store = store
    const recordings: Config['recordings'] = {
      ...config.recordings,
      folders: [],
      afterUpload: { kind: 'keep' },
      // Every call is stored before the first recording is looked at: one that finds none now will find none later.
      matchWaitMs: 0,
    }
    this.#audio = new Audio({
      config: {
        ...config,
        dataDir: importFolder(config.dataDir, site),
        recordings,
        voicemail: { ...config.voicemail, folders: [] },
      },
      ledger: store.items,
      numbers,
      sidecarFolders: foldersWithSidecars(config.recordings),
      ffmpegPath,
      searchPath,
      log,
    })
  }

  /** Rejects when the spool cannot be written. */
  async start(): Promise<void> {
    await this.#audio.start()
  }

  async onDelivered(item: AudioItem): Promise<void> {
    await this.#audio.intake.onDelivered(item)
  }

  /** Takes in every audio file of the folders that is not known yet. */
  async take(live: LiveStore | null, signal: AbortSignal): Promise<void> {
    const { folders, log } = this.#options
    // What an earlier run could not tie to a call may be of one that was imported since.
    for (const { id } of await this.#store.items.list('quarantined', redriveLimit)) await this.#audio.intake.redrive(id)
    for (const folder of folders.map(each => resolve(each))) {
      const visitor = {
        enter: async () => {},
        file: (path: string) => this.#takeFile(folder, path, live, signal),
        unreadable: (path: string, error: unknown) =>
          log.error({ folder: path, reason: error instanceof Error ? error.message : String(error) }, 'folder cannot be read'),
      }
      await walkFolder(folder, visitor, signal)
    }
  }

  /** How many wait to be tied to a call or encoded. */
  get waiting(): number {
    const { waiting, working } = this.#audio.intake.status()
    return Math.max(waiting, working)
  }

  /** How many were tied to a call, encoded and stored for delivery by this run. */
  get queued(): number {
    return this.#audio.intake.counters.queued
  }

  /** Why no recording can be encoded; `null` while one can. */
  get missing(): string | null {
    return this.#audio.intake.status().transcoder.missing
  }

  async counts(): Promise<RecordingCounts> {
    const unmatched = await this.#store.items.list('quarantined', redriveLimit)
    return {
      files: this.#files,
      matched: this.queued,
      known: this.#known,
      live: this.#live,
      refused: Object.values(this.#audio.intake.counters.refused).reduce((sum, each) => sum + each, 0),
      unmatched: unmatched
        .slice(0, mostShown)
        .map(item => ({ file: item.sourcePath, reason: item.reason ?? 'no reason was stored' })),
      unmatchedCount: unmatched.length,
    }
  }

  async stop(): Promise<void> {
    await this.#audio.stop()
  }

  async #takeFile(folder: string, path: string, live: LiveStore | null, signal: AbortSignal): Promise<void> {
    const below = relative(folder, path).split(sep).join('/')
    const hints = await this.#hintsOf(folder, below)
    if (hints === null) return
    this.#files += 1
    try {
      const file = sourceFile(path, await stat(path))
      if (live !== null && (await isLive(live, hints, file))) {
        this.#live += 1
        return
      }
      if (await this.#store.items.isKnownFile(file)) {
        this.#known += 1
        return
      }
      const candidate = { kind: 'recording', file, audioPath: path, baseName: lastPart(below), hints } as const
      const taken = await this.#audio.intake.take(candidate, signal)
      if (taken.kind === 'known') this.#known += 1
    } catch (error) {
      if (!isGone(error)) throw error
      // A recording that was removed meanwhile is no recording of anything.
    }
  }

  /** What a file's name says: that a record names it, or what the configured patterns find in it. `null` for what is no recording. */
  async #hintsOf(folder: string, below: string): Promise<RecordingHints | null> {
    const name = lastPart(below)
    const byName = await this.#store.items.callByKey(recordingKey(name))
    if (byName !== null) return { ...noHints, unique: recordingName(name) }
    const { folders } = this.#options.config.recordings
    const own = folders.filter(each => resolve(each.path) === folder)
    for (const { match } of [...own, ...folders]) {
      const hints = readFileName(match, below)
      if (hints !== null) return hints
    }
    return /\.wav$/i.test(name) ? noHints : null
  }
}

/** The bridge has the file, or will have it: its call is one of the bridge's. */
async function isLive(live: LiveStore, hints: RecordingHints, file: SourceFile): Promise<boolean> {
  if (await live.hasFile(file)) return true
  for (const { key } of callKeys(hints)) if ((await live.callByKey(key)) !== null) return true
  return false
}
