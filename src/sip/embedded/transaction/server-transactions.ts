/**
 * The table of server transactions (RFC 3261 section 17.2): what is new goes to the user, what is known to its transaction.
 *
 * 1. A transaction is in the table from its making until it calls `ended`; `stop` empties it and clears every timer.
 * 2. A request that finds no room (503), that may not come in or that cannot be acted on is answered without keeping anything of it.
 */
import { headerValue } from '../../message/headers.ts'
import type { HeaderField, HopAddress, SeenMessage, SipRequest, SipResponse } from '../../message/message.ts'
import { tagOf } from '../../message/name-addr.ts'
import { serializeMessage } from '../../message/serialize.ts'
import type { Via } from '../../message/via.ts'
import type { IdSource } from '../identifiers.ts'
import { responseTo } from '../responses.ts'
import type { SipCounters } from '../sip-counters.ts'
import type { ResponseRoute } from '../transport/transports.ts'
import { responsePort, stampVia } from '../transport/via-routing.ts'
import { abbreviated } from './abbreviated.ts'
import type { Admit, Refusal, Verdict } from './admission.ts'
import type { CallbackGuard } from './callback-guard.ts'
import { InviteServerTransaction } from './invite-server-transaction.ts'
import { NonInviteServerTransaction } from './non-invite-server-transaction.ts'
import { requestProblem } from './request-problem.ts'
import { ReceivedRequest, type ServerMachine, type ServerSide } from './server-side.ts'
import type { SipTimers } from './sip-timers.ts'
import { serverKey } from './transaction-key.ts'
import type { ServerTransaction, TransactionUser } from './transaction-layer.ts'

export interface ServerTransactionsOptions {
  readonly ids: IdSource
  readonly timers: SipTimers
  readonly counters: SipCounters
  readonly guard: CallbackGuard
  readonly now: () => number
  /** Whether the tables hold as much as they may. */
  readonly full: () => boolean
  readonly accept: Admit | undefined
  readonly onSeen: ((seen: SeenMessage) => void) | undefined
  readonly send: (bytes: Buffer, route: ResponseRoute) => void
}

/** A request with its topmost Via, where it came from, the socket that took it, its size (admission.ts), and when. */
export interface Arrival {
  readonly request: SipRequest
  readonly size: number
  readonly via: Via
  readonly source: HopAddress
  readonly local: HopAddress
  readonly at: number
}

type RequestUser = Pick<TransactionUser, 'onRequest' | 'onAck' | 'onCancel'>

/** What a full table tells whom it turns away (RFC 3261 21.5.4). */
const RETRY_AFTER_SECONDS = '5'

export class ServerTransactions {
  readonly #options: ServerTransactionsOptions
  readonly #byKey = new Map<string, ServerMachine>()
  /** The To tag of every answer without a transaction: the ACK to one is known by it, and by nothing else. */
  readonly #statelessTag: string

  constructor(options: ServerTransactionsOptions) {
    this.#options = options
    this.#statelessTag = options.ids.tag()
  }

  get size(): number {
    return this.#byKey.size
  }

  receive(arrival: Arrival, user: RequestUser): void {
    if (arrival.request.method === 'ACK') this.#receiveAck(arrival, user)
    else this.#receiveRequest(arrival, user)
  }

  /** Answers what is no message, as far as it says whose it is; `via` is `null` where only its source says where to. `false`: nothing was sent. */
  refuseMalformed(arrival: Omit<Arrival, 'via'> & { readonly via: Via | null }, status: number, reason: string): boolean {
    const { request, via, source, local } = arrival
    // Strangers learn nothing from what they send by mistake.
    if (this.#admit(arrival) !== 'accept') return false
    const stamped = via === null ? request : stampVia(request, via, source)
    const bytes = serializeMessage(responseTo(stamped, status, { toTag: this.#statelessTag, reason }))
    this.#options.send(bytes, { source, local, port: via === null ? source.port : responsePort(via, source) })
    return true
  }

  /** Ends every transaction without a word. */
  stop(): void {
    for (const machine of this.#byKey.values()) machine.stop()
    this.#byKey.clear()
  }

  #receiveAck(arrival: Arrival, user: RequestUser): void {
    const { request, via, source, local, at } = arrival
    const invite = this.#byKey.get(serverKey(request, via, 'INVITE'))
    if (invite !== undefined && !invite.ack()) return
    if (tagOf(headerValue(request, 'To') ?? '') === this.#statelessTag) return
    if (this.#admit(arrival) !== 'accept' || requestProblem(request) !== null) return
    const ack = stampVia(request, via, source)
    this.#see({ at, direction: 'received', peer: source, message: ack })
    this.#options.guard.run('onAck', () => user.onAck(ack, source, local, at))
  }

  #receiveRequest(arrival: Arrival, user: RequestUser): void {
    const { request, via, source, at } = arrival
    const key = serverKey(request, via, request.method)
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      this.#options.counters.retransmissionsReceived++
      known.requestAgain()
      return
    }
    if (!this.#cancelsKnown(arrival) && !this.#letIn(arrival)) return
    const transaction = this.#make(arrival, key)
    this.#see({ at, direction: 'received', peer: source, message: transaction.request })
    if (request.method === 'CANCEL') this.#cancel(arrival, transaction, user)
    else this.#hand(transaction, user)
  }

  /** Whoever asked gets an answer even when the user fails over the request. */
  #hand(transaction: ServerTransaction, user: RequestUser): void {
    const handed = this.#options.guard.run('onRequest', () => {
      user.onRequest(transaction)
      return true
    })
    if (handed !== true) transaction.respond(responseTo(transaction.request, 500, { toTag: this.#options.ids.tag() }))
  }

  /** RFC 3261 9.2: the CANCEL has its own transaction, and is answered whatever becomes of the INVITE. */
  #cancel({ request, via }: Arrival, cancel: ServerTransaction, user: RequestUser): void {
    const invite = this.#byKey.get(serverKey(request, via, 'INVITE'))
    cancel.respond(responseTo(cancel.request, invite === undefined ? 481 : 200, { toTag: this.#options.ids.tag() }))
    const pending = invite?.pending ?? null
    if (pending !== null) this.#options.guard.run('onCancel', () => user.onCancel(cancel.request, pending))
  }

  #make({ request: received, via, source, local, at }: Arrival, key: string): ServerTransaction {
    const { ids, timers, counters, send, now } = this.#options
    const request = stampVia(received, via, source)
    const route: ResponseRoute = { source, local, port: responsePort(via, source), domain: via.host }
    const side: ServerSide = {
      reliable: source.transport !== 'udp',
      timers,
      counters,
      send: bytes => send(bytes, route),
      ended: () => this.#byKey.delete(key),
    }
    const machine = request.method === 'INVITE' ? new InviteServerTransaction(side) : new NonInviteServerTransaction(side)
    const handle = new ReceivedRequest({ id: ids.uuid(), request, source, local, receivedAt: at }, machine, response =>
      this.#see({ at: now(), direction: 'sent', peer: source, message: response }),
    )
    this.#byKey.set(key, machine)
    if (machine instanceof InviteServerTransaction) machine.start(handle, tryingFor(request))
    return handle
  }

  /** Nobody guesses the branch of an INVITE: who knows it may cancel it, also from another of its addresses. */
  #cancelsKnown({ request, via }: Arrival): boolean {
    return request.method === 'CANCEL' && this.#byKey.has(serverKey(request, via, 'INVITE'))
  }

  /** Whether a transaction may be made; who is turned away has been told, if at all. */
  #letIn(arrival: Arrival): boolean {
    const { counters } = this.#options
    const verdict = this.#admit(arrival)
    if (verdict === 'drop') return false
    if (verdict !== 'accept') {
      this.#refuse(arrival, verdict)
      return false
    }
    const problem = requestProblem(arrival.request)
    if (problem !== null) {
      counters.unfit++
      this.#answerOnce(arrival, problem.status, problem.headers, problem.reason)
      return false
    }
    if (!this.#options.full()) return true
    counters.overloaded++
    this.#answerOnce(arrival, 503, [{ name: 'Retry-After', value: RETRY_AFTER_SECONDS }])
    return false
  }

  /** Without a verdict, because the hook threw, nobody gets in. */
  #admit({ source, request, size }: Pick<Arrival, 'source' | 'request' | 'size'>): Verdict {
    const { accept, guard, counters } = this.#options
    if (accept === undefined) return 'accept'
    const verdict = guard.run('accept', () => accept(source, request, size)) ?? 'drop'
    if (verdict === 'drop') counters.dropped++
    return verdict
  }

  #refuse(arrival: Arrival, { status, headers }: Refusal): void {
    const { counters } = this.#options
    for (const fields of headers) {
      if (!this.#answerOnce(arrival, status, fields, undefined, arrival.size)) continue
      counters.refused++
      return
    }
    counters.dropped++
  }

  /** Answers without a transaction, unless the response would be larger than `maxBytes`. */
  #answerOnce(
    { request, via, source, local }: Arrival,
    status: number,
    headers: readonly HeaderField[],
    reason?: string,
    maxBytes = Number.POSITIVE_INFINITY,
  ): boolean {
    const toTag = this.#statelessTag
    const parts = reason === undefined ? { toTag, headers } : { toTag, headers, reason }
    const whole = serializeMessage(responseTo(stampVia(request, via, source), status, parts))
    const bytes = whole.length > maxBytes ? abbreviated(whole) : whole
    if (bytes.length > maxBytes) return false
    this.#options.send(bytes, { source, local, port: responsePort(via, source) })
    return true
  }

  #see(seen: SeenMessage): void {
    const { onSeen, guard } = this.#options
    if (onSeen !== undefined) guard.run('onSeen', () => onSeen(seen))
  }
}

/** RFC 3261 8.2.6.1: a 100 repeats the Timestamp. */
function tryingFor(invite: SipRequest): SipResponse {
  const timestamp = headerValue(invite, 'Timestamp')
  const headers: HeaderField[] = timestamp === null ? [] : [{ name: 'Timestamp', value: timestamp }]
  return responseTo(invite, 100, { toTag: null, headers })
}
