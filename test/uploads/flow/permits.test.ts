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
    await Promise.all(
      Array.from({ length: 310 }, (_, i) => permits.acquire(new AbortController().signal).then(() => order.push(i))),
    )
    expect(order).toEqual([...order.keys()])
  })

  test('are given to what somebody waits for first, and then to what can wait', async () => {
    const { permits } = made(6_000)
    await permits.acquire(never)
    const order: string[] = []
    const ask = (name: string, later: boolean) => permits.acquire(never, { later }).then(() => order.push(name))
    await Promise.all([ask('upload 1', true), ask('upload 2', true), ask('event 1', false), ask('event 2', false)])
    expect(order).toEqual(['event 1', 'event 2', 'upload 1', 'upload 2'])
  })

  test('that nobody waits for any more cost nothing', async () => {
    const { limit, permits } = made(6_000)
    limit.pauseUntil(Date.now() + 3_600_000, '429')
    const gone = new AbortController()
    const waiting = permits.acquire(gone.signal)
    gone.abort(new Error('the bridge is stopping'))
    await expect(waiting).rejects.toThrow('the bridge is stopping')
    limit.resume()
    expect(limit.available(Date.now())).toBeGreaterThanOrEqual(1)
  })

  test('a limit that cannot be asked is said to who asked, and to nobody else', async () => {
    const limit = new RateLimit({ perMinute: 6_000, now: Date.now() })
    let broken = true
    const failing = {
      reserve: async (wanted: number, now: number) => {
        if (broken) throw new Error('the database is gone')
        return limit.reserve(wanted, now)
      },
      release: (count: number) => limit.release(count),
      nextAt: (now: number) => limit.nextAt(now),
      pauseUntil: () => {},
      pause: () => null,
      resume: () => {},
      setBack: () => {},
    }
    const permits = new Permits({ limit: failing, now: Date.now })
    await expect(permits.acquire(never)).rejects.toThrow('the database is gone')
    broken = false
    await permits.acquire(never)
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
