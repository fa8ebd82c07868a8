/** Builds the audio sources: watched folders, HTTP uploads, what the bridge records itself, and the intake that ties their files to calls and encodes them. */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.ts'
import { matchRecording } from '../events/matching.ts'
import type { NumberPlan } from '../events/numbers.ts'
import { bundledFfmpeg, findFfmpeg } from '../recordings/encoding/ffmpeg.ts'
import { Transcoder } from '../recordings/encoding/transcoder.ts'
import { asteriskVoicemailFolder } from '../recordings/folders/asterisk-voicemail.ts'
import type { FolderReader } from '../recordings/folders/folder-reader.ts'
import { FolderWatcher } from '../recordings/folders/folder-watcher.ts'
import { recordingFolder } from '../recordings/folders/recording-folder.ts'
import { plainVoicemailFolder } from '../recordings/folders/voicemail-folder.ts'
import { HttpIntake } from '../recordings/intake/http-intake.ts'
import { Intake } from '../recordings/intake/intake.ts'
import { Spool } from '../recordings/intake/spool.ts'
import type { SpoolSpace } from '../recordings/intake/spool-space.ts'
import type { RecordingLedger } from '../recordings/ledger.ts'
import { finishedRecordings } from '../recordings/rtp/finished-recordings.ts'
import { CommandTranscriber } from '../recordings/transcription/command-transcriber.ts'
import { HttpTranscriber } from '../recordings/transcription/http-transcriber.ts'
import { Transcription } from '../recordings/transcription/transcription.ts'
import { spoolSpace } from './disk.ts'

export interface AudioOptions {
  readonly config: Pick<
    Config,
    'dataDir' | 'spool' | 'sip' | 'recordings' | 'voicemail' | 'transcode' | 'transcripts' | 'zendesk'
  >
  readonly ledger: RecordingLedger
  readonly numbers: NumberPlan
  /** Where recorders leave sidecars (recordings.folders[].sidecar), absolute. Absent: as the folders say that are watched. */
  readonly sidecarFolders?: readonly string[]
  /** FFMPEG_PATH and PATH. */
  readonly ffmpegPath: string | null
  readonly searchPath: string
  readonly log: Logger
}

/** What Zendesk's uploads take; other than the documented API, the Partner Edition endpoints have no limit. */
const largestUploadBytes = 50_000_000

/** The folder of what the bridge records itself. The watcher hears of each file as it gets its name. */
const recordedFolder = { settleMs: 0, unfinishedAfterMs: 0, maxAgeMs: null, polling: false }

/** What folders of recordings and of voicemails have in common. */
type WatchedFolder = Pick<Config['recordings']['folders'][number], 'path' | 'settleMs' | 'unfinishedAfterMs' | 'polling'> & {
  readonly maxAgeMs: number | null
}

export class Audio {
  readonly intake: Intake
  readonly http: HttpIntake
  readonly transcoder: Transcoder
  readonly space: SpoolSpace
  /** `null`: nothing is transcribed. */
  readonly transcription: Transcription | null
  readonly watchers: readonly FolderWatcher[]

  constructor({ config, ledger, numbers, sidecarFolders, ffmpegPath, searchPath, log }: AudioOptions) {
    const { recordings, voicemail, transcode } = config
    const spool = new Spool(resolve(config.dataDir, 'spool'))
    this.space = spoolSpace(config, spool, log)
    const configured = transcode.ffmpeg ?? ffmpegPath
    this.transcoder = new Transcoder({
      settings: { kbits: transcode.bitrateKbps, channels: transcode.channels, sampleRate: transcode.sampleRate },
      maxBytes: config.zendesk.api === 'calls' ? largestUploadBytes : null,
      workers: transcode.workers,
      findFfmpeg: () => findFfmpeg({ configured, searchPath, bundled: bundledFfmpeg }),
      log,
      ...(transcode.timeoutMs === null ? {} : { timeoutFloorMs: transcode.timeoutMs, timeoutShare: 0 }),
    })
    this.transcription = transcriptionOf(config.transcripts, log)
    this.intake = new Intake({
      ledger,
      transcoder: this.transcoder,
      transcription: this.transcription,
      spool,
      space: this.space,
      match: (hints, startedAt, durationMs, candidates) => {
        const match = matchRecording(hints, startedAt, durationMs, candidates, numbers)
        return match.kind === 'matched' ? { callId: match.callId } : { reason: match.reason }
      },
      keeping: { rules: recordings.consent, sidecarFolders: sidecarFolders ?? foldersWithSidecars(recordings) },
      normalise: party => numbers.normalise(party),
      matchWaitMs: recordings.matchWaitMs,
      unmatched: recordings.unmatched,
      afterUpload:
        recordings.afterUpload.kind === 'move' ? { kind: 'move', folder: recordings.afterUpload.path } : recordings.afterUpload,
      roots: recordings.folders.map(folder => resolve(folder.path)),
      clock: Date.now,
      random: Math.random,
      log,
      onQueued: () => {}, // the store tells the worker
    })
    this.http = new HttpIntake({
      taker: this.intake,
      spool,
      space: this.space,
      newName: randomUUID,
      log,
      maxBytes: recordings.maxUploadBytes,
    })
    const watch = (folder: WatchedFolder, reader: FolderReader, rescanEveryMs: number): FolderWatcher =>
      new FolderWatcher({
        folder: resolve(folder.path),
        reader,
        isKnownFile: file => ledger.isKnownFile(file),
        settleMs: folder.settleMs,
        unfinishedAfterMs: folder.unfinishedAfterMs,
        maxAgeMs: folder.maxAgeMs,
        polling: folder.polling,
        rescanEveryMs,
        clock: Date.now,
        log,
      })
    this.watchers = [
      ...recordings.folders.map(folder => watch(folder, recordingFolder(folder.match, this.intake), recordings.rescanEveryMs)),
      ...voicemail.folders.map(folder => {
        const reader =
          folder.format === 'asterisk' ? asteriskVoicemailFolder(this.intake) : plainVoicemailFolder(folder.match, this.intake)
        return watch(folder, reader, voicemail.rescanEveryMs)
      }),
      ...(config.sip.siprec.peers.length === 0
        ? []
        : [
            watch(
              { path: spool.recordedFolder, ...recordedFolder },
              finishedRecordings(spool, this.intake),
              recordings.rescanEveryMs,
            ),
          ]),
    ]
  }

  /** Rejects when the spool cannot be written. A folder that is missing is a problem that the health shows. */
  async start(): Promise<void> {
    await this.space.start()
    await this.intake.start()
    for (const watcher of this.watchers) watcher.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.watchers.map(watcher => watcher.stop()))
    await this.intake.stop()
    await this.space.stop()
  }
}

/** Where a recorder says beside its recordings what the caller chose; absolute. */
export function foldersWithSidecars({ folders }: Pick<Config['recordings'], 'folders'>): readonly string[] {
  return folders.filter(({ sidecar }) => sidecar === 'json').map(({ path }) => resolve(path))
}

function transcriptionOf(transcripts: Config['transcripts'], log: Logger): Transcription | null {
  const { http, command, commandTimeoutMs, minDurationMs, recordings, voicemails, waitMs, workers } = transcripts
  if (http === null && command === null) return null
  return new Transcription({
    transcriber: http === null ? new CommandTranscriber(command ?? []) : new HttpTranscriber(http),
    timeoutMs: http === null ? commandTimeoutMs : http.timeoutMs,
    minDurationMs,
    recordings,
    voicemails,
    waitMs,
    workers,
    clock: Date.now,
    random: Math.random,
    log,
  })
}
