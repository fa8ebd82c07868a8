import { vi } from 'vitest'

/** Waits for a condition, long enough for a machine that does ten other things. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 15_000, interval: 20 })
}
