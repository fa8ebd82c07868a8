import type Srf from 'drachtio-srf'
import type { SrfRequest, SrfResponse } from 'drachtio-srf'
import { expect, it, vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { routed, startApp, startServer } from './control-peers.ts'
import { type Phone, SDP, startPhone } from './phone.ts'

const uriOf = (phone: Phone, name = 'bob'): string => `sip:${name}@127.0.0.1:${phone.address.port}`

async function callingApp() {
  const running = await startServer()
  return { ...running, srf: await startApp(running.control), bob: await startPhone('bob') }
}

/** Sends a request outside a dialog; drachtio-srf's types don't know that form. */
function request(srf: Srf, uri: string, opts: object): Promise<SrfRequest> {
  const untyped: object = srf
  return Reflect.get(untyped, 'request').call(srf, uri, opts)
}

const finalResponse = (sent: SrfRequest): Promise<SrfResponse> =>
  new Promise(resolve => {
    sent.on('response', response => {
      if (response !== undefined && response.status >= 200) resolve(response)
    })
  })

it('an application calls a phone, and hangs up', async () => {
  const { srf, bob, udp, server } = await callingApp()
  const calling = srf.createUAC(uriOf(bob), { localSdp: SDP, headers: { From: 'sip:1001@localhost' } })
  const invite = await bob.incoming()
  expect(headerValue(invite.message, 'From')).toMatch(new RegExp(`^<sip:1001@127\\.0\\.0\\.1:${udp.port}>;tag=\\w{13}$`))
  expect(headerValue(invite.message, 'Contact')).toBe(`<sip:127.0.0.1:${udp.port}>`)
  expect(headerValue(invite.message, 'Content-Type')).toBe('application/sdp')
  invite.respond(180)
  invite.respond(200, { body: SDP })
  const dialog = await calling
  const ack = await invite.request('ACK')
  expect(headerValue(ack.message, 'CSeq')).toBe(headerValue(invite.message, 'CSeq')?.replace('INVITE', 'ACK'))
  dialog.destroy()
  const bye = await invite.request('BYE')
  bye.respond(200)
  await vi.waitFor(() => expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 }))
})

it('the phone that was called hangs up, and requests in both directions pass before that', async () => {
  const { srf, bob } = await callingApp()
  const calling = srf.createUAC(uriOf(bob), { localSdp: SDP })
  const invite = await bob.incoming()
  invite.respond(200, { body: SDP })
  const dialog = await calling
  await invite.request('ACK')
  const ended = new Promise<void>(resolve => void dialog.on('destroy', () => resolve()))
  const modified = dialog.modify(SDP.replace('sendrecv', 'inactive'))
  const reinvite = await invite.request('INVITE')
  reinvite.respond(200, { body: SDP })
  await modified
  expect(headerValue((await invite.request('ACK')).message, 'CSeq')).toMatch(/ ACK$/)
  invite.send('INFO')
  await invite.response(200, 'INFO')
  invite.send('BYE')
  await invite.response(200, 'BYE')
  await ended
})

it('a repeated 200 is acknowledged again without the application', async () => {
  const { srf, bob } = await callingApp()
  const calling = srf.createUAC(uriOf(bob), { localSdp: SDP })
  const invite = await bob.incoming()
  invite.respond(200, { body: SDP })
  await calling
  await invite.request('ACK')
  invite.respond(200, { body: SDP })
  await invite.request('ACK')
})

it('a second phone that answers the same call is acknowledged and hung up', async () => {
  const { srf, bob } = await callingApp()
  const carol = await startPhone('carol')
  const calling = srf.createUAC(uriOf(bob), { localSdp: SDP })
  const invite = await bob.incoming()
  invite.respond(200, { body: SDP })
  const dialog = await calling
  await invite.request('ACK')
  // What a forking proxy would do: the same request, answered by another phone with another tag.
  invite.respond(200, { tag: 'carol', headers: [{ name: 'Contact', value: `<${uriOf(carol, 'carol')}>` }], body: SDP })
  expect(headerValue((await carol.incoming('ACK')).message, 'To')).toContain('tag=carol')
  expect(headerValue((await carol.incoming('BYE')).message, 'To')).toContain('tag=carol')
  dialog.destroy()
  expect(headerValue((await invite.request('BYE')).message, 'To')).not.toContain('carol')
})

it('an application cancels a call that rings, and its Reason goes along', async () => {
  const { srf, bob } = await callingApp()
  const calling = srf.createUAC(
    uriOf(bob),
    { localSdp: SDP },
    {
      cbRequest: (...args: unknown[]) => {
        const sent = args[1]
        setImmediate(() => Reflect.get(Object(sent), 'cancel').call(sent, { headers: { Reason: 'SIP;cause=200' } }))
      },
    },
  )
  const failed = calling.catch((error: { status: number }) => error.status)
  const invite = await bob.incoming()
  invite.respond(180)
  const cancel = await invite.request('CANCEL')
  expect(headerValue(cancel.message, 'Reason')).toBe('SIP;cause=200')
  expect(headerValue(cancel.message, 'Via')).toBe(headerValue(invite.message, 'Via'))
  cancel.respond(200)
  invite.respond(487)
  expect(await failed).toBe(487)
  await invite.request('ACK')
})

it('a reliable provisional response gets one PRACK, however often it is repeated', async () => {
  const { srf, bob } = await callingApp()
  const calling = srf.createUAC(uriOf(bob), { localSdp: SDP })
  const invite = await bob.incoming()
  const reliable = {
    headers: [
      { name: 'Require', value: '100rel' },
      { name: 'RSeq', value: '7' },
    ],
    body: SDP,
  }
  invite.respond(183, reliable)
  invite.respond(183, reliable)
  const prack = await invite.request('PRACK')
  expect(headerValue(prack.message, 'RAck')).toBe(`7 ${headerValue(invite.message, 'CSeq')}`)
  prack.respond(200)
  invite.respond(200, { body: SDP })
  await calling
  await invite.request('ACK')
  const pracks = invite.got.filter(message => message.kind === 'request' && message.method === 'PRACK')
  // Its retransmissions bear the same number.
  expect(new Set(pracks.map(message => headerValue(message, 'CSeq'))).size).toBe(1)
})

it('a phone that does not answer is reported as 408', async () => {
  const { srf, bob } = await callingApp()
  const sent = await request(srf, uriOf(bob), { method: 'OPTIONS' })
  const { status } = await finalResponse(sent)
  expect(status).toBe(408)
})

it('a challenge is answered with credentials', async () => {
  const { srf, bob } = await callingApp()
  const sending = request(srf, uriOf(bob), { method: 'REGISTER', auth: { username: 'bob', password: 'secret' } }).then(
    finalResponse,
  )
  const first = await bob.incoming('REGISTER')
  first.respond(401, { headers: [{ name: 'WWW-Authenticate', value: 'Digest realm="pbx", nonce="1"' }] })
  const second = await bob.incoming('REGISTER')
  expect(headerValue(second.message, 'Authorization')).toContain('username="bob"')
  expect(second.callId).toBe(first.callId)
  expect(Number.parseInt(headerValue(second.message, 'CSeq') ?? '', 10)).toBe(
    Number.parseInt(headerValue(first.message, 'CSeq') ?? '', 10) + 1,
  )
  second.respond(200)
  expect((await sending).status).toBe(200)
})

it('a subscription is confirmed by a NOTIFY that comes before its answer, and ended by the last one', async () => {
  const { srf, bob, server } = await callingApp()
  const notified: string[] = []
  const subscribing = Reflect.get(srf, 'createUAC').call(srf, uriOf(bob), {
    method: 'SUBSCRIBE',
    headers: { Event: 'dialog', Expires: '60' },
  })
  const subscribe = await bob.incoming('SUBSCRIBE')
  subscribe.respond(202, { headers: [{ name: 'Expires', value: '60' }] })
  const dialog = await subscribing
  dialog.on('notify', (req: SrfRequest, res: SrfResponse) => {
    notified.push(req.get('Subscription-State'))
    res.send(200)
  })
  const event = { name: 'Event', value: 'dialog' }
  subscribe.send('NOTIFY', { headers: [event, { name: 'Subscription-State', value: 'active' }] })
  await subscribe.response(200, 'NOTIFY')
  subscribe.send('NOTIFY', { headers: [event, { name: 'Subscription-State', value: 'terminated;reason=timeout' }] })
  await vi.waitFor(() => expect(notified).toEqual(['active', 'terminated;reason=timeout']))
  await vi.waitFor(() => expect(server.held.dialogs).toBe(0))
})

it('an INVITE that crosses one of ours in a dialog gets 491', async () => {
  const { srf, bob } = await callingApp()
  const calling = srf.createUAC(uriOf(bob), { localSdp: SDP })
  const invite = await bob.incoming()
  invite.respond(200, { body: SDP })
  const dialog = await calling
  await invite.request('ACK')
  const modifying = dialog.modify(SDP)
  const reinvite = await invite.request('INVITE')
  invite.send('INVITE', { body: SDP })
  await invite.response(491)
  reinvite.respond(200, { body: SDP })
  await modifying
})

it('an application answers the phone of a B2BUA call, and both sides hear of the end', async () => {
  const { srf, bob, udp, server } = await callingApp()
  srf.invite(async (req, res) => {
    const { uas, uac } = await srf.createB2BUA(req, res, uriOf(bob), {})
    uas.on('destroy', () => uac.destroy())
    uac.on('destroy', () => uas.destroy())
  })
  await routed(server, 'invite')
  const alice = await startPhone('alice')
  const call = alice.call(`sip:app@127.0.0.1:${udp.port}`, udp, { body: SDP })
  const invite = await bob.incoming()
  expect(invite.callId).not.toBe(call.callId)
  invite.respond(180)
  await call.response(180)
  invite.respond(200, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await invite.request('ACK')
  invite.send('BYE')
  await invite.response(200, 'BYE')
  const bye = await call.request('BYE')
  bye.respond(200)
  await vi.waitFor(() => expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 }))
})

it('a caller who cancels a B2BUA call cancels the phone', async () => {
  const { srf, bob, udp, server } = await callingApp()
  srf.invite((req, res) => {
    srf.createB2BUA(req, res, uriOf(bob), {}).catch(() => {})
  })
  await routed(server, 'invite')
  const alice = await startPhone('alice')
  const call = alice.call(`sip:app@127.0.0.1:${udp.port}`, udp, { body: SDP })
  const invite = await bob.incoming()
  invite.respond(180)
  await call.response(180)
  call.cancel()
  const cancel = await invite.request('CANCEL')
  cancel.respond(200)
  invite.respond(487)
  await call.response(487)
})
