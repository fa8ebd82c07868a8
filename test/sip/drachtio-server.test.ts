import { randomBytes } from 'node:crypto'
import { afterEach, expect, it, vi } from 'vitest'
import { Signalling } from '../../src/bridge/signalling.ts'
import { SipStation } from '../../src/cli/demo/station.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { createLog } from '../../src/log.ts'
import { EmbeddedSipServer } from '../../src/sip/embedded/server.ts'

const running: (() => Promise<unknown>)[] = []
const log = createLog({ level: 'error', numbers: 'masked', isTerminal: false })

afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop()
})

// The embedded server speaks drachtio-server's protocol, so the bridge may connect to one in another process as to a real one.
it('calls that a separate drachtio-server carries are seen by its cdr events', async () => {
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
sip:
  server: drachtio
  drachtio: { port: ${control.port}, secret: ${JSON.stringify(control.secret)} }
  trunk: { pbx: ["sip:127.0.0.1:${pbx.port}"], carrier: ["sip:127.0.0.1:${carrier.port}"] }
`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const signals: CallSignal[] = []
  const signalling = new Signalling({ config: loaded.config.sip, onSignal: signal => signals.push(signal), log })
  await signalling.start()
  running.push(() => signalling.stop())
  await vi.waitFor(() => expect(signalling.status().connection.state).toBe('connected'))

  const trunkPort = listening[0]?.port ?? 0
  const dialog = await carrier.call({ name: 'Carol', from: '+14155550100', to: '1001', trunkPort })
  dialog.destroy()
  const answered = signalsOf(signals, dialog.sip.callId)
  await vi.waitFor(() => expect(answered()).toEqual(['invited', 'answered', 'hungup']))

  await pbx.call({ name: 'Bob', from: '1002', to: '+14155550142', trunkPort }).catch(() => {})
  await vi.waitFor(() => expect(signals.at(-1)).toMatchObject({ kind: 'failed', sipCode: 486 }))
  expect(signals.find(({ kind, sipCallId }) => kind === 'invited' && sipCallId === signals.at(-1)?.sipCallId)).toMatchObject({
    side: 'pbx',
  })
})

function signalsOf(signals: readonly CallSignal[], sipCallId: string): () => string[] {
  return () => signals.filter(signal => signal.sipCallId === sipCallId).map(({ kind }) => kind)
}
