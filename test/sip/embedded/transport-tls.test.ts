import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { TransactionsOptions } from '../../../src/sip/embedded/transaction/transactions.ts'
import type { Destination } from '../../../src/sip/embedded/transport/destination.ts'
import { readTlsCredentials, type TlsFiles } from '../../../src/sip/embedded/transport/tls-credentials.ts'
import { serializeMessage } from '../../../src/sip/message/serialize.ts'
import { type CertificateParts, LOOPBACK_NAMES, makeCertificate, tlsFiles } from './certificates.ts'
import { type StreamPeer, streamPeer } from './stream-peers.ts'
import {
  answer,
  answerTo,
  kinds,
  outgoing,
  recordedAnswers,
  recordedUser,
  requestText,
  startLayer,
  tcpPeer,
} from './transaction-peers.ts'

const settled = { timeout: 5_000, interval: 5 }
const ca = makeCertificate({ subject: 'test authority', isAuthority: true })
const stranger = makeCertificate({ subject: 'strange authority', isAuthority: true })
const own = makeCertificate({ subject: 'bridge', names: LOOPBACK_NAMES, issuer: ca })

/** A layer that listens by TLS, and answers 200 to all. */
async function secureLayer(options: Partial<TransactionsOptions> = {}) {
  const user = recordedUser(answer(200))
  const tls = options.tls ?? (await tlsFiles(own, ca.cert))
  const running = await startLayer(user, { listen: ['tls://127.0.0.1:0'], tls, ...options })
  const [at] = running.layer.listening
  if (at === undefined) throw new Error('nothing listens')
  return { ...running, user, at, tls }
}

/** A PBX that listens by TLS and shows a certificate for these names, and how it is reached by a URI with that host. */
async function pbx(names: CertificateParts['names'], host: string, issuer = ca) {
  const certificate = makeCertificate({ subject: 'pbx', issuer, ...(names === undefined ? {} : { names }) })
  const peer = await streamPeer({ transport: 'tls', address: '127.0.0.1', certificate })
  const destination: Destination = { ...peer.address, domain: host }
  return { peer, destination }
}

/** A client of ours to that TLS port; `closed` once it is. */
function tlsClient(port: number, options: ConnectionOptions = {}): TLSSocket & { text: string } {
  const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  const client = Object.assign(socket, { text: '' })
  socket.on('data', chunk => {
    client.text += String(chunk)
  })
  // That the server closes it is what the tests look at.
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return client
}

async function respondTo(peer: StreamPeer): Promise<void> {
  const request = await peer.message(0)
  peer.reply(request, serializeMessage(answerTo(request, 200)))
}

describe('whoever connects by TLS', () => {
  it('is answered on the same connection, pings included', async () => {
    const { at, layer } = await secureLayer()
    const client = tlsClient(at.port)
    client.write('\r\n\r\n')
    await vi.waitFor(() => expect(client.text).toBe('\r\n'), settled)
    client.write(
      requestText('OPTIONS', { transport: 'tls', address: '127.0.0.1', port: 9 }, { via: 'SIP/2.0/TLS x:9;branch=z9hG4bK1' }),
    )
    await vi.waitFor(() => expect(client.text).toContain('SIP/2.0 200 OK'), settled)
    expect(client.text).toMatch(/Via: SIP\/2\.0\/TLS x:9;branch=z9hG4bK1;received=127\.0\.0\.1;rport=\d+/)
    expect(layer.counters).toMatchObject({ keepalives: 1, connectionsAccepted: 1 })
  })

  it('speaks TLS 1.2 at least', async () => {
    const { at, layer } = await secureLayer()
    const client = tlsClient(at.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
    await vi.waitFor(() => expect(client.destroyed).toBe(true), settled)
    expect(layer.counters).toMatchObject({ connectionsAccepted: 0 })
    await vi.waitFor(() => expect(layer.counters.tlsHandshakesFailed).toBe(1), settled)
    const good = tlsClient(at.port, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    await vi.waitFor(() => expect(good.getProtocol()).toBe('TLSv1.2'), settled)
  })

  it('and speaks none, or nothing at all, is closed and counted', async () => {
    const { at, layer } = await secureLayer({ limits: { connectTimeoutMs: 80, maxConnections: 2 } })
    const plain = await tcpPeer(at)
    const silent = await tcpPeer(at)
    plain.send(requestText('OPTIONS', plain.address, { transport: 'TCP' }))
    await vi.waitFor(() => expect([plain.socket.destroyed, silent.socket.destroyed]).toEqual([true, true]), settled)
    await vi.waitFor(() => expect(layer.counters.tlsHandshakesFailed).toBe(2), settled)
    // Both count for the limit as long as they are there, and no longer.
    const client = tlsClient(at.port)
    client.write('\r\n\r\n')
    await vi.waitFor(() => expect(client.text).toBe('\r\n'), settled)
  })

  it('needs a certificate of our authority where everyone has to prove who they are', async () => {
    const tls = await tlsFiles(own, ca.cert, 'everyone')
    const { at, layer, user } = await secureLayer({ tls })
    const strange = makeCertificate({ subject: 'stranger', names: LOOPBACK_NAMES, issuer: stranger })
    for (const certificate of [{}, { cert: strange.cert, key: strange.key }]) {
      const refused = tlsClient(at.port, certificate)
      refused.write(requestText('OPTIONS', at, { via: 'SIP/2.0/TLS x:9;branch=z9hG4bK2' }))
      await vi.waitFor(() => expect(refused.destroyed).toBe(true), settled)
    }
    expect(user.requests).toHaveLength(0)
    expect(layer.counters).toMatchObject({ tlsHandshakesFailed: 2, connectionsAccepted: 0 })
    const friend = makeCertificate({ subject: 'friend', issuer: ca })
    const accepted = tlsClient(at.port, { cert: friend.cert, key: friend.key })
    accepted.write('\r\n\r\n')
    await vi.waitFor(() => expect(accepted.text).toBe('\r\n'), settled)
  })
})

describe('whom we connect to by TLS', () => {
  it.each<[what: string, names: CertificateParts['names'], host: string]>([
    ['by a name that its certificate bears', [{ kind: 'dns', value: 'pbx.example' }], 'pbx.example'],
    ['by an address that its certificate bears', LOOPBACK_NAMES, '127.0.0.1'],
    ['by an address that is known under a name of its certificate', [{ kind: 'dns', value: 'known.example' }], '127.0.0.1'],
  ])('%s is believed', async (_, names, host) => {
    const { layer } = await secureLayer({ namesOf: address => (address === '127.0.0.1' ? ['known.example'] : []) })
    const { peer, destination } = await pbx(names, host)
    const answers = recordedAnswers()
    layer.request(outgoing('OPTIONS'), destination, answers)
    await respondTo(peer)
    await vi.waitFor(() => expect(kinds(answers.responses)).toEqual([200]), settled)
    expect(layer.counters).toMatchObject({ connectionsOpened: 1, tlsPeersRefused: 0 })
  })

  it.each<[what: string, names: CertificateParts['names'], host: string, issuer: typeof ca, detail: string]>([
    [
      'of another name',
      [{ kind: 'dns', value: 'other.example' }],
      'pbx.example',
      ca,
      'is for DNS:other.example, not for pbx.example',
    ],
    ['of a name, for an address', [{ kind: 'dns', value: 'pbx.example' }], '127.0.0.1', ca, 'not for 127.0.0.1'],
    ['of an authority that we do not know', [{ kind: 'dns', value: 'pbx.example' }], 'pbx.example', stranger, 'unable to'],
  ])('and shows a certificate %s gets not a byte of the request', async (_, names, host, issuer, detail) => {
    const { layer, logged } = await secureLayer()
    const { peer, destination } = await pbx(names, host, issuer)
    const answers = recordedAnswers()
    layer.request(outgoing('OPTIONS'), destination, answers)
    await vi.waitFor(
      () => expect(answers.failures).toMatchObject([{ failure: 'transport', detail: expect.stringContaining(detail) }]),
      settled,
    )
    await vi.waitFor(() => expect(peer.sockets.every(({ destroyed }) => destroyed)).toBe(true), settled)
    expect(peer.sockets.map(({ bytesRead }) => bytesRead)).toEqual(peer.sockets.map(() => 0))
    expect(peer.got).toHaveLength(0)
    expect(layer.counters.tlsPeersRefused).toBe(1)
    expect(logged).toContainEqual(expect.objectContaining({ level: 'warn', msg: 'tls connection to a peer failed' }))
  })

  it('is believed without a proof where nobody has to prove anything', async () => {
    const { layer } = await secureLayer({ tls: await tlsFiles(own, null, 'nobody') })
    const { peer, destination } = await pbx([{ kind: 'dns', value: 'other.example' }], 'pbx.example', stranger)
    layer.request(outgoing('OPTIONS'), destination, recordedAnswers())
    await peer.message(0)
  })

  it('gets further requests on the same connection, but none that is for a host whose certificate it has not shown', async () => {
    const { layer } = await secureLayer()
    const { peer, destination } = await pbx(
      [
        { kind: 'dns', value: 'pbx.example' },
        { kind: 'dns', value: 'alias.example' },
      ],
      'pbx.example',
    )
    layer.request(outgoing('OPTIONS'), destination, recordedAnswers())
    layer.request(outgoing('OPTIONS'), destination, recordedAnswers())
    await peer.message(1)
    // RFC 5923 5: the certificate bears this name, too; and who names the address means whoever is there.
    layer.request(outgoing('OPTIONS'), { ...destination, domain: 'alias.example' }, recordedAnswers())
    layer.request(outgoing('OPTIONS'), { ...destination, domain: '127.0.0.1' }, recordedAnswers())
    await peer.message(3)
    expect(peer.sockets).toHaveLength(1)
    const refused = recordedAnswers()
    layer.request(outgoing('OPTIONS'), { ...destination, domain: 'bank.example' }, refused)
    await vi.waitFor(() => expect(refused.failures).toHaveLength(1), settled)
    expect(peer.got).toHaveLength(4)
    expect(layer.held.connections).toBe(1)
  })

  it('and does not shake hands is given up', async () => {
    const { layer } = await secureLayer({ limits: { connectTimeoutMs: 80 } })
    const mute = await streamPeer({ transport: 'tcp', address: '127.0.0.1' })
    const answers = recordedAnswers()
    layer.request(outgoing('OPTIONS'), { ...mute.address, transport: 'tls' }, answers)
    await vi.waitFor(
      () => expect(answers.failures).toMatchObject([{ detail: expect.stringContaining('no tls connection within 80 ms') }]),
      settled,
    )
  })
})

describe('the certificate', () => {
  it('that was renewed is shown from the next connection on, and a bad one changes nothing', async () => {
    const { at, layer, tls } = await secureLayer()
    const subject = async (): Promise<unknown> => {
      const client = tlsClient(at.port)
      await vi.waitFor(() => expect(client.getPeerCertificate().subject).toBeDefined(), settled)
      return client.getPeerCertificate().subject.CN
    }
    expect(await subject()).toBe('bridge')
    const renewed = makeCertificate({ subject: 'bridge of the next year', names: LOOPBACK_NAMES, issuer: ca })
    await writeFile(tls.cert, renewed.cert)
    await expect(layer.renewCertificate()).rejects.toThrow('is not the key of')
    expect(await subject()).toBe('bridge')
    await writeFile(tls.key, renewed.key)
    await layer.renewCertificate()
    expect(await subject()).toBe('bridge of the next year')
  })

  it('that ends within two weeks is a warning', async () => {
    const ending = makeCertificate({ subject: 'bridge', issuer: ca, notAfter: new Date(Date.now() + 86_400_000) })
    const { logged } = await secureLayer({ tls: await tlsFiles(ending, ca.cert) })
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'the certificate for sip ends soon, or has ended: renew it' }),
    )
  })

  it('is missing: listening by TLS is refused before anything is opened', () =>
    expect(startLayer(recordedUser(), { listen: ['tls://127.0.0.1:0'] })).rejects.toThrow(
      'tls://127.0.0.1:0 needs a certificate; set sip.tls.cert and sip.tls.key',
    ))

  it.each<[what: string, spoil: (files: TlsFiles) => Promise<TlsFiles>, message: RegExp]>([
    [
      'a certificate that is not there',
      async files => ({ ...files, cert: '/nowhere/sip.crt' }),
      /sip\.tls\.cert: \/nowhere\/sip\.crt can't be read \(ENOENT\); correct the path/,
    ],
    ['a key that is a folder', async files => ({ ...files, key: '/tmp' }), /sip\.tls\.key: \/tmp can't be read \(EISDIR\)/],
    ['a certificate file without one', written('cert', 'hello'), /sip\.tls\.cert: .* holds no certificate; it must be PEM/],
    ['a key file without one', written('key', 'hello'), /sip\.tls\.key: .* holds no private key/],
    [
      'a key with a passphrase',
      written('key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\n'),
      /wants a passphrase; store the key without one/,
    ],
    ['a key of another certificate', written('key', stranger.key), /is not the key of .*; give both as they were made together/],
    ['an authority file without a certificate', written('ca', 'hello'), /sip\.tls\.ca: .* holds no certificate/],
    [
      'a file beyond all measure',
      written('ca', 'x'.repeat(1_048_577)),
      /sip\.tls\.ca: .* can't be read \(it is larger than 1 MiB\)/,
    ],
  ])('with %s says which file is to be mended, and how', async (_, spoil, message) => {
    const files = await spoil(await tlsFiles(own, ca.cert))
    await expect(readTlsCredentials(files)).rejects.toThrow(message)
  })
})

function written(file: 'cert' | 'key' | 'ca', text: string): (files: TlsFiles) => Promise<TlsFiles> {
  return async files => {
    await writeFile(files[file] ?? '', text)
    return files
  }
}

it('a stop closes connections in the middle of their handshake', async () => {
  const { at, layer } = await secureLayer()
  const socket = connect(at.port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('connect', resolve))
  await layer.stop()
  await vi.waitFor(() => expect(socket.destroyed).toBe(true), settled)
})
