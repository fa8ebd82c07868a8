/**
 * The server side of applications (user agent server, RFC 3261 8.2 and 13.3): requests that applications were given and have not
 * answered, their answers, and what an answered INVITE needs until its ACK. Called by the dispatcher for the network's side and by
 * the server for the applications' commands.
 *
 * Invariants: (1) every request offered here gets a final response: the application's, or ours when it leaves, is silent for too long
 * or the caller cancels; (2) all responses to one request carry the same To tag; (3) a 2xx to an INVITE is repeated until its ACK.
 */
import { parseCSeq } from '../../message/cseq.ts'
import { headerValue } from '../../message/headers.ts'
import type { HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import type { CallDetails } from '../control/call-details.ts'
import type { AppResponse } from '../control/command.ts'
import { confirmResponse, tellMessage, tellNewRequest } from '../control/notify.ts'
import type { ControlSession } from '../control/session.ts'
import type { IdSource } from '../identifiers.ts'
import type { LocalIdentity } from '../local-identity.ts'
import { responseTo } from '../responses.ts'
import { Retransmission } from '../transaction/retransmission.ts'
import { lifetimeMs, type SipTimers } from '../transaction/sip-timers.ts'
import type { ServerTransaction, TransactionLayer } from '../transaction/transaction-layer.ts'
import type { Dialog } from './dialog.ts'
import type { DialogSender } from './dialog-sender.ts'
import type { DialogTable } from './dialog-table.ts'
import { type Incoming, newIncoming } from './incoming-request.ts'
import { asksForTooLittle, withSessionAnswer } from './session-interval.ts'
import type { SessionTimers } from './session-timers.ts'
import { ReliableProvisionals } from './uas-reliable.ts'
import {
  dialogAsUas,
  dialogForming,
  fillResponse,
  isReliable,
  requires100rel,
  supports100rel,
  tagChosen,
} from './uas-response.ts'

export interface UasParts {
  readonly layer: TransactionLayer
  readonly dialogs: DialogTable
  readonly sender: DialogSender
  readonly identity: LocalIdentity
  readonly calls: CallDetails
  readonly ids: IdSource
  readonly clock: () => number
  readonly timers: SipTimers
  readonly sessionTimers: SessionTimers
}

export class UserAgentServer {
  readonly #parts: UasParts
  readonly #byId = new Map<string, Incoming>()
  readonly #byTransaction = new Map<string, Incoming>()
  /** The INVITE that a dialog is to be answered for. */
  readonly #invites = new Map<Dialog, Incoming>()

  constructor(parts: UasParts) {
    this.#parts = parts
  }

  /** Requests that wait for an application. */
  get pending(): number {
    return this.#byId.size
  }

  /** Gives a request to an application; `dialog` is the one it came in. */
  offer(transaction: ServerTransaction, session: ControlSession, dialog: Dialog | null): void {
    const { request } = transaction
    const { ids } = this.#parts
    const incoming = newIncoming(ids.uuid(), transaction, session, dialog, dialog?.localTag ?? ids.tag())
    this.#byId.set(incoming.transactionId, incoming)
    this.#byTransaction.set(transaction.id, incoming)
    if (dialog !== null && request.method === 'INVITE') this.#invites.set(dialog, incoming)
    // An INVITE may ring for minutes once it was answered at all; other requests are given up by their sender after 64 T1.
    const patience = (request.method === 'INVITE' ? 2 : 1) * lifetimeMs(this.#parts.timers)
    incoming.timer = setTimeout(() => this.#giveUp(incoming), patience)
    if (dialog === null) {
      tellNewRequest(session, transaction, incoming.transactionId)
    } else tellMessage(session, request, transaction.source, transaction.receivedAt, incoming.transactionId, dialog.id)
  }

  /** An application's answer. */
  respond(commandId: string, transactionId: string, given: AppResponse, session: ControlSession): void {
    const incoming = this.#byId.get(transactionId)
    if (incoming === undefined || incoming.session !== session) {
      session.nok(commandId, 'Response not sent due to unknown transaction')
      return
    }
    const { request } = incoming.transaction
    const mustBeReliable = requires100rel(request) && given.status > 100 && given.status < 200 && !isReliable(given)
    const app = mustBeReliable ? { ...given, headers: [...given.headers, { name: 'Require', value: '100rel' }] } : given
    const reliable = isReliable(app)
    if (reliable && (request.method !== 'INVITE' || !supports100rel(request))) {
      session.nok(commandId, 'Remote endpoint does not support 100rel')
      return
    }
    if (
      !incoming.finished &&
      app.status > 100 &&
      app.status < 300 &&
      asksForTooLittle(request, this.#parts.sessionTimers.minSeSeconds)
    ) {
      const headers = [{ name: 'Min-SE', value: String(this.#parts.sessionTimers.minSeSeconds) }]
      this.#answer(incoming, responseTo(request, 422, { toTag: incoming.localTag, headers }))
      session.nok(commandId, 'Rejected with 422 Session Interval Too Small')
      return
    }
    const dialogProblem = incoming.finished ? null : this.#beginDialog(incoming, app)
    if (dialogProblem !== null) {
      this.#answer(incoming, responseTo(request, 480, { toTag: incoming.localTag }))
      session.nok(commandId, dialogProblem)
      return
    }
    const response = withSessionAnswer(request, fillResponse(incoming, app, this.#parts.identity))
    if (incoming.finished) {
      // A second final response is not an error of the application's that it could act on.
      this.#confirm(incoming, commandId, response, '')
      return
    }
    this.#send(incoming, response, reliable, sent => {
      if (sent === null) session.nok(commandId, 'transport for response has been shutdown or closed')
      else this.#confirm(incoming, commandId, sent, request.method === 'BYE' ? '' : (incoming.dialog?.id ?? ''))
    })
  }

  /** Hands an unanswered request to the proxy core; `null` when there is none of that id. */
  take(transactionId: string, session: ControlSession): ServerTransaction | null {
    const incoming = this.#byId.get(transactionId)
    if (incoming === undefined || incoming.session !== session || incoming.finished || incoming.dialog !== null) return null
    this.#forget(incoming)
    return incoming.transaction
  }

  /** The caller gave up. `false` when no application has that INVITE. */
  cancelled(cancel: SipRequest, invite: ServerTransaction): boolean {
    const incoming = this.#byTransaction.get(invite.id)
    if (incoming === undefined) return false
    if (incoming.finished) return true
    const dialogId = incoming.dialog?.id ?? ''
    this.#answer(incoming, responseTo(invite.request, 487, { toTag: incoming.localTag }))
    tellMessage(incoming.session, cancel, invite.source, this.#parts.clock(), incoming.transactionId, dialogId)
    this.#parts.calls.report({ record: 'stop', reason: 'call-canceled' }, 'network', cancel)
    return true
  }

  /** An ACK inside a dialog: the application hears of the first one. */
  acknowledged(dialog: Dialog, ack: SipRequest, source: HopAddress, receivedAt: number): void {
    if (dialog.onAcknowledged === null) return
    dialog.onAcknowledged()
    tellMessage(dialog.session, ack, source, receivedAt, dialog.inviteTransactionId ?? this.#parts.ids.uuid(), dialog.id)
  }

  /** A PRACK: `false` when it acknowledges nothing. Its application hears of it before what waited for it is sent. */
  offerPrack(transaction: ServerTransaction, dialog: Dialog): boolean {
    const reliable = this.#invites.get(dialog)?.reliable ?? null
    const rack = headerValue(transaction.request, 'RAck')
    if (reliable === null || rack === null || !reliable.isAcknowledgedBy(rack)) return false
    this.offer(transaction, dialog.session, dialog)
    reliable.acknowledge()
    return true
  }

  /** The caller hung up before the answer: its INVITE still needs a final response (RFC 3261 15.1.2). */
  hungUp(dialog: Dialog): void {
    const incoming = this.#invites.get(dialog)
    if (incoming === undefined || incoming.finished) return
    this.#answer(incoming, responseTo(incoming.transaction.request, 487, { toTag: incoming.localTag }))
  }

  /** The application left: its callers must not wait for it. */
  onSessionClosed(session: ControlSession): void {
    for (const incoming of [...this.#byId.values()]) {
      if (incoming.session !== session) continue
      const status = incoming.transaction.request.method === 'INVITE' ? 503 : 481
      if (!incoming.finished)
        this.#answer(incoming, responseTo(incoming.transaction.request, status, { toTag: incoming.localTag }))
      else this.#forget(incoming)
    }
  }

  /** Clears every timer; nothing more is sent. */
  stop(): void {
    for (const incoming of [...this.#byId.values()]) this.#forget(incoming)
  }

  /** Makes the dialog that this answer begins, if it does; a reason why it can't. */
  #beginDialog(incoming: Incoming, app: AppResponse): string | null {
    const { transaction, session } = incoming
    if (incoming.dialog !== null) return null
    incoming.localTag = tagChosen(app) ?? incoming.localTag
    if (!dialogForming(transaction.request, app.status)) return null
    const dialog = dialogAsUas(transaction, app, session, incoming.localTag, this.#parts.identity)
    if (dialog === null) return null
    if (!this.#parts.dialogs.add(dialog)) {
      return this.#parts.dialogs.full ? 'too many dialogs' : 'dialog already exists, rejecting this request'
    }
    incoming.dialog = dialog
    if (dialog.usage === 'INVITE') this.#invites.set(dialog, incoming)
    return null
  }

  #sendReliably(incoming: Incoming, response: SipResponse): SipResponse | null {
    const { transaction } = incoming
    incoming.reliable ??= new ReliableProvisionals({
      timers: this.#parts.timers,
      seq: parseCSeq(headerValue(transaction.request, 'CSeq') ?? '')?.seq ?? 0,
      firstRseq: this.#parts.ids.sequence(),
      send: numbered => transaction.respond(numbered),
      onExpired: () => this.#answer(incoming, responseTo(transaction.request, 504, { toTag: incoming.localTag })),
    })
    this.#stopWaiting(incoming)
    return incoming.reliable.send(response)
  }

  /** Sends a response, perhaps later; `onSent` gets it as it went out, or `null` when it is too late for it. */
  #send(incoming: Incoming, response: SipResponse, reliably: boolean, onSent: (sent: SipResponse | null) => void): void {
    const { transaction, reliable } = incoming
    if (reliably) onSent(this.#sendReliably(incoming, response))
    else if (response.status < 200) {
      if (response.status > 100 && transaction.request.method === 'INVITE') this.#stopWaiting(incoming)
      onSent(transaction.respond(response) ? response : null)
    } else if (transaction.state !== 'proceeding') {
      this.#forget(incoming)
      onSent(null)
    } else {
      const answer = (): void => {
        this.#answer(incoming, response)
        onSent(response)
      }
      incoming.finished = true
      // A 2xx must not overtake an unacknowledged offer or answer (RFC 3262 section 3).
      if (reliable !== null && response.status < 300) reliable.whenClear(answer)
      else answer()
    }
  }

  /** Sends the final response and does what follows from it. */
  #answer(incoming: Incoming, response: SipResponse): void {
    const { transaction, dialog, reliable } = incoming
    const { request } = transaction
    const { status } = response
    incoming.finished = true
    reliable?.stop()
    transaction.respond(response)
    if (request.method === 'INVITE' && incoming.initial) this.#parts.calls.finalResponse(status, 'application', response, 'uas')
    if (status >= 300) {
      if (dialog !== null && incoming.initial) this.#parts.dialogs.end(dialog)
      this.#forget(incoming)
      return
    }
    if (dialog !== null && dialog.state !== 'ended') {
      const { peer } = dialog
      if (incoming.initial && peer !== null) dialog.confirm(peer)
      else if (request.method === 'INVITE' || request.method === 'UPDATE') dialog.refreshTarget(request)
      if (request.method === 'INVITE' || request.method === 'UPDATE') {
        if (response.body.length > 0) dialog.localSdp = response.body
        this.#parts.sessionTimers.answered(dialog, response)
      }
      if (request.method === 'INVITE') {
        this.#repeatUntilAcknowledged(incoming, dialog, response)
        return
      }
    }
    this.#forget(incoming)
  }

  #repeatUntilAcknowledged(incoming: Incoming, dialog: Dialog, response: SipResponse): void {
    dialog.inviteTransactionId = incoming.initial ? incoming.transactionId : null
    const { timers, layer, sender } = this.#parts
    // Over TCP too: behind the connection may be a proxy that goes on over UDP.
    const repetition = new Retransmission(
      { reliable: false, firstMs: timers.t1Ms, capMs: timers.t2Ms, giveUpMs: lifetimeMs(timers) },
      () => layer.sendResponseStateless(response),
      () => sender.bye(dialog, 'ack-timeout'),
    )
    this.#stopWaiting(incoming)
    dialog.onAcknowledged = () => {
      dialog.onAcknowledged = null
      repetition.stop()
      this.#forget(incoming)
    }
  }

  #confirm(incoming: Incoming, commandId: string, response: SipResponse, dialogId: string): void {
    const { transaction, session, transactionId } = incoming
    confirmResponse(session, commandId, response, transaction.source, this.#parts.clock(), transactionId, dialogId)
  }

  /** The application said nothing at all. */
  #giveUp(incoming: Incoming): void {
    if (incoming.finished) return
    const { request } = incoming.transaction
    const status = request.method === 'INVITE' ? 408 : 500
    this.#answer(incoming, responseTo(request, status, { toTag: incoming.localTag }))
  }

  #stopWaiting(incoming: Incoming): void {
    if (incoming.timer !== null) clearTimeout(incoming.timer)
    incoming.timer = null
  }

  #forget(incoming: Incoming): void {
    this.#stopWaiting(incoming)
    incoming.reliable?.stop()
    this.#byId.delete(incoming.transactionId)
    this.#byTransaction.delete(incoming.transaction.id)
    if (incoming.dialog !== null && this.#invites.get(incoming.dialog) === incoming) this.#invites.delete(incoming.dialog)
  }
}
