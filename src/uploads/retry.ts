/**
 * How long a failed delivery waits before the next attempt: exponential backoff with full jitter, so that a thousand jobs
 * that failed together do not come back together. The time is stored with the job, so a restart forgets nothing.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */

/** All durations in ms. */
export interface RetryPolicy {
  /** The longest wait after the first failure; it doubles with each further one. */
  readonly baseMs: number
  /** No wait is longer than this. */
  readonly capMs: number
  /** A delivery that fails this long after its job was planned (or redriven) was the last one. */
  readonly giveUpAfterMs: number
}

/** The longest wait after failure number `attempt` (1, 2, 3 …), in ms. */
export const ceilingMs = (policy: RetryPolicy, attempt: number): number =>
  Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 52))

/** The wait after failure number `attempt`: evenly spread over 0 … `ceilingMs`. `random` answers 0 … 1, as Math.random does. */
export const backoffMs = (policy: RetryPolicy, attempt: number, random: () => number): number =>
  Math.floor(random() * ceilingMs(policy, attempt))

/** The moment (epoch ms) from which the next failure of a job that was planned or redriven at `dueSince` is its last. */
export const giveUpAt = (policy: RetryPolicy, dueSince: number): number => dueSince + policy.giveUpAfterMs

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** The waits as a Markdown table for docs/failures.md, up to the first attempt that waits the cap. */
export const retryTable = (policy: RetryPolicy): string => {
  const rows = ['| failure | waits at most | on average | since the first failure, on average |', '| ---: | ---: | ---: | ---: |']
  let sinceFirst = 0
  for (let attempt = 1; attempt <= 60; attempt++) {
    const ceiling = ceilingMs(policy, attempt)
    sinceFirst += ceiling / 2
    rows.push(`| ${attempt} | ${seconds(ceiling)} | ${seconds(ceiling / 2)} | ${seconds(sinceFirst)} |`)
    if (ceiling >= policy.capMs) break
  }
  return rows.join('\n')
}
