import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  digestParams,
  digestResponse,
  parseCredentials,
  withoutCredentials,
} from '../../../src/sip/embedded/guard/digest.ts'
import { DigestAuthenticator } from '../../../src/sip/embedded/guard/digest-authenticator.ts'
import { Nonces } from '../../../src/sip/embedded/guard/nonces.ts'
import { SipGuard } from '../../../src/sip/embedded/guard/sip-guard.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { routed, startApp, startServer } from './control-peers.ts'
import { outgoing, requestText } from './transaction-peers.ts'

const user = { username: 'branch', password: 'open "sesame"', side: 'pbx' }
const REALM = 'tpe-bridge'
const URI = 'sip:bob@127.0.0.1'

/** What a device answers to a challenge's value. */
function answerTo(
  challenge: string,
  method: string,
  parts: { password?: string; count?: number; username?: string; uri?: string } = {},
): string {
  const params = digestParams(challenge)
  const { password = user.password, count = 1, username = user.username, uri = URI } = parts
  const algorithm: DigestAlgorithm = params?.get('algorithm') === 'SHA-256' ? 'SHA-256' : 'MD5'
  const nc = count.toString(16).padStart(8, '0')
  const [realm, nonce] = [params?.get('realm') ?? '', params?.get('nonce') ?? '']
  const response = digestResponse({ username, realm, nonce, nc, cnonce: 'c0ffee', uri, algorithm }, method, password)
  return `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=${algorithm}, cnonce="c0ffee", qop=auth, nc=${nc}`
}

describe('the arithmetic', () => {
  // RFC 7616 section 3.9.1.
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('gives the response of the RFC with %s', (algorithm, response) => {
    const mufasa = {
      username: 'Mufasa',
      realm: 'http-auth@example.org',
      nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
      uri: '/dir/index.html',
      nc: '00000001',
      cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
      algorithm,
    }
    expect(digestResponse(mufasa, 'GET', 'Circle of Life')).toBe(response)
  })

  it('reads credentials whatever comes, and only whole ones', () => {
    const whole = answerTo(`Digest realm="${REALM}",nonce="n"`, 'INVITE')
    expect(parseCredentials(whole)).toMatchObject({ username: 'branch', realm: REALM, uri: URI, count: 1 })
    expect(parseCredentials('NoOneKnowsThisScheme opaque-data=here')).toBeNull()
    for (const part of ['username', 'nonce', 'response', 'cnonce', 'qop', 'nc', 'uri'])
      expect(parseCredentials(whole.replace(`${part}=`, `x${part}=`)), part).toBeNull()
    fc.assert(fc.property(fc.string(), text => void parseCredentials(`Digest ${text}`)))
  })

  it('only the credentials for our realm are taken out', () => {
    const headers = [
      { name: 'Proxy-Authorization', value: `Digest realm="${REALM}", username="a"` },
      { name: 'Authorization', value: 'Digest realm="pbx", username="a"' },
    ]
    const request = outgoing('INVITE', headers)
    expect(withoutCredentials(request, REALM).headers).toEqual(
      request.headers.filter(field => field.name !== 'Proxy-Authorization'),
    )
    expect(withoutCredentials(request, null)).toBe(request)
  })
})

describe('nonces', () => {
  const nonces = (maxInUse = 10) => {
    const clock = { now: 1_000_000 }
    return { clock, nonces: new Nonces({ secret: Buffer.alloc(16, 7), lifetimeMs: 1000, maxInUse, now: () => clock.now }) }
  }

  it('are good for their source, for their time, with a growing count', () => {
    const { nonces: own, clock } = nonces()
    const nonce = own.issue('192.0.2.1')
    expect(own.use(nonce, '192.0.2.1', 1)).toBe('good')
    expect(own.use(nonce, '192.0.2.1', 1)).toBe('stale')
    expect(own.use(nonce, '192.0.2.1', 7)).toBe('good')
    expect(own.use(nonce, '192.0.2.1', 6)).toBe('stale')
    expect(own.use(nonce, '192.0.2.2', 8)).toBe('foreign')
    expect(own.use('made.up', '192.0.2.1', 1)).toBe('foreign')
    clock.now += 1000
    expect(own.use(nonce, '192.0.2.1', 9)).toBe('stale')
  })

  it('no count is taken twice, however many nonces are in use', () => {
    const use = fc.record({
      nonce: fc.integer({ min: 0, max: 7 }),
      count: fc.integer({ min: 1, max: 4 }),
      pass: fc.integer({ min: 0, max: 20 }),
    })
    fc.assert(
      fc.property(fc.array(use, { maxLength: 60 }), uses => {
        const { nonces: own, clock } = nonces(3)
        const issued = Array.from({ length: 8 }, () => {
          clock.now++
          return own.issue('192.0.2.1')
        })
        const taken = new Set<string>()
        for (const { nonce, count, pass } of uses) {
          clock.now += pass
          if (own.use(issued[nonce] ?? '', '192.0.2.1', count) !== 'good') continue
          expect(taken.has(`${nonce} ${count}`)).toBe(false)
          taken.add(`${nonce} ${count}`)
        }
      }),
    )
  })
})

/** A guarded server that lets who authenticates reach an application answering 486, and a device at another address. */
async function guardedServer() {
  const clock = { ahead: 0 }
  const now = (): number => Date.now() + clock.ahead
  const welcomed: string[] = []
  const authenticator = new DigestAuthenticator({
    realm: REALM,
    users: [user],
    secret: randomBytes(32),
    now,
    onAuthenticated: ({ side }, { address }) => welcomed.push(`${side} ${address}`),
  })
  const guard = new SipGuard({
    isPeer: () => false,
    scanners: [],
    authenticate: (source, request) => authenticator.authenticate(source, request),
    limits: { stranger: { perSecond: 1000, burst: 1000 } },
    now,
    log: { warn: () => {} },
  })
  const running = await startServer({ guard, realm: REALM })
  const srf = await startApp(running.control)
  srf.invite((_req, res) => res.send(486))
  await routed(running.server, 'invite')
  return { ...running, authenticator, guard, welcomed, clock, device: () => device(running.udp, '127.0.0.9') }
}

async function device(to: HopAddress, address: string) {
  const socket = createSocket('udp4')
  const heard: string[] = []
  socket.on('message', bytes => heard.push(bytes.toString()))
  socket.bind(0, address)
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const own: HopAddress = { transport: 'udp', address, port: socket.address().port }
  let serial = 0
  /** Sends a request, and gives its final response and the challenges in it. */
  const ask = async (method: string, headers: readonly string[] = []) => {
    const callId = `${address}-${++serial}`
    const text = requestText(method, own, {
      callId,
      headers: [
        'Contact: <sip:branch@127.0.0.9>',
        'User-Agent: a device with a name of some length',
        'Allow: INVITE, ACK, BYE, CANCEL',
        ...headers,
      ],
    })
    socket.send(text, to.port, to.address)
    const answer = await vi.waitFor(() => {
      const found = heard.find(
        message => /(?:Call-ID: |\ni:)(\S+)/.exec(message)?.[1] === callId && !message.startsWith('SIP/2.0 100'),
      )
      if (found === undefined) throw new Error('no answer yet')
      return found
    })
    const challenges = [...answer.matchAll(/(?:WWW|Proxy)-Authenticate: (.*)\r\n/g)].map(([, value]) => value ?? '')
    return {
      status: Number(answer.slice(8, 11)),
      challenges,
      answer,
      asked: Buffer.byteLength(text),
      size: Buffer.byteLength(answer),
    }
  }
  return { ask }
}

describe('a stranger', () => {
  it.each(DIGEST_ALGORITHMS)('gets in with the password, by %s', async algorithm => {
    const { device: start, welcomed, authenticator } = await guardedServer()
    const { ask } = await start()
    const padding = `X-Padding: ${'x'.repeat(200)}`
    const first = await ask('INVITE', [padding])
    expect(first).toMatchObject({ status: 407 })
    expect(first.size).toBeLessThanOrEqual(first.asked)
    expect(first.challenges.map(value => digestParams(value)?.get('algorithm'))).toEqual(['SHA-256', undefined])
    const challenge = first.challenges[DIGEST_ALGORITHMS.indexOf(algorithm)] ?? ''
    const second = await ask('INVITE', [`Proxy-Authorization: ${answerTo(challenge, 'INVITE')}`])
    expect(second.status).toBe(486)
    expect(welcomed).toEqual(['pbx 127.0.0.9'])
    expect(authenticator.counters).toEqual({ challenged: 1, authenticated: 1, stale: 0, wrong: 0 })
  })

  it('that asks with little is challenged with little, by what every device knows', async () => {
    const { device: start } = await guardedServer()
    const { ask } = await start()
    const first = await ask('REGISTER')
    expect(first.status).toBe(401)
    expect(first.size).toBeLessThanOrEqual(first.asked)
    expect(first.challenges.map(value => digestParams(value)?.get('algorithm'))).toEqual([undefined])
  })

  it('cannot send overheard credentials again, but learns that its own are merely stale', async () => {
    const { device: start } = await guardedServer()
    const { ask } = await start()
    const [challenge = ''] = (await ask('INVITE')).challenges
    const credentials = `Proxy-Authorization: ${answerTo(challenge, 'INVITE')}`
    expect((await ask('INVITE', [credentials])).status).toBe(486)
    const again = await ask('INVITE', [credentials])
    expect(again.status).toBe(407)
    expect(again.challenges[0]).toContain('stale=true')
    expect((await ask('INVITE', [`Proxy-Authorization: ${answerTo(challenge, 'INVITE', { count: 2 })}`])).status).toBe(486)
  })

  it('whose challenge is too old gets a new one', async () => {
    const { device: start, clock } = await guardedServer()
    const { ask } = await start()
    const [challenge = ''] = (await ask('INVITE')).challenges
    clock.ahead = 300_000
    const late = await ask('INVITE', [`Proxy-Authorization: ${answerTo(challenge, 'INVITE')}`])
    expect(late.challenges[0]).toContain('stale=true')
    expect((await ask('INVITE', [`Proxy-Authorization: ${answerTo(late.challenges[0] ?? '', 'INVITE')}`])).status).toBe(486)
  })

  it.each([
    ['a wrong password', { password: 'guess' }],
    ['an unknown name', { username: 'nobody' }],
    ['the credentials of another call', { uri: 'sip:carol@127.0.0.1' }],
  ])('with %s is challenged again, and is no peer', async (_what, parts) => {
    const { device: start, welcomed, authenticator } = await guardedServer()
    const { ask } = await start()
    const [challenge = ''] = (await ask('INVITE')).challenges
    const answer = await ask('INVITE', [`Proxy-Authorization: ${answerTo(challenge, 'INVITE', parts)}`])
    expect(answer.status).toBe(407)
    expect(answer.answer).not.toContain('stale')
    expect(welcomed).toEqual([])
    expect(authenticator.counters.wrong).toBe(1)
  })

  it('cannot use the challenge that another address got', async () => {
    const { udp, welcomed } = await guardedServer()
    const [one, other] = [await device(udp, '127.0.0.9'), await device(udp, '127.0.0.8')]
    const [challenge = ''] = (await one.ask('INVITE')).challenges
    expect((await other.ask('INVITE', [`Proxy-Authorization: ${answerTo(challenge, 'INVITE')}`])).status).toBe(407)
    expect(welcomed).toEqual([])
  })
})
