import type { Dialog, SrfRequest } from 'drachtio-srf'
import { expect, it, vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { routed, startApp, startServer } from './control-peers.ts'
import { SDP, startPhone } from './phone.ts'

/** An application that answers every call, and what its dialogs did. */
async function answeringApp() {
  const running = await startServer()
  const srf = await startApp(running.control)
  const dialogs: Dialog[] = []
  const ended: string[] = []
  srf.invite(async (req, res) => {
    const dialog = await srf.createUAS(req, res, { localSdp: SDP })
    dialog.on('destroy', (...args: [SrfRequest, string?]) => ended.push(args[1] ?? ''))
    dialogs.push(dialog)
  })
  await routed(running.server, 'invite')
  return { ...running, srf, dialogs, ended, uri: `sip:app@127.0.0.1:${running.udp.port}` }
}

it('an application answers a call, and the caller hangs up', async () => {
  const { udp, uri, ended, server } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  const answer = await call.response(200)
  expect(headerValue(answer, 'Contact')).toBe(`<sip:127.0.0.1:${udp.port}>`)
  expect(headerValue(answer, 'Content-Type')).toBe('application/sdp')
  expect(answer.body.toString()).toBe(SDP)
  call.send('ACK', { seq: 1 })
  call.send('BYE')
  await call.response(200, 'BYE')
  expect(ended).toEqual(['normal release'])
  await vi.waitFor(() => expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 }))
})

it('an application hangs up', async () => {
  const { udp, uri, dialogs } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await vi.waitFor(() => expect(dialogs).toHaveLength(1))
  dialogs[0]?.destroy()
  const bye = await call.request('BYE')
  expect(headerValue(bye.message, 'CSeq')).toBe('2 BYE')
  bye.respond(200)
})

it('a 200 whose ACK is lost is repeated until the ACK comes', async () => {
  const { udp, uri, ended } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  await vi.waitFor(() => expect(call.responses(200).length).toBeGreaterThanOrEqual(3))
  call.send('ACK', { seq: 1 })
  call.send('BYE')
  await call.response(200, 'BYE')
  expect(ended).toEqual(['normal release'])
})

it('a 200 that is never acknowledged ends with a BYE of the server, of which the application hears', async () => {
  const { udp, uri, ended, server } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  const bye = await call.request('BYE')
  expect(headerValue(bye.message, 'Reason')).toBe('SIP;cause=200;text="ACK timeout"')
  bye.respond(200)
  await vi.waitFor(() => expect(ended).toEqual(['ACK timeout']))
  expect(server.held.dialogs).toBe(0)
})

it('a caller who cancels while it rings gets 487, and the application its cancel event', async () => {
  const { server, control, udp } = await startServer()
  const srf = await startApp(control)
  let cancelled = 0
  srf.invite((req, res) => {
    req.on('cancel', () => cancelled++)
    res.send(180)
  })
  await routed(server, 'invite')
  const alice = await startPhone('alice')
  const call = alice.call(`sip:app@127.0.0.1:${udp.port}`, udp)
  await call.response(180)
  call.cancel()
  await call.response(200, 'CANCEL')
  const terminated = await call.response(487)
  expect(headerValue(terminated, 'To')).toBe(headerValue(await call.response(180), 'To'))
  await vi.waitFor(() => expect(cancelled).toBe(1))
  expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 })
})

it('a re-INVITE reaches the application, and is acknowledged', async () => {
  const { udp, uri, dialogs } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await vi.waitFor(() => expect(dialogs).toHaveLength(1))
  const held = SDP.replace('sendrecv', 'sendonly')
  const modified = new Promise<string>(resolve => {
    dialogs[0]?.on('modify', (req, res) => {
      resolve(req.body)
      res.send(200, { body: SDP })
    })
  })
  call.send('INVITE', { body: held })
  expect(await modified).toBe(held)
  await call.response(200, '2 INVITE')
  call.send('ACK')
  call.send('BYE')
  await call.response(200, 'BYE')
})

it('a reliable provisional response is repeated until its PRACK, and holds the 200 back', async () => {
  const { server, control, udp } = await startServer()
  const srf = await startApp(control)
  srf.invite(async (req, res) => {
    res.send(183, { headers: { Require: '100rel' }, body: SDP })
    await srf.createUAS(req, res, { localSdp: SDP })
  })
  await routed(server, 'invite')
  const alice = await startPhone('alice')
  const call = alice.call(`sip:app@127.0.0.1:${udp.port}`, udp, { headers: [{ name: 'Supported', value: '100rel' }] })
  const progress = await call.response(183)
  await vi.waitFor(() => expect(call.responses(183).length).toBeGreaterThanOrEqual(2))
  expect(call.responses(200)).toHaveLength(0)
  call.send('PRACK', { headers: [{ name: 'RAck', value: `${headerValue(progress, 'RSeq')} 1 INVITE` }] })
  await call.response(200, 'PRACK')
  await call.response(200)
  call.send('ACK', { seq: 1 })
})

it('a PRACK for nothing gets 481', async () => {
  const { udp, uri } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  await call.response(200)
  call.send('PRACK', { headers: [{ name: 'RAck', value: '1 1 INVITE' }] })
  await call.response(481, 'PRACK')
})

it('a caller whose application leaves before the answer gets 503', async () => {
  const { server, control, udp } = await startServer()
  const srf = await startApp(control)
  srf.invite((_req, res) => res.send(180))
  await routed(server, 'invite')
  const alice = await startPhone('alice')
  const call = alice.call(`sip:app@127.0.0.1:${udp.port}`, udp)
  await call.response(180)
  srf.disconnect()
  await call.response(503)
  expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 })
})

it('a call whose application has left is over: its BYE gets 481', async () => {
  const { udp, uri, srf, server } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  await vi.waitFor(() => expect(server.held.dialogs).toBe(1))
  srf.disconnect()
  await vi.waitFor(() => expect(server.held.dialogs).toBe(0))
  call.send('BYE')
  await call.response(481, 'BYE')
})

it('a call gets 503 when no application takes calls, and a ping 200 all the same', async () => {
  const { udp, server } = await startServer()
  const alice = await startPhone('alice')
  await alice.call(`sip:app@127.0.0.1:${udp.port}`, udp).response(503)
  const ping = alice.call(`sip:127.0.0.1:${udp.port}`, udp)
  ping.send('OPTIONS')
  await ping.response(200, 'OPTIONS')
  expect(server.counters.unserved).toBe(2)
})

it('a request in a dialog that nobody knows gets 481', async () => {
  const { udp, uri, server } = await answeringApp()
  const alice = await startPhone('alice')
  const call = alice.call(uri, udp, { body: SDP })
  await call.response(200)
  call.send('ACK', { seq: 1 })
  call.send('BYE')
  await call.response(200, 'BYE')
  call.send('INFO')
  await call.response(481, 'INFO')
  expect(server.counters.unknownDialogs).toBe(1)
})
