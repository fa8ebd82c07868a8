/** An application's answer as it goes over the wire: what the server adds to it, and the dialog that it begins. Pure. */
import { parseCSeq } from '../../message/cseq.ts'
import { headerValue, headerValues } from '../../message/headers.ts'
import type { HeaderField, SipRequest, SipResponse } from '../../message/message.ts'
import { tagOf } from '../../message/name-addr.ts'
import type { AppResponse } from '../control/command.ts'
import { appHeader } from '../control/message-text.ts'
import type { ControlSession } from '../control/session.ts'
import type { LocalIdentity } from '../local-identity.ts'
import { responseTo } from '../responses.ts'
import type { ServerTransaction } from '../transaction/transaction-layer.ts'
import { Dialog, peerFromRequest } from './dialog.ts'
import { describedBody, withRealParties } from './dialog-request.ts'

const FORMS_DIALOG = new Set(['INVITE', 'SUBSCRIBE', 'REFER'])

/** How the control protocol names a dialog. */
export function dialogIdOf(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`
}

/** Whether a response makes a dialog: any with a tag to an INVITE, a 2xx to the others (RFC 3261 12.1, RFC 6665 4.1.2). */
export function dialogForming(request: SipRequest, status: number): boolean {
  return FORMS_DIALOG.has(request.method) && status < 300 && status > (request.method === 'INVITE' ? 100 : 199)
}

/** Whether the application wants a provisional response sent reliably (RFC 3262). */
export function isReliable(app: AppResponse): boolean {
  return app.status > 100 && app.status < 200 && /\b100rel\b/i.test(appHeader(app, 'Require') ?? '')
}

/** Whether the caller wants every provisional response but 100 sent reliably: then the server sees to it (RFC 3262 section 3). */
export function requires100rel(request: SipRequest): boolean {
  return request.method === 'INVITE' && headerValues(request, 'Require').some(option => option.toLowerCase() === '100rel')
}

/** Whether the caller understands reliable provisional responses. */
export function supports100rel(request: SipRequest): boolean {
  return [...headerValues(request, 'Supported'), ...headerValues(request, 'Require')].some(
    option => option.toLowerCase() === '100rel',
  )
}

/** The To tag that an application chose, `null` when it leaves that to us. */
export function tagChosen(app: AppResponse): string | null {
  return tagOf(appHeader(app, 'To') ?? '')
}

/** Our Contact in a dialog that this answer begins: the application's, else the socket that took the request. */
function contactFor(transaction: ServerTransaction, app: AppResponse, identity: LocalIdentity): string {
  const given = appHeader({ headers: realHeaders(transaction, app, identity) }, 'Contact')
  return given ?? `<${identity.uri(transaction.local, transaction.request.uri)}>`
}

/** The complete response. Contact is added to what answers or refreshes a dialog, and to what a PRACK has to find its way back from. */
export function fillResponse(
  incoming: {
    readonly transaction: ServerTransaction
    readonly localTag: string
    readonly dialog: Dialog | null
    readonly initial: boolean
  },
  app: AppResponse,
  identity: LocalIdentity,
): SipResponse {
  const { transaction, dialog, initial, localTag } = incoming
  const { request } = transaction
  const headers = [...realHeaders(transaction, app, identity), ...(describedBody(app) ?? [])]
  const refreshes = request.method === 'SUBSCRIBE' || (request.method === 'INVITE' && !initial)
  const answers = request.method === 'INVITE' && app.status >= 200
  const wantsContact = app.status > 100 && app.status < 300 && (answers || refreshes || isReliable(app))
  if (wantsContact && appHeader({ headers }, 'Contact') === null) {
    headers.push({ name: 'Contact', value: dialog?.contact ?? contactFor(transaction, app, identity) })
  }
  return responseTo(request, app.status, {
    reason: app.reason,
    toTag: app.status === 100 ? null : localTag,
    headers,
    body: app.body,
  })
}

function realHeaders(transaction: ServerTransaction, app: AppResponse, identity: LocalIdentity): readonly HeaderField[] {
  return withRealParties(app.headers, identity.hostPort(transaction.local))
}

/** The dialog that an answer begins (RFC 3261 12.1.1); `null` when the request does not say how to reach its sender. */
export function dialogAsUas(
  transaction: ServerTransaction,
  app: AppResponse,
  session: ControlSession,
  localTag: string,
  identity: LocalIdentity,
): Dialog | null {
  const { request, local } = transaction
  const peer = peerFromRequest(request)
  const callId = headerValue(request, 'Call-ID')
  const to = headerValue(request, 'To')
  if (peer === null || callId === null || to === null) return null
  const seq = parseCSeq(headerValue(request, 'CSeq') ?? '')?.seq ?? 0
  return new Dialog({
    id: dialogIdOf(callId, peer.tag),
    callId,
    usage: request.method,
    session,
    localParty: `${to};tag=${localTag}`,
    localTag,
    local,
    contact: contactFor(transaction, app, identity),
    localSeq: seq,
    remoteSeq: seq,
    peer,
  })
}
