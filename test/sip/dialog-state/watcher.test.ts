import { randomBytes } from 'node:crypto'
import Srf from 'drachtio-srf'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CallSignal } from '../../../src/events/signal.ts'
import type { ExtensionPresence } from '../../../src/sip/dialog-state/presence.ts'
import { DialogWatcher, type DialogWatcherOptions } from '../../../src/sip/dialog-state/watcher.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { routed, startServer } from '../embedded/control-peers.ts'
import { startPhone } from '../embedded/phone.ts'
import { namedCall } from './captures.ts'
import { type Habits, type Notifier, startNotifier } from './notifier.ts'

/** A watcher of the extensions on an embedded server, and the PBX that it watches. */
async function watching(
  habits: Partial<Habits> = {},
  extensions: readonly string[] = ['1002'],
  options: Partial<DialogWatcherOptions> = {},
) {
  const pbx = await startNotifier(habits)
  const { server, control, udp } = await startServer()
  const presences: ExtensionPresence[] = []
  const signals: CallSignal[] = []
  const srf = new Srf()
  const logged: string[] = []
  const log = (_fields: object, message: string) => void logged.push(message)
  const watcher = new DialogWatcher({
    srf,
    subscribe: extensions.map(extension => pbx.uri(extension)),
    username: 'bridge',
    password: 'secret',
    expiresMs: 600_000,
    now: Date.now,
    random: randomBytes,
    log: { debug: log, info: log, warn: log },
    onSignal: signal => signals.push(signal),
    onPresence: presence => presences.push(presence),
    ...options,
  })
  watcher.start()
  void srf.connect({ host: control.host, port: control.port, secret: control.secret })
  onTestFinished(async () => {
    pbx.habits.deaf = false
    await watcher.stop()
    srf.disconnect()
  })
  const said = (): readonly string[] => presences.map(({ extension, presence }) => `${extension} ${presence}`)
  return { pbx, server, udp, srf, watcher, presences, signals, said, logged }
}

const up = (watcher: DialogWatcher, count = 1) =>
  vi.waitFor(() => expect(watcher.status().up).toBe(count), { timeout: 4_000, interval: 5 })
const heard = (said: () => readonly string[], all: readonly string[]) =>
  vi.waitFor(() => expect(said()).toEqual(all), { timeout: 4_000, interval: 5 })
const callIdOf = async (pbx: Notifier, n: number) => headerValue(await pbx.subscribe(n), 'Call-ID')

it('tells presence as the PBX tells of dialogs', async () => {
  const { pbx, said, watcher, presences } = await watching()
  await up(watcher)
  pbx.tell('1002', [namedCall('early')])
  await heard(said, ['1002 available', '1002 ringing'])
  expect(presences.at(-1)).toMatchObject({ uri: pbx.uri('1002'), held: false, remote: { user: '1001', display: 'Alice' } })
  pbx.tell('1002', [namedCall('confirmed')])
  pbx.tell('1002', [])
  await heard(said, ['1002 available', '1002 ringing', '1002 on_call', '1002 available'])
  await vi.waitFor(() => expect(pbx.answers).toEqual([200, 200, 200, 200]))
})

it('makes the signals of the call that the PBX names', async () => {
  const { pbx, watcher, signals } = await watching()
  await up(watcher)
  pbx.tell('1002', [namedCall('confirmed')], { state: 'partial' })
  pbx.tell('1002', [namedCall('terminated', 'event="remote-bye"')], { state: 'partial' })
  await vi.waitFor(() => expect(signals.map(({ kind }) => kind)).toEqual(['invited', 'answered', 'hungup']))
  expect(signals.at(-1)).toMatchObject({ sipCallId: 'call-1@pbx', fromTag: 'alice', toTag: 'bob' })
})

describe('authentication', () => {
  it.each([
    ['MD5', 401],
    ['SHA-256', 407],
  ] as const)('%s after a %i, also when it refreshes and when it leaves', async (algorithm, challenge) => {
    const { pbx, watcher, said } = await watching({ password: 'secret', algorithm, challenge, most: 1 })
    await up(watcher)
    await pbx.subscribe(3) // the refresh, with credentials
    await watcher.stop()
    expect(pbx.standing.size).toBe(0)
    expect(said()).toEqual(['1002 available', '1002 unknown'])
    expect(new Set(pbx.subscribes.map(request => headerValue(request, 'Call-ID'))).size).toBe(1)
  })

  it('a password that is refused is tried once, and said to be wrong', async () => {
    const { pbx, watcher, logged } = await watching({ password: 'another' })
    await vi.waitFor(() => expect(watcher.status().problems).toHaveLength(1))
    expect(watcher.status()).toEqual({
      watched: 1,
      up: 0,
      problems: [{ uri: pbx.uri('1002'), reason: 'user name or password refused (401)' }],
    })
    expect(pbx.subscribes).toHaveLength(2)
    expect(logged).toEqual(['dialog subscription is down'])
  })
})

it('is refreshed in its dialog before it runs out, and nobody notices', async () => {
  const { pbx, watcher, said } = await watching({ most: 1 })
  await pbx.subscribe(2)
  await up(watcher)
  expect(new Set(pbx.subscribes.map(request => headerValue(request, 'Call-ID'))).size).toBe(1)
  expect(said()).toEqual(['1002 available'])
})

it('asks for everything when a version is missing', async () => {
  const { pbx, watcher, said } = await watching()
  await up(watcher)
  pbx.tell('1002', [namedCall('early')], { state: 'partial', skip: 3 })
  await pbx.subscribe(1)
  await vi.waitFor(() => expect(pbx.answers).toHaveLength(3))
  expect(said()).toEqual(['1002 available', '1002 ringing'])
  expect(watcher.counters).toMatchObject({ gaps: 1, documents: 3 })
})

it('asks for longer when the PBX finds the interval too brief', async () => {
  const { pbx, watcher } = await watching({ least: 900 })
  await up(watcher)
  expect(pbx.subscribes.map(request => headerValue(request, 'Expires'))).toEqual(['600', '900'])
})

it('takes a NOTIFY that comes before the answer to its SUBSCRIBE', async () => {
  const { pbx, watcher, said } = await watching({ hasty: true })
  await up(watcher)
  pbx.tell('1002', [namedCall('confirmed')])
  await heard(said, ['1002 available', '1002 on_call'])
})

it('subscribes again when the PBX ends it, in a dialog of its own', async () => {
  const { pbx, watcher, said } = await watching()
  await up(watcher)
  pbx.terminate('1002', 'deactivated')
  await heard(said, ['1002 available', '1002 unknown', '1002 available'])
  expect(await callIdOf(pbx, 1)).not.toBe(await callIdOf(pbx, 0))
  await vi.waitFor(() => expect(watcher.status()).toEqual({ watched: 1, up: 1, problems: [] }))
})

it('subscribes again when a PBX that was restarted does not know its refresh', async () => {
  const { pbx, server, said } = await watching({ most: 1 })
  await heard(said, ['1002 available'])
  pbx.restart()
  await heard(said, ['1002 available', '1002 unknown', '1002 available'])
  await vi.waitFor(() => expect(server.held.dialogs).toBe(1))
})

it('begins anew when the SIP server was gone', async () => {
  const { pbx, srf, watcher, said } = await watching()
  await up(watcher)
  const untyped: NodeJS.EventEmitter = srf
  untyped.emit('close')
  expect(said()).toEqual(['1002 available', '1002 unknown'])
  untyped.emit('connect', null)
  await heard(said, ['1002 available', '1002 unknown', '1002 available'])
  expect(await callIdOf(pbx, 1)).not.toBe(await callIdOf(pbx, 0))
})

it('a PBX that does not know the event is not asked again soon', async () => {
  const { pbx, watcher } = await watching({ refuse: 489 })
  await vi.waitFor(() => expect(watcher.status().problems[0]?.reason).toBe('the PBX does not know dialog subscriptions (489)'))
  expect(pbx.subscribes).toHaveLength(1)
})

it('a document that is none changes nothing and is counted', async () => {
  const { pbx, watcher, said } = await watching()
  await up(watcher)
  pbx.tell('1002', [{ id: '"><', state: 'confirmed' }])
  await vi.waitFor(() => expect(watcher.counters.refused).toBe(1))
  pbx.tell('1002', [namedCall('confirmed')])
  await heard(said, ['1002 available', '1002 on_call'])
})

it('unsubscribes from all when it stops, and leaves no dialog at the server', async () => {
  const extensions = Array.from({ length: 30 }, (_, i) => String(2000 + i))
  const { pbx, watcher, server } = await watching({}, extensions)
  await up(watcher, 30)
  await watcher.stop()
  expect(pbx.standing.size).toBe(0)
  await vi.waitFor(() => expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 }))
})

it('stops in time when the PBX does not answer', async () => {
  const { pbx, watcher } = await watching()
  await up(watcher)
  pbx.habits.deaf = true
  await watcher.stop()
  expect(watcher.status().up).toBe(0)
})

it.each([
  ['none of its own is left to others', '1@voicemail', 202],
  ['of a dialog that it has forgotten gets 481', '1@dialogs.tpe-bridge', 481],
])('a NOTIFY %s', async (_what, callId, status) => {
  const { udp, server, srf } = await watching()
  srf.use('notify', (_req, res) => res.send(202))
  await routed(server, 'notify')
  const phone = await startPhone('pbx')
  const via = `SIP/2.0/UDP 127.0.0.1:${phone.address.port};branch=z9hG4bKmwi1;rport`
  const headers = { Via: via, From: '<sip:pbx@pbx>;tag=a', To: '<sip:bridge@pbx>', 'Call-ID': callId, CSeq: '1 NOTIFY' }
  const lines = Object.entries({ ...headers, Event: 'message-summary', 'Subscription-State': 'active' }).map(field =>
    field.join(': '),
  )
  const notify = `NOTIFY sip:bridge@127.0.0.1:${udp.port} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`
  phone.send(Buffer.from(notify), udp)
  await vi.waitFor(() => expect(phone.got).toMatchObject([{ kind: 'response', status }]))
})
