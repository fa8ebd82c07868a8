/** A PBX that lets its extensions be watched: a notifier of RFC 6665 and RFC 4235 on UDP, which a test scripts. */
import { createHash, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { onTestFinished, vi } from 'vitest'
import { responseTo } from '../../../src/sip/embedded/responses.ts'
import { headerValue, headerValues } from '../../../src/sip/message/headers.ts'
import type { HeaderField, SipMessage, SipRequest } from '../../../src/sip/message/message.ts'
import { parseNameAddr, tagOf } from '../../../src/sip/message/name-addr.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { serializeMessage } from '../../../src/sip/message/serialize.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { type MadeDialog, madeDocument } from './captures.ts'

/** How it behaves; a test changes what it likes at any time. */
export interface Habits {
  /** `null`: no challenge. */
  password: string | null
  algorithm: 'MD5' | 'SHA-256'
  /** 401 or 407. */
  challenge: 401 | 407
  /** Seconds that it grants at most, and at least (423). */
  most: number
  least: number
  /** Refuse every SUBSCRIBE with that status. */
  refuse: number | null
  /** The NOTIFY goes out before the answer. */
  hasty: boolean
  /** Answer nothing. */
  deaf: boolean
}

interface Subscription {
  readonly callId: string
  readonly local: string
  readonly remote: string
  readonly target: string
  seq: number
  version: number
}

export interface Notifier {
  readonly habits: Habits
  /** Every SUBSCRIBE, without retransmissions. */
  readonly subscribes: readonly SipRequest[]
  /** Final responses to our NOTIFYs. */
  readonly answers: readonly number[]
  uri(extension: string): string
  /** Subscriptions that stand, by extension. */
  readonly standing: ReadonlyMap<string, Subscription>
  /** Tells the watcher of the extension; by default of everything, in the next version. */
  tell(extension: string, dialogs: readonly MadeDialog[], how?: { state?: 'full' | 'partial'; skip?: number }): void
  /** Tells the watcher of the extension in the words of another PBX: a whole document, and its User-Agent. */
  pass(extension: string, body: string, userAgent?: string): void
  /** Ends the subscription from its own side. */
  terminate(extension: string, reason: string): void
  /** Forgets everything, as a PBX that is started again. */
  restart(): void
  /** The n-th SUBSCRIBE (from 0), once it has come. */
  subscribe(n: number): Promise<SipRequest>
}

export async function startNotifier(given: Partial<Habits> = {}): Promise<Notifier> {
  const habits: Habits = {
    password: null,
    algorithm: 'MD5',
    challenge: 401,
    most: 3600,
    least: 0,
    refuse: null,
    hasty: false,
    deaf: false,
    ...given,
  }
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const { port } = socket.address()
  const standing = new Map<string, Subscription>()
  const dialogsOf = new Map<string, readonly MadeDialog[]>()
  const subscribes: SipRequest[] = []
  const answers: number[] = []
  const seen = new Map<string, SipMessage>()
  const nonces = new Set<string>()

  const sendTo = (message: SipMessage, to: { port: number }): void => socket.send(serializeMessage(message), to.port, '127.0.0.1')

  function notify(extension: string, subscription: Subscription, state: string, body: string, userAgent = 'notifier'): void {
    subscription.seq += 1
    const notice: SipRequest = {
      kind: 'request',
      method: 'NOTIFY',
      uri: subscription.target,
      headers: [
        { name: 'Via', value: `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${randomBytes(6).toString('hex')};rport` },
        { name: 'Max-Forwards', value: '70' },
        { name: 'From', value: subscription.local },
        { name: 'To', value: subscription.remote },
        { name: 'Call-ID', value: subscription.callId },
        { name: 'CSeq', value: `${subscription.seq} NOTIFY` },
        { name: 'Contact', value: `<sip:${extension}@127.0.0.1:${port}>` },
        { name: 'Event', value: 'dialog' },
        { name: 'Subscription-State', value: state },
        { name: 'User-Agent', value: userAgent },
        { name: 'Content-Type', value: 'application/dialog-info+xml' },
      ],
      body: Buffer.from(body),
    }
    sendTo(notice, { port: parseUri(subscription.target)?.port ?? 5060 })
  }

  function everything(extension: string, subscription: Subscription, state = 'active'): void {
    notify(extension, subscription, state, madeDocument(subscription.version, 'full', dialogsOf.get(extension) ?? []))
  }

  function isAuthentic(request: SipRequest): boolean {
    const given = headerValue(request, habits.challenge === 401 ? 'Authorization' : 'Proxy-Authorization')
    if (given === null) return false
    const field = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(given)?.[1] ?? ''
    const hash = (...parts: string[]): string =>
      createHash(habits.algorithm === 'MD5' ? 'md5' : 'sha256')
        .update(parts.join(':'))
        .digest('hex')
    const ha1 = hash(field('username'), 'pbx', habits.password ?? '')
    const expected = hash(ha1, field('nonce'), field('nc'), field('cnonce'), 'auth', hash('SUBSCRIBE', request.uri))
    return nonces.delete(field('nonce')) && field('response') === expected && field('uri') === request.uri
  }

  function onSubscribe(request: SipRequest, from: { port: number }): void {
    const branch = headerValue(request, 'Via') ?? ''
    const before = seen.get(branch)
    if (before !== undefined) {
      sendTo(before, from)
      return
    }
    subscribes.push(request)
    const extension = parseUri(parseNameAddr(headerValue(request, 'To') ?? '')?.uri ?? '')?.user ?? ''
    const tag = tagOf(headerValue(request, 'To') ?? '')
    const answer = (status: number, headers: readonly HeaderField[] = [], toTag = 'refused'): void => {
      const response = responseTo(request, status, { toTag, headers })
      seen.set(branch, response)
      sendTo(response, from)
    }
    if (habits.refuse !== null) {
      answer(habits.refuse)
      return
    }
    if (habits.password !== null && !isAuthentic(request)) {
      const nonce = randomBytes(6).toString('hex')
      nonces.add(nonce)
      const name = habits.challenge === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
      const value = `Digest realm="pbx", nonce="${nonce}", qop="auth,auth-int", algorithm=${habits.algorithm}, opaque="x"`
      answer(habits.challenge, [{ name, value }])
      return
    }
    if (tag !== null && standing.get(extension)?.local.endsWith(tag) !== true) {
      answer(481)
      return
    }
    const asked = Number(headerValue(request, 'Expires'))
    if (asked > 0 && asked < habits.least) {
      answer(423, [{ name: 'Min-Expires', value: String(habits.least) }])
      return
    }
    const local =
      tag === null ? `${headerValue(request, 'To')};tag=${randomBytes(4).toString('hex')}` : (headerValue(request, 'To') ?? '')
    const subscription: Subscription = (tag === null ? undefined : standing.get(extension)) ?? {
      callId: headerValue(request, 'Call-ID') ?? '',
      local,
      remote: headerValue(request, 'From') ?? '',
      target: parseNameAddr(headerValues(request, 'Contact')[0] ?? '')?.uri ?? '',
      seq: 0,
      version: 0,
    }
    const granted = Math.min(asked, habits.most)
    const accept = (): void =>
      answer(
        200,
        [
          { name: 'Expires', value: String(granted) },
          { name: 'Contact', value: `<sip:${extension}@127.0.0.1:${port}>` },
        ],
        tagOf(local) ?? '',
      )
    if (!habits.hasty) accept()
    if (granted > 0) {
      standing.set(extension, subscription)
      if (tag !== null) subscription.version += 1
      everything(extension, subscription, `active;expires=${granted}`)
    } else {
      standing.delete(extension)
      everything(extension, subscription, 'terminated;reason=timeout')
    }
    if (habits.hasty) accept()
  }

  socket.on('message', (bytes, from) => {
    if (habits.deaf) return
    const parsed = parseMessage(bytes)
    if (!parsed.ok) throw new Error(parsed.reason)
    const { message } = parsed
    if (message.kind === 'response') answers.push(message.status)
    else if (message.method === 'SUBSCRIBE') onSubscribe(message, from)
  })

  return {
    habits,
    subscribes,
    answers,
    standing,
    uri: extension => `sip:${extension}@127.0.0.1:${port}`,
    tell(extension, dialogs, { state = 'full', skip = 0 } = {}) {
      const subscription = standing.get(extension)
      if (subscription === undefined) throw new Error(`nobody watches ${extension}`)
      dialogsOf.set(extension, dialogs)
      subscription.version += 1 + skip
      notify(extension, subscription, 'active', madeDocument(subscription.version, state, dialogs))
    },
    pass(extension, body, userAgent) {
      const subscription = standing.get(extension)
      if (subscription === undefined) throw new Error(`nobody watches ${extension}`)
      notify(extension, subscription, 'active', body, userAgent)
    },
    terminate(extension, reason) {
      const subscription = standing.get(extension)
      if (subscription === undefined) throw new Error(`nobody watches ${extension}`)
      standing.delete(extension)
      everything(extension, subscription, `terminated;reason=${reason}`)
    },
    restart() {
      standing.clear()
    },
    subscribe: n =>
      vi.waitFor(
        () => {
          const request = subscribes[n]
          if (request === undefined) throw new Error(`${subscribes.length} SUBSCRIBEs came, not ${n + 1}`)
          return request
        },
        { timeout: 4_000, interval: 5 },
      ),
  }
}
