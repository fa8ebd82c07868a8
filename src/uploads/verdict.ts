/** What becomes of a job, given what its sink answered. Pure. */
import { backoffMs, giveUpAt, type RetryPolicy } from './retry.ts'
import type { DeliveryResult } from './sink.ts'

/** Times are epoch ms. */
export type Verdict =
  | { readonly kind: 'delivered'; readonly remoteId: string | null }
  /** An attempt is spent. */
  | { readonly kind: 'retry'; readonly runAt: number; readonly reason: string }
  /** No attempt is spent. */
  | { readonly kind: 'wait'; readonly runAt: number; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string }
  /** The delivery was not tried to its end (shutdown): the job is pending again as if it had not been claimed. */
  | { readonly kind: 'put-back' }

/** A sink that throws has a bug; that is retried, but not for days. */
export const MAX_FAULTY_ATTEMPTS = 20

/**
 * However much time has passed: a clock that jumps a fortnight ahead, or a bridge that was switched off over the holidays, must not turn the
 * first failure into the last one.
 */
export const FEWEST_ATTEMPTS = 20

/** A sink that asks for no wait at all would be asked again in a tight loop; one that asks for a year would be forgotten. */
const SHORTEST_WAIT_MS = 100
const LONGEST_WAIT_MS = 24 * 3_600_000

export interface Judgement {
  /** The job: `attempts` already spent, and since when it is due. */
  readonly attempts: number
  readonly dueSince: number
  readonly policy: RetryPolicy
  readonly now: number
  readonly random: () => number
}

/** A wait that a sink asked for, within our bounds, in ms. */
export const boundedWaitMs = (afterMs: number): number =>
  Number.isNaN(afterMs) ? SHORTEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, afterMs))

/** What becomes of a job that its sink answered for. */
export const judge = (result: DeliveryResult, on: Judgement): Verdict => {
  switch (result.kind) {
    case 'delivered':
      return { kind: 'delivered', remoteId: result.remoteId }
    case 'reject':
      return { kind: 'dead', reason: result.reason }
    case 'retry': {
      const floorMs = result.afterMs === null ? 0 : boundedWaitMs(result.afterMs)
      const runAt = on.now + Math.max(floorMs, backoffMs(on.policy, on.attempts + 1, on.random))
      return orGiveUp({ kind: 'retry', runAt, reason: result.reason }, on)
    }
    case 'wait': {
      const verdict: Verdict = { kind: 'wait', runAt: on.now + boundedWaitMs(result.afterMs), reason: result.reason }
      // While the whole sink is shut (a token that was refused over a holiday), no single job is to blame.
      return result.scope === 'sink' ? verdict : orGiveUp(verdict, on)
    }
    default:
      throw new TypeError(`a sink answered with something that is no delivery result: ${JSON.stringify(result satisfies never)}`)
  }
}

/** What becomes of a job whose delivery threw: a bug of ours, retried with a bound. */
export const judgeFault = (reason: string, on: Judgement): Verdict =>
  on.attempts + 1 >= MAX_FAULTY_ATTEMPTS
    ? { kind: 'dead', reason: `gave up after ${MAX_FAULTY_ATTEMPTS} attempts that failed inside the bridge: ${reason}` }
    : judge({ kind: 'retry', reason, afterMs: null }, on)

/** When a delivery is given up: `give_up_after` is over, and so are FEWEST_ATTEMPTS. Then a wait spends an attempt, too. */
const orGiveUp = (verdict: Verdict & { readonly kind: 'retry' | 'wait' }, on: Judgement): Verdict => {
  if (on.now < giveUpAt(on.policy, on.dueSince)) return verdict
  if (on.attempts + 1 < FEWEST_ATTEMPTS) return { ...verdict, kind: 'retry' }
  const hours = (on.policy.giveUpAfterMs / 3_600_000).toFixed(1)
  return { kind: 'dead', reason: `gave up after ${hours} h (uploads.give_up_after): ${verdict.reason}` }
}
