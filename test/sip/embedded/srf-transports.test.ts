import type { Dialog } from 'drachtio-srf'
import { describe, expect, it, vi } from 'vitest'
import type { EmbeddedSipServerOptions } from '../../../src/sip/embedded/server.ts'
import { firstValue, headerValue, headerValues } from '../../../src/sip/message/headers.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { LOOPBACK_NAMES, makeCertificate, tlsFiles } from './certificates.ts'
import { type RunningServer, routed, startApp, startServer } from './control-peers.ts'
import { type Phone, SDP, startPhone } from './phone.ts'
import { hostPortOf, noIpv6, streamPeer, uriAt } from './stream-peers.ts'
import { udpPeer } from './transaction-peers.ts'

type Side = 'udp v4' | 'tcp v4' | 'tls v4' | 'udp v6' | 'tcp v6' | 'tls v6'

const ca = { ...makeCertificate({ subject: 'test authority', isAuthority: true }) }
const serverCertificate = makeCertificate({ subject: 'bridge', names: LOOPBACK_NAMES, issuer: ca })
const phoneCertificate = makeCertificate({ subject: 'phone', names: LOOPBACK_NAMES, issuer: ca })

const addressOf = (side: Side): string => (side.endsWith('v6') ? '::1' : '127.0.0.1')
const transportOf = (side: Side): HopAddress['transport'] =>
  side.startsWith('tls') ? 'tls' : side.startsWith('tcp') ? 'tcp' : 'udp'

/** A server that listens on those sides, and where each is. */
async function serverOn(sides: readonly Side[], options: Partial<EmbeddedSipServerOptions> = {}) {
  const running = await startServer({
    listen: [...new Set(sides)].map(side => `${transportOf(side)}://${side.endsWith('v6') ? '[::1]' : '127.0.0.1'}:0`),
    tls: await tlsFiles(serverCertificate, ca.cert),
    ...options,
  })
  const { listening } = await running.server.start()
  const at = (side: Side): HopAddress => {
    const own = listening.find(({ transport, address }) => transport === transportOf(side) && address === addressOf(side))
    if (own === undefined) throw new Error(`nothing listens on ${side}`)
    return own
  }
  return { ...running, at }
}

async function phoneOn(name: string, side: Side): Promise<Phone> {
  const transport = transportOf(side)
  const address = addressOf(side)
  if (transport === 'udp') return startPhone(name, await udpPeer(null, () => {}, address))
  return startPhone(name, await streamPeer({ transport, address, certificate: phoneCertificate }))
}

/** An application that has every call proxied to that phone. */
async function proxyTo({ server, control }: RunningServer, phone: Phone) {
  const srf = await startApp(control)
  srf.invite(req => {
    const untyped: object = srf
    void Reflect.get(untyped, 'proxyRequest').call(srf, req, [uriAt('bob', phone.address)], { recordRoute: true })
  })
  await routed(server, 'invite')
}

const pairs: readonly (readonly [caller: Side, callee: Side])[] = [
  ['tls v4', 'tls v4'],
  ['tls v4', 'udp v4'],
  ['udp v4', 'tls v4'],
  ['tcp v4', 'udp v4'],
]
const pairsOfIpv6: typeof pairs = [
  ['udp v6', 'udp v6'],
  ['tcp v6', 'tcp v6'],
  ['tls v6', 'udp v4'],
  ['udp v4', 'tls v6'],
]

/** A whole call through the proxy, with requests inside the dialog from both ends. */
async function proxiedCall(callerSide: Side, calleeSide: Side): Promise<void> {
  const running = await serverOn([callerSide, calleeSide])
  const [alice, bob] = [await phoneOn('alice', callerSide), await phoneOn('bob', calleeSide)]
  await proxyTo(running, bob)
  const through = running.at(callerSide)
  const call = alice.call(uriAt('bob', through), through, { body: SDP })
  const invite = await bob.incoming()
  const own = (side: Side): string => `<${uriAt('', running.at(side)).replace(':@', ':')};lr>`
  expect(headerValues(invite.message, 'Record-Route')).toEqual(
    callerSide === calleeSide ? [own(callerSide)] : [own(calleeSide), own(callerSide)],
  )
  expect(firstValue(invite.message, 'Via')).toContain(
    `SIP/2.0/${transportOf(calleeSide).toUpperCase()} ${hostPortOf(running.at(calleeSide))};branch=`,
  )
  // RFC 5118 4.5: an address in `received` has no brackets.
  if (callerSide !== 'udp v4' && callerSide !== 'udp v6')
    expect(headerValues(invite.message, 'Via')[1]).toMatch(new RegExp(`;received=${addressOf(callerSide)}(;|$)`))
  invite.respond(180)
  await call.response(180)
  invite.respond(200, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await invite.request('ACK')
  call.send('INVITE', { body: SDP.replace('sendrecv', 'sendonly') })
  const hold = await invite.request('INVITE')
  hold.respond(200, { body: SDP })
  await call.response(200, '2 INVITE')
  call.send('ACK')
  await invite.request('ACK')
  invite.send('INFO')
  const info = await call.request('INFO')
  info.respond(200)
  await invite.response(200, 'INFO')
  invite.send('BYE')
  const bye = await call.request('BYE')
  bye.respond(200)
  await invite.response(200, 'BYE')
  expect(running.server.counters).toMatchObject({ proxied: 1, relayed: 5, relayRefused: 0 })
  expect(running.server.counters.sip).toMatchObject({ transportErrors: 0, tlsHandshakesFailed: 0, tlsPeersRefused: 0 })
}

describe('a call through the proxy', () => {
  it.each(pairs)('passes from %s to %s, and so does what follows inside the dialog', proxiedCall)
  it.skipIf(noIpv6).each(pairsOfIpv6)(
    'passes from %s to %s, and so does what follows inside the dialog (this machine has ::1)',
    proxiedCall,
  )
})

/** An application answers a call, and calls; both dialogs are used and ended from both sides. */
async function applicationCalls(side: Side): Promise<void> {
  const { server, control, at } = await serverOn([side])
  const srf = await startApp(control)
  const answered: Dialog[] = []
  srf.invite(async (req, res) => {
    answered.push(await srf.createUAS(req, res, { localSdp: SDP }))
  })
  await routed(server, 'invite')
  const alice = await phoneOn('alice', side)
  const call = alice.call(uriAt('app', at(side)), at(side), { body: SDP })
  const answer = await call.response(200)
  expect(headerValue(answer, 'Contact')).toBe(`<${uriAt('', at(side)).replace(':@', ':')}>`)
  call.send('ACK', { seq: 1 })
  await vi.waitFor(() => expect(answered).toHaveLength(1))
  await answered[0]?.destroy()
  const bye = await call.request('BYE')
  bye.respond(200)

  const calling = srf.createUAC(uriAt('alice', alice.address), { localSdp: SDP })
  const invite = await alice.incoming()
  expect(headerValue(invite.message, 'Contact')).toContain(hostPortOf(at(side)))
  invite.respond(200, { body: SDP })
  const dialog = await calling
  await invite.request('ACK')
  const ended = new Promise<void>(resolve => void dialog.on('destroy', () => resolve()))
  invite.send('BYE')
  await invite.response(200, 'BYE')
  await ended
  await vi.waitFor(() => expect(server.held.dialogs).toBe(0))
}

describe('an application', () => {
  it('answers and calls over TLS', () => applicationCalls('tls v4'))
  it.skipIf(noIpv6).each<[Side]>([['udp v6'], ['tcp v6'], ['tls v6']])(
    'answers and calls over %s (this machine has ::1)',
    applicationCalls,
  )
})

it('who calls by SIPS gets a SIPS Contact, and SIPS in Record-Route', async () => {
  const running = await serverOn(['tls v4', 'udp v4'])
  const bob = await phoneOn('bob', 'udp v4')
  await proxyTo(running, bob)
  const alice = await phoneOn('alice', 'tls v4')
  const through = running.at('tls v4')
  const call = alice.call(`sips:bob@${hostPortOf(through)}`, through, { body: SDP })
  const invite = await bob.incoming()
  expect(headerValues(invite.message, 'Record-Route')).toEqual([
    `<sip:${hostPortOf(running.at('udp v4'))};lr>`,
    `<sips:${hostPortOf(through)};lr>`,
  ])
  invite.respond(200, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await invite.request('ACK')
  invite.send('BYE')
  const bye = await call.request('BYE')
  bye.respond(200)
  await invite.response(200, 'BYE')
})

it('an application calls a SIPS URI over TLS, and nobody by UDP when it asks for SIPS', async () => {
  const { control, at } = await serverOn(['tls v4', 'udp v4'])
  const srf = await startApp(control)
  const alice = await phoneOn('alice', 'tls v4')
  const calling = srf.createUAC(`sips:alice@localhost:${alice.address.port}`, { localSdp: SDP })
  const invite = await alice.incoming()
  expect(headerValue(invite.message, 'Contact')).toBe(`<sips:${hostPortOf(at('tls v4'))}>`)
  expect(firstValue(invite.message, 'Via')).toContain('SIP/2.0/TLS')
  invite.respond(486)
  await expect(calling).rejects.toMatchObject({ status: 486 })
  await expect(srf.createUAC('sips:alice@127.0.0.1;transport=udp', { localSdp: SDP })).rejects.toThrow()
})
