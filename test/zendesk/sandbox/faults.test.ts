import { request } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { Faults } from '../../../src/zendesk/sandbox/faults.ts'
import { json, runningSandbox } from '../running-sandbox.ts'

describe('scripted faults', () => {
  it('strike one request in so many, so many times, and are forgotten', () => {
    const faults = new Faults()
    // biome-ignore lint/suspicious/noThenProperty: the key of the sandbox's API
    faults.add({ route: 'phone_calls', times: 2, every: 3, then: { kind: 'reset' } })
    const struck = Array.from({ length: 9 }, () => faults.next('phone_calls') !== null)
    expect(struck).toEqual([false, false, true, false, false, true, false, false, false])
    expect(faults.list()).toEqual([])
  })

  it('strike their own route, the oldest first', () => {
    const faults = new Faults()
    // biome-ignore lint/suspicious/noThenProperty: the key of the sandbox's API
    faults.add({ route: '*', times: 1, every: 1, then: { kind: 'reset' } })
    // biome-ignore lint/suspicious/noThenProperty: the key of the sandbox's API
    faults.add({ route: 'phone_calls', every: 1, then: { kind: 'hang' } })
    expect([faults.next('phone_calls'), faults.next('phone_calls'), faults.next('phone_recordings')]).toEqual([
      { kind: 'reset' },
      { kind: 'hang' },
      null,
    ])
  })

  it('answer with the status, headers and body of the script, without doing anything', async () => {
    const sandbox = await runningSandbox()
    await sandbox.fault('phone_calls', {
      kind: 'status',
      status: 503,
      headers: { 'retry-after': '7' },
      body: { error: 'Maintenance' },
    })
    const answer = await sandbox.call('/phone_calls')
    expect([answer.status, answer.headers.get('retry-after'), await json(answer)]).toEqual([503, '7', { error: 'Maintenance' }])
    expect((await sandbox.call('/phone_calls')).status).toBe(200)
    await sandbox.fault('*', { kind: 'status', status: 500 })
    expect([(await sandbox.call('/phone_nothing')).status, (await sandbox.call('/phone_nothing')).status]).toEqual([500, 404])
  })

  it('answer a web page', async () => {
    const sandbox = await runningSandbox()
    await sandbox.fault('*', { kind: 'html' })
    const answer = await sandbox.call('/phone_calls')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await answer.text()).toMatch(/^<!doctype html>/)
  })

  it.each(['reset', 'accept-then-reset', 'cut'])('%s breaks the connection', async kind => {
    const sandbox = await runningSandbox()
    await sandbox.fault('phone_calls', { kind })
    await expect(sandbox.call('/phone_calls').then(answer => answer.text())).rejects.toThrow()
    expect((await sandbox.call('/phone_calls')).status).toBe(200)
  })

  it('cut sends the head and half of the body', async () => {
    const sandbox = await runningSandbox()
    const whole = await (await sandbox.call('/phone_calls')).text()
    await sandbox.fault('phone_calls', { kind: 'cut' })
    const headers = { authorization: `Bearer ${sandbox.token}` }
    const heard = await new Promise<{ status: number | undefined; length: number; text: string }>(resolve => {
      request(`${sandbox.url}/api/v2/channels/voice/phone_calls`, { headers }, response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => {
          text += piece
        })
        response.on('error', () => {})
        response.on('close', () =>
          resolve({ status: response.statusCode, length: Number(response.headers['content-length']), text }),
        )
      }).end()
    })
    expect(heard).toEqual({ status: 200, length: whole.length, text: whole.slice(0, Math.floor(whole.length / 2)) })
  })

  it('answer late, and only then', async () => {
    const sandbox = await runningSandbox()
    await sandbox.fault('phone_calls', { kind: 'late', delay_ms: 120 })
    const asked = performance.now()
    expect((await sandbox.call('/phone_calls')).status).toBe(200)
    expect(performance.now() - asked).toBeGreaterThan(115)
  })

  it('let a request hang until the sandbox stops', async () => {
    const sandbox = await runningSandbox()
    await sandbox.fault('phone_calls', { kind: 'hang' })
    await sandbox.fault('phone_recordings', { kind: 'late', delay_ms: 600_000 })
    const hanging = Promise.allSettled([sandbox.call('/phone_calls'), sandbox.call('/phone_recordings')])
    await vi.waitFor(async () => expect((await json(await fetch(`${sandbox.url}/_sandbox/faults`))).faults).toEqual([]))
    await sandbox.sandbox.stop()
    expect((await hanging).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('are listed, refused when they make no sense, and removed', async () => {
    const sandbox = await runningSandbox()
    await sandbox.fault('*', { kind: 'reset' }, { every: 5 })
    const { faults } = await json(await fetch(`${sandbox.url}/_sandbox/faults`))
    expect(faults).toMatchObject([{ id: 1, route: '*', every: 5, seen: 0, done: 0 }])
    await expect(sandbox.fault('*', { kind: 'explode' })).rejects.toThrow('Invalid request')
    await expect(sandbox.fault('../x', { kind: 'reset' })).rejects.toThrow('route')
    expect((await fetch(`${sandbox.url}/_sandbox/faults`, { method: 'DELETE' })).status).toBe(204)
    expect(await json(await fetch(`${sandbox.url}/_sandbox/faults`))).toEqual({ faults: [] })
  })
})

describe("the sandbox's own pages", () => {
  it('are for this machine only, by whatever name it is addressed', async () => {
    const sandbox = await runningSandbox()
    const { port } = new URL(sandbox.url)
    const asked = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        request({ port, host: '127.0.0.1', path: '/_sandbox/state', headers: { host } }, response => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    expect(await asked('localhost')).toBe(200)
    expect(await asked(`[::1]:${port}`)).toBe(200)
    expect(await asked('rebound.example')).toBe(403)
    expect(await asked('127.0.0.1.rebound.example')).toBe(403)
  })

  it('show what arrived, as JSON or as a page that runs nothing', async () => {
    const sandbox = await runningSandbox()
    expect(await json(await fetch(sandbox.url))).toMatchObject({ sandbox: { version: '0.0.0-test', phone_calls: 0 } })
    const page = await fetch(sandbox.url, { headers: { accept: 'text/html' } })
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('<h2>Voicemails</h2>')
  })
})
