import { expect, test } from 'vitest'
import { startAdmin } from './started-admin.ts'

test('livez answers without a token and whatever the parts say', async () => {
  const { url, parts } = await startAdmin({ token: 'secret' })
  parts.store = { state: 'failed', reason: 'disk full' }
  const answer = await fetch(`${url}/livez`)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ state: 'ok' })
})

test.each([
  ['ok', 200],
  ['degraded', 200],
  ['starting', 503],
  ['failed', 503],
  ['stopped', 503],
] as const)('a part that is %s makes readyz answer %i with its reason', async (state, status) => {
  const { url, parts } = await startAdmin({ token: 'secret' })
  parts.sip = { state, reason: 'why' }
  const answer = await fetch(`${url}/readyz`)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toEqual({
    ready: status === 200,
    parts: { store: { state: 'ok', reason: null }, sip: { state, reason: 'why' }, live_feed: { state: 'ok', reason: null } },
  })
})

test('a broken health source answers 500 and keeps its text inside', async () => {
  const { url, lines } = await startAdmin({
    health: {
      parts: () => {
        throw new Error('password is hunter2')
      },
    },
  })
  const answer = await fetch(`${url}/readyz`)
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('hunter2')
  expect(lines.map(line => line.message)).toContain('admin request failed')
})
