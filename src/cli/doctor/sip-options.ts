/** Asks a SIP peer whether it is there: one OPTIONS (RFC 3261 section 11), of which any answer will do. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContextOptions } from 'node:tls'
import { StreamFraming } from '../../sip/embedded/transport/stream-framing.ts'
import { headerValue } from '../../sip/message/headers.ts'
import type { SipMessage } from '../../sip/message/message.ts'
import { parseMessage } from '../../sip/message/parse.ts'
import { serializeMessage } from '../../sip/message/serialize.ts'

export interface AskedPeer {
  /** An IP address. */
  readonly address: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls'
  /** As configured: a name or an address. For the request and for TLS. */
  readonly host: string
}

export type OptionsAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly afterMs: number }
  | { readonly kind: 'silent' }
  /** `reason`: the system's or TLS's own code. */
  | { readonly kind: 'unreachable'; readonly reason: string }

export interface AskOptions {
  /** Until then or never. */
  readonly withinMs: number
  /** For the answer's name: hexadecimal, fresh for each request. */
  readonly token: string
  /** Ms, rising. */
  readonly now: () => number
  /** Our certificate and whom we believe, for TLS. Whether the peer's certificate fits is the server's business: here an answer counts. */
  readonly tls: SecureContextOptions
  readonly signal: AbortSignal
}

/** RFC 3261 17.1.2.2: T1, and its double. */
const repeatAfterMs = [500, 1500]

/** Never rejects. Over UDP the request is repeated as the RFC has it. */
export async function askOptions(peer: AskedPeer, options: AskOptions): Promise<OptionsAnswer> {
  const startedAt = options.now()
  const signal = AbortSignal.any([AbortSignal.timeout(options.withinMs), options.signal])
  try {
    const status = peer.transport === 'udp' ? await overUdp(peer, options, signal) : await overStream(peer, options, signal)
    return { kind: 'answered', status, afterMs: Math.round(options.now() - startedAt) }
  } catch (error) {
    if (signal.aborted) return { kind: 'silent' }
    return { kind: 'unreachable', reason: codeOf(error) }
  }
}

async function overUdp(peer: AskedPeer, options: AskOptions, signal: AbortSignal): Promise<number> {
  const socket = createSocket(isIP(peer.address) === 6 ? 'udp6' : 'udp4')
  const repeats: NodeJS.Timeout[] = []
  try {
    const connected = once(socket, 'connect', { signal })
    socket.connect(peer.port, peer.address)
    await connected
    const { address, port } = socket.address()
    const request = requestTo(peer, { address, port }, options.token)
    const answered = new Promise<number>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      // A connected socket hears of ICMP's "port unreachable".
      socket.on('error', reject)
      socket.on('message', bytes => {
        const parsed = parseMessage(bytes)
        const status = parsed.ok ? statusFor(parsed.message, options.token) : null
        if (status !== null) resolve(status)
      })
    })
    const send = (): void => socket.send(request)
    send()
    for (const afterMs of repeatAfterMs) repeats.push(setTimeout(send, afterMs))
    return await answered
  } finally {
    for (const repeat of repeats) clearTimeout(repeat)
    socket.removeAllListeners('error').on('error', () => {}) // what still comes of the last datagram concerns nobody
    socket.close()
  }
}

async function overStream(peer: AskedPeer, options: AskOptions, signal: AbortSignal): Promise<number> {
  const { address, port, host } = peer
  const socket: Socket =
    peer.transport === 'tls'
      ? connectTls({
          ...options.tls,
          host: address,
          port,
          rejectUnauthorized: false,
          ...(isIP(host) === 0 ? { servername: host } : {}),
        })
      : connect({ host: address, port })
  try {
    await once(socket, peer.transport === 'tls' ? 'secureConnect' : 'connect', { signal })
    const framing = new StreamFraming()
    const answered = new Promise<number>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('closed the connection without an answer')))
      socket.on('data', (bytes: Buffer) => {
        for (const framed of framing.push(bytes)) {
          if (framed.kind === 'malformed') reject(new Error(`answered no SIP (${framed.reason})`))
          const status = framed.kind === 'message' ? statusFor(framed.message, options.token) : null
          if (status !== null) resolve(status)
        }
      })
    })
    socket.write(requestTo(peer, { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, options.token))
    return await answered
  } finally {
    socket.removeAllListeners('error').on('error', () => {}) // it is over
    socket.destroy()
  }
}

function requestTo(peer: AskedPeer, local: { readonly address: string; readonly port: number }, token: string): Buffer {
  const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)
  const here = `${bracketed(local.address)}:${local.port}`
  const suffix = peer.transport === 'udp' ? '' : `;transport=${peer.transport}`
  const uri = `sip:${bracketed(peer.host)}:${peer.port}${suffix}`
  const headers = {
    Via: `SIP/2.0/${peer.transport.toUpperCase()} ${here};rport;branch=z9hG4bK${token}`,
    'Max-Forwards': '70',
    From: `<sip:doctor@${bracketed(local.address)}>;tag=${token.slice(0, 8)}`,
    To: `<${uri}>`,
    'Call-ID': token,
    CSeq: '1 OPTIONS',
    Contact: `<sip:doctor@${here}${suffix}>`,
    Accept: 'application/sdp',
  }
  return serializeMessage({
    kind: 'request',
    method: 'OPTIONS',
    uri,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    body: Buffer.alloc(0),
  })
}

/** The status of a final answer to that request; `null` for anything else. */
function statusFor(message: SipMessage, token: string): number | null {
  return message.kind === 'response' && message.status >= 200 && headerValue(message, 'Call-ID')?.trim() === token
    ? message.status
    : null
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
