/** Shows SIP messages to an application: each is serialised once and handed over with the facts of its wire side. */
import type { HopAddress, SipMessage, SipRequest, SipResponse } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import type { ServerTransaction } from '../transaction/transaction-layer.ts'
import {
  messageLeader,
  newRequestLeader,
  proxiedResponseTokens,
  sentRequestTokens,
  sentResponseTokens,
  type WireFacts,
} from './report.ts'
import type { ControlSession } from './session.ts'

function facts(bytes: Buffer, hop: HopAddress, at: number): WireFacts {
  return { bytes: bytes.length, protocol: hop.transport, address: hop.address, port: hop.port, at }
}

/** A request outside a dialog, which the application has to answer or proxy. */
export function tellNewRequest(session: ControlSession, transaction: ServerTransaction, transactionId: string): void {
  const bytes = serializeMessage(transaction.request)
  const wire = facts(bytes, transaction.source, transaction.receivedAt)
  session.tell(uid => newRequestLeader(uid, wire, transactionId, transaction.local.address, transaction.local.port), bytes)
}

/** A message from the network inside a dialog or transaction. `dialogId` is '' where there is no dialog. */
export function tellMessage(
  session: ControlSession,
  message: SipMessage,
  source: HopAddress,
  at: number,
  transactionId: string,
  dialogId: string,
): void {
  const bytes = serializeMessage(message)
  session.tell(uid => messageLeader(uid, 'network', facts(bytes, source, at), transactionId, dialogId), bytes)
}

/** A response that never was on a wire: the far end did not answer. */
export function tellLocalResponse(
  session: ControlSession,
  response: SipResponse,
  at: number,
  transactionId: string,
  dialogId: string,
): void {
  const wire: WireFacts = { bytes: 0, protocol: '', address: '', port: 0, at }
  session.tell(uid => messageLeader(uid, 'network', wire, transactionId, dialogId), serializeMessage(response))
}

/** A BYE that the server itself sent. */
export function tellOwnBye(
  session: ControlSession,
  bye: SipRequest,
  destination: HopAddress,
  at: number,
  dialogId: string,
): void {
  const bytes = serializeMessage(bye)
  session.tell(uid => messageLeader(uid, 'application', facts(bytes, destination, at), 'unsolicited', dialogId), bytes)
}

/** Answers the command that made us send a request. */
export function confirmRequest(
  session: ControlSession,
  commandId: string,
  request: SipRequest,
  local: HopAddress,
  at: number,
  transactionId: string,
): void {
  const bytes = serializeMessage(request)
  session.ok(commandId, [sentRequestTokens(facts(bytes, local, at), transactionId)], bytes)
}

/** Answers the command that made us send a response. */
export function confirmResponse(
  session: ControlSession,
  commandId: string,
  response: SipResponse,
  destination: HopAddress,
  at: number,
  transactionId: string,
  dialogId: string,
): void {
  const bytes = serializeMessage(response)
  session.ok(commandId, [sentResponseTokens(facts(bytes, destination, at), transactionId, dialogId)], bytes)
}

/** One target's final response to a proxied request. */
export function tellProxiedResponse(
  session: ControlSession,
  commandId: string,
  response: SipResponse,
  source: HopAddress,
  at: number,
): void {
  const bytes = serializeMessage(response)
  session.ok(commandId, [proxiedResponseTokens(facts(bytes, source, at))], bytes)
}
