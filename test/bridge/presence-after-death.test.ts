import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished, vi } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { namedCall } from '../sip/dialog-state/captures.ts'
import { startNotifier } from '../sip/dialog-state/notifier.ts'

// A thread is started from its compiled file, as in production.
const compiled = new URL('../../dist/bridge/threaded-signalling.js', import.meta.url).href
const { ThreadedSignalling }: typeof import('../../src/bridge/threaded-signalling.ts') = await import(compiled)

const threads: Worker[] = []
const onThread = (message: unknown): void => void threads.push((message as { worker: Worker }).worker) // Node's own channel

it('a signalling thread that dies leaves every extension unknown until the next one has asked', async () => {
  subscribe('worker_threads', onThread)
  onTestFinished(() => void unsubscribe('worker_threads', onThread))
  const pbx = await startNotifier()
  const text = `sip: { listen: ["udp://127.0.0.1:0"], dialogs: { subscribe: ["${pbx.uri('1002')}"] } }`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const said: string[] = []
  const write = (): void => {}
  const signalling = new ThreadedSignalling({
    config: loaded.config,
    noRoom: () => null,
    onSignal: () => {},
    onPresence: ({ extension, presence }) => said.push(`${extension} ${presence}`),
    log: { debug: write, info: write, warn: write, error: write },
  })
  onTestFinished(() => signalling.stop())
  await signalling.start()
  const heard = (...all: readonly string[]) => vi.waitFor(() => expect(said).toEqual(all), { timeout: 10_000, interval: 10 })
  await heard('1002 available')
  pbx.tell('1002', [namedCall('confirmed')])
  await heard('1002 available', '1002 on_call')
  pbx.restart() // it never hears of the end
  await threads.at(-1)?.terminate()
  await heard('1002 available', '1002 on_call', '1002 unknown', '1002 on_call')
  await vi.waitFor(() => expect(signalling.status().dialogs).toEqual({ watched: 1, up: 1, problems: [] }), 10_000)
})
