import type { ProxyRequestOptions } from 'drachtio-srf'
import { describe, expect, it, vi } from 'vitest'
import type { EmbeddedSipServerOptions } from '../../../src/sip/embedded/server.ts'
import { headerValue, headerValues } from '../../../src/sip/message/headers.ts'
import type { HopAddress, SeenMessage } from '../../../src/sip/message/message.ts'
import { tagOf } from '../../../src/sip/message/name-addr.ts'
import { type RunningServer, routed, startApp, startServer } from './control-peers.ts'
import { type Phone, SDP, startPhone } from './phone.ts'
import { type RequestParts, requestText, tcpPeer } from './transaction-peers.ts'

const hop = (phone: Phone): string => `sip:bob@127.0.0.1:${phone.address.port}`

interface ProxyResult {
  readonly connected: boolean
  readonly finalStatus?: number
  readonly responses: readonly { readonly msgs: readonly { readonly status: number }[] }[]
}

/** An application that has every call proxied to these phones, and what it heard of each. */
async function proxyTo(
  phones: readonly Phone[],
  options: ProxyRequestOptions = {},
  settings: Partial<EmbeddedSipServerOptions> = {},
) {
  const running = await startServer(settings)
  return { ...running, ...(await proxyingApp(running, phones, options)) }
}

async function proxyingApp({ server, control, udp }: RunningServer, phones: readonly Phone[], options: ProxyRequestOptions) {
  const srf = await startApp(control)
  const results: ProxyResult[] = []
  const refusals: string[] = []
  srf.invite(req => {
    const untyped: object = srf
    const proxying = Reflect.get(untyped, 'proxyRequest').call(srf, req, phones.map(hop), { recordRoute: true, ...options })
    proxying.then(
      (result: ProxyResult) => results.push(result),
      (refusal: string) => refusals.push(refusal),
    )
  })
  await routed(server, 'invite')
  return { srf, results, refusals, uri: `sip:bob@127.0.0.1:${udp.port}` }
}

describe('a proxied call', () => {
  it('passes from end to end, and the dialog stays on the path without the application', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri, results, server } = await proxyTo([bob])
    const call = alice.call(uri, udp, { body: SDP })
    const invite = await bob.incoming()
    expect(invite.message.uri).toBe(hop(bob))
    expect(headerValue(invite.message, 'Max-Forwards')).toBe('69')
    expect(headerValues(invite.message, 'Record-Route')).toEqual([`<sip:127.0.0.1:${udp.port};lr>`])
    expect(headerValues(invite.message, 'Via')).toHaveLength(2)
    invite.respond(180)
    await call.response(180)
    invite.respond(200, { body: SDP })
    await call.response(200)
    await vi.waitFor(() => expect(results).toMatchObject([{ connected: true, finalStatus: 200 }]))
    call.send('ACK', { seq: 1 })
    await invite.request('ACK')
    call.send('INVITE', { body: SDP.replace('sendrecv', 'sendonly') })
    const hold = await invite.request('INVITE')
    hold.respond(200, { body: SDP })
    await call.response(200, '2 INVITE')
    call.send('ACK')
    expect(headerValue((await invite.request('ACK')).message, 'CSeq')).toBe('2 ACK')
    invite.send('BYE')
    const bye = await call.request('BYE')
    bye.respond(200)
    await invite.response(200, 'BYE')
    expect(server.counters).toMatchObject({ proxied: 1, relayed: 4, relayRefused: 0 })
    expect(server.held.proxied).toBe(0)
  })

  it('is cancelled by its caller, with the Reason, and ends with the 487 of the phone', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri, results } = await proxyTo([bob])
    const call = alice.call(uri, udp)
    const invite = await bob.incoming()
    invite.respond(180)
    await call.response(180)
    call.cancel({ headers: [{ name: 'Reason', value: 'Q.850;cause=16' }] })
    await call.response(200, 'CANCEL')
    const cancel = await invite.request('CANCEL')
    expect(headerValue(cancel.message, 'Reason')).toBe('Q.850;cause=16')
    cancel.respond(200)
    invite.respond(487)
    await call.response(487)
    await vi.waitFor(() => expect(results).toMatchObject([{ connected: false, finalStatus: 487 }]))
  })

  it('that is cancelled before the phone said anything gets 487 at once, and the phone its CANCEL when it wakes up', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([bob])
    const call = alice.call(uri, udp)
    const invite = await bob.incoming()
    call.cancel()
    await call.response(487)
    invite.respond(180)
    await invite.request('CANCEL')
  })

  it('whose answer crosses the CANCEL is answered', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([bob])
    const call = alice.call(uri, udp)
    const invite = await bob.incoming()
    invite.respond(180)
    await call.response(180)
    call.cancel()
    await invite.request('CANCEL')
    invite.respond(200)
    await call.response(200)
    expect(call.responses(487)).toHaveLength(0)
  })

  it('repeats the phone’s repeated 200 to the caller', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([bob])
    const call = alice.call(uri, udp)
    const invite = await bob.incoming()
    invite.respond(200)
    await call.response(200)
    invite.respond(200)
    await vi.waitFor(() => expect(call.responses(200)).toHaveLength(2))
  })

  it('without hops left gets 483', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri, server, refusals } = await proxyTo([bob])
    const call = alice.call(uri, udp, { maxForwards: 0 })
    await call.response(483)
    await vi.waitFor(() => expect(refusals).toEqual(['Rejected with 483 Too Many Hops due to Max-Forwards value of 0']))
    expect(server.counters.tooManyHops).toBe(1)
  })

  it('is seen at the caller’s side: what came in, and what went back', async () => {
    const seen: SeenMessage[] = []
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([bob], {}, { onSeen: message => seen.push(message) })
    const call = alice.call(uri, udp)
    const invite = await bob.incoming()
    invite.respond(180)
    await call.response(180)
    invite.respond(486)
    await call.response(486)
    expect(
      seen.map(({ direction, message }) => [direction, message.kind === 'request' ? message.method : message.status]),
    ).toEqual([
      ['received', 'INVITE'],
      ['sent', 180],
      ['sent', 486],
    ])
    expect(seen.every(({ peer }) => peer.port === alice.address.port)).toBe(true)
  })
})

it('a call from TCP to UDP keeps both sides on the path, each by its own transport', async () => {
  const bob = await startPhone('bob')
  const { udp, tcp } = await proxyTo([bob])
  const alice = await tcpPeer(tcp)
  const contact = `Contact: <sip:alice@127.0.0.1:${alice.address.port};transport=tcp>`
  const callId = 'over-tcp'
  const text = (method: string, parts: RequestParts): string =>
    requestText(method, alice.address, { transport: 'TCP', callId, ...parts }).replace(
      'sip:bob@127.0.0.1 SIP',
      `sip:bob@127.0.0.1:${tcp.port} SIP`,
    )
  alice.send(text('INVITE', { headers: [contact] }))
  const invite = await bob.incoming()
  expect(headerValues(invite.message, 'Record-Route')).toEqual([
    `<sip:127.0.0.1:${udp.port};lr>`,
    `<sip:127.0.0.1:${tcp.port};transport=tcp;lr>`,
  ])
  invite.respond(200)
  const answer = await alice.message(1)
  const headers = headerValues(answer, 'Record-Route')
    .reverse()
    .map(route => `Route: ${route}`)
  const toTag = tagOf(headerValue(answer, 'To') ?? '') ?? ''
  alice.send(text('ACK', { headers, toTag }).replace(/sip:bob@127.0.0.1:\d+ SIP/, `${hop(bob)} SIP`))
  const ack = await invite.request('ACK')
  expect(headerValues(ack.message, 'Route')).toEqual([])
  invite.send('BYE')
  const bye = await alice.message(2)
  expect(bye.kind === 'request' && bye.method).toBe('BYE')
})

it('a server that listens on every address names the one that the phone can reach', async () => {
  const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
  const running = await startServer({ listen: ['udp://0.0.0.0:0'] })
  await proxyingApp(running, [bob], {})
  const udp: HopAddress = { ...running.udp, address: '127.0.0.1' }
  const call = alice.call(`sip:bob@127.0.0.1:${udp.port}`, udp)
  const invite = await bob.incoming()
  expect(invite.message.uri).toBe(hop(bob))
  expect(headerValues(invite.message, 'Record-Route')).toEqual([`<sip:127.0.0.1:${udp.port};lr>`])
  invite.respond(200)
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await invite.request('ACK')
  invite.send('BYE')
  ;(await call.request('BYE')).respond(200)
  await invite.response(200, 'BYE')
})

describe('serial targets', () => {
  it('are tried in turn when the first does not answer', async () => {
    const [alice, dead, bob] = [await startPhone('alice'), await startPhone('dead'), await startPhone('bob')]
    const { udp, uri, results } = await proxyTo([dead, bob], { provisionalTimeout: '40ms' })
    const call = alice.call(uri, udp)
    await dead.incoming()
    const invite = await bob.incoming()
    invite.respond(200)
    await call.response(200)
    await vi.waitFor(() => expect(results).toMatchObject([{ connected: true }]))
  })

  it('are tried in turn without the application’s timeout too', async () => {
    const [alice, dead, bob] = [await startPhone('alice'), await startPhone('dead'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([dead, bob], {}, { timers: { noAnswerMs: 40 } })
    alice.call(uri, udp)
    ;(await bob.incoming()).respond(486)
  })

  it('are tried in turn on 503', async () => {
    const [alice, full, bob] = [await startPhone('alice'), await startPhone('full'), await startPhone('bob')]
    const { udp, uri, results } = await proxyTo([full, bob])
    const call = alice.call(uri, udp)
    ;(await full.incoming()).respond(503)
    ;(await bob.incoming()).respond(200)
    await call.response(200)
    await vi.waitFor(() =>
      // However drachtio-srf groups them: it takes responses of different ports for those of one target.
      expect(results[0]?.responses.flatMap(({ msgs }) => msgs.map(({ status }) => status))).toEqual([503, 200]),
    )
  })

  it('end with the first that is busy: 486 is an answer', async () => {
    const [alice, busy, bob] = [await startPhone('alice'), await startPhone('busy'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([busy, bob])
    const call = alice.call(uri, udp)
    ;(await busy.incoming()).respond(486)
    await call.response(486)
    expect(bob.got).toHaveLength(0)
  })

  it('that all say 503 give 503, and that are all silent give 408', async () => {
    const [alice, one, two] = [await startPhone('alice'), await startPhone('one'), await startPhone('two')]
    const { udp, uri } = await proxyTo([one, two], { provisionalTimeout: '40ms' })
    const first = alice.call(uri, udp)
    ;(await one.incoming()).respond(503)
    ;(await two.incoming()).respond(503)
    await first.response(503)
    const second = alice.call(uri, udp)
    await one.incoming()
    await two.incoming()
    await second.response(408)
  })

  it('that wake up after the next one was tried get a CANCEL', async () => {
    const [alice, slow, bob] = [await startPhone('alice'), await startPhone('slow'), await startPhone('bob')]
    const { udp, uri } = await proxyTo([slow, bob], { provisionalTimeout: '40ms' })
    alice.call(uri, udp)
    const late = await slow.incoming()
    ;(await bob.incoming()).respond(180)
    late.respond(180)
    await late.request('CANCEL')
  })

  it('take over when the first refuses the connection', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const running = await startServer()
    const srf = await startApp(running.control)
    const gone = await startServer()
    await gone.server.stop()
    srf.invite(req => void srf.proxyRequest(req, [`sip:bob@127.0.0.1:${gone.tcp.port};transport=tcp`, hop(bob)]))
    await routed(running.server, 'invite')
    const call = alice.call(`sip:bob@127.0.0.1:${running.udp.port}`, running.udp)
    ;(await bob.incoming()).respond(200)
    await call.response(200)
  })
})

describe('simultaneous targets', () => {
  it('all ring, one answers, and the others are told that it was answered elsewhere', async () => {
    const [alice, bob, carol] = [await startPhone('alice'), await startPhone('bob'), await startPhone('carol')]
    const { udp, uri } = await proxyTo([bob, carol], { forking: 'simultaneous' })
    const call = alice.call(uri, udp)
    const [atBob, atCarol] = [await bob.incoming(), await carol.incoming()]
    atBob.respond(180)
    atCarol.respond(180)
    await vi.waitFor(() => expect(call.responses(180)).toHaveLength(2))
    atCarol.respond(200)
    await call.response(200)
    const cancel = await atBob.request('CANCEL')
    expect(headerValue(cancel.message, 'Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"')
    // Both answered: the second answer is the caller's to decide on.
    atBob.respond(200)
    await vi.waitFor(() => expect(call.responses(200)).toHaveLength(2))
  })

  it('give the best response when nobody answers', async () => {
    const [alice, bob, carol] = [await startPhone('alice'), await startPhone('bob'), await startPhone('carol')]
    const { udp, uri } = await proxyTo([bob, carol], { forking: 'simultaneous' })
    const call = alice.call(uri, udp)
    ;(await bob.incoming()).respond(503)
    const atCarol = await carol.incoming()
    expect(call.responses(503)).toHaveLength(0)
    atCarol.respond(486)
    await call.response(486)
  })

  it('are all cancelled by a 6xx', async () => {
    const [alice, bob, carol] = [await startPhone('alice'), await startPhone('bob'), await startPhone('carol')]
    const { udp, uri } = await proxyTo([bob, carol], { forking: 'simultaneous' })
    const call = alice.call(uri, udp)
    const [atBob, atCarol] = [await bob.incoming(), await carol.incoming()]
    atBob.respond(180)
    await call.response(180)
    atCarol.respond(603)
    await atBob.request('CANCEL')
    atBob.respond(487)
    await call.response(603)
  })
})

it('a redirection is followed when the application wants it', async () => {
  const [alice, moved, bob] = [await startPhone('alice'), await startPhone('moved'), await startPhone('bob')]
  const { udp, uri } = await proxyTo([moved], { followRedirects: true })
  const call = alice.call(uri, udp)
  ;(await moved.incoming()).respond(302, { headers: [{ name: 'Contact', value: `<${hop(bob)}>` }] })
  ;(await bob.incoming()).respond(200)
  await call.response(200)
})

describe('a request inside a dialog', () => {
  it('is relayed after a restart: its Route is all that is needed', async () => {
    const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
    const first = await startServer()
    const { uri, srf } = await proxyingApp(first, [bob], {})
    const call = alice.call(uri, first.udp)
    const invite = await bob.incoming()
    invite.respond(200)
    await call.response(200)
    call.send('ACK', { seq: 1 })
    await invite.request('ACK')
    srf.disconnect()
    await first.server.stop()
    await startServer({ listen: [`udp://127.0.0.1:${first.udp.port}`] })
    call.send('BYE')
    ;(await invite.request('BYE')).respond(200)
    await call.response(200, 'BYE')
  })

  it('is not relayed for a stranger', async () => {
    const [alice, bob, mallory] = [await startPhone('alice'), await startPhone('bob'), await startPhone('mallory')]
    const peers = new Set([alice, bob].map(({ address }) => address.port))
    const mayRelay = (source: HopAddress, destination: HopAddress): boolean =>
      peers.has(source.port) && peers.has(destination.port)
    const { udp, server } = await startServer({ mayRelay })
    const forged = mallory.call(hop(bob), udp)
    await forged.response(503)
    forged.send('INFO', { route: `<sip:127.0.0.1:${udp.port};lr>`, toTag: 'guess' })
    await forged.response(403, 'INFO')
    forged.send('ACK', { route: `<sip:127.0.0.1:${udp.port};lr>`, toTag: 'guess' })
    await vi.waitFor(() => expect(server.counters.relayRefused).toBe(2))
    expect(bob.got).toHaveLength(0)
  })

  it('whose Route leads nowhere but to us gets 481', async () => {
    const alice = await startPhone('alice')
    const { udp } = await startServer()
    const call = alice.call(`sip:127.0.0.1:${udp.port}`, udp)
    await call.response(503)
    call.send('INFO', { route: `<sip:127.0.0.1:${udp.port};lr>`, toTag: 'guess' })
    await call.response(481, 'INFO')
  })
})

it('call detail records tell of a proxied call, and of none when nobody asks', async () => {
  const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
  const { udp, uri, srf, server } = await proxyTo([bob])
  const told: string[] = []
  srf.on('cdr:attempt', source => void told.push(`attempt ${source}`))
  srf.on('cdr:start', (source, _time, role) => void told.push(`start ${source} ${role}`))
  srf.on('cdr:stop', (source, _time, reason) => void told.push(`stop ${source} ${reason}`))
  await routed(server, 'cdr:stop')
  const call = alice.call(uri, udp)
  const invite = await bob.incoming()
  invite.respond(200)
  await call.response(200)
  call.send('ACK', { seq: 1 })
  call.send('BYE')
  ;(await invite.request('BYE')).respond(200)
  await call.response(200, 'BYE')
  await vi.waitFor(() =>
    expect(told).toEqual([
      'attempt network',
      'attempt application',
      'start network proxy-uac',
      'start application proxy-uas',
      'stop network normal-release',
      'stop application normal-release',
    ]),
  )
})
