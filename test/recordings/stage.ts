import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallId } from '../../src/events/event.ts'
import type { RecordingId } from '../../src/events/recording.ts'
import { bundledFfmpeg, findFfmpeg } from '../../src/recordings/encoding/ffmpeg.ts'
import { Transcoder } from '../../src/recordings/encoding/transcoder.ts'
import { asteriskVoicemailFolder } from '../../src/recordings/folders/asterisk-voicemail.ts'
import { FolderWatcher } from '../../src/recordings/folders/folder-watcher.ts'
import { recordingFolder } from '../../src/recordings/folders/recording-folder.ts'
import { HttpIntake } from '../../src/recordings/intake/http-intake.ts'
import { Intake, type IntakeOptions } from '../../src/recordings/intake/intake.ts'
import { Spool } from '../../src/recordings/intake/spool.ts'
import type { SpoolSpace } from '../../src/recordings/intake/spool-space.ts'
import { keptLog } from './kept-log.ts'
import { MemoryLedger } from './memory-ledger.ts'

export const asteriskNames = /^(?<unique>[^_]+)_(?<call_id>.+)\.(wav|WAV)$/

let system: ReturnType<typeof findFfmpeg> | null = null
export const systemFfmpeg = () => {
  system ??= findFfmpeg({ configured: null, searchPath: process.env.PATH ?? '', bundled: bundledFfmpeg })
  return system
}

/** The whole audio stage over folders of its own, with a ledger that outlives it: `start` again after `stop` is a restart. */
export class Stage {
  readonly folder: string
  readonly monitor: string
  readonly voicemail: string
  readonly ledger = new MemoryLedger()
  readonly log = keptLog()
  readonly spool: Spool
  queued = 0
  /** Added to the clock, to let time pass. */
  skew = 0
  findFfmpeg = systemFfmpeg
  options: Partial<IntakeOptions> = {}
  /** Of the spool, for the next start; `null`: as much as the disk has. */
  space: SpoolSpace | null = null
  #running: { intake: Intake; http: HttpIntake; watchers: readonly FolderWatcher[] } | null = null

  private constructor(folder: string) {
    this.folder = folder
    this.monitor = join(folder, 'monitor')
    this.voicemail = join(folder, 'voicemail')
    this.spool = new Spool(join(folder, 'spool'))
  }

  static async make(): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'stage-')))
    await mkdir(stage.monitor)
    await mkdir(stage.voicemail)
    return stage
  }

  async start(): Promise<void> {
    const { ledger, log, spool, monitor, voicemail } = this
    const clock = () => Date.now() + this.skew
    const settings = { kbits: 32, channels: 'source', sampleRate: 'source' } as const
    const intake = new Intake({
      ledger,
      transcoder: new Transcoder({ settings, workers: 2, findFfmpeg: () => this.findFfmpeg(), log }),
      spool,
      space: this.space,
      match: (hints, _startedAt, _durationMs, candidates) => {
        const [fits, second] = candidates.filter(call => call.from.value === hints.from && call.to.value === hints.to)
        return fits === undefined || second !== undefined ? { reason: 'no single call of these parties' } : { callId: fits.id }
      },
      normalise: ({ user, display, anonymous }) => ({
        kind: anonymous ? 'anonymous' : 'extension',
        value: anonymous ? 'anonymous' : user,
        display,
      }),
      matchWaitMs: 15 * 60_000,
      unmatched: 'quarantine',
      afterUpload: { kind: 'keep' },
      roots: [monitor],
      clock,
      random: () => 0,
      log,
      onQueued: () => {
        this.queued += 1
      },
      tickMs: 50,
      ...this.options,
    })
    const common = {
      isKnownFile: (file: Parameters<MemoryLedger['isKnownFile']>[0]) => ledger.isKnownFile(file),
      polling: false,
      clock,
      log,
      settleMs: 50,
      unfinishedAfterMs: 600_000,
      rescanEveryMs: 500,
    }
    const watchers = [
      new FolderWatcher({ ...common, folder: monitor, reader: recordingFolder(asteriskNames, intake) }),
      new FolderWatcher({ ...common, folder: voicemail, reader: asteriskVoicemailFolder(intake) }),
    ]
    const http = new HttpIntake({ taker: intake, spool, space: this.space, newName: randomUUID, log, maxBytes: 1_000_000 })
    this.#running = { intake, http, watchers }
    await intake.start()
    for (const watcher of watchers) watcher.start()
  }

  async stop(): Promise<void> {
    for (const watcher of this.#running?.watchers ?? []) await watcher.stop()
    await this.#running?.intake.stop()
    this.#running = null
  }

  async remove(): Promise<void> {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  get intake(): Intake {
    if (this.#running === null) throw new Error('not started')
    return this.#running.intake
  }

  get http(): HttpIntake {
    if (this.#running === null) throw new Error('not started')
    return this.#running.http
  }

  /** An operator gives an item up, in the store; the intake finds it there. */
  async drop(id: RecordingId, reason: string): Promise<void> {
    const item = await this.ledger.get(id)
    if (item === null) throw new Error(`there is no item ${id}`)
    await this.ledger.update({ ...item, state: 'dropped', reason })
  }

  /** A call is stored: the intake hears of it as it would of the tracker. */
  knowCall(id: string, ...keys: readonly string[]): void {
    for (const key of keys) this.ledger.calls.set(key, callId(id))
    this.intake.onCallKnown(keys)
  }

  /** What the outbox does when the sink has acknowledged. */
  async deliver(id: RecordingId): Promise<void> {
    const item = await this.ledger.get(id)
    if (item === null) throw new Error(`${id} is unknown`)
    await this.ledger.update({ ...item, state: 'delivered' })
    await this.intake.onDelivered(item)
  }
}

export function callId(id: string): CallId {
  return id as CallId
}
