import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Signalling } from '../../../src/bridge/signalling.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { createLog } from '../../../src/log.ts'
import { digestParams, digestResponse } from '../../../src/sip/embedded/guard/digest.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { asRequest, requestText, udpPeer } from '../embedded/transaction-peers.ts'

/** A bridge whose carrier is `port`, and that lets the branch office in with its password. */
async function trunk(port: number): Promise<{ signalling: Signalling; trunkPort: number }> {
  const auth = 'auth: { realm: trunk, users: [{ username: branch, password: "open-sesame", side: pbx }] }'
  const text = `sip: { listen: ["udp://127.0.0.1:0"], ${auth}, trunk: { pbx: ["sip:127.0.0.7"], carrier: ["sip:127.0.0.1:${port}"] } }`
  const loaded = await loadConfig({ path: 'bridge.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const log = createLog({ level: 'error', numbers: 'masked', isTerminal: false })
  const signalling = new Signalling({ config: loaded.config.sip, onSignal: () => {}, log })
  const [listening] = await signalling.start()
  onTestFinished(() => signalling.stop())
  return { signalling, trunkPort: listening?.port ?? 0 }
}

async function branchOffice(trunkPort: number) {
  const socket = createSocket('udp4')
  const heard: string[] = []
  socket.on('message', bytes => heard.push(bytes.toString()))
  socket.bind(0, '127.0.0.9')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const own = { transport: 'udp', address: '127.0.0.9', port: socket.address().port } as const
  const send = (headers: readonly string[]): void => {
    const padding = `User-Agent: ${'a device with a long name '.repeat(8)}`
    const text = requestText('INVITE', own, { headers: ['Contact: <sip:branch@127.0.0.9>', padding, ...headers] })
    socket.send(text, trunkPort, '127.0.0.1')
  }
  const heardOf = (pattern: RegExp) =>
    vi.waitFor(
      () => {
        const found = heard.map(text => pattern.exec(text)).find(match => match !== null)
        if (found === undefined) throw new Error(`heard ${heard.length} messages, none like ${pattern}`)
        return found
      },
      { timeout: 4_000 },
    )
  return { heard, send, heardOf }
}

it('a device without a fixed address calls the carrier once it has shown its password, and is a peer from then on', async () => {
  const carrier = await udpPeer(null)
  const { signalling, trunkPort } = await trunk(carrier.address.port)
  const branch = await branchOffice(trunkPort)
  branch.send([])
  const [, challenge = ''] = await branch.heardOf(/^SIP\/2\.0 407 [\s\S]*?Proxy-Authenticate: (.*SHA-256.*)\r\n/)
  expect(carrier.got).toEqual([])
  const [nonce, uri] = [digestParams(challenge)?.get('nonce') ?? '', 'sip:bob@127.0.0.1']
  const parts = { username: 'branch', realm: 'trunk', nonce, uri, nc: '00000001', cnonce: 'x', algorithm: 'SHA-256' } as const
  const response = digestResponse(parts, 'INVITE', 'open-sesame')
  branch.send([
    `Proxy-Authorization: Digest username="branch",realm="trunk",nonce="${nonce}",uri="${uri}",nc=00000001,cnonce="x",qop=auth,algorithm=SHA-256,response="${response}"`,
  ])
  const invite = asRequest(await carrier.message(0))
  expect(headerValue(invite, 'Proxy-Authorization')).toBeNull()
  await branch.heardOf(/^SIP\/2\.0 100 /)
  // What it sends next needs no password, nor does it get a challenge.
  branch.send([])
  await vi.waitFor(() => expect(new Set(carrier.got.map(message => headerValue(message, 'Call-ID'))).size).toBe(2))
  expect(branch.heard.filter(text => text.startsWith('SIP/2.0 407'))).toHaveLength(1)
  expect(signalling.status().counters.auth).toMatchObject({ challenged: 1, authenticated: 1 })
})
