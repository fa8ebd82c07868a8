/**
 * Redrives or drops all that fit a filter, step by step beside a running bridge, and says how far it has come.
 *
 * After each step it rests for as long as the step took: SQLite has one writer, and a bridge that asks only now and then would hardly
 * ever be the one.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { SweepStep } from '../../uploads/store/desk.ts'
import type { Store } from '../../uploads/store/store.ts'
import type { UploadFilter } from '../../uploads/store/upload-filter.ts'
import type { CliContext, ExitCode } from '../context.ts'
import { grouped, ProgressBar } from '../progress-bar.ts'

export interface SweepOptions {
  readonly store: Store
  readonly filter: UploadFilter
  /** One step, from where the one before ended. */
  readonly step: (after: string | null) => Promise<SweepStep>
  /** What was done to them: `redriven`, `would be dropped`. */
  readonly verb: string
  readonly json: boolean
}

/** Answers the exit code: 1 when any was refused, 130 when it was interrupted between two steps. */
export const sweep = async (context: CliContext, { store, filter, step, verb, json }: SweepOptions): Promise<ExitCode> => {
  const { stdout, stderr, interrupted } = context
  const bar = new ProgressBar({ stdout, total: await store.desk.sweepSize(filter), now: Date.now })
  const refused = new Map<string, number>()
  let [seen, done] = [0, 0]
  let next: string | null = null
  do {
    const begunAt = performance.now()
    const made: SweepStep = await step(next)
    seen += made.seen
    done += made.done
    for (const { reason } of made.refused) refused.set(reason, (refused.get(reason) ?? 0) + 1)
    next = made.next
    bar.show(seen)
    if (next !== null) await wait(performance.now() - begunAt)
  } while (next !== null && !interrupted.aborted)
  bar.end()
  const isInterrupted = next !== null
  if (json) stdout.write(`${JSON.stringify({ done, refused: Object.fromEntries(refused), interrupted: isInterrupted })}\n`)
  else {
    stdout.write(`${grouped(done)} ${verb}${isInterrupted ? ', then it was interrupted; run it again to go on' : ''}\n`)
    for (const [reason, count] of refused) stderr.write(`${grouped(count)} refused: ${reason}\n`)
  }
  if (isInterrupted) return 130
  return refused.size > 0 ? 1 : 0
}
