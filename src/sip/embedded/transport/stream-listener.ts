/** One TCP or TLS listener: hands over every connection that may stay, a TLS one once its handshake is done. Knows nothing of SIP. */
import { once } from 'node:events'
import { createServer, isIP, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import type { HopAddress } from '../../message/message.ts'
import type { SipCounters } from '../sip-counters.ts'
import type { SipLog } from '../sip-log.ts'
import type { AdmittedSockets } from './admitted-sockets.ts'
import type { TlsCredentials } from './tls-credentials.ts'

export interface StreamListenerParts {
  readonly admission: AdmittedSockets
  readonly counters: SipCounters
  readonly log: SipLog
  /** How long a TLS handshake may take, ms. */
  readonly handshakeTimeoutMs: number
  readonly onConnection: (socket: Socket, transport: HopAddress['transport']) => void
}

export class StreamListener {
  readonly #address: HopAddress
  readonly #parts: StreamListenerParts
  readonly #server: Server
  /** Makes TLS connections of those that came in; has no socket of its own. */
  #handshakes: TlsServer | null = null
  #bound: HopAddress | null = null

  constructor(address: HopAddress, parts: StreamListenerParts) {
    this.#address = address
    this.#parts = parts
    this.#server = createServer({ noDelay: true }, socket => this.#accept(socket))
    this.#server.on('error', error => parts.log.warn({ err: error, ...address }, 'sip listener failed'))
  }

  /** The address it is bound to, with the port that the system chose; the configured one before start. */
  get bound(): HopAddress {
    return this.#bound ?? this.#address
  }

  /** Binds; rejects with the system's error. `credentials`: what a TLS listener shows, `null` for TCP. */
  async start(credentials: TlsCredentials | null): Promise<void> {
    const { transport, address, port } = this.#address
    if (transport === 'tls' && credentials !== null) this.#handshakes = this.#tlsServer(credentials)
    this.#server.listen({ host: address, port, ipv6Only: isIP(address) === 6 })
    await once(this.#server, 'listening')
    const bound = this.#server.address()
    if (bound !== null && typeof bound !== 'string') this.#bound = { transport, address, port: bound.port }
  }

  /** Shows another certificate from the next handshake on. */
  renew(credentials: TlsCredentials): void {
    this.#handshakes?.setSecureContext(credentials.context)
  }

  /** Takes no more connections; resolves when those that are there have been closed by whoever has them. */
  stop(): Promise<void> {
    return new Promise(resolve => this.#server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    const { admission, onConnection } = this.#parts
    // What is still in its handshake has nobody else who listens for errors.
    socket.on('error', () => {})
    if (!admission.admit(socket)) return
    if (this.#address.transport === 'tcp') onConnection(socket, 'tcp')
    else this.#handshakes?.emit('connection', socket)
  }

  #tlsServer({ context, verifyPeers }: TlsCredentials): TlsServer {
    const { counters, log, handshakeTimeoutMs, onConnection } = this.#parts
    const everyone = verifyPeers === 'everyone'
    const server = createTlsServer(
      { ...context, handshakeTimeout: handshakeTimeoutMs, requestCert: everyone, rejectUnauthorized: everyone },
      socket => onConnection(socket, 'tls'),
    )
    server.on('tlsClientError', (error, socket) => {
      counters.tlsHandshakesFailed++
      // The first, then every 1,000th: scanners try TLS as they try everything.
      const level = counters.tlsHandshakesFailed % 1000 === 1 ? 'warn' : 'debug'
      log[level](
        { err: error, address: socket.remoteAddress, failed: counters.tlsHandshakesFailed },
        'tls handshake of a peer failed',
      )
      socket.destroy()
    })
    return server
  }
}
