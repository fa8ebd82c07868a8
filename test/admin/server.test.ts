import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { AdminServer } from '../../src/admin/server.ts'
import { startAdmin } from './started-admin.ts'

test('beyond loopback it refuses to be built without a token', async () => {
  await expect(startAdmin({ listen: { host: '0.0.0.0', port: 0 } })).rejects.toThrow('set admin.token')
  const { url } = await startAdmin({ listen: { host: '0.0.0.0', port: 0 }, token: 'secret' })
  expect(url).toMatch(/:\d+$/)
})

test('a port in use is an error that says what to do', async () => {
  const { url } = await startAdmin()
  await expect(startAdmin({ listen: { host: '127.0.0.1', port: Number(new URL(url).port) } })).rejects.toThrow(
    'another program uses that port',
  )
})

test('start and stop may be called twice, and it can start again', async () => {
  const { server, url } = await startAdmin()
  expect(await server.start()).toEqual({ url })
  await Promise.all([server.stop(), server.stop()])
  await expect(fetch(`${url}/livez`)).rejects.toThrow()
  const again = await server.start()
  expect((await fetch(`${again.url}/livez`)).status).toBe(200)
  expect(server).toBeInstanceOf(AdminServer)
})

test('stop cuts off a request that does not end within the grace', async () => {
  const { server, url } = await startAdmin({
    stopGraceMs: 50,
    calls: { listCalls: () => new Promise(() => undefined), findCall: async () => null },
  })
  const hanging = fetch(`${url}/v1/calls`).catch((error: unknown) => error)
  await vi.waitFor(async () => expect((await fetch(`${url}/livez`)).status).toBe(200))
  await server.stop()
  expect(await hanging).toBeInstanceOf(Error)
})

test.each(['GARBAGE\r\n\r\n', 'GET /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'])(
  'bytes that are no request get a 4xx in the product error shape: %j',
  async bytes => {
    const { url } = await startAdmin()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString()
    })
    socket.end(bytes)
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(text.slice(text.indexOf('{')))).toEqual({ error: expect.any(String), description: expect.any(String) })
  },
)
