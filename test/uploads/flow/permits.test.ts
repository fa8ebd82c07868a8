import { describe, expect, test } from 'vitest'
import { Permits } from '../../../src/uploads/flow/permits.ts'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'

const never = new AbortController().signal
const made = (perMinute: number) => {
  const limit = new RateLimit({ perMinute, now: Date.now() })
  return { limit, permits: new Permits({ limit, now: Date.now }) }
}

describe('permits for requests beside the worker', () => {
  test('are given at once while there are tokens, and use them up for the worker, too', async () => {
    const { limit, permits } = made(40)
    await permits.acquire(never)
    expect(limit.available(Date.now())).toBe(0)
  })

  test('come in the order they were asked for', async () => {
    const { permits } = made(60_000)
    const order: number[] = []
    await Promise.all(Array.from({ length: 310 }, (_, i) => permits.acquire(never).then(() => order.push(i))))
    expect(order).toEqual([...order.keys()])
  })

  test('a waiter that gives up is told why and holds up nobody behind it', async () => {
    const { limit, permits } = made(600)
    limit.reserve(limit.available(Date.now()), Date.now())
    const gone = new AbortController()
    const first = permits.acquire(gone.signal)
    const second = permits.acquire(never)
    gone.abort(new Error('the bridge is stopping'))
    await expect(first).rejects.toThrow()
    await second
  })

  test('wait while the sink has asked for a pause, and go on when an operator ends it', async () => {
    const { limit, permits } = made(600)
    limit.pauseUntil(Date.now() + 3_600_000, '429')
    const waiting = permits.acquire(never)
    limit.resume()
    await waiting
  })
})
