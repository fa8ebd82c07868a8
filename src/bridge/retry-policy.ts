import type { Config } from '../config/schema.ts'
import type { RetryPolicy } from '../uploads/retry.ts'

/** When a delivery is tried again, and when it is given up, whatever sink it goes to. */
export const retryPolicyOf = ({ uploads }: Pick<Config, 'uploads'>): RetryPolicy => ({
  ...uploads.retry,
  giveUpAfterMs: uploads.giveUpAfterMs,
})
