import type { Dialog, SrfRequest } from 'drachtio-srf'
import { describe, expect, it, vi } from 'vitest'
import { asksForTooLittle, sessionInterval, withSessionAnswer } from '../../../src/sip/embedded/dialog/session-interval.ts'
import { responseTo } from '../../../src/sip/embedded/responses.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { routed, startApp, startServer } from './control-peers.ts'
import { type Parts, SDP, startPhone } from './phone.ts'
import { outgoing, QUICK } from './transaction-peers.ts'

/** A second lasts 2 ms: a session of 120 "seconds" is given up after 176 ms. */
const timers = { ...QUICK, secondMs: 2 }
const headersOf = (values: Readonly<Record<string, string>>): Parts['headers'] =>
  Object.entries(values).map(([name, value]) => ({ name, value }))
const timed = (expires: string, more: Readonly<Record<string, string>> = {}): Parts => ({
  body: SDP,
  headers: headersOf({ Supported: 'timer', 'Session-Expires': expires, ...more }) ?? [],
})

async function answeringApp(secondMs = timers.secondMs) {
  const running = await startServer({ timers: { ...timers, secondMs } })
  const srf = await startApp(running.control)
  const dialogs: Dialog[] = []
  const ended: string[] = []
  const failed: string[] = []
  srf.invite(async (req, res) => {
    try {
      const dialog = await srf.createUAS(req, res, { localSdp: SDP })
      dialog.on('destroy', (...args: [SrfRequest, string?]) => ended.push(args[1] ?? ''))
      dialogs.push(dialog)
    } catch (error) {
      failed.push(String(error))
    }
  })
  await routed(running.server, 'invite')
  const alice = await startPhone('alice')
  return { ...running, srf, alice, dialogs, ended, failed, uri: `sip:app@127.0.0.1:${running.udp.port}` }
}

describe('a call that an application answered', () => {
  it('ends with a BYE when the caller was to refresh it and has not', async () => {
    const { alice, udp, uri, ended, server } = await answeringApp()
    const call = alice.call(uri, udp, timed('120;refresher=uac'))
    const answer = await call.response(200)
    expect(headerValue(answer, 'Session-Expires')).toBe('120;refresher=uac')
    expect(headerValue(answer, 'Require')).toBe('timer')
    call.send('ACK', { seq: 1 })
    const bye = await call.request('BYE')
    expect(headerValue(bye.message, 'Reason')).toBe('SIP;cause=408;text="Session timer expired"')
    bye.respond(200)
    await vi.waitFor(() => expect(ended).toEqual(['Session timer expired']))
    expect(server.held.dialogs).toBe(0)
  })

  it('lives on while the caller refreshes it', async () => {
    // Given up after 880 ms, refreshed every 250.
    const { alice, udp, uri } = await answeringApp(10)
    const call = alice.call(uri, udp, timed('120;refresher=uac'))
    await call.response(200)
    call.send('ACK', { seq: 1 })
    for (let n = 1; n <= 4; n++) {
      call.send('UPDATE', { headers: timed('120;refresher=uac').headers ?? [] })
      await vi.waitFor(() => expect(call.responses(200, 'UPDATE')).toHaveLength(n))
      await new Promise(resolve => setTimeout(resolve, 250))
    }
    expect(call.got.filter(message => message.kind === 'request')).toEqual([])
    expect(headerValue(call.responses(200, 'UPDATE')[0] ?? outgoing('UPDATE'), 'Session-Expires')).toBe('120;refresher=uac')
  })

  it('is refused when its sessions would be too short', async () => {
    const { alice, udp, uri, failed, server } = await answeringApp()
    const call = alice.call(uri, udp, timed('60'))
    const refusal = await call.response(422)
    expect(headerValue(refusal, 'Min-SE')).toBe('90')
    await vi.waitFor(() => expect(failed).toHaveLength(1))
    expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 })
  })

  it('is refreshed by an UPDATE where the caller takes it, again and again, until it answers 481', async () => {
    const { alice, udp, uri } = await answeringApp()
    const call = alice.call(uri, udp, timed('120;refresher=uas', { Allow: 'INVITE, ACK, BYE, UPDATE' }))
    expect(headerValue(await call.response(200), 'Session-Expires')).toBe('120;refresher=uas')
    call.send('ACK', { seq: 1 })
    for (let n = 0; n < 2; n++) {
      const refresh = await call.request('UPDATE')
      expect(headerValue(refresh.message, 'Session-Expires')).toBe('120;refresher=uac')
      expect(refresh.message.body).toHaveLength(0)
      refresh.respond(200, { headers: headersOf({ Allow: 'UPDATE', 'Session-Expires': '120;refresher=uac' }) ?? [] })
    }
    const last = await call.request('UPDATE')
    last.respond(481)
    expect(headerValue((await call.request('BYE')).message, 'Reason')).toContain('Session timer expired')
  })

  it('is refreshed by an INVITE with the same session description where the caller takes no UPDATE', async () => {
    const { alice, udp, uri } = await answeringApp()
    const call = alice.call(uri, udp, timed('120;refresher=uas', { Allow: 'INVITE, ACK, BYE' }))
    await call.response(200)
    call.send('ACK', { seq: 1 })
    const refresh = await call.request('INVITE')
    expect(refresh.message.body.toString()).toBe(SDP)
    refresh.respond(200, { body: SDP, headers: headersOf({ 'Session-Expires': '120;refresher=uac' }) ?? [] })
    const ack = await call.request('ACK')
    expect(headerValue(ack.message, 'CSeq')).toBe(headerValue(refresh.message, 'CSeq')?.replace('INVITE', 'ACK'))
  })

  it('is refreshed with a longer interval when the far end asks for that', async () => {
    const { alice, udp, uri } = await answeringApp()
    const call = alice.call(uri, udp, timed('120;refresher=uas', { Allow: 'UPDATE' }))
    await call.response(200)
    call.send('ACK', { seq: 1 })
    const first = await call.request('UPDATE')
    first.respond(422, { headers: headersOf({ 'Min-SE': '150' }) ?? [] })
    const second = await call.request('UPDATE')
    expect(headerValue(second.message, 'Session-Expires')).toBe('150;refresher=uac')
    expect(headerValue(second.message, 'Min-SE')).toBe('150')
  })

  it('ends when its refresh is not answered at all', async () => {
    const { alice, udp, uri, ended } = await answeringApp()
    const call = alice.call(uri, udp, timed('120;refresher=uas', { Allow: 'UPDATE' }))
    await call.response(200)
    call.send('ACK', { seq: 1 })
    await call.request('BYE')
    expect(ended).toEqual(['Session timer expired'])
  })
})

it('a call that an application made is refreshed as the answer says', async () => {
  const { control, server } = await startServer({ timers })
  const srf = await startApp(control)
  const bob = await startPhone('bob')
  const uri = `sip:bob@127.0.0.1:${bob.address.port}`
  const dialing = srf.createUAC(uri, { localSdp: SDP, headers: { Supported: 'timer', 'Session-Expires': '120' } })
  const invite = await bob.incoming()
  expect(headerValue(invite.message, 'Session-Expires')).toBe('120')
  invite.respond(200, {
    body: SDP,
    headers: headersOf({ Allow: 'UPDATE', 'Session-Expires': '120;refresher=uac', Require: 'timer' }) ?? [],
  })
  await dialing
  const refresh = await invite.request('UPDATE')
  refresh.respond(200, { headers: headersOf({ 'Session-Expires': '120;refresher=uas' }) ?? [] })
  // Now it is the far end's duty, which says no more.
  expect(headerValue((await invite.request('BYE')).message, 'Reason')).toContain('Session timer expired')
  await vi.waitFor(() => expect(server.held.dialogs).toBe(0))
})

it('the proxy passes session timers and their refusal on as they are (section 8)', async () => {
  const { control, server, udp } = await startServer({ timers })
  const srf = await startApp(control)
  const [alice, bob] = [await startPhone('alice'), await startPhone('bob')]
  srf.invite((req, _res) => srf.proxyRequest(req, `sip:127.0.0.1:${bob.address.port}`, { remainInDialog: true }, () => {}))
  await routed(server, 'invite')
  const call = alice.call(`sip:bob@127.0.0.1:${udp.port}`, udp, timed('60;refresher=uac', { 'Min-SE': '60' }))
  const invite = await bob.incoming()
  expect(headerValue(invite.message, 'Session-Expires')).toBe('60;refresher=uac')
  expect(headerValue(invite.message, 'Min-SE')).toBe('60')
  invite.respond(422, { headers: headersOf({ 'Min-SE': '1800' }) ?? [] })
  expect(headerValue(await call.response(422), 'Min-SE')).toBe('1800')
})

describe('Session-Expires', () => {
  const asking = (headers: Readonly<Record<string, string>>) => outgoing('INVITE', [...(headersOf(headers) ?? [])])
  const answered = (headers: Readonly<Record<string, string>>) => {
    const request = asking(headers)
    return sessionInterval(withSessionAnswer(request, responseTo(request, 200, { toTag: 'x' })))
  }

  it.each([
    ['120', { seconds: 120, refresher: null }],
    ['120 ;refresher=uas', { seconds: 120, refresher: 'uas' }],
    ['1800;x=y;refresher=uac', { seconds: 1800, refresher: 'uac' }],
    ['120;refresher=nobody', { seconds: 120, refresher: null }],
    ['-5', null],
    ['soon', null],
    ['99999999999999', null],
  ])('%s is read as %o', (value, interval) => {
    expect(sessionInterval(asking({ 'Session-Expires': value }))).toEqual(interval)
  })

  it('names who refreshes as table 2 has it', () => {
    expect(answered({ 'Session-Expires': '120' })).toEqual({ seconds: 120, refresher: 'uas' })
    expect(answered({ 'Session-Expires': '120', Supported: 'timer' })).toEqual({ seconds: 120, refresher: 'uac' })
    expect(answered({ 'Session-Expires': '120;refresher=uas', Supported: 'timer' })).toEqual({ seconds: 120, refresher: 'uas' })
    expect(answered({ Supported: 'timer' })).toBeNull()
  })

  it('is too short only for who understands the refusal', () => {
    expect(asksForTooLittle(asking({ 'Session-Expires': '60', Supported: 'timer' }), 90)).toBe(true)
    expect(asksForTooLittle(asking({ 'Session-Expires': '60' }), 90)).toBe(false)
    expect(asksForTooLittle(asking({ 'Session-Expires': '90', Supported: 'timer' }), 90)).toBe(false)
  })
})
