/** What doctor says beside a bridge that runs: its parts, who mirrors to it, and which calls it has seen. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { examined } from '../cli/doctor-command.ts'
import { encodeHep } from '../sip/hep/encode.ts'
import { freePort } from './free-port.ts'
import { Site } from './site.ts'

async function freeTcpPort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  return typeof address === 'object' && address !== null ? address.port : 0
}

const invite = [
  'INVITE sip:1002@127.0.0.1:5070 SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:5081;branch=z9hG4bKdoctor',
  'Max-Forwards: 70',
  'From: <sip:1001@127.0.0.1>;tag=a',
  'To: <sip:1002@127.0.0.1>',
  'Call-ID: doctor@127.0.0.1',
  'CSeq: 1 INVITE',
  'Contact: <sip:1001@127.0.0.1:5081>',
  'Content-Length: 0',
  '',
  '',
].join('\r\n')

/** An agent's copy of the INVITE. `lateMs`: how far its clock is behind. */
const copy = (captureId: number, { authKey = 'labhep', lateMs = 0 } = {}): Buffer =>
  encodeHep({
    at: Date.now() - lateMs,
    source: { address: '127.0.0.1', port: 5081 },
    destination: { address: '127.0.0.1', port: 5070 },
    payload: invite,
    captureId,
    authKey,
  })

test('beside a running bridge it tells its parts, its agents with their clocks, and its calls', { timeout: 60_000 }, async () => {
  const [port, admin] = [await freePort('127.0.0.1'), await freeTcpPort()]
  const site = await Site.open()
  onTestFinished(() => site.close())
  const hep = { listen: [`udp://127.0.0.1:${port}`], peers: ['127.0.0.1'], pbx: ['127.0.0.1:5070'], auth_key: 'labhep' }
  const sip = { listen: ['udp://127.0.0.1:0'] }
  const token = 'token-of-the-admin'
  const sections = { hep, sip, admin: { listen: `127.0.0.1:${admin}`, token } }
  await site.configure(sections)
  const bridge = await site.start()

  const before = await examined(site.configFile)
  expect(before.findings).toContain(`ok hep.listen: udp://127.0.0.1:${port} is held, by the running bridge`)
  expect(before.findings).toContain(`ok admin.listen: tcp://127.0.0.1:${admin} is held, by the running bridge`)
  expect(before.findings).toContain('ok store: held by the running bridge')
  expect(before.findings).toContainEqual(expect.stringMatching(/^ok bridge: runs, (\d+) of \1 parts are well$/))
  expect(before.findings).toContainEqual(expect.stringMatching(/^warning hep: no packet has come since the bridge started/))
  expect(before.findings).toContainEqual(expect.stringMatching(/^warning calls: none was seen in the last hour/))
  expect(before.code).toBe(0)

  const agent = createSocket('udp4')
  onTestFinished(() => void agent.close())
  for (const datagram of [copy(7), copy(8, { lateMs: 5000 }), copy(9, { authKey: 'wrong' })])
    await new Promise<void>(resolve => agent.send(datagram, port, '127.0.0.1', () => resolve()))
  const headers = { authorization: `Bearer ${token}` }
  await expect
    .poll(async () => await (await fetch(`${bridge.admin}/metrics`, { headers })).text(), { timeout: 20_000 })
    .toContain('tpe_bridge_hep_dropped_total{kind="wrong-key"} 1')
  await expect
    .poll(async () => await (await fetch(`${bridge.admin}/v1/calls`, { headers })).text(), { timeout: 20_000 })
    .toContain('doctor@127.0.0.1')

  const after = await examined(site.configFile)
  expect(after.findings).toContainEqual(
    expect.stringMatching(/^ok hep: agent 127\.0\.0\.1 \(id 7\): 1 packets, the last \d+s ago; its clock is 0\.\d{3} s behind$/),
  )
  expect(after.findings).toContainEqual(
    expect.stringMatching(/^warning hep: agent 127\.0\.0\.1 \(id 8\): .* its clock is 5\.\d{3} s behind: keep the clocks/),
  )
  expect(after.findings).toContainEqual(expect.stringMatching(/^warning hep: 1 packets were dropped for their password/))
  expect(after.findings).toContain('ok calls: 1 in the last hour')
  expect(after.findings).toContain('ok calls: for 1 of them no second leg was found')

  await site.configure({ ...sections, admin: { listen: `127.0.0.1:${admin}`, token: 'of-another-bridge' } })
  const stranger = await examined(site.configFile)
  expect(stranger.findings).toContainEqual(expect.stringMatching(/^error bridge: it does not take admin\.token/))
  expect(stranger.code).toBe(1)
})
