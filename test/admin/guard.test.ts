import { request } from 'undici'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { isLoopbackName } from '../../src/admin/guard.ts'
import { startAdmin } from './started-admin.ts'

const paths = ['/v1/calls', '/v1/calls/x', '/v1/uploads', '/metrics', '/docs/', '/docs/json', '/ws', '/nothing-here']

test.each(paths)('with a token, %s wants it', async path => {
  const { url } = await startAdmin({ token: 'secret' })
  for (const authorization of [undefined, 'Bearer wrong', 'Basic c2VjcmV0', 'Bearer', 'secret']) {
    const answer = await fetch(url + path, { headers: authorization === undefined ? {} : { authorization } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(await answer.json()).toEqual({ error: 'Unauthorized', description: expect.stringContaining('admin.token') })
  }
  const answer = await fetch(url + path, { headers: { authorization: 'Bearer secret' } })
  expect(answer.status).not.toBe(401)
})

test('a token in the URL opens nothing', async () => {
  const { url } = await startAdmin({ token: 'secret' })
  expect((await fetch(`${url}/v1/calls?token=secret`)).status).toBe(401)
})

test('a refusal is logged without the token that was tried', async () => {
  const { url, lines } = await startAdmin({ token: 'secret' })
  await fetch(`${url}/v1/calls`, { headers: { authorization: 'Bearer nearly-secret' } })
  expect(lines.map(line => line.message)).toContain('admin request refused')
  expect(JSON.stringify(lines)).not.toContain('nearly-secret')
})

test.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '10.0.0.5', '[::2]', '127.0.0.1.nip.io', 'a b'])(
  'without a token, a page re-bound as %s is refused',
  async host => {
    const { url } = await startAdmin()
    const answer = await request(`${url}/v1/calls`, { headers: { host } })
    expect(answer.statusCode).toBe(403)
    expect(await answer.body.json()).toMatchObject({ error: 'Forbidden' })
  },
)

test.each(['localhost', 'LOCALHOST:9999', '127.0.0.1', '127.0.0.53:80', '[::1]:8080'])(
  'without a token, %s is served',
  async host => {
    const { url } = await startAdmin()
    expect((await request(`${url}/v1/calls`, { headers: { host } })).statusCode).toBe(200)
  },
)

test.each(['http://evil.example', 'null', 'http://localhost:1', 'garbage'])(
  'without a token, a page of %s can neither post nor open the live feed',
  async origin => {
    const { url } = await startAdmin()
    const post = await request(`${url}/v1/uploads/x/redrive`, { method: 'POST', headers: { origin } })
    expect(post.statusCode).toBe(403)
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { origin })
    const refusal = await new Promise<string>(resolve => socket.on('error', error => resolve(error.message)))
    expect(refusal).toContain('403')
  },
)

test('without a token, our own page is served', async () => {
  const { url } = await startAdmin()
  const post = await request(`${url}/v1/uploads/x/redrive`, { method: 'POST', headers: { origin: url } })
  expect(post.statusCode).toBe(404)
})

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['::1', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.2', false],
  ['127.evil.example', false],
])('%s is loopback: %s', (name, expected) => {
  expect(isLoopbackName(name)).toBe(expected)
})
