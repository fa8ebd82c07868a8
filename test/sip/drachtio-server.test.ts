import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { Bridge } from '../../src/bridge.ts'
import { SipStation } from '../../src/cli/demo/station.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { CallEvent } from '../../src/events/event.ts'
import { createLog } from '../../src/log.ts'
import { EmbeddedSipServer } from '../../src/sip/embedded/server.ts'

const running: (() => Promise<unknown>)[] = []
const log = createLog({ level: 'error', numbers: 'masked', isTerminal: false })

afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop()
})

// The embedded server speaks drachtio-server's protocol, so the bridge may connect to one in another process as to a real one.
it('calls that a separate drachtio-server carries are seen by its cdr events', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-bridge-drachtio-'))
  running.push(() => rm(folder, { recursive: true, force: true }))
  const pbx = new SipStation(async (_called, req, res) => {
    res.send(180)
    await req.srf.createUAS(req, res, { localSdp: 'v=0\r\n' })
  })
  const carrier = new SipStation(async (_called, _req, res) => res.send(486))
  await Promise.all([pbx.start(), carrier.start()])
  running.push(
    () => pbx.stop(),
    () => carrier.stop(),
  )
  const server = new EmbeddedSipServer({
    listen: ['udp://127.0.0.1:0'],
    log,
    random: randomBytes,
    now: Date.now,
    mayRelay: () => true,
  })
  const { control, listening } = await server.start()
  running.push(() => server.stop())

  const text = `
data_dir: ${JSON.stringify(folder)}
sip:
  server: drachtio
  drachtio: { port: ${control.port}, secret: ${JSON.stringify(control.secret)} }
  trunk: { pbx: ["sip:127.0.0.1:${pbx.port}"], carrier: ["sip:127.0.0.1:${carrier.port}"] }
admin: { listen: "127.0.0.1:0" }
sandbox: { listen: "127.0.0.1:0" }
`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const events: CallEvent[] = []
  const bridge = new Bridge({
    config: loaded.config,
    version: '0.0.0',
    log,
    ffmpegPath: null,
    searchPath: '',
    onEvent: event => events.push(event),
  })
  await bridge.start()
  running.push(() => bridge.stop())
  await vi.waitFor(() => expect(bridge.health().sip).toEqual({ state: 'ok', reason: null }))

  const trunkPort = listening[0]?.port ?? 0
  const dialog = await carrier.call({ name: 'Carol', from: '+14155550100', to: '1001', trunkPort })
  dialog.destroy()
  await pbx.call({ name: 'Bob', from: '1002', to: '+14155550142', trunkPort }).catch(() => {})

  const seen = (direction: string): string[] => events.filter(({ call }) => call.direction === direction).map(({ type }) => type)
  await vi.waitFor(() => expect(seen('inbound')).toEqual(['call.started', 'call.answered', 'call.ended']))
  await vi.waitFor(() => expect(seen('outbound')).toEqual(['call.started', 'call.ended']))
  expect(events.find(({ type, call }) => type === 'call.ended' && call.direction === 'outbound')?.call.outcome).toMatchObject({
    status: 'missed',
    reason: 'busy',
  })
})
