/**
 * The requests that applications have under way, and what the responses to them mean: for the application, which hears of each, and
 * for the dialog that they begin, change or end.
 *
 *   tracked ── sent ──▶ waiting ── final response, or none ──▶ finished (a later 2xx of another phone is declined)
 *
 * Invariant: every request sent gets its application one final response, of our own making if the far end gives none.
 */
import { headerValue } from '../../message/headers.ts'
import type { SipRequest, SipResponse } from '../../message/message.ts'
import type { CallDetails } from '../control/call-details.ts'
import { tellLocalResponse, tellMessage } from '../control/notify.ts'
import type { ControlSession } from '../control/session.ts'
import type { IdSource } from '../identifiers.ts'
import { responseTo } from '../responses.ts'
import type { ClientTransaction, ClientTransactionUser } from '../transaction/transaction-layer.ts'
import { type Dialog, peerFromResponse } from './dialog.ts'
import type { DialogTable } from './dialog-table.ts'
import type { SessionTimers } from './session-timers.ts'
import type { Answers, UacAnswers } from './uac-answers.ts'

/** A request of an application, until its final response. */
export interface Outgoing {
  readonly transactionId: string
  readonly session: ControlSession
  readonly method: string
  readonly seq: number
  /** The dialog it is in or may begin. */
  readonly dialog: Dialog | null
  /** Whether `dialog` began with this request. */
  readonly initial: boolean
  transaction: ClientTransaction | null
  finished: boolean
  readonly answers: Answers
}

export interface OutgoingRequestsParts {
  readonly dialogs: DialogTable
  readonly answers: UacAnswers
  readonly calls: CallDetails
  readonly ids: IdSource
  readonly clock: () => number
  readonly sessionTimers: SessionTimers
}

export class OutgoingRequests {
  readonly #parts: OutgoingRequestsParts
  readonly #byId = new Map<string, Outgoing>()

  constructor(parts: OutgoingRequestsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#byId.size
  }

  /** A request that is about to be sent. */
  track(session: ControlSession, method: string, seq: number, dialog: Dialog | null, initial: boolean): Outgoing {
    const transactionId = this.#parts.ids.uuid()
    const outgoing: Outgoing = {
      transactionId,
      session,
      method,
      seq,
      dialog,
      initial,
      transaction: null,
      finished: false,
      answers: new Map(),
    }
    this.#byId.set(transactionId, outgoing)
    return outgoing
  }

  /** It could not be sent. */
  forget(outgoing: Outgoing): void {
    this.#byId.delete(outgoing.transactionId)
  }

  /** The INVITE of that id, if it is its application's and still unanswered. */
  unansweredInvite(transactionId: string, session: ControlSession): ClientTransaction | null {
    const outgoing = this.#byId.get(transactionId)
    return outgoing?.method === 'INVITE' && outgoing.session === session && !outgoing.finished ? outgoing.transaction : null
  }

  /** Cancels every unanswered INVITE of an application. */
  cancelAll(session: ControlSession): void {
    for (const { transactionId } of this.#byId.values()) this.unansweredInvite(transactionId, session)?.cancel([])
  }

  clear(): void {
    this.#byId.clear()
  }

  /** Whom the transaction layer tells what became of it. */
  userOf(outgoing: Outgoing): ClientTransactionUser {
    return {
      onResponse: (response, transaction) => this.#onResponse(outgoing, response, transaction),
      onFailure: (failure, _detail, transaction) => this.#onFailure(outgoing, failure, transaction),
    }
  }

  #onResponse(outgoing: Outgoing, response: SipResponse, transaction: ClientTransaction): void {
    const { status } = response
    if (status === 100) return
    if (outgoing.method === 'INVITE' && status >= 200 && status < 300) {
      this.#onAnswer(outgoing, response, transaction)
      return
    }
    if (status < 200 && !this.#learnFromProvisional(outgoing, response, transaction)) return
    if (status >= 200) this.#settle(outgoing, response)
    this.#tell(outgoing, response, transaction)
  }

  #onAnswer(outgoing: Outgoing, response: SipResponse, transaction: ClientTransaction): void {
    const { dialog, initial } = outgoing
    const peer = peerFromResponse(response, transaction.request.uri)
    if (dialog === null || peer === null) return
    if (initial && outgoing.answers.size === 0) dialog.confirm(peer)
    const isFirst = this.#parts.answers.receive(outgoing.answers, outgoing.seq, transaction.request, dialog, peer)
    this.#finish(outgoing)
    if (!isFirst) return
    if (initial) this.#parts.calls.finalResponse(response.status, 'network', response, 'uac')
    else dialog.refreshTarget(response)
    this.#parts.sessionTimers.gotAnswer(dialog, response)
    this.#tell(outgoing, response, transaction)
  }

  /** `false` for a reliable provisional response that was seen before (RFC 3262 section 4). */
  #learnFromProvisional(outgoing: Outgoing, response: SipResponse, transaction: ClientTransaction): boolean {
    const { dialog } = outgoing
    if (dialog === null || outgoing.method !== 'INVITE') return true
    const peer = peerFromResponse(response, transaction.request.uri)
    if (peer === null || peer.tag === '') return true
    const known = dialog.peerOf(peer.tag)
    if (peer.rseq !== 0 && known !== null && known.rseq !== 0 && peer.rseq !== known.rseq + 1) return false
    if (outgoing.initial && dialog.state === 'early') dialog.meet({ ...peer, rseq: Math.max(peer.rseq, known?.rseq ?? 0) })
    return true
  }

  /** What a final response means for the dialog. */
  #settle(outgoing: Outgoing, response: SipResponse): void {
    const { dialog, method, initial } = outgoing
    const { status } = response
    this.#finish(outgoing)
    if (method === 'INVITE' && initial) this.#parts.calls.finalResponse(status, 'network', response, 'uac')
    if (dialog === null) return
    if (status < 300) {
      const peer = peerFromResponse(response, dialog.peer?.target ?? '')
      if (initial && peer !== null && dialog.state === 'early') dialog.confirm(peer)
      else if (method === 'UPDATE') {
        dialog.refreshTarget(response)
        this.#parts.sessionTimers.gotAnswer(dialog, response)
      }
    } else if (initial) this.#parts.dialogs.end(dialog)
    const challenged = status === 401 || status === 407
    // A subscription that the far end has forgotten gets no last NOTIFY (RFC 3261 12.2.1.2); a call is for its application to end.
    const unanswered = status === 408 && method === 'SUBSCRIBE'
    const forgotten = (status === 481 || unanswered) && dialog.usage !== 'INVITE'
    if (forgotten || (!challenged && endsDialog(method, dialog, outgoing.transaction))) this.#parts.dialogs.end(dialog)
  }

  #onFailure(outgoing: Outgoing, failure: 'timeout' | 'transport', transaction: ClientTransaction): void {
    if (outgoing.finished) return
    const response = responseTo(transaction.request, failure === 'timeout' ? 408 : 503, { toTag: null })
    this.#settle(outgoing, response)
    if (outgoing.session.open) {
      tellLocalResponse(
        outgoing.session,
        response,
        this.#parts.clock(),
        outgoing.transactionId,
        this.#dialogIdFor(outgoing, response),
      )
    }
  }

  #finish(outgoing: Outgoing): void {
    outgoing.finished = true
    this.#byId.delete(outgoing.transactionId)
    if (outgoing.method === 'INVITE' && outgoing.dialog !== null) outgoing.dialog.cancelInvite = null
  }

  #tell(outgoing: Outgoing, response: SipResponse, { destination }: ClientTransaction): void {
    if (!outgoing.session.open) return
    const dialogId = this.#dialogIdFor(outgoing, response)
    tellMessage(outgoing.session, response, destination, this.#parts.clock(), outgoing.transactionId, dialogId)
  }

  /** A failed attempt to begin a dialog names none. */
  #dialogIdFor({ dialog, initial }: Outgoing, response: SipResponse): string {
    if (dialog === null || (initial && (response.status >= 300 || dialog.peer === null))) return ''
    return dialog.id
  }
}

/** Whether the answer to that request leaves nothing of the dialog: a BYE, or the last NOTIFY of a subscription. */
function endsDialog(method: string, dialog: Dialog, transaction: ClientTransaction | null): boolean {
  if (method === 'BYE') return true
  if (method !== 'NOTIFY' || dialog.usage === 'INVITE' || transaction === null) return false
  return subscriptionTerminated(transaction.request)
}

/** Whether a NOTIFY ends its subscription (RFC 6665 4.1.3). */
export function subscriptionTerminated(notify: SipRequest): boolean {
  return /^terminated\b/i.test(headerValue(notify, 'Subscription-State') ?? '')
}
