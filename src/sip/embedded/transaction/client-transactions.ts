/**
 * The table of client transactions (RFC 3261 section 17.1). A transaction is in it from its start until it calls `ended`; `stop` empties it
 * and clears every timer.
 */
import { prependHeader } from '../../message/headers.ts'
import type { HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import { BRANCH_COOKIE, formatVia } from '../../message/via.ts'
import type { IdSource } from '../identifiers.ts'
import type { SipCounters } from '../sip-counters.ts'
import type { SipLog } from '../sip-log.ts'
import type { Destination } from '../transport/destination.ts'
import { SIP_PORT } from '../transport/listen-address.ts'
import type { SipTransports } from '../transport/transports.ts'
import type { CallbackGuard } from './callback-guard.ts'
import type { ClientMachine, ClientSide } from './client-side.ts'
import { cancelFor } from './hop-requests.ts'
import { InviteClientTransaction } from './invite-client-transaction.ts'
import { NonInviteClientTransaction } from './non-invite-client-transaction.ts'
import type { SipTimers } from './sip-timers.ts'
import { clientKey, clientKeyOf } from './transaction-key.ts'
import type { ClientTransaction, ClientTransactionUser } from './transaction-layer.ts'

export interface ClientTransactionsOptions {
  readonly transports: SipTransports
  readonly ids: IdSource
  readonly timers: SipTimers
  readonly counters: SipCounters
  readonly log: SipLog
  readonly guard: CallbackGuard
}

export class ClientTransactions {
  readonly #options: ClientTransactionsOptions
  readonly #byKey = new Map<string, ClientMachine>()

  constructor(options: ClientTransactionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Sends a request under a Via of ours. Never refuses: what can't be sent is reported to `user.onFailure` in a later tick. */
  start(request: SipRequest, destination: Destination, user: ClientTransactionUser): ClientTransaction {
    const local = this.#localFor(destination)
    const branch = BRANCH_COOKIE + this.#options.ids.tag()
    return this.#run(withVia(request, local, branch), branch, destination, local, this.#guarded(user))
  }

  /** The request as `start` would send it, for one that has no transaction. */
  stamped(request: SipRequest, destination: Destination): SipRequest {
    return withVia(request, this.#localFor(destination), BRANCH_COOKIE + this.#options.ids.tag())
  }

  /** Gives a response to its transaction; `false` when it has none. */
  receive(response: SipResponse): boolean {
    const key = clientKeyOf(response)
    const client = key === null ? undefined : this.#byKey.get(key)
    client?.receive(response)
    return client !== undefined
  }

  /** Ends every transaction without a word. */
  stop(): void {
    for (const client of this.#byKey.values()) client.stop()
    this.#byKey.clear()
  }

  #run(
    request: SipRequest,
    branch: string,
    destination: Destination,
    local: HopAddress,
    user: ClientTransactionUser,
  ): ClientTransaction {
    const { transports, ids, timers, counters } = this.#options
    const key = clientKey(branch, request.method)
    const side: ClientSide = {
      id: ids.uuid(),
      request,
      destination,
      local,
      reliable: destination.transport !== 'udp',
      timers,
      counters,
      send: (bytes, onError) => transports.send(bytes, destination, onError),
      sendCancel: extra => this.#runCancel(cancelFor(request, extra), branch, destination, local),
      ended: () => this.#byKey.delete(key),
    }
    const client =
      request.method === 'INVITE' ? new InviteClientTransaction(side, user) : new NonInviteClientTransaction(side, user)
    this.#byKey.set(key, client)
    client.start()
    return client
  }

  /** Nobody waits for the CANCEL's answer: the INVITE's final response, or its absence, says what became of it. */
  #runCancel(cancel: SipRequest, branch: string, destination: Destination, local: HopAddress): void {
    const { log } = this.#options
    this.#run(cancel, branch, destination, local, {
      onResponse: ({ status }) => log.debug({ status, ...destination }, 'cancel answered'),
      onFailure: (failure, detail) => log.debug({ failure, detail, ...destination }, 'cancel not answered'),
    })
  }

  /** The address in our Via; where no socket reaches the destination, anything will do: the transports report the failure. */
  #localFor(destination: Destination): HopAddress {
    return (
      this.#options.transports.localFor(destination) ?? { transport: destination.transport, address: '0.0.0.0', port: SIP_PORT }
    )
  }

  #guarded(user: ClientTransactionUser): ClientTransactionUser {
    const { guard } = this.#options
    return {
      onResponse: (response, transaction) => guard.run('onResponse', () => user.onResponse(response, transaction)),
      onFailure: (failure, detail, transaction) => guard.run('onFailure', () => user.onFailure(failure, detail, transaction)),
    }
  }
}

/** RFC 3581: with `rport`, answers find us through a NAT. The port is left out where it is the usual one for any transport. */
function withVia(request: SipRequest, local: HopAddress, branch: string): SipRequest {
  const params = new Map([
    ['branch', branch],
    ['rport', null],
  ])
  const port = local.port === SIP_PORT && local.transport !== 'tls' ? null : local.port
  return prependHeader(request, 'Via', formatVia({ transport: local.transport.toUpperCase(), host: local.address, port, params }))
}
