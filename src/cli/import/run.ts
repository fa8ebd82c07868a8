/**
 * One run of an import: reads rows into the outbox while it delivers, then takes in the recordings, then waits until everything is
 * delivered. Killed or interrupted at any moment it is simply run again.
 */
import type { Config } from '../../config/schema.ts'
import { readFiles } from '../../migration/formats/read-files.ts'
import { Importer } from '../../migration/import/importer.ts'
import { progressLine } from '../../migration/import/progress.ts'
import { summaryText } from '../../migration/import/summary.ts'
import type { CliContext, ExitCode } from '../context.ts'
import { commandLog } from './command-log.ts'
import { LiveStore } from './live-store.ts'
import { ImportOutbox, type OutboxCounts } from './outbox.ts'
import { ProgressDisplay } from './progress-display.ts'
import { HistoricRecordings } from './recordings.ts'
import { RefusedFile } from './refused-file.ts'
import type { HistoryRequest } from './request.ts'

export interface ImportRun {
  readonly context: CliContext
  readonly config: Config
  readonly request: HistoryRequest
  readonly recordings: readonly string[]
  readonly requestsPerMinute: number
  readonly limit: number
  readonly refusedFile: string | null
}

const lookEveryMs = 100
const mostDeadShown = 20

/** 0 when all that could be imported was; 1 when Zendesk refused some, or recordings could not be encoded; 130 when interrupted. */
export async function runImport(run: ImportRun): Promise<ExitCode> {
  const { context, config, request } = run
  const log = commandLog(context, config)
  const signal = context.interrupted
  const stops: (() => Promise<void>)[] = []
  try {
    const refused = run.refusedFile === null ? null : new RefusedFile(run.refusedFile)
    if (refused !== null) stops.push(() => refused.close())
    const live = await LiveStore.open(config, log)
    if (live !== null) stops.push(() => live.close())
    let recordings: HistoricRecordings | null = null
    let readBytes = 0
    const outbox = await ImportOutbox.open({
      config,
      site: request.site.name,
      requestsPerMinute: run.requestsPerMinute,
      version: context.version,
      log,
      onDelivered: async item => await recordings?.onDelivered(item),
    })
    stops.push(() => outbox.stop())
    const importer = new Importer({
      site: request.site,
      store: outbox,
      live,
      onRefusal: refusal => refused?.add(refusal),
      onProgress: bytes => {
        readBytes = bytes
      },
      limit: run.limit,
      now: Date.now,
    })
    const before = await outbox.counts()
    const line = lineOf(run, importer, outbox, before)
    const display = new ProgressDisplay(context.stdout, () => line(readBytes, recordings?.queued ?? 0))
    display.start()
    stops.push(async () => display.stop())

    await importer.run(readFiles(request.files, request.format, signal), signal)
    readBytes = request.totalBytes
    if (run.recordings.length > 0 && !signal.aborted) {
      const audio = new HistoricRecordings(outbox.store, {
        config,
        site: request.site.name,
        folders: run.recordings,
        numbers: request.site.numbers,
        ffmpegPath: context.env.FFMPEG_PATH || null,
        searchPath: context.env.PATH ?? '',
        log,
      })
      recordings = audio
      stops.push(() => audio.stop())
      await audio.start()
      await audio.take(live, signal)
    }
    await untilDone(outbox, recordings, signal)
    display.stop()
    return await finish(run, importer, outbox, recordings)
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

/** Until nothing is left to encode or deliver, nothing can be encoded, or the signal is aborted. */
async function untilDone(outbox: ImportOutbox, recordings: HistoricRecordings | null, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const encoding = recordings !== null && recordings.missing === null ? recordings.waiting : 0
    if (encoding === 0 && (await outbox.isEmpty())) return
    await new Promise(resolve => setTimeout(resolve, lookEveryMs))
  }
}

async function finish(
  { context, refusedFile }: ImportRun,
  importer: Importer,
  outbox: ImportOutbox,
  recordings: HistoricRecordings | null,
): Promise<ExitCode> {
  const counts = await outbox.counts()
  const dead = await outbox.store.desk.listUploads({ limit: mostDeadShown, before: null, state: 'dead' })
  const text = summaryText({
    tally: importer.tally,
    delivered: counts.delivered,
    pending: counts.pending,
    dead: dead.rows.map(({ id, reason }) => ({ id, reason: reason ?? 'no reason was stored' })),
    deadCount: counts.dead,
    recordings: recordings === null ? null : await recordings.counts(),
    refusedFile,
    isTrial: false,
  })
  context.stdout.write(text)
  if (context.interrupted.aborted) {
    context.stdout.write('interrupted; nothing is lost: the same command goes on where this one stopped\n')
    return 130
  }
  const missing = recordings?.missing ?? null
  if (missing !== null) context.stdout.write(`recordings wait: ${missing}; then run the same command again\n`)
  if (counts.dead > 0 || missing !== null) return 1
  context.stdout.write('everything that could be imported was\n')
  return 0
}

function lineOf(
  run: ImportRun,
  { tally }: Importer,
  outbox: ImportOutbox,
  before: OutboxCounts,
): (bytes: number, recordings: number) => string {
  const startedAt = Date.now()
  return (bytes, recordings) => {
    const { delivered, dead } = outbox.progress
    const minutes = (Date.now() - startedAt) / 60_000
    return progressLine({
      bytes,
      totalBytes: run.request.totalBytes,
      rows: tally.rows,
      stored: tally.stored,
      known: tally.known,
      live: tally.live,
      refused: tally.refused,
      delivered: before.delivered + delivered,
      pending: Math.max(0, before.pending + tally.stored + recordings - delivered - dead),
      dead,
      perMinute: run.requestsPerMinute,
      rate: minutes > 0.1 ? delivered / minutes : null,
      held: outbox.held(),
    })
  }
}
