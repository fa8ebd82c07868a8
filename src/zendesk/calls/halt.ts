/**
 * How a step ends a delivery: the steps of one delivery call each other, and none of them but the sink can do anything about a
 * request that was not carried out.
 */
import type { DeliveryResult } from '../delivery.ts'

export type Unfinished = Exclude<DeliveryResult, { readonly kind: 'delivered' }>

export class Halt extends Error {
  override readonly name = 'Halt'
  readonly result: Unfinished
  /** Sure that the request had no effect. When false it may have had one, and nobody heard of it. */
  readonly nothingDone: boolean
  /** Of the answer; `null` when there was none. */
  readonly status: number | null

  constructor(result: Unfinished, nothingDone: boolean, status: number | null = null) {
    super(result.reason)
    this.result = result
    this.nothingDone = nothingDone
    this.status = status
  }
}

/** For what is refused before anything is asked of Zendesk. */
export const reject = (reason: string): Halt => new Halt({ kind: 'reject', reason }, true)

/** Not this delivery's turn yet. */
export const waitJob = (reason: string, afterMs: number): Halt => new Halt({ kind: 'wait', scope: 'job', reason, afterMs }, true)
