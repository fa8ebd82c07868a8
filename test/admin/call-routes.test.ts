import { expect, test } from 'vitest'
import type { PageQuery } from '../../src/admin/page.ts'
import { sampleCall, sampleEvent, sampleRecording } from './sample-calls.ts'
import { startAdmin } from './started-admin.ts'

const nothing = { listCalls: async () => ({ rows: [], next: null }), findCall: async () => null }

test('a list shows calls in snake case with RFC 3339 times, and hands the cursor on', async () => {
  const asked: PageQuery[] = []
  const listCalls = async (query: PageQuery) => {
    asked.push(query)
    return { rows: [sampleCall(1)], next: 'c2' }
  }
  const { url } = await startAdmin({ calls: { ...nothing, listCalls } })
  const answer = await fetch(`${url}/v1/calls?limit=1&before=c1`)
  const body = await answer.json()
  expect(asked).toEqual([{ limit: 1, before: 'c1' }])
  expect(body).toMatchObject({
    next: 'c2',
    calls: [
      {
        id: 'call_1',
        status: 'connected',
        reason: 'completed',
        started_at: '2026-11-22T09:00:01.250Z',
        duration_ms: 60_000,
        legs: [{ sip_call_id: 'leg-1@pbx', q850: 16 }],
      },
    ],
  })
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

test('a list shows who passed a call on, and of which call one turned out to be part', async () => {
  const { id, from, to, ...rest } = sampleCall(1)
  const call = {
    id,
    from,
    to,
    ...rest,
    transfers: [{ kind: 'blind', by: to, to: from, at: rest.startedAt }] as const,
    mergedInto: id,
  }
  const { url } = await startAdmin({ calls: { ...nothing, listCalls: async () => ({ rows: [call], next: null }) } })
  expect(await (await fetch(`${url}/v1/calls`)).json()).toMatchObject({
    calls: [
      {
        transfers: [{ kind: 'blind', by: { value: '1001' }, to: { value: '+14155550100' }, at: '2026-11-22T09:00:01.250Z' }],
        merged_into: 'call_1',
      },
    ],
  })
})

test('without a query the newest fifty are asked for', async () => {
  const asked: PageQuery[] = []
  const listCalls = async (query: PageQuery) => {
    asked.push(query)
    return { rows: [], next: null }
  }
  const { url } = await startAdmin({ calls: { ...nothing, listCalls } })
  await fetch(`${url}/v1/calls`)
  expect(asked).toEqual([{ limit: 50, before: null }])
})

test.each(['limit=0', 'limit=501', 'limit=x', 'limit=1.5', 'before='])(
  'a list with %s is refused, naming the field',
  async query => {
    const { url } = await startAdmin()
    const answer = await fetch(`${url}/v1/calls?${query}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: 'Invalid request',
      details: { [query.split('=')[0] ?? '']: [expect.any(String)] },
    })
  },
)

test('a call comes with its events, uploads and recordings', async () => {
  const call = { ...sampleCall(1), outcome: null, answeredAt: null, endedAt: null }
  const { url } = await startAdmin({
    calls: {
      ...nothing,
      findCall: async id =>
        id === 'call_1'
          ? {
              call,
              events: [sampleEvent(1)],
              uploads: [
                {
                  id: 'call_1.started.1',
                  sink: 'zendesk',
                  kind: 'event',
                  state: 'pending',
                  callId: 'call_1',
                  attempts: 2,
                  reason: '500',
                  createdAt: 0,
                  nextAttemptAt: 1_500,
                  deliveredAt: null,
                  remoteId: null,
                },
              ],
              audio: [sampleRecording(call)],
            }
          : null,
    },
  })
  expect(await (await fetch(`${url}/v1/calls/call_1`)).json()).toMatchObject({
    call: { id: 'call_1', status: null, ended_at: null },
    events: [{ id: 'call_1.started.1', type: 'call.started', occurred_at: '2026-11-22T09:00:01.250Z' }],
    uploads: [{ state: 'pending', attempts: 2, next_attempt_at: '1970-01-01T00:00:01.500Z' }],
    recordings: [{ id: 'rec_1', matched_by: 'call-id', mp3_duration_ms: 60_048, source_duration_ms: 60_000 }],
  })
})

test('an unknown call and an unknown path are 404 in the product error shape', async () => {
  const { url } = await startAdmin()
  for (const path of ['/v1/calls/nope', '/v1/calls/..%2f..%2fetc', '/v2/calls']) {
    const answer = await fetch(url + path)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ error: expect.any(String), description: expect.any(String) })
  }
})

test('the text of a store error stays inside', async () => {
  const { url, lines } = await startAdmin({
    calls: { ...nothing, listCalls: () => Promise.reject(new Error('SQLITE_IOERR /data/bridge.db')) },
  })
  const answer = await fetch(`${url}/v1/calls`)
  expect(answer.status).toBe(500)
  expect(await answer.json()).toEqual({
    error: 'Internal error',
    description: 'The bridge could not answer. The reason is in its log.',
  })
  expect(lines).toContainEqual({
    level: 'error',
    fields: { route: 'GET /v1/calls', err: expect.objectContaining({ message: 'SQLITE_IOERR /data/bridge.db' }) },
    message: 'admin request failed',
  })
})
