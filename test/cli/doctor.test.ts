/** What doctor says of a site where no bridge runs. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { takeWriterLock } from '../../src/uploads/store/writer-lock.ts'
import { runningSandbox, temporaryFolder } from '../zendesk/running-sandbox.ts'
import { configured, doctor, examined } from './doctor-command.ts'

/** A UDP socket on loopback, which does what a test wants with what comes. */
async function udpPeer(answer: (text: string) => string | null): Promise<number> {
  const socket = createSocket('udp4')
  socket.on('message', (bytes, { port, address }) => {
    const text = answer(bytes.toString())
    if (text !== null) socket.send(text, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return socket.address().port
}

/** The answer to a request, by the rules of RFC 3261 8.2.6. */
const answering = (status: string) => (request: string) => {
  const copied = request.split('\r\n').filter(line => /^(Via|From|To|Call-ID|CSeq):/.test(line))
  return [`SIP/2.0 ${status}`, ...copied, 'Content-Length: 0', '', ''].join('\r\n')
}

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

test('a machine that is ready gets no errors, and hears that nothing runs and nothing is watched yet', async () => {
  const admin = `127.0.0.1:${await freeTcpPort()}`
  const { code, findings } = await examined(await configured(await temporaryFolder(), { admin: { listen: admin } }))
  expect(findings.filter(text => text.startsWith('error'))).toEqual([])
  expect(findings).toContainEqual(expect.stringMatching(/^ok configuration: .*bridge\.yaml is valid$/))
  expect(findings).toContainEqual(expect.stringMatching(/^ok disk: \d+.iB free at /))
  expect(findings).toContainEqual(expect.stringMatching(/^(ok|warning) ffmpeg: /))
  expect(findings).toContainEqual('ok store: none yet, the first start makes it')
  expect(findings).toContainEqual(`ok admin.listen: tcp://${admin} is free`)
  expect(findings).toContainEqual(expect.stringMatching(/^warning calls: none is seen/))
  expect(findings).toContainEqual(expect.stringMatching(/^ok bridge: none runs/))
  expect(code).toBe(0)
})

test('a configuration with problems is an error a problem, with its place', async () => {
  const file = await configured(await temporaryFolder(), { pbx: 'nortel', site: '' })
  const { code, findings } = await examined(file)
  expect(findings).toHaveLength(2)
  expect(findings).toContainEqual(expect.stringMatching(/^error .*bridge\.yaml:\d+:\d+ pbx: /))
  expect(code).toBe(1)
})

test('each finding is one line, what it is and what to do', async () => {
  const { output, code } = await doctor(['-c', await configured(await temporaryFolder(), {})])
  for (const line of output.trimEnd().split('\n')) expect(line).toMatch(/^(ok|warning|error) +\S.*\S$/)
  expect(code).toBe(0)
})

test('an address that another program has, and one that this machine has not, are errors', async () => {
  const port = await udpPeer(() => null)
  const hep = { listen: [`udp://127.0.0.1:${port}`, 'udp://192.0.2.50:9060'], pbx: ['127.0.0.1'] }
  const { code, findings } = await examined(await configured(await temporaryFolder(), { hep }))
  expect(findings).toContainEqual(expect.stringMatching(`^error hep.listen: udp://127.0.0.1:${port} is taken by another program`))
  expect(findings).toContainEqual(
    expect.stringMatching(/^error hep\.listen: udp:\/\/192\.0\.2\.50:9060 is no address of this machine/),
  )
  expect(findings).toContainEqual(expect.stringMatching(/^(ok|warning) hep: .*net\.core\.rmem_max/))
  expect(code).toBe(1)
})

test('more of a receive buffer than the kernel grants is a warning with the line that grants it', async () => {
  const hep = { listen: ['udp://127.0.0.1:0'], pbx: ['127.0.0.1'], receive_buffer: '1TiB' }
  const { findings } = await examined(await configured(await temporaryFolder(), { hep }))
  expect(findings).toContainEqual(expect.stringMatching(/^warning hep: .*sysctl -w net\.core\.rmem_max=1099511627776/))
})

test('peers are asked: any answer will do, silence is a warning, no way there an error', { timeout: 30_000 }, async () => {
  const [well, refusing, silent] = [
    await udpPeer(answering('200 OK')),
    await udpPeer(answering('403 Forbidden')),
    await udpPeer(() => null),
  ]
  const overTcp = createServer(socket => socket.on('data', bytes => socket.write(answering('200 OK')(bytes.toString()))))
  overTcp.listen(0, '127.0.0.1')
  await once(overTcp, 'listening')
  onTestFinished(() => void overTcp.close())
  const address = overTcp.address()
  const tcp = typeof address === 'object' && address !== null ? address.port : 0
  const closed = await freeTcpPort()
  const sip = {
    listen: ['udp://127.0.0.1:0'],
    trunk: {
      pbx: [`sip:127.0.0.1:${well}`, `sip:127.0.0.1:${tcp};transport=tcp`],
      carrier: [
        `sip:127.0.0.1:${refusing}`,
        `sip:127.0.0.1:${silent}`,
        `sip:127.0.0.1:${closed};transport=tcp`,
        'sip:carrier.invalid',
      ],
    },
    dialogs: { subscribe: [`sip:1001@127.0.0.1:${well}`, `sip:1002@127.0.0.1:${well}`] },
  }
  const { code, findings } = await examined(await configured(await temporaryFolder(), { sip }))
  const asked = findings
    .filter(text => /^\w+ sip\.(trunk|dialogs)/.test(text))
    .map(text => text.replace(/after \d+ ms/, 'after N ms'))
  expect(asked).toEqual([
    `ok sip.trunk.pbx: sip:127.0.0.1:${well} answers (200 after N ms)`,
    `ok sip.trunk.pbx: sip:127.0.0.1:${tcp};transport=tcp answers (200 after N ms)`,
    `ok sip.trunk.carrier: sip:127.0.0.1:${refusing} answers (403 after N ms)`,
    expect.stringMatching(`^warning sip.trunk.carrier: sip:127.0.0.1:${silent} did not answer OPTIONS within 2 s`),
    expect.stringMatching(`^error sip.trunk.carrier: sip:127.0.0.1:${closed};transport=tcp cannot be reached \\(ECONNREFUSED\\)`),
    expect.stringMatching(/^error sip\.trunk\.carrier: sip:carrier\.invalid has no address/),
    `ok sip.dialogs: sip:127.0.0.1:${well} answers (200 after N ms)`,
  ])
  expect(code).toBe(1)
})

test.each([
  ['partner-edition', {}, { api: 'partner-edition' }],
  ['calls', { email: 'bridge@example.com' }, { api: 'calls', email: 'bridge@example.com', licence: 'none' }],
])('an account (%s) is asked whether it takes the credentials', async (_api, _with, section) => {
  const { url, token, sandbox } = await runningSandbox()
  const folder = await temporaryFolder()
  const well = await examined(await configured(folder, { zendesk: { ...section, base_url: url, token } }))
  expect(well.findings).toContain(`ok zendesk: ${url} answers, and takes these credentials`)
  const refused = await examined(await configured(folder, { zendesk: { ...section, base_url: url, token: 'k3y-of-nobody' } }))
  expect(refused.findings).toContainEqual(expect.stringMatching(`^error zendesk: ${url} refuses these credentials \\(401`))
  expect(refused.findings.join('\n')).not.toContain('k3y-of-nobody')
  expect(refused.code).toBe(1)
  await sandbox.stop()
  const away = await examined(await configured(folder, { zendesk: { ...section, base_url: url, token } }))
  expect(away.findings).toContainEqual(expect.stringMatching(`^error zendesk: ${url} cannot be reached`))
})

test('a data_dir that a bridge works on, where none answers, is an error', async () => {
  const folder = await temporaryFolder()
  const file = await configured(folder, {})
  await examined(file) // makes data_dir
  const lock = await takeWriterLock(`${folder}/data`)
  onTestFinished(() => lock.release())
  const { code, findings } = await examined(file)
  expect(findings).toContainEqual(expect.stringMatching(/^error store: a bridge works on .* but none answers/))
  expect(code).toBe(1)
})

test('what answers at admin.listen and is no bridge is an error', async () => {
  const { url } = await runningSandbox()
  const { findings } = await examined(await configured(await temporaryFolder(), { admin: { listen: new URL(url).host } }))
  expect(findings).toContainEqual(expect.stringMatching(/^error bridge: what answers at admin\.listen is no bridge/))
})

test('a drachtio-server that is not there is an error, one that takes connections is well', async () => {
  const folder = await temporaryFolder()
  const at = (port: number) =>
    configured(folder, { sip: { server: 'drachtio', drachtio: { host: '127.0.0.1', port, secret: 'cymru' } } })
  const server = createServer(socket => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  expect((await examined(await at(port))).findings).toContain(`ok sip.drachtio: 127.0.0.1:${port} takes connections`)
  const closed = once(server, 'close')
  server.close()
  await closed
  const { code, findings } = await examined(await at(port))
  expect(findings).toContainEqual(
    expect.stringMatching(`^error sip.drachtio: 127.0.0.1:${port} takes no connection \\(ECONNREFUSED\\)`),
  )
  expect(code).toBe(1)
})

test('a data_dir that is a file is an error, and the look goes on', async () => {
  const folder = await temporaryFolder()
  await writeFile(`${folder}/data`, '')
  const { code, findings } = await examined(await configured(folder, {}))
  expect(findings).toContainEqual(expect.stringMatching(/^error data_dir: .* cannot be written/))
  expect(findings.at(-1)).toMatch(/ bridge: /)
  expect(code).toBe(1)
})
