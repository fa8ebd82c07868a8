/** Runs many seeds, batch after batch: what the tests and bench/faults.mjs have in common. */
import { type Figures, type Finding, runBatch, sumOf } from './batch.ts'
import { BridgeProgram } from './bridge-process.ts'
import { openPostgresStage, openSqliteStage } from './stages.ts'

/** Worlds that share processes, a database server, and their blows. A batch waits for its slowest world; connections bound those of one server. */
export const BATCH = { sqlite: 60, postgres: 40 } as const

export interface RunOptions {
  readonly store: 'sqlite' | 'postgres'
  readonly first: number
  readonly seeds: number
  /** Told after each batch. */
  readonly onBatch?: (figures: Figures, findings: readonly Finding[]) => void
}

/** Runs the seeds; answers the figures of all, and what is wrong. */
export async function runSeeds(
  options: RunOptions,
): Promise<{ readonly figures: Figures; readonly findings: readonly Finding[] }> {
  const { store, first, seeds, onBatch } = options
  const program = await BridgeProgram.build()
  const stage = await (store === 'sqlite' ? openSqliteStage() : openPostgresStage())
  const all: Figures[] = []
  const findings: Finding[] = []
  try {
    for (let from = first; from < first + seeds; from += BATCH[store]) {
      const batch = Array.from({ length: Math.min(BATCH[store], first + seeds - from) }, (_, n) => from + n)
      const outcome = await runBatch({ seeds: batch, stage, program })
      await stage.clear()
      all.push(outcome.figures)
      findings.push(...outcome.findings)
      onBatch?.(outcome.figures, outcome.findings)
    }
  } finally {
    await stage.close()
    await program.remove()
  }
  return { figures: sumOf(all), findings }
}
