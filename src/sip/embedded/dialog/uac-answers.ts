/**
 * The calls that applications made and that were answered, until they are settled (RFC 3261 13.2.2.4): the ACK that only the
 * application can give, its repetition for every repeated 2xx, and the end of answers that nobody wants.
 *
 * Invariant: every 2xx to an INVITE is acknowledged; by its application, or by us, who then hang up: when another phone was first,
 * when the application is gone, or when it has not said anything for 64 × T1.
 */
import type { SipRequest } from '../../message/message.ts'
import type { AppRequest } from '../control/command.ts'
import { appHeader } from '../control/message-text.ts'
import { confirmRequest } from '../control/notify.ts'
import type { IdSource } from '../identifiers.ts'
import { lifetimeMs, type SipTimers } from '../transaction/sip-timers.ts'
import type { Dialog, DialogPeer } from './dialog.ts'
import type { DialogSender } from './dialog-sender.ts'

/** One phone's answer to an INVITE of ours. */
export interface Answer {
  readonly seq: number
  readonly request: SipRequest
  readonly dialog: Dialog
  readonly peer: DialogPeer
  /** Sends the ACK again; `null` until the application has acknowledged. */
  repeatAck: (() => void) | null
  patience: NodeJS.Timeout | null
}

/** The answers to one INVITE, by To tag. */
export type Answers = Map<string, Answer>

export interface UacAnswersParts {
  readonly sender: DialogSender
  readonly ids: IdSource
  readonly clock: () => number
  readonly timers: SipTimers
}

const CREDENTIALS = new Set(['Authorization', 'Proxy-Authorization'])

export class UacAnswers {
  readonly #parts: UacAnswersParts
  /** What each dialog's application has to acknowledge. */
  readonly #unacknowledged = new Map<Dialog, Answer>()

  constructor(parts: UacAnswersParts) {
    this.#parts = parts
  }

  /** `true` when this answer makes the call: then its application must hear of it. `answers`: those to the same INVITE. */
  receive(answers: Answers, seq: number, request: SipRequest, dialog: Dialog, peer: DialogPeer): boolean {
    const known = answers.get(peer.tag)
    if (known !== undefined) {
      known.repeatAck?.()
      return false
    }
    const answer: Answer = { seq, request, dialog, peer, repeatAck: null, patience: null }
    const wanted = answers.size === 0 && dialog.session.open && dialog.state !== 'ended'
    answers.set(peer.tag, answer)
    if (!wanted) {
      this.#decline(answer)
      return false
    }
    answer.patience = setTimeout(() => this.#giveUp(answer), lifetimeMs(this.#parts.timers))
    this.#unacknowledged.set(dialog, answer)
    return true
  }

  /** Whether an application has an answer to acknowledge in that dialog. */
  awaitsAck(dialog: Dialog): boolean {
    return this.#unacknowledged.has(dialog)
  }

  /** The application's ACK. */
  acknowledge(commandId: string, dialog: Dialog, app: AppRequest): void {
    const answer = this.#unacknowledged.get(dialog)
    if (answer === undefined) return
    // The ACK bears the INVITE's credentials (RFC 3261 22.1).
    const credentials = answer.request.headers.filter(field => CREDENTIALS.has(field.name) && appHeader(app, field.name) === null)
    if (app.body.length > 0) dialog.localSdp = app.body
    const ack = { ...app, headers: [...app.headers, ...credentials] }
    this.#parts.sender.acknowledge(ack, dialog, dialog.peer ?? answer.peer, answer.seq, (sent, repeat, problem) => {
      if (sent === null) {
        dialog.session.nok(commandId, problem)
        return
      }
      answer.repeatAck = repeat
      this.#settle(answer)
      confirmRequest(dialog.session, commandId, sent, dialog.local, this.#parts.clock(), this.#parts.ids.uuid())
    })
  }

  stop(): void {
    for (const answer of [...this.#unacknowledged.values()]) this.#settle(answer)
  }

  /** Acknowledged and hung up at once; a repeated 2xx gets the ACK again. */
  #decline(answer: Answer): void {
    this.#parts.sender.endAnswered(answer.dialog, answer.peer, answer.seq, repeat => {
      answer.repeatAck = repeat
    })
  }

  #giveUp(answer: Answer): void {
    this.#settle(answer)
    if (answer.dialog.state !== 'ended') this.#decline(answer)
  }

  #settle(answer: Answer): void {
    if (answer.patience !== null) clearTimeout(answer.patience)
    answer.patience = null
    if (this.#unacknowledged.get(answer.dialog) === answer) this.#unacknowledged.delete(answer.dialog)
  }
}
