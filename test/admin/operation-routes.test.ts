import { expect, test } from 'vitest'
import type { SinkBoard, SinkStatus } from '../../src/admin/sink-routes.ts'
import { startAdmin } from './started-admin.ts'

const post = (body?: object): RequestInit =>
  body === undefined
    ? { method: 'POST' }
    : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }

/** A board with one sink that remembers its pause. */
function board(): SinkBoard {
  let paused: SinkStatus['paused'] = null
  return {
    list: async () => [{ name: 'zendesk', paused, health: { state: 'ok', reason: null }, pending: 3, running: 1, dead: 0 }],
    pause: async (_name, by) => {
      paused = { since: 0, ...by }
    },
    resume: async () => {
      paused = null
    },
  }
}

test('a sink is paused and resumed, and each answer says how all of them are', async () => {
  const { url } = await startAdmin({ sinks: board() })
  const zendesk = { name: 'zendesk', paused: null, health: { state: 'ok', reason: null }, pending: 3, running: 1, dead: 0 }
  expect(await (await fetch(`${url}/v1/sinks`)).json()).toEqual({ sinks: [zendesk] })
  const paused = { since: '1970-01-01T00:00:00.000Z', by: 'api 127.0.0.1', reason: 'maintenance' }
  const answer = await fetch(`${url}/v1/sinks/zendesk/pause`, post({ reason: 'maintenance' }))
  expect(await answer.json()).toEqual({ sinks: [{ ...zendesk, paused }] })
  expect(await (await fetch(`${url}/v1/sinks/zendesk/resume`, post())).json()).toEqual({ sinks: [zendesk] })
})

test.each([
  ['a sink that does not exist', 'zendest/pause', { reason: 'x' }, 400],
  ['a pause without a reason', 'zendesk/pause', {}, 400],
])('%s is refused', async (_name, path, body, status) => {
  const { url } = await startAdmin({ sinks: board() })
  expect((await fetch(`${url}/v1/sinks/${path}`, post(body))).status).toBe(status)
})

test('a reload says what has changed and what needs a restart', async () => {
  const changed = [{ path: 'log.level', before: 'info', after: 'debug' }]
  const { url } = await startAdmin({ reload: async () => ({ kind: 'reloaded', changed, needRestart: ['site'] }) })
  const answer = await fetch(`${url}/v1/reload`, post())
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ changed, needs_restart: ['site'] })
})

test('a reload of a broken file says every problem, and 422', async () => {
  const { url } = await startAdmin({ reload: async () => ({ kind: 'refused', problems: ['a.yaml:1:1 one', 'a.yaml:2:1 two'] }) })
  const answer = await fetch(`${url}/v1/reload`, post())
  expect(answer.status).toBe(422)
  expect(await answer.json()).toEqual({ error: 'Nothing has changed', description: 'a.yaml:1:1 one\na.yaml:2:1 two' })
})
