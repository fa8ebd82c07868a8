/** The route that FreeSWITCH posts its records to, with a real store behind it. */
import { expect, test } from 'vitest'
import { cdrDoor } from '../../src/bridge/reconciliation.ts'
import { configSchema } from '../../src/config/schema.ts'
import { callerLeg, day, phoneLeg, runningStore } from '../bridge/cdrs/records.ts'
import { startAdmin } from './started-admin.ts'

const config = configSchema.parse({ numbers: { country: 'US', internal: ['^1\\d{3}$'] } })
const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const base64 = 'application/x-www-form-base64-encoded'
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`

async function started(token: string | null = 'secret') {
  const store = await runningStore()
  const { url, lines } = await startAdmin({ token, cdrs: cdrDoor(config, store.cdrs) })
  return {
    url,
    lines,
    cdrs: () => store.cdrs.of('hq').cdrs(day),
    post: (body: string, type = json, authorization: string | null = basic('freeswitch:secret')) =>
      fetch(`${url}/v1/cdrs?uuid=aaaa`, {
        method: 'POST',
        body,
        headers: { 'content-type': type, ...(authorization === null ? {} : { authorization }) },
      }),
  }
}

test.each([
  ['JSON', json, (text: string) => text],
  ['a form', form, (text: string) => `cdr=${encodeURIComponent(text)}`],
  ['a form in base64', base64, (text: string) => `cdr=${Buffer.from(text).toString('base64')}`],
])('a record is taken as %s, and is stored when the answer comes', async (_name, type, encode) => {
  const { post, cdrs } = await started()
  const answer = await post(encode(callerLeg), type)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ cdrs: 1 })
  expect(await cdrs()).toMatchObject([{ id: 'freeswitch:hq:aaaa', from: { value: '+14155550100' }, to: { value: '1001' } }])
})

test('the legs of a call are one, posted in any order and more than once', async () => {
  const { post, cdrs } = await started()
  for (const each of [phoneLeg, callerLeg, phoneLeg, callerLeg]) expect((await post(each)).status).toBe(200)
  expect(await cdrs()).toMatchObject([{ hasCaller: true, keys: ['sip:in@carrier', 'sip:out@pbx', 'unique:aaaa', 'unique:bbbb'] }])
})

test.each([
  ['the token as the password', basic('freeswitch:secret'), 200],
  ['whoever the user is', basic(':secret'), 200],
  ['the bearer token', 'Bearer secret', 200],
  ['another password', basic('freeswitch:wrong'), 401],
  ['the token as the user', basic('secret:'), 401],
  ['a password that begins with it', basic('freeswitch:secret2'), 401],
  ['no credentials', null, 401],
])('with %s it answers as it should', async (_name, authorization, status) => {
  const { post, cdrs } = await started()
  expect((await post(callerLeg, json, authorization)).status).toBe(status)
  expect(await cdrs()).toHaveLength(status === 200 ? 1 : 0)
})

test('a password opens nothing else', async () => {
  const { url } = await started()
  const headers = { authorization: basic('freeswitch:secret') }
  for (const path of ['/v1/calls', '/v1/uploads', '/metrics', '/v1/cdrs/x']) {
    expect((await fetch(url + path, { headers })).status).toBe(401)
  }
})

test.each([
  ['', 'there is no record in it'],
  ['{"variables"', 'the row cannot be read'],
  ['{"a":1}', 'the record does not describe a leg'],
  ['cdr=%ZZ', 'the row cannot be read'],
  ['[1,2,3]', 'the row cannot be read'],
  [callerLeg.replace(/"end_epoch":"\d+"/, '"end_epoch":"100000000"'), 'the record does not describe a leg'],
])('what is no record is refused, to be left in err-log-dir: %s', async (body, reason) => {
  const { post, cdrs } = await started()
  const answer = await post(body)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: 'No record', description: expect.stringContaining(reason) })
  expect(await cdrs()).toEqual([])
})

test('a record that is too large, or of another kind, is refused', async () => {
  const { post } = await started()
  expect((await post(`{"variables":{"x":"${'a'.repeat(1_100_000)}"}}`)).status).toBe(413)
  expect((await post(callerLeg, 'text/plain')).status).toBe(415)
})

test('other routes take JSON alone, as before', async () => {
  const { url } = await started(null)
  const post = (type: string) =>
    fetch(`${url}/v1/uploads/x/drop`, { method: 'POST', body: 'reason=x', headers: { 'content-type': type } })
  expect((await post(form)).status).toBe(415)
})

test('without a token a page of another origin cannot post a record', async () => {
  const { url } = await started(null)
  const headers = { origin: 'http://evil.example', 'content-type': form }
  const answer = await fetch(`${url}/v1/cdrs`, { method: 'POST', body: `cdr=${encodeURIComponent(callerLeg)}`, headers })
  expect(answer.status).toBe(403)
})
