import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Worker } from 'node:worker_threads'
import { afterEach, expect, it, vi } from 'vitest'
import { SipStation } from '../../src/cli/demo/station.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { CallSignal } from '../../src/events/signal.ts'

// A thread is started from its compiled file, as in production.
const compiled = new URL('../../dist/bridge/threaded-signalling.js', import.meta.url).href
const { ThreadedSignalling }: typeof import('../../src/bridge/threaded-signalling.ts') = await import(compiled)

const running: (() => Promise<unknown> | unknown)[] = []
const threads: Worker[] = []
const onThread = (message: unknown): void => void threads.push((message as { worker: Worker }).worker) // Node's own channel

afterEach(async () => {
  unsubscribe('worker_threads', onThread)
  for (const stop of running.splice(0).reverse()) await stop()
})

it('a signalling thread that dies is replaced on the same port, and the call under way goes on', async () => {
  subscribe('worker_threads', onThread)
  const pbx = new SipStation(async (_called, req, res) => {
    await req.srf.createUAS(req, res, { localSdp: 'v=0\r\n' })
  })
  const carrier = new SipStation(async () => {})
  await Promise.all([pbx.start(), carrier.start()])
  running.push(
    () => pbx.stop(),
    () => carrier.stop(),
  )
  const text = `sip: { listen: ["udp://127.0.0.1:0"], trunk: { pbx: ["sip:127.0.0.1:${pbx.port}"], carrier: ["sip:127.0.0.1:${carrier.port}"] } }`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const signals: CallSignal[] = []
  const said: string[] = []
  const write = (_fields: object, message: string): void => void said.push(message)
  const log = { debug: write, info: write, warn: write, error: write }
  const signalling = new ThreadedSignalling({
    config: loaded.config,
    noRoom: () => null,
    onSignal: signal => signals.push(signal),
    log,
  })
  running.push(() => signalling.stop())
  const {
    sip: [listening],
  } = await signalling.start()

  const dialog = await carrier.call({ name: 'Carol', from: '+14155550100', to: '1001', trunkPort: listening?.port ?? 0 })
  await threads.at(-1)?.terminate()
  expect(signalling.status().connection.state).toBe('connecting')
  await vi.waitFor(() => expect(signalling.status().connection.state).toBe('connected'), 10_000)

  dialog.destroy()
  // The ACK may have died with the thread: then the answer was repeated, which the model knows already.
  const kinds = (): string[] => [...new Set(signals.map(({ kind }) => kind))]
  await vi.waitFor(() => expect(kinds()).toEqual(['invited', 'answered', 'hungup']), 10_000)
  expect(signalling.status().counters.signalling_thread).toEqual({ deaths: 1 })
  expect(said).toContain('signalling thread died, starting a new one')
})
