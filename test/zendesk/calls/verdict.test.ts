import { describe, expect, test } from 'vitest'
import { judge, provesNothingDone } from '../../../src/zendesk/calls/verdict.ts'
import type { Answer } from '../../../src/zendesk/http/answer.ts'

const asked = { method: 'POST', url: 'https://example.zendesk.com/api/v2/calls', now: 0, ofOne: false, ticketId: null }

const answer = (status: number, headers: Record<string, string> = {}, text = '{"error":"RecordInvalid"}'): Answer => ({
  status,
  headers,
  body: { kind: 'whole', text },
})

describe('an answer of the documented API means', () => {
  test.for([
    [301, 'wait sink', {}],
    [400, 'reject', {}],
    [401, 'wait sink', {}],
    [403, 'wait sink', {}],
    [404, 'wait sink', {}],
    [404, 'reject', { ofOne: true }],
    [405, 'wait sink', {}],
    [408, 'retry', {}],
    [409, 'wait job', {}],
    [413, 'reject', {}],
    [415, 'reject', {}],
    [422, 'reject', {}],
    [425, 'retry', {}],
    [429, 'wait sink', {}],
    [429, 'wait job', { ticketId: 17 }],
    [500, 'retry', {}],
    [502, 'retry', {}],
    [503, 'retry', {}],
    [504, 'retry', {}],
  ] as const)('%i: %s (%o)', ([status, expected, about]) => {
    const result = judge(answer(status), { ...asked, ...about })
    expect(result.kind === 'wait' ? `wait ${result.scope}` : result.kind).toBe(expected)
    expect(result.reason.length).toBeGreaterThan(10)
  })

  test('a pause as long as Retry-After says, for everybody, also when a ticket was changed', () => {
    const result = judge(answer(429, { 'retry-after': '7' }), { ...asked, ticketId: 17 })
    expect(result).toMatchObject({ kind: 'wait', scope: 'sink', afterMs: 7_000 })
    expect(judge(answer(503, { 'retry-after': '9' }), asked)).toMatchObject({ kind: 'wait', scope: 'sink', afterMs: 9_000 })
  })

  test('the same when it is plain text', () => {
    const result = judge(answer(429, {}, 'Number of allowed incremental ticket updates exceeded'), { ...asked, ticketId: 17 })
    expect(result).toMatchObject({ kind: 'wait', scope: 'job', afterMs: 60_000 })
  })

  test('that nothing was done only where Zendesk itself has spoken', () => {
    expect([301, 400, 401, 404, 409, 422, 429].every(provesNothingDone)).toBe(true)
    expect([200, 408, 500, 502, 503, 504].some(provesNothingDone)).toBe(false)
  })
})
