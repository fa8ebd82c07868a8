/** A request that an application was given and has not answered yet: its record. uas.ts is its one writer. */
import type { ControlSession } from '../control/session.ts'
import type { ServerTransaction } from '../transaction/transaction-layer.ts'
import type { Dialog } from './dialog.ts'
import type { ReliableProvisionals } from './uas-reliable.ts'

/** A request that an application has to answer. */
export interface Incoming {
  readonly transactionId: string
  readonly transaction: ServerTransaction
  readonly session: ControlSession
  /** The To tag of every response; fixed by the first one. */
  localTag: string
  /** The dialog it belongs to, or that the application's answer began. */
  dialog: Dialog | null
  /** Whether `dialog` began with this request. */
  readonly initial: boolean
  reliable: ReliableProvisionals | null
  /** A final response was accepted, though perhaps not sent yet. */
  finished: boolean
  timer: NodeJS.Timeout | null
}

/** The record of a request that nobody has said anything about. `dialog` is the one it came in. */
export function newIncoming(
  transactionId: string,
  transaction: ServerTransaction,
  session: ControlSession,
  dialog: Dialog | null,
  localTag: string,
): Incoming {
  const initial = dialog === null
  return { transactionId, transaction, session, localTag, dialog, initial, reliable: null, finished: false, timer: null }
}
