import { expect, test } from 'vitest'
import type { UploadAction } from '../../src/admin/upload-routes.ts'
import type { Upload } from '../../src/admin/upload-view.ts'
import { startAdmin } from './started-admin.ts'

const dead: Upload = {
  id: 'rec_1',
  sink: 'zendesk',
  kind: 'recording',
  state: 'dead',
  callId: null,
  attempts: 1,
  reason: '422 file is not MP3',
  createdAt: 0,
  nextAttemptAt: null,
  deliveredAt: null,
  remoteId: null,
}

/** A desk with one dead letter that writes down what it was asked. */
function desk() {
  const asked: unknown[][] = []
  const act = (id: string, state: Upload['state']): UploadAction => {
    if (id === 'busy') return { kind: 'refused', reason: 'It is being delivered now; wait until it is done.' }
    return id === dead.id ? { kind: 'done', upload: { ...dead, state } } : { kind: 'unknown' }
  }
  return {
    asked,
    uploads: {
      listUploads: async (query: object) => {
        asked.push(['list', query])
        return { rows: [dead], next: null }
      },
      redriveSome: async (filter: object, { actor }: { readonly actor: string }, after: string | null) => {
        asked.push(['redriveSome', filter, actor, after])
        return { seen: 2_000, done: 1_999, refused: [{ id: 'busy', reason: 'it is being delivered' }], next: `${after ?? 0}.1` }
      },
      dropSome: async (_filter: object, { reason }: { readonly reason: string }, after: string | null) => {
        asked.push(['dropSome', reason, after])
        return { seen: 1, done: 1, refused: [], next: null }
      },
      redrive: async (id: string, by: object) => {
        asked.push(['redrive', id, by])
        return act(id, 'pending')
      },
      drop: async (id: string, by: object) => {
        asked.push(['drop', id, by])
        return act(id, 'dropped')
      },
    },
  }
}

const anything = { state: null, sink: null, kind: null, callId: null, since: null, until: null, reasonContains: null }
const json = (body: unknown) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

test('dead letters can be listed', async () => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  const answer = await fetch(`${url}/v1/uploads?state=dead&limit=10`)
  expect(asked).toEqual([['list', { ...anything, limit: 10, before: null, state: 'dead' }]])
  expect(await answer.json()).toMatchObject({
    next: null,
    uploads: [{ id: 'rec_1', state: 'dead', reason: '422 file is not MP3' }],
  })
})

test('a state that does not exist is refused', async () => {
  const { url } = await startAdmin()
  const answer = await fetch(`${url}/v1/uploads?state=lost`)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ details: { state: [expect.stringContaining('quarantined')] } })
})

test('a dead letter can be redriven', async () => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  const answer = await fetch(`${url}/v1/uploads/rec_1/redrive`, { method: 'POST' })
  expect(answer.status).toBe(200)
  expect(asked).toEqual([['redrive', 'rec_1', { actor: 'api 127.0.0.1' }]])
  expect(await answer.json()).toMatchObject({ upload: { id: 'rec_1', state: 'pending' } })
})

test.each([
  ['a reason', json({ reason: 'test call' }), 'test call'],
  ['no body', { method: 'POST' }, 'dropped by an operator'],
])('a dead letter can be dropped with %s', async (_name, init, reason) => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  expect((await fetch(`${url}/v1/uploads/rec_1/drop`, init)).status).toBe(200)
  expect(asked).toEqual([['drop', 'rec_1', { actor: 'api 127.0.0.1', reason }]])
})

test.each([
  ['an unknown upload', 'x/redrive', { method: 'POST' }, 404],
  ['one in another state', 'busy/drop', { method: 'POST' }, 409],
  ['an unknown field', 'rec_1/drop', json({ why: 'x' }), 400],
  ['an empty reason', 'rec_1/drop', json({ reason: ' ' }), 400],
  ['JSON that is none', 'rec_1/drop', { ...json(0), body: '{"reason":' }, 400],
  ['a body past the limit', 'rec_1/drop', json({ reason: 'x'.repeat(70_000) }), 413],
  ['another type of body', 'rec_1/drop', { method: 'POST', body: 'reason' }, 415],
  ['a GET', 'rec_1/drop', {}, 404],
])('%s is refused in the product error shape', async (_name, path, init, status) => {
  const { url } = await startAdmin(desk())
  const answer = await fetch(`${url}/v1/uploads/${path}`, init)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toMatchObject({ error: expect.any(String), description: expect.any(String) })
})

test('a list is narrowed down as a client asks', async () => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  const query = 'sink=archive&kind=recording&call_id=c1&since=2026-11-22T09:00:00Z&reason_contains=No%20room'
  expect((await fetch(`${url}/v1/uploads?${query}`)).status).toBe(200)
  const since = Date.UTC(2026, 10, 22, 9)
  const narrowed = { sink: 'archive', kind: 'recording', callId: 'c1', since, reasonContains: 'No room' }
  expect(asked).toEqual([['list', { ...anything, ...narrowed, limit: 50, before: null }]])
})

test('all that fit are redriven, a bounded part with each request, and the answer says where to go on', async () => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  const answer = await fetch(`${url}/v1/uploads/redrive`, json({ state: 'dead', after: '7' }))
  expect(await answer.json()).toEqual({
    done: 3 * 1_999,
    refused: 3,
    refusals: Array(3).fill({ id: 'busy', reason: 'it is being delivered' }),
    next: '7.1.1.1',
  })
  const filter = { ...anything, state: 'dead' }
  expect(asked).toEqual(['7', '7.1', '7.1.1'].map(after => ['redriveSome', filter, 'api 127.0.0.1', after]))
})

test('all that fit are dropped with one reason', async () => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  const answer = await fetch(`${url}/v1/uploads/drop`, json({ reason_contains: '422', reason: 'tests' }))
  expect(await answer.json()).toEqual({ done: 1, refused: 0, refusals: [], next: null })
  expect(asked).toEqual([['dropSome', 'tests', null]])
})

test.each([
  ['a redrive of nothing in particular', 'redrive', {}],
  ['a redrive of what is delivered', 'redrive', { state: 'delivered' }],
  ['a drop without a reason', 'drop', { state: 'dead' }],
  ['a time that is none', 'redrive', { since: 'yesterday' }],
])('%s is refused', async (_name, action, body) => {
  const { asked, uploads } = desk()
  const { url } = await startAdmin({ uploads })
  expect((await fetch(`${url}/v1/uploads/${action}`, json(body))).status).toBe(400)
  expect(asked).toEqual([])
})
