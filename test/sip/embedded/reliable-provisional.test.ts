import { expect, it, vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { routed, startApp, startServer } from './control-peers.ts'
import { SDP, startPhone } from './phone.ts'

const requires = [{ name: 'Require', value: '100rel' }]

/** An application that lets each call ring, and answers it when told. */
async function ringingApp() {
  const running = await startServer()
  const srf = await startApp(running.control)
  const answers: (() => void)[] = []
  srf.invite((_req, res) => {
    res.send(180)
    answers.push(() => res.send(200, { body: SDP }))
  })
  await routed(running.server, 'invite')
  const alice = await startPhone('alice')
  const call = () => alice.call(`sip:app@127.0.0.1:${running.udp.port}`, running.udp, { body: SDP, headers: requires })
  return { ...running, answers, call }
}

it('a caller that requires 100rel gets each provisional response reliably, whatever its application says', async () => {
  const { call: dial, answers } = await ringingApp()
  const call = dial()
  const ringing = await call.response(180)
  expect(headerValue(ringing, 'Require')).toBe('100rel')
  expect(Number(headerValue(ringing, 'RSeq'))).toBeGreaterThan(0)
  await vi.waitFor(() => expect(call.responses(180).length).toBeGreaterThanOrEqual(2))
  answers[0]?.()
  call.send('PRACK', { headers: [{ name: 'RAck', value: `${Number(headerValue(ringing, 'RSeq')) + 1} 1 INVITE` }] })
  await call.response(481, 'PRACK')
  expect(call.responses(200)).toEqual([])
  call.send('PRACK', { headers: [{ name: 'RAck', value: `${headerValue(ringing, 'RSeq')} 1 INVITE` }] })
  await call.response(200, 'PRACK')
  await call.response(200)
})

it('a reliable provisional response that nobody acknowledges ends the call with a 5xx', async () => {
  const { call: dial, server } = await ringingApp()
  const call = dial()
  await call.response(180)
  await call.response(504)
  expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 })
})
