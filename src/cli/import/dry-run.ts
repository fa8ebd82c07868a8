/** `import --dry-run`: reads everything as an import would, and shows what would come of it. Stores and sends nothing. */
import type { Config } from '../../config/schema.ts'
import type { CallSnapshot } from '../../events/event.ts'
import { readFiles } from '../../migration/formats/read-files.ts'
import { Importer } from '../../migration/import/importer.ts'
import { summaryText } from '../../migration/import/summary.ts'
import type { CliContext, ExitCode } from '../context.ts'
import { formatDuration, formatTable, formatTime } from '../table.ts'
import { commandLog } from './command-log.ts'
import { LiveStore } from './live-store.ts'
import { RefusedFile } from './refused-file.ts'
import type { HistoryRequest } from './request.ts'

export interface DryRunOptions {
  readonly context: CliContext
  readonly config: Config
  readonly request: HistoryRequest
  readonly limit: number
  readonly refusedFile: string | null
}

const shown = 10

export async function dryRun({ context, config, request, limit, refusedFile }: DryRunOptions): Promise<ExitCode> {
  const refused = refusedFile === null ? null : new RefusedFile(refusedFile)
  const live = await LiveStore.open(config, commandLog(context, config))
  const first: CallSnapshot[] = []
  const seen = new Set<string>()
  try {
    const importer = new Importer({
      site: request.site,
      store: {
        // What an import would know by its store, as far as these files go.
        knows: async ({ change }) => seen.has(change.call.id),
        append: async changes => {
          for (const { call, events } of changes) {
            seen.add(call.id)
            if (first.length < shown) first.push(...events.map(event => event.call))
          }
        },
      },
      live,
      onRefusal: refusal => refused?.add(refusal),
      onProgress: () => {},
      limit,
      now: Date.now,
    })
    await importer.run(readFiles(request.files, request.format, context.interrupted), context.interrupted)
    const text = summaryText({
      tally: importer.tally,
      delivered: 0,
      pending: 0,
      dead: [],
      deadCount: 0,
      recordings: null,
      refusedFile,
      isTrial: true,
    })
    context.stdout.write(`${first.length === 0 ? '' : `${tableOf(first)}\n`}${text}nothing was stored or sent (--dry-run)\n`)
    return context.interrupted.aborted ? 130 : 0
  } finally {
    await live?.close()
    await refused?.close()
  }
}

function tableOf(calls: readonly CallSnapshot[]): string {
  const titles = ['STARTED (UTC)', 'DIRECTION', 'FROM', 'TO', 'AGENTS', 'WAIT', 'TALK', 'OUTCOME']
  const rows = calls.map(snapshot => [
    formatTime(snapshot.startedAt),
    snapshot.direction,
    snapshot.from.value,
    snapshot.to.value,
    snapshot.agents.map(agent => agent.name).join(', '),
    formatDuration(snapshot.waitMs),
    formatDuration(snapshot.durationMs),
    `${snapshot.outcome?.status ?? ''} (${snapshot.outcome?.reason ?? ''})`,
  ])
  return formatTable(titles, rows)
}
