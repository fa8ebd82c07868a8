/**
 * Who is concerned by a message from the network: the proxy for a dialog that it stayed in, the application that holds the dialog, the
 * application that routes the method, or nobody, and then the server answers itself. Called by the transaction layer.
 */
import { parseCSeq } from '../message/cseq.ts'
import { hasHeader, headerValue } from '../message/headers.ts'
import type { HeaderField, HopAddress, SipRequest, SipResponse } from '../message/message.ts'
import { tagOf } from '../message/name-addr.ts'
import type { CallDetails } from './control/call-details.ts'
import type { ControlServer } from './control/server.ts'
import { type Dialog, peerFromRequest } from './dialog/dialog.ts'
import type { DialogTable } from './dialog/dialog-table.ts'
import { METHODS } from './dialog/uac.ts'
import { subscriptionTerminated } from './dialog/uac-requests.ts'
import type { UserAgentServer } from './dialog/uas.ts'
import type { IdSource } from './identifiers.ts'
import type { LocalIdentity } from './local-identity.ts'
import type { SipProxy } from './proxy/proxy.ts'
import { withoutOwnRoutes } from './proxy/route.ts'
import { responseTo } from './responses.ts'
import { extensionProblem } from './transaction/request-problem.ts'
import type { ServerTransaction, TransactionUser } from './transaction/transaction-layer.ts'

export interface DispatcherCounters {
  /** New requests for which no application was there. */
  unserved: number
  /** Requests inside a dialog that nobody knows. */
  unknownDialogs: number
}

export interface DispatcherParts {
  readonly control: Pick<ControlServer, 'sessionFor' | 'connected'>
  readonly uas: UserAgentServer
  readonly proxy: SipProxy
  readonly dialogs: DialogTable
  readonly identity: LocalIdentity
  readonly calls: CallDetails
  readonly ids: IdSource
  readonly counters: DispatcherCounters
}

/** What a keep-alive may require of a server without applications. */
const NO_EXTENSIONS: ReadonlySet<string> = new Set()
const ALLOW: HeaderField = { name: 'Allow', value: [...METHODS].join(', ') }

export class Dispatcher implements TransactionUser {
  readonly #parts: DispatcherParts

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  onRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    const toTag = tagOf(headerValue(request, 'To') ?? '')
    if (toTag === null) {
      this.#newRequest(transaction)
      return
    }
    const dialog = this.#parts.dialogs.find(headerValue(request, 'Call-ID') ?? '', toTag)
    if (dialog !== null && this.#isFrom(dialog, request)) {
      this.#inDialog(transaction, dialog)
      return
    }
    const stripped = withoutOwnRoutes(request, this.#parts.identity)
    if (stripped.routed && !this.#isForUs(stripped.request)) this.#parts.proxy.relay(transaction, stripped.request)
    else {
      this.#parts.counters.unknownDialogs++
      this.#answer(transaction, 481)
    }
  }

  onAck(ack: SipRequest, source: HopAddress, _local: HopAddress, receivedAt: number): void {
    const toTag = tagOf(headerValue(ack, 'To') ?? '')
    const dialog = toTag === null ? null : this.#parts.dialogs.find(headerValue(ack, 'Call-ID') ?? '', toTag)
    if (dialog !== null) {
      this.#parts.uas.acknowledged(dialog, ack, source, receivedAt)
      return
    }
    const stripped = withoutOwnRoutes(ack, this.#parts.identity)
    if (toTag !== null && stripped.routed && !this.#isForUs(stripped.request))
      this.#parts.proxy.relayAck(stripped.request, source)
  }

  onCancel(cancel: SipRequest, invite: ServerTransaction): void {
    if (this.#parts.proxy.cancel(cancel, invite) || this.#parts.uas.cancelled(cancel, invite)) return
    this.#answer(invite, 487)
  }

  onStrayResponse(response: SipResponse, source: HopAddress): void {
    this.#parts.proxy.forwardStray(response, source)
  }

  #newRequest(transaction: ServerTransaction): void {
    const { control, uas, dialogs, calls, counters } = this.#parts
    const { request } = transaction
    const isInvite = request.method === 'INVITE'
    if (isInvite) calls.report({ record: 'attempt' }, 'network', request)
    if (!METHODS.has(request.method)) {
      this.#answer(transaction, 405, [ALLOW])
      return
    }
    if (isDialogOnly(request.method)) {
      this.#answer(transaction, 481)
      return
    }
    const session = isInvite && dialogs.full ? null : control.sessionFor(request.method.toLowerCase())
    if (session !== null) {
      uas.offer(transaction, session, null)
      return
    }
    if (request.method === 'OPTIONS') {
      const problem = extensionProblem(request, 'Require', NO_EXTENSIONS)
      if (problem !== null) {
        this.#answer(transaction, problem.status, problem.headers)
        return
      }
      // A keep-alive of a trunk asks whether this server is there, not whether an application is.
      this.#answer(transaction, 200, [ALLOW, { name: 'Accept', value: 'application/sdp' }])
      return
    }
    counters.unserved++
    const status = isInvite || !control.connected ? 503 : 405
    this.#answer(transaction, status, status === 405 ? [ALLOW] : [])
    if (isInvite) calls.finalResponse(503, 'application', request, 'uas')
  }

  #inDialog(transaction: ServerTransaction, dialog: Dialog): void {
    const { request } = transaction
    const { uas, dialogs, calls } = this.#parts
    const seq = parseCSeq(headerValue(request, 'CSeq') ?? '')?.seq ?? 0
    // RFC 6665 4.4.1: the NOTIFY may come before the answer to the SUBSCRIBE, and makes the dialog.
    const notifier = dialog.peer === null ? peerFromRequest(request) : null
    if (notifier !== null) dialog.meet(notifier)
    if (!dialog.session.open) this.#answer(transaction, 481)
    else if (!dialog.acceptSeq(seq)) this.#answer(transaction, 500)
    else if (request.method === 'INVITE' && dialog.cancelInvite !== null) this.#answer(transaction, 491)
    else if (request.method === 'PRACK') {
      if (!uas.offerPrack(transaction, dialog)) this.#answer(transaction, 481)
    } else {
      uas.offer(transaction, dialog.session, dialog)
      const isBye = request.method === 'BYE'
      if (isBye) {
        uas.hungUp(dialog)
        calls.report({ record: 'stop', reason: 'normal-release' }, 'network', request)
      }
      if (isBye || (request.method === 'NOTIFY' && dialog.usage !== 'INVITE' && subscriptionTerminated(request)))
        dialogs.end(dialog)
    }
  }

  /** Tags of a dialog are guessed by nobody, but two dialogs of ours may share a Call-ID and the far end's tag tells them apart. */
  #isFrom(dialog: Dialog, request: SipRequest): boolean {
    if (dialog.peer === null) return true
    return dialog.peerOf(tagOf(headerValue(request, 'From') ?? '') ?? '') !== null
  }

  /** Nothing is left to route it by: it would go in a circle. */
  #isForUs(request: SipRequest): boolean {
    return !hasHeader(request, 'Route') && this.#parts.identity.isLocalUri(request.uri)
  }

  #answer(transaction: ServerTransaction, status: number, headers: readonly HeaderField[] = []): void {
    transaction.respond(responseTo(transaction.request, status, { toTag: this.#parts.ids.tag(), headers }))
  }
}

/** Methods that mean nothing outside a dialog. */
function isDialogOnly(method: string): boolean {
  return method === 'BYE' || method === 'PRACK' || method === 'UPDATE'
}
