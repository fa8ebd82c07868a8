import { expect, test } from 'vitest'
import type { ComplianceAnswer, ComplianceDesk, ComplianceItem } from '../../src/admin/compliance-routes.ts'
import { startAdmin } from './started-admin.ts'

const item: ComplianceItem = { id: 'rec_1', kind: 'recording', callId: 'call_1', startedAt: 0, hold: null, erasure: null }

/** A desk that writes down what it was asked. */
function desk(answer: ComplianceAnswer = { kind: 'done', items: [item], changed: ['rec_1'] }) {
  const asked: unknown[][] = []
  const did =
    (name: string) =>
    async (...args: readonly unknown[]): Promise<ComplianceAnswer> => {
      asked.push([name, ...args])
      return answer
    }
  const compliance: ComplianceDesk = { find: did('find'), erase: did('erase'), hold: did('hold'), release: did('release') }
  return { asked, compliance }
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const actor = 'api 127.0.0.1'

test.each([
  [
    'erasures',
    { number: '+1 415', reason: 'asked' },
    ['erase', { kind: 'number', number: '+1 415' }, { actor, reason: 'asked', keepSources: false }],
  ],
  [
    'erasures',
    { call_id: 'a', keep_sources: true },
    ['erase', { kind: 'call', id: 'a' }, { actor, reason: null, keepSources: true }],
  ],
  ['erasures', { item_id: 'r', dry_run: true }, ['find', { kind: 'item', id: 'r' }]],
  ['holds', { item_id: 'r', reason: 'case 7' }, ['hold', { kind: 'item', id: 'r' }, { actor, reason: 'case 7' }]],
  ['holds', { item_id: 'r', reason: 'case 7', dry_run: true }, ['find', { kind: 'item', id: 'r' }]],
  ['holds/release', { call_id: 'a', reason: 'settled' }, ['release', { kind: 'call', id: 'a' }, { actor, reason: 'settled' }]],
])('POST /v1/%s %j does it in the name of who asks', async (path, body, expected) => {
  const { asked, compliance } = desk()
  const { url } = await startAdmin({ compliance })
  const answer = await post(`${url}/v1/${path}`, body)
  expect(answer.status).toBe(200)
  expect(asked).toEqual([expected])
  const shown = {
    id: 'rec_1',
    kind: 'recording',
    call_id: 'call_1',
    started_at: '1970-01-01T00:00:00.000Z',
    hold: null,
    erasure: null,
  }
  expect(await answer.json()).toEqual({ items: [shown], changed: ['rec_1'] })
})

test.each([
  ['nothing that says which', 'erasures', {}],
  ['two that say which', 'erasures', { number: '1', call_id: 'a' }],
  ['a number without digits', 'erasures', { number: 'all' }],
  ['an unknown field', 'erasures', { item_id: 'r', force: true }],
  ['a hold without a reason', 'holds', { item_id: 'r' }],
])('%s is refused, and nothing is done', async (_name, path, body) => {
  const { asked, compliance } = desk()
  const { url } = await startAdmin({ compliance })
  expect((await post(`${url}/v1/${path}`, body)).status).toBe(400)
  expect(asked).toEqual([])
})

test('what is too much for one request is a 409 that says what to do', async () => {
  const { url } = await startAdmin(desk({ kind: 'refused', reason: 'use the command' }))
  const answer = await post(`${url}/v1/erasures`, { number: '1001' })
  expect(answer.status).toBe(409)
  expect(await answer.json()).toMatchObject({ description: 'use the command' })
})

test('the audit log is read by pages, newest first', async () => {
  const lines = [3, 2, 1].map(seq => ({
    seq,
    at: seq,
    actor,
    action: 'recording.held',
    subject: 'r',
    reason: null,
    detail: { by: 'item' },
  }))
  const asked: object[] = []
  const audit = {
    list: async (page: { limit: number; before?: number; subject?: string }) => {
      asked.push(page)
      return lines.filter(({ seq }) => seq < (page.before ?? 9)).slice(0, page.limit)
    },
  }
  const { url } = await startAdmin({ audit })
  const first = await (await fetch(`${url}/v1/audit?limit=2&subject=r`)).json()
  expect(first).toMatchObject({
    audit: [{ number: 3, at: '1970-01-01T00:00:00.003Z', detail: { by: 'item' } }, { number: 2 }],
    next: 2,
  })
  expect(await (await fetch(`${url}/v1/audit?limit=2&before=2`)).json()).toMatchObject({ audit: [{ number: 1 }], next: null })
  expect(asked).toEqual([
    { limit: 3, subject: 'r' },
    { limit: 3, before: 2 },
  ])
})
