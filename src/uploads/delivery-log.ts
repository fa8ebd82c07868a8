/** One log line for each edge of a delivery. What a sink or its far side causes is a warning; our own bugs are errors. */
import type { Settled } from './job-queue.ts'

export interface DeliveryLog {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
}

/** Says what became of a job, once it is stored. */
export const logVerdict = (log: DeliveryLog, { job, verdict }: Settled): void => {
  const fields = { job: job.id, kind: job.kind }
  switch (verdict.kind) {
    case 'delivered':
      log.debug({ ...fields, remoteId: verdict.remoteId }, 'delivered')
      return
    case 'retry': {
      const { runAt, reason } = verdict
      log.warn({ ...fields, attempts: job.attempts + 1, runAt, reason }, 'a delivery failed and will be retried')
      return
    }
    case 'wait':
      log.debug({ ...fields, runAt: verdict.runAt, reason: verdict.reason }, 'a delivery has to wait')
      return
    case 'dead':
      log.warn({ ...fields, reason: verdict.reason }, 'a delivery was given up; redrive or drop it')
      return
    case 'put-back':
      log.debug(fields, 'a delivery was put back')
      return
    default:
      throw new TypeError(`no such verdict: ${JSON.stringify(verdict satisfies never)}`)
  }
}
