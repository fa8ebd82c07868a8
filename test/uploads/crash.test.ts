import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'

const KILLS = 10
const patience = { timeout: 45_000, interval: 100 }
const root = join(import.meta.dirname, '../..')
// Inside node_modules, so that the bundle finds the packages that it leaves out.
const bundleDir = join(root, 'node_modules/.cache/tpe-bridge-crash')

let workDir: string
let outDir: string
let server: Server
let url: string
/** Keys by first arrival; what came again, with the same key, is only counted. */
const arrived = new Set<string>()
const children: ChildProcess[] = []
const errors: string[] = []
let repeated = 0
let requests = 0

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'tpe-crash-'))
  await mkdir(bundleDir, { recursive: true })
  outDir = await mkdtemp(join(bundleDir, 'run-'))
  await build({
    root,
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: join(import.meta.dirname, 'crash-child.ts'),
      outDir,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'child.mjs' } },
    },
  })
  server = createServer((request, response) => {
    const key = String(request.headers['idempotency-key'])
    // One request in ten fails before it takes effect, one after.
    const fate = ++requests % 10
    if (fate !== 0) {
      if (arrived.has(key)) repeated++
      arrived.add(key)
    }
    response.statusCode = fate < 2 ? 503 : 201
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP address expected')
  url = `http://127.0.0.1:${address.port}/`
})

afterAll(async () => {
  // A failed expectation must not leave a child behind that delivers for ever.
  for (const child of children) child.kill('SIGKILL')
  server.closeAllConnections()
  server.close()
  await rm(outDir, { recursive: true, force: true })
  await rm(workDir, { recursive: true, force: true })
})

const start = (dataDir: string, run: string): ChildProcess => {
  const child = spawn(execPath, [join(outDir, 'child.mjs'), dataDir, url, run], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  child.stderr?.on('data', chunk => errors.push(String(chunk)))
  return child
}

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) throw new Error(`the child ended by itself: ${errors.join('')}`)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

test('kill -9 loses no acknowledged append, doubles nothing at the sink, and keeps each call in order', {
  timeout: 120_000,
}, async () => {
  const dataDir = join(workDir, 'data')
  const acknowledged: string[] = []
  for (let run = 0; run < KILLS; run++) {
    const child = start(dataDir, String(run))
    if (child.stdout === null) throw new Error('a pipe expected')
    const lines = createInterface({ input: child.stdout })
    let seen = 0
    const drained = once(lines, 'close')
    // A different moment in each run: after so many acknowledged appends, and a random part of the next ones.
    const enough = new Promise<void>(resolve => {
      lines.on('line', line => {
        acknowledged.push(...line.split(' '))
        if (++seen === 3 + run) setTimeout(resolve, Math.random() * 20)
      })
    })
    await Promise.race([enough, once(child, 'exit')])
    await kill(child)
    await drained
  }
  expect(errors).toEqual([])
  expect(acknowledged.length).toBeGreaterThan(KILLS * 3 * 8)
  // Some of both: what a kill found delivered, and what it found on its way.
  expect(arrived.size).toBeGreaterThan(KILLS * 8)
  expect(acknowledged.filter(key => !arrived.has(key))).not.toEqual([])

  const last = start(dataDir, 'drain')
  await vi.waitFor(() => expect(acknowledged.filter(key => !arrived.has(key))).toEqual([]), patience)
  const tool = await SqliteStore.open({ dataDir, role: 'tool', now: Date.now, log: { error: () => {} } })
  await vi.waitFor(async () => expect(await tool.views.jobCounts()).toMatchObject({ pending: 0, running: 0 }), patience)
  await kill(last)

  const stored = (await tool.views.eventsAfter(null, 1_000_000)) ?? []
  expect(await tool.views.jobCounts()).toMatchObject({ delivered: stored.length, dead: 0 })
  await tool.close()
  const ids = stored.map(event => String(event.id))
  expect(new Set(ids).size).toBe(ids.length)
  expect(acknowledged.filter(id => !ids.includes(id))).toEqual([])
  expect([...arrived].toSorted()).toEqual(ids.toSorted())
  expect(repeated).toBeGreaterThan(0)

  const place = new Map([...arrived].map((key, index) => [key, index]))
  const outOfOrder = stored.filter(event => {
    const before = place.get(`${event.callId}.${event.sequence - 1}`)
    return event.sequence > 1 && (before === undefined || before > (place.get(event.id) ?? -1))
  })
  expect(outOfOrder).toEqual([])
})
