import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { type Authorization, AuthorizationLost } from '../../../src/zendesk/http/authorization.ts'
import { apiToken } from '../../../src/zendesk/http/basic.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { OAuthTokens } from '../../../src/zendesk/http/oauth.ts'
import type { SinkMemory } from '../../../src/zendesk/memory.ts'
import { json, type RunningSandbox, runningSandbox, temporaryFolder } from '../running-sandbox.ts'
import { scriptedServer } from '../scripted-server.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const soon = () => AbortSignal.timeout(5_000)

async function memoryOnDisk(): Promise<SinkMemory> {
  const store = await SqliteStore.open({
    dataDir: join(await temporaryFolder(), 'store'),
    role: 'bridge',
    now: Date.now,
    log: silent,
  })
  onTestFinished(() => store.close())
  return store.memory
}

const client = (sandbox: Pick<RunningSandbox, 'url'>, memory: SinkMemory, refreshToken: string, clock = Date.now) =>
  new OAuthTokens({ baseUrl: sandbox.url, clientId: 'bridge', clientSecret: 'hush', refreshToken, memory, clock })

function connectionTo({ url }: Pick<RunningSandbox, 'url'>, authorization: Authorization): Connection {
  const connection = new Connection({ baseUrl: url, authorization, userAgent: 'test', clock: Date.now })
  onTestFinished(() => connection.close())
  return connection
}

const me = (connection: Connection) => connection.send({ method: 'GET', path: '/api/v2/users/me', signal: soon() })

describe('an API token', () => {
  test('acts as the agent whose e-mail address stands before it', async () => {
    const sandbox = await runningSandbox()
    expect((await me(connectionTo(sandbox, apiToken('bridge@example.com', sandbox.token)))).status).toBe(200)
    expect((await me(connectionTo(sandbox, apiToken('bridge@example.com', 'wrong')))).status).toBe(401)
  })

  test('is a secret in both of its forms', () => {
    const { secrets } = apiToken('a@b.c', 'hush')
    expect(secrets()).toEqual(['hush', Buffer.from('a@b.c/token:hush').toString('base64')])
  })
})

describe('an OAuth client', () => {
  test('asks once for all who wait, and a restarted one goes on with what is on disk', async () => {
    const sandbox = await runningSandbox()
    const memory = await memoryOnDisk()
    const tokens = client(sandbox, memory, sandbox.token)
    const headers = await Promise.all([1, 2, 3].map(() => tokens.header(soon())))
    expect(new Set(headers).size).toBe(1)
    // The first refresh token is spent; only the memory can help.
    expect(await client(sandbox, memory, sandbox.token).header(soon())).toBe(headers[0])
    const late = client(sandbox, memory, sandbox.token, () => Date.now() + 3 * 3_600_000)
    expect(await late.header(soon())).not.toBe(headers[0])
  })

  test('takes what a bridge that shares the memory has renewed, instead of a refresh token that is spent', async () => {
    const sandbox = await runningSandbox()
    const memory = await memoryOnDisk()
    let later = 0
    const clock = () => Date.now() + later
    const [one, other] = [client(sandbox, memory, sandbox.token, clock), client(sandbox, memory, sandbox.token, clock)]
    expect(await one.header(soon())).toBe(await other.header(soon()))
    later = 3 * 3_600_000
    const renewed = await one.header(soon())
    expect(await other.header(soon())).toBe(renewed)
  })

  test('renews a token that Zendesk refuses, and the request is asked again', async () => {
    const sandbox = await runningSandbox()
    const memory = await memoryOnDisk()
    const connection = connectionTo(sandbox, client(sandbox, memory, sandbox.token))
    expect((await me(connection)).status).toBe(200)
    await sandbox.fault('users', { kind: 'status', status: 401, body: { error: "Couldn't authenticate you" } })
    expect((await me(connection)).status).toBe(200)
  })

  test('asks no more than twice for one request, whoever refuses', async () => {
    const sandbox = await runningSandbox()
    const connection = connectionTo(sandbox, client(sandbox, await memoryOnDisk(), sandbox.token))
    await sandbox.fault('users', { kind: 'status', status: 401, body: {} }, { times: 2 })
    expect((await me(connection)).status).toBe(401)
    expect((await me(connection)).status).toBe(200)
  })

  test('whose refresh token is spent says that a person is needed, until another one is configured', async () => {
    const sandbox = await runningSandbox()
    const memory = await memoryOnDisk()
    await expect(client(sandbox, memory, 'spent').header(soon())).rejects.toThrow(AuthorizationLost)
    const answer = await fetch(`${sandbox.url}/_sandbox/refresh_tokens`, { method: 'POST' })
    const { refresh_token } = await json(answer)
    expect(await client(sandbox, memory, refresh_token).header(soon())).toMatch(/^Bearer /)
  })

  test('does not ask again and again while Zendesk is down', async () => {
    const server = await scriptedServer(response => response.writeHead(503).end('down'))
    let now = 0
    const tokens = client(server, await memoryOnDisk(), 'first', () => now)
    await expect(tokens.header(soon())).rejects.toThrow('Zendesk answered 503')
    await expect(tokens.header(soon())).rejects.toThrow('Zendesk answered 503')
    expect(server.seen).toHaveLength(1)
    now = 6_000
    await expect(tokens.header(soon())).rejects.toThrow('Zendesk answered 503')
    expect(server.seen).toHaveLength(2)
  })
})
