/**
 * The table of server transactions (RFC 3261 section 17.2): what is new goes to the user, what is known to its transaction.
 *
 * 1. A transaction is in the table from its making until it calls `ended`; `stop` empties it and clears every timer.
 * 2. A request that finds no room is answered 503, without keeping anything of it.
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
import type { CallbackGuard } from './callback-guard.ts'
import { InviteServerTransaction } from './invite-server-transaction.ts'
import { NonInviteServerTransaction } from './non-invite-server-transaction.ts'
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
  readonly accept: ((source: HopAddress, request: SipRequest) => 'accept' | 'drop') | undefined
  readonly onSeen: ((seen: SeenMessage) => void) | undefined
  readonly send: (bytes: Buffer, route: ResponseRoute) => void
}

/** A request with its topmost Via, where it came from, the socket that took it, and when. */
export interface Arrival {
  readonly request: SipRequest
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
  /** The To tag of every 503 of a full table: the ACK to one is known by it, and by nothing else. */
  readonly #overloadTag: string

  constructor(options: ServerTransactionsOptions) {
    this.#options = options
    this.#overloadTag = options.ids.tag()
  }

  get size(): number {
    return this.#byKey.size
  }

  receive(arrival: Arrival, user: RequestUser): void {
    if (arrival.request.method === 'ACK') this.#receiveAck(arrival, user)
    else this.#receiveRequest(arrival, user)
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
    if (tagOf(headerValue(request, 'To') ?? '') === this.#overloadTag || !this.#accepts(arrival)) return
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
    if (!this.#accepts(arrival)) return
    if (this.#options.full()) {
      this.#turnAway(arrival)
      return
    }
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
    const route: ResponseRoute = { source, local, port: responsePort(via, source) }
    const side: ServerSide = {
      reliable: source.transport === 'tcp',
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

  #turnAway({ request, via, source, local }: Arrival): void {
    const { counters, send } = this.#options
    counters.overloaded++
    const headers = [{ name: 'Retry-After', value: RETRY_AFTER_SECONDS }]
    const response = responseTo(stampVia(request, via, source), 503, { toTag: this.#overloadTag, headers })
    send(serializeMessage(response), { source, local, port: responsePort(via, source) })
  }

  /** Without a verdict, because the hook threw, nobody gets in. */
  #accepts({ source, request }: Arrival): boolean {
    const { accept, guard, counters } = this.#options
    if (accept === undefined) return true
    if (guard.run('accept', () => accept(source, request)) === 'accept') return true
    counters.dropped++
    return false
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
