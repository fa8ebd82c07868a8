/** The torture messages of RFC 4475, each as it is in the RFC, over real UDP. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { type MalformedReason, parseMessage } from '../../../src/sip/message/parse.ts'
import { routed, startApp, startServer } from './control-peers.ts'
import { requestText, udpPeer } from './transaction-peers.ts'

const folder = join(import.meta.dirname, 'torture')
const bytesOf = (name: string): Buffer => readFileSync(join(folder, `${name}.dat`))

/**
 * Section by section: what the server says to it with an application that takes INVITE, REGISTER and MESSAGE and answers 200, or what one would
 * answer to a body or an Accept that it does not know. `dropped`: a response, which nobody answers. `malformed`: why the parser refuses it.
 */
const messages: readonly (readonly [
  section: string,
  name: string,
  says: number | 'dropped',
  expected?: { readonly malformed: MalformedReason },
])[] = [
  // It has a To tag, so it is a well-formed request inside a dialog that we are not in.
  ['3.1.1.1', 'wsinv', 481],
  ['3.1.1.2', 'intmeth', 405],
  ['3.1.1.3', 'esc01', 200],
  ['3.1.1.4', 'escnull', 200],
  ['3.1.1.5', 'esc02', 405],
  ['3.1.1.6', 'lwsdisp', 200],
  ['3.1.1.7', 'longreq', 200],
  ['3.1.1.8', 'dblreq', 200],
  ['3.1.1.9', 'semiuri', 200],
  ['3.1.1.10', 'transports', 200],
  ['3.1.1.11', 'mpart01', 200],
  ['3.1.1.12', 'unreason', 'dropped'],
  ['3.1.1.13', 'noreason', 'dropped'],
  ['3.1.2.1', 'badinv01', 400],
  ['3.1.2.2', 'clerr', 400, { malformed: 'truncated-body' }],
  ['3.1.2.3', 'ncl', 400, { malformed: 'content-length' }],
  ['3.1.2.4', 'scalar02', 400, { malformed: 'cseq' }],
  ['3.1.2.5', 'scalarlg', 'dropped', { malformed: 'cseq' }],
  ['3.1.2.6', 'quotbal', 400],
  ['3.1.2.7', 'ltgtruri', 400, { malformed: 'start-line' }],
  ['3.1.2.8', 'lwsruri', 400, { malformed: 'start-line' }],
  ['3.1.2.9', 'lwsstart', 400, { malformed: 'start-line' }],
  ['3.1.2.10', 'trws', 400, { malformed: 'start-line' }],
  ['3.1.2.11', 'escruri', 400],
  // The next three may be repaired without a guess, the RFC says; the Contact before them may not.
  ['3.1.2.12', 'baddate', 200],
  ['3.1.2.13', 'regbadct', 400],
  ['3.1.2.14', 'badaspec', 200],
  ['3.1.2.15', 'baddn', 200],
  ['3.1.2.16', 'badvers', 505, { malformed: 'version' }],
  ['3.1.2.17', 'mismatch01', 400, { malformed: 'cseq' }],
  ['3.1.2.18', 'mismatch02', 400, { malformed: 'cseq' }],
  ['3.1.2.19', 'bigcode', 'dropped', { malformed: 'status' }],
  ['3.2.1', 'badbranch', 200],
  ['3.3.1', 'insuf', 400, { malformed: 'missing-from' }],
  ['3.3.2', 'unkscm', 416],
  ['3.3.3', 'novelsc', 416],
  // Who registers what is for the application to judge.
  ['3.3.4', 'unksm2', 200],
  ['3.3.5', 'bext01', 420],
  ['3.3.6', 'invut', 415],
  ['3.3.7', 'regaut01', 200],
  ['3.3.8', 'multi01', 400, { malformed: 'duplicate-header' }],
  ['3.3.9', 'mcl01', 400, { malformed: 'content-length' }],
  ['3.3.10', 'bcast', 'dropped'],
  ['3.3.11', 'zeromf', 200],
  ['3.3.12', 'cparam01', 200],
  ['3.3.13', 'cparam02', 200],
  ['3.3.14', 'regescrt', 200],
  ['3.3.15', 'sdp01', 406],
  ['3.4.1', 'inv2543', 200],
]

/** With `rport` in its topmost Via, without which the answer would go to port 5060. */
function withRport(bytes: Buffer): Buffer {
  const topVia = /((?:^|\r\n)v(?:ia)?[ \t]*:\s*SIP\s*\/\s*\d\.\d\s*\/\s*\w+\s+[^;,\r\n]+)/i
  return Buffer.from(bytes.toString('latin1').replace(topVia, '$1;rport'), 'latin1')
}

/** A server whose application judges bodies as a phone would. */
async function answeringServer() {
  const running = await startServer()
  const srf = await startApp(running.control)
  srf.invite((req, res) => {
    const accepts = req.get('Accept') ?? 'application/sdp'
    const status = req.get('Content-Type') !== 'application/sdp' ? 415 : accepts.includes('application/sdp') ? 200 : 406
    res.send(status)
  })
  for (const method of ['register', 'message'] as const)
    srf.use(method, (_req: unknown, res: { send(status: number): void }) => res.send(200))
  for (const verb of ['invite', 'register', 'message']) await routed(running.server, verb)
  return running
}

it('every message is in the table', () => {
  const files = readdirSync(folder).filter(file => file.endsWith('.dat'))
  expect(messages.map(([, name]) => `${name}.dat`).sort()).toEqual(files.sort())
})

const parsings = messages.map(([section, name, , expected]) => ({ section, name, reason: expected?.malformed }))

it.each(parsings)('$section $name is parsed, or refused with its reason', ({ name, reason }) => {
  const parsed = parseMessage(bytesOf(name))
  expect(parsed.ok ? undefined : parsed.reason).toBe(reason)
})

/** What a raw socket heard: answers to the worst of these messages repeat what no parser takes. */
async function rawPeer(to: HopAddress) {
  const socket = createSocket('udp4')
  const heard: string[] = []
  socket.on('message', bytes => heard.push(bytes.toString()))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const finals = (): number[] => heard.map(text => Number(/^SIP\/2\.0 (\d{3}) /.exec(text)?.[1])).filter(status => status !== 100)
  return { heard, finals, send: (bytes: Buffer) => socket.send(bytes, to.port, to.address) }
}

it('every message gets the answer that its section asks for, once, and the server goes on', async () => {
  const { udp, server } = await answeringServer()
  const other = await answeringServer()
  // Two pairs of them have branch, sent-by and method in common: to one server, the second would be a retransmission.
  const serverOf = (name: string): HopAddress => (name === 'cparam02' || name === 'regescrt' ? other.udp : udp)
  const peers = await Promise.all(messages.map(async ([, name, says]) => ({ name, says, peer: await rawPeer(serverOf(name)) })))
  for (const { name, peer } of peers) peer.send(withRport(bytesOf(name)))
  await vi.waitFor(() => {
    const silent = peers.filter(({ says, peer }) => says !== 'dropped' && peer.finals().length === 0)
    expect(silent.map(({ name }) => name)).toEqual([])
  })
  // Whatever was going to be answered has been when this is.
  const late = await udpPeer(udp)
  late.send(requestText('OPTIONS', late.address))
  await late.message(0)
  const said = peers.map(({ name, peer }) => [name, [...new Set(peer.finals())]])
  expect(said).toEqual(messages.map(([, name, says]) => [name, says === 'dropped' ? [] : [says]]))
  const extensions = peers.find(({ name }) => name === 'bext01')?.peer.heard[0]
  expect(extensions).toContain('\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n')
  expect(server.counters.sip.userErrors).toBe(0)
})

it('requests whose branch is the bare magic cookie are told apart by the rest (3.2.1)', async () => {
  const { udp } = await startServer()
  const peer = await udpPeer(udp)
  const via = `SIP/2.0/UDP 127.0.0.1:${peer.address.port};branch=z9hG4bK;rport`
  peer.send(requestText('OPTIONS', peer.address, { via, callId: 'one' }))
  peer.send(requestText('OPTIONS', peer.address, { via, callId: 'two' }))
  await peer.message(1)
  expect(peer.got.map(message => headerValue(message, 'Call-ID')).sort()).toEqual(['one', 'two'])
})

it('the parts of a message that are not ASCII come through as they were (3.1.1.2, 3.1.1.11, 3.1.1.12)', () => {
  const method = parseMessage(bytesOf('intmeth'))
  expect(method.ok && method.message.headers.at(-2)).toEqual({ name: "extensionHeader-!.%*+_`'~", value: '\u{feff}大停電' })
  const multipart = parseMessage(bytesOf('mpart01'))
  const tail = bytesOf('mpart01').subarray(-553)
  expect(multipart.ok && multipart.message.body.equals(tail)).toBe(true)
  const reason = parseMessage(bytesOf('unreason'))
  expect(reason.ok && reason.message.kind === 'response' && reason.message.reason).toBe(
    '= 2**3 * 5**2 но сто девяносто девять - простое',
  )
})
