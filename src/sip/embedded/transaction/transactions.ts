/**
 * The transaction layer of RFC 3261 section 17 on real sockets: the transports below, the two tables of transactions beside each other, the
 * user above. Gives every message that arrives to the one whom it concerns.
 */
import { firstValue } from '../../message/headers.ts'
import type { HopAddress, SeenMessage, SipMessage, SipRequest, SipResponse } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import { parseVia } from '../../message/via.ts'
import type { IdSource } from '../identifiers.ts'
import { countMalformed, newSipCounters, type SipCounters } from '../sip-counters.ts'
import { DEFAULT_SIP_LIMITS, type SipLimits } from '../sip-limits.ts'
import type { SipLog } from '../sip-log.ts'
import type { Destination } from '../transport/destination.ts'
import { defaultPort } from '../transport/listen-address.ts'
import { type Interfaces, LocalAddresses } from '../transport/local-addresses.ts'
import type { Refusal } from '../transport/refusal.ts'
import type { TlsFiles } from '../transport/tls-credentials.ts'
import { type ResponseRoute, SipTransports } from '../transport/transports.ts'
import { stampedSource } from '../transport/via-routing.ts'
import type { Admit } from './admission.ts'
import { CallbackGuard } from './callback-guard.ts'
import { ClientTransactions } from './client-transactions.ts'
import { ServerTransactions } from './server-transactions.ts'
import { DEFAULT_SIP_TIMERS, type SipTimers } from './sip-timers.ts'
import type { ClientTransaction, ClientTransactionUser, TransactionLayer, TransactionUser } from './transaction-layer.ts'

export interface TransactionsOptions {
  /** `udp://127.0.0.1:5060`, `tls://[::1]:0`…; at least one. */
  readonly listen: readonly string[]
  /** What `tls://` needs. */
  readonly tls?: TlsFiles
  /** Host names by which an IP address is known: over TLS, a certificate for one will do where a URI names the address. */
  readonly namesOf?: (address: string) => readonly string[]
  readonly ids: IdSource
  readonly log: SipLog
  /** Epoch milliseconds: when a message was seen. */
  readonly now: () => number
  /** `os.networkInterfaces()`: what stands behind a socket bound to a wildcard. */
  readonly interfaces: Interfaces
  readonly timers?: SipTimers
  readonly limits?: Partial<SipLimits>
  /** Asked once for each new request, before anything is kept of it. */
  readonly accept?: Admit
  /** Told of each sender of bytes that are no message, nor enough of a request to ask `accept` about. */
  readonly onMalformed?: (source: HopAddress) => void
  /**
   * The tap at the asking side: each new request, stray ACK and CANCEL once, and each response that a server transaction sends but 100
   * and retransmissions. Also a response that is passed on without a transaction: an answer that comes after a restart is seen once more
   * for each time that its sender repeats it.
   */
  readonly onSeen?: (seen: SeenMessage) => void
}

export class SipTransactions implements TransactionLayer {
  readonly counters: SipCounters = newSipCounters()
  readonly #log: SipLog
  readonly #now: () => number
  readonly #guard: CallbackGuard
  readonly #onSeen: TransactionsOptions['onSeen']
  readonly #onMalformed: TransactionsOptions['onMalformed']
  readonly #transports: SipTransports
  readonly #servers: ServerTransactions
  readonly #clients: ClientTransactions
  #user: TransactionUser | null = null

  /** Throws when an address to listen on can't be read. */
  constructor(options: TransactionsOptions) {
    const { counters } = this
    const { ids, log, now, accept, onSeen, timers = DEFAULT_SIP_TIMERS } = options
    const limits: SipLimits = { ...DEFAULT_SIP_LIMITS, ...options.limits }
    const guard = new CallbackGuard(counters, log)
    const transports = new SipTransports({
      listen: options.listen,
      tls: options.tls ?? null,
      namesOf: options.namesOf ?? (() => []),
      addresses: new LocalAddresses(options.interfaces),
      limits,
      counters,
      log,
      now,
      onMalformed: (refusal, source, local, size) => this.#malformed(refusal, source, local, size),
      onMessage: (message, source, local, size) => this.#receive(message, source, local, size),
    })
    const full = (): boolean => this.#servers.size + this.#clients.size >= limits.maxTransactions
    const send = (bytes: Buffer, route: ResponseRoute): void => this.#sendResponse(bytes, route)
    this.#log = log
    this.#now = now
    this.#guard = guard
    this.#onSeen = onSeen
    this.#onMalformed = options.onMalformed
    this.#transports = transports
    this.#servers = new ServerTransactions({ ids, timers, counters, guard, now, full, accept, onSeen, send })
    this.#clients = new ClientTransactions({ transports, ids, timers, counters, log, guard })
  }

  /** Opens the sockets and begins to call the user. Rejects when a socket can't be opened, with what to do about it. */
  async start(user: TransactionUser): Promise<void> {
    this.#user = user
    await this.#transports.start()
  }

  /** Reads the files of `tls` again. Rejects with what is wrong with them; the old ones are then used further. */
  renewCertificate(): Promise<void> {
    return this.#transports.renewCertificate()
  }

  /** Ends every transaction without a word and closes the sockets. */
  async stop(): Promise<void> {
    this.#user = null
    this.#servers.stop()
    this.#clients.stop()
    await this.#transports.stop()
  }

  /** The open addresses, with the ports that the system chose; a wildcard stays a wildcard. */
  get listening(): readonly HopAddress[] {
    return this.#transports.listening
  }

  /** What is held now, lingering transactions included. */
  get held(): { readonly serverTransactions: number; readonly clientTransactions: number; readonly connections: number } {
    return {
      serverTransactions: this.#servers.size,
      clientTransactions: this.#clients.size,
      connections: this.#transports.connections,
    }
  }

  localFor(destination: HopAddress): HopAddress | null {
    return this.#transports.localFor(destination)
  }

  /** Never refuses: what can't be sent is reported to `user.onFailure` in a later tick. */
  request(request: SipRequest, destination: Destination, user: ClientTransactionUser): ClientTransaction {
    return this.#clients.start(request, destination, user)
  }

  sendStateless(message: SipRequest, destination: Destination): void {
    const bytes = serializeMessage(this.#clients.stamped(message, destination))
    this.#transports.send(bytes, destination, error => this.#logUnsent(error, destination))
  }

  sendResponseStateless(response: SipResponse): void {
    const via = parseVia(firstValue(response, 'Via') ?? '')
    const source = via === null ? null : stampedSource(via)
    if (via === null || source === null) {
      this.#log.warn({ status: response.status }, 'response has no via to follow')
      return
    }
    const port = source.transport === 'udp' ? source.port : (via.port ?? defaultPort(source.transport))
    const onSeen = this.#onSeen
    if (onSeen !== undefined) {
      this.#guard.run('onSeen', () => onSeen({ at: this.#now(), direction: 'sent', peer: source, message: response }))
    }
    this.#sendResponse(serializeMessage(response), { source, local: null, port, domain: via.host })
  }

  #receive(message: SipMessage, source: HopAddress, local: HopAddress, size: number): void {
    const user = this.#user
    if (user === null) return
    if (message.kind === 'request') {
      const via = parseVia(firstValue(message, 'Via') ?? '')
      if (via === null) countMalformed(this.counters, 'bad-via')
      else this.#servers.receive({ request: message, via, source, local, size, at: this.#now() }, user)
    } else if (!this.#clients.receive(message)) {
      this.counters.strayResponses++
      this.#guard.run('onStrayResponse', () => user.onStrayResponse(message, source, local))
    }
  }

  #malformed(refusal: Refusal | null, source: HopAddress, local: HopAddress, size: number): void {
    if (this.#user === null) return
    if (refusal === null) {
      const onMalformed = this.#onMalformed
      if (onMalformed !== undefined) this.#guard.run('onMalformed', () => onMalformed(source))
      return
    }
    const { request, via, status, reason } = refusal
    if (this.#servers.refuseMalformed({ request, via, source, local, size, at: this.#now() }, status, reason))
      this.counters.malformedAnswered++
  }

  #sendResponse(bytes: Buffer, route: ResponseRoute): void {
    this.#transports.sendResponse(bytes, route, error => this.#logUnsent(error, route.source))
  }

  #logUnsent(error: Error, destination: HopAddress): void {
    this.#log.warn({ err: error, ...destination }, 'sip message not sent')
  }
}
