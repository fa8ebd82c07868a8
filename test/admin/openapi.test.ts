import { expect, test } from 'vitest'
import { z } from 'zod'
import { startAdmin } from './started-admin.ts'

const operation = z.looseObject({
  parameters: z.array(z.looseObject({ name: z.string(), schema: z.looseObject({}) })).default([]),
  security: z.array(z.unknown()).optional(),
})
const description = z.looseObject({
  security: z.array(z.unknown()).optional(),
  paths: z.record(z.string(), z.partialRecord(z.enum(['get', 'post']), operation)),
})

async function describedBy(url: string, headers: Record<string, string> = {}) {
  return description.parse(await (await fetch(`${url}/docs/json`, { headers })).json())
}

test('the description names every route with its parameters and answers', async () => {
  const { url } = await startAdmin({ version: '1.2.3' })
  const document = await describedBy(url)
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'tpe-bridge', version: '1.2.3' } })
  expect(Object.keys(document.paths).sort()).toEqual([
    '/livez',
    '/metrics',
    '/readyz',
    '/v1/agents',
    '/v1/calls',
    '/v1/calls/{id}',
    '/v1/recordings',
    '/v1/uploads',
    '/v1/uploads/drop',
    '/v1/uploads/redrive',
    '/v1/uploads/{id}/drop',
    '/v1/uploads/{id}/redrive',
    '/ws',
  ])
  const list = document.paths['/v1/uploads']?.get?.parameters ?? []
  expect(list.map(({ name }) => name).sort()).toEqual([
    'before',
    'call_id',
    'kind',
    'limit',
    'reason_contains',
    'since',
    'sink',
    'state',
    'until',
  ])
  expect(list.find(({ name }) => name === 'limit')?.schema).toMatchObject({
    type: 'integer',
    maximum: 500,
  })
  expect(document.security).toBeUndefined()
})

test('with a token the description asks for it, save on the probes', async () => {
  const { url } = await startAdmin({ token: 'secret' })
  const document = await describedBy(url, { authorization: 'Bearer secret' })
  expect(document.security).toEqual([{ token: [] }])
  expect(document.paths['/livez']?.get?.security).toEqual([])
})

test('the page and its script are served from here and load nothing from elsewhere', async () => {
  const { url } = await startAdmin()
  const page = await fetch(`${url}/docs/`)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("connect-src 'self'")
  const script = await fetch(`${url}/docs/static/swagger-initializer.js`)
  expect(await script.text()).toContain('"validatorUrl":null')
})
