import { expect, it, onTestFinished, vi } from 'vitest'
import { Signalling } from '../../../src/bridge/signalling.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { makeCertificate, tlsFiles } from '../embedded/certificates.ts'
import { SDP, startPhone } from '../embedded/phone.ts'
import { streamPeer } from '../embedded/stream-peers.ts'

const logged: string[] = []
const at = (_: object, message: string): void => void logged.push(message)
const log = { debug: () => {}, info: () => {}, warn: at, error: at }
const localhost = [{ kind: 'dns', value: 'localhost' }] as const

it('a carrier that is named by sips: gets calls over TLS by a certificate for its name, though the trunk dials its addresses', async () => {
  const ca = makeCertificate({ subject: 'test authority', isAuthority: true })
  const files = await tlsFiles(makeCertificate({ subject: 'bridge', names: localhost, issuer: ca }), ca.cert)
  const certificate = makeCertificate({ subject: 'carrier', names: localhost, issuer: ca })
  const carrier = await startPhone('carrier', await streamPeer({ transport: 'tls', address: '127.0.0.1', certificate }))
  const pbx = await startPhone('pbx')
  const text = `
sip:
  listen: ["udp://127.0.0.1:0", "tls://127.0.0.1:0"]
  tls: { cert: ${files.cert}, key: ${files.key}, ca: ${files.ca} }
  trunk: { pbx: ["sip:127.0.0.1:${pbx.address.port}"], carrier: ["sips:localhost:${carrier.address.port}"] }
`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const signalling = new Signalling({ config: loaded.config.sip, onSignal: () => {}, log })
  onTestFinished(() => signalling.stop())
  const listening = await signalling.start()
  const udp = listening.find(({ transport }): boolean => transport === 'udp')
  const through: HopAddress = udp ?? { transport: 'udp', address: '127.0.0.1', port: 9 }

  const call = pbx.call(`sip:4155550142@127.0.0.1:${through.port}`, through, { body: SDP })
  const invite = await carrier.incoming()
  expect(invite.message.uri).toBe(`sip:4155550142@127.0.0.1:${carrier.address.port};transport=tls`)
  invite.respond(200, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await invite.request('ACK')
  invite.send('BYE')
  const bye = await call.request('BYE')
  bye.respond(200)
  await invite.response(200, 'BYE')
  expect(logged).toEqual([])
  await vi.waitFor(() => expect(signalling.status().counters.sip).toMatchObject({ connectionsOpened: 1, tlsPeersRefused: 0 }))
})
