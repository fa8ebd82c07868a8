/** Sends requests inside dialogs: finds the next hop, and hands them to the transaction layer. Also the BYE that the server owes itself. */
import type { SipRequest } from '../../message/message.ts'
import type { CallDetails } from '../control/call-details.ts'
import type { AppRequest } from '../control/command.ts'
import { tellOwnBye } from '../control/notify.ts'
import type { LocalIdentity } from '../local-identity.ts'
import type { NextHopLocator } from '../proxy/next-hop.ts'
import type { ClientTransaction, ClientTransactionUser, TransactionLayer } from '../transaction/transaction-layer.ts'
import type { Dialog, DialogPeer } from './dialog.ts'
import { requestInDialog } from './dialog-request.ts'
import type { DialogTable } from './dialog-table.ts'

const NO_BODY = Buffer.alloc(0)

/** Why the server hangs up by itself: the reason for the far end, and how the call detail record names it. */
const BYE_REASONS = {
  'ack-timeout': { header: 'SIP;cause=200;text="ACK timeout"', record: 'ackbye' },
  'session-expired': { header: 'SIP;cause=408;text="Session timer expired"', record: 'session-expired' },
  'nobody-there': { header: 'SIP;cause=500;text="Application gone"', record: 'normal-release' },
} as const

export type ByeReason = keyof typeof BYE_REASONS

export interface DialogSenderParts {
  readonly layer: TransactionLayer
  readonly locator: NextHopLocator
  readonly identity: LocalIdentity
  readonly dialogs: DialogTable
  readonly calls: CallDetails
  readonly clock: () => number
}

export class DialogSender {
  readonly #parts: DialogSenderParts

  constructor(parts: DialogSenderParts) {
    this.#parts = parts
  }

  /**
   * Sends a request of an application. `onSent` gets the transaction, or `null` with the reason why nothing was sent.
   */
  send(
    app: AppRequest,
    dialog: Dialog,
    peer: DialogPeer,
    seq: number,
    user: ClientTransactionUser,
    onSent: (transaction: ClientTransaction | null, problem: string) => void,
  ): void {
    const built = requestInDialog(app, dialog, peer, seq, this.#parts.identity.hostPort(dialog.local))
    if (built === null) {
      onSent(null, 'missing content-type')
      return
    }
    this.#parts.locator.locate(built.nextHop, next => {
      if (next.ok) onSent(this.#parts.layer.request(built.request, next.hop, user), '')
      else onSent(null, 'requested protocol/transport not available')
    })
  }

  /** Sends an ACK to a 2xx; `onSent` gets what was sent and how to send it again. */
  acknowledge(
    app: AppRequest,
    dialog: Dialog,
    peer: DialogPeer,
    seq: number,
    onSent: (ack: SipRequest | null, repeat: () => void, problem: string) => void,
  ): void {
    const built = requestInDialog(app, dialog, peer, seq, this.#parts.identity.hostPort(dialog.local))
    if (built === null) {
      onSent(null, () => {}, 'missing content-type')
      return
    }
    this.#parts.locator.locate(built.nextHop, next => {
      if (!next.ok) {
        onSent(null, () => {}, 'requested protocol/transport not available')
        return
      }
      const repeat = (): void => this.#parts.layer.sendStateless(built.request, next.hop)
      repeat()
      onSent(built.request, repeat, '')
    })
  }

  /** Hangs up a dialog that cannot go on, tells its application, and forgets it. */
  bye(dialog: Dialog, reason: ByeReason, peer: DialogPeer | null = dialog.peer): void {
    const { header, record } = BYE_REASONS[reason]
    const seq = dialog.nextSeq()
    // Another phone that answered the same INVITE is hung up without touching the dialog of the first.
    const isDialog = peer === null || peer.tag === dialog.peer?.tag
    if (isDialog) this.#parts.dialogs.end(dialog)
    if (peer === null) return
    const app: AppRequest = {
      startLine: '',
      method: 'BYE',
      uri: 'sip:placeholder',
      headers: [{ name: 'Reason', value: header }],
      body: NO_BODY,
    }
    // Whatever is answered, and if nothing is: the dialog is over for us.
    const indifferent: ClientTransactionUser = { onResponse: () => {}, onFailure: () => {} }
    this.send(app, dialog, peer, seq, indifferent, transaction => {
      if (transaction === null || !isDialog) return
      this.#parts.calls.report({ record: 'stop', reason: record }, 'application', transaction.request)
      if (dialog.session.open)
        tellOwnBye(dialog.session, transaction.request, transaction.destination, this.#parts.clock(), dialog.id)
    })
  }

  /** Acknowledges an answer that nobody wants, and hangs up (RFC 3261 13.2.2.4). `onAcknowledged` gets what repeats the ACK. */
  endAnswered(dialog: Dialog, peer: DialogPeer, seq: number, onAcknowledged: (repeat: () => void) => void): void {
    const app: AppRequest = { startLine: '', method: 'ACK', uri: 'sip:placeholder', headers: [], body: NO_BODY }
    this.acknowledge(app, dialog, peer, seq, (ack, repeat) => {
      if (ack !== null) onAcknowledged(repeat)
      this.bye(dialog, 'nobody-there', peer)
    })
  }
}
