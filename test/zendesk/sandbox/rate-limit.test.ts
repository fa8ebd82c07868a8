import { describe, expect, it } from 'vitest'
import { RequestBudget } from '../../../src/zendesk/sandbox/rate-limit.ts'
import { runningSandbox } from '../running-sandbox.ts'

describe('the request budget', () => {
  it('admits as many as it says in a minute, and begins anew after it', () => {
    const budget = new RequestBudget(2)
    expect(budget.admit('token', 0)).toEqual({ admitted: true, limit: 2, remaining: 1, resetSeconds: 60 })
    expect(budget.admit('token', 30_500)).toEqual({ admitted: true, limit: 2, remaining: 0, resetSeconds: 30 })
    expect(budget.admit('token', 59_999)).toEqual({ admitted: false, limit: 2, remaining: 0, resetSeconds: 1 })
    expect(budget.admit('token', 60_000)).toMatchObject({ admitted: true, remaining: 1 })
  })

  it('is no worse for a clock that was set back', () => {
    const budget = new RequestBudget(1)
    budget.admit('token', 1_000_000)
    expect(budget.admit('token', 0)).toMatchObject({ admitted: true, resetSeconds: 60 })
  })

  it('is told with every answer; a stranger cannot spend it', async () => {
    let now = Date.now()
    const sandbox = await runningSandbox({ requestsPerMinute: 2, clock: () => now })
    for (let n = 0; n < 3; n += 1) await sandbox.call('/phone_calls', { headers: { authorization: 'Bearer wrong' } })
    const told = async () => {
      const { status, headers } = await sandbox.call('/phone_calls')
      return [status, headers.get('x-rate-limit'), headers.get('x-rate-limit-remaining'), headers.get('retry-after')]
    }
    expect(await told()).toEqual([200, '2', '1', null])
    expect(await told()).toEqual([200, '2', '0', null])
    expect(await told()).toEqual([429, '2', '0', '60'])
    now += 45_000
    expect(await told()).toEqual([429, '2', '0', '15'])
    now += 15_000
    expect(await told()).toEqual([200, '2', '1', null])
  })
})
