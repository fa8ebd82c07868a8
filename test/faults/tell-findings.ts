/** What a person needs of a world that went wrong: what, what came before it, and how to see it again. */
import type { Finding } from './batch.ts'
import { BATCH } from './run.ts'

const PROBLEMS = 12
const HISTORY = 120

export function tellFindings(findings: readonly Finding[], store: keyof typeof BATCH): string {
  return findings
    .slice(0, 30)
    .map(({ seed, problems, history }) => {
      const first = seed - (seed % BATCH[store])
      return [
        `seed ${seed}: ${problems.length} problems`,
        ...problems.slice(0, PROBLEMS).map(problem => `  ${problem}`),
        ...history.slice(-HISTORY).map(line => `    ${line}`),
        `  again, with its batch: node bench/faults.mjs --store ${store} --first ${first} --seeds ${BATCH[store]}`,
        `  again, alone:          node bench/faults.mjs --store ${store} --first ${seed} --seeds 1`,
      ].join('\n')
    })
    .join('\n\n')
}
