/** The two requests that belong to a hop and not to a dialog: ACK to a non-2xx (RFC 3261 17.1.1.3) and CANCEL (9.1). */
import { parseCSeq } from '../../message/cseq.ts'
import { firstValue, headerValue, sameName } from '../../message/headers.ts'
import type { HeaderField, SipRequest, SipResponse } from '../../message/message.ts'

const NO_BODY = Buffer.alloc(0)

/** The ACK of an INVITE's final response of 300 or above: its own hop's Via and branch, the response's To. */
export function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  return hopRequest('ACK', invite, headerValue(response, 'To'), [])
}

/** The CANCEL of an INVITE; `extra` are headers such as Reason (RFC 3326). */
export function cancelFor(invite: SipRequest, extra: readonly HeaderField[]): SipRequest {
  return hopRequest('CANCEL', invite, headerValue(invite, 'To'), extra)
}

function hopRequest(method: string, invite: SipRequest, to: string | null, extra: readonly HeaderField[]): SipRequest {
  const headers: HeaderField[] = [{ name: 'Via', value: firstValue(invite, 'Via') ?? '' }]
  for (const field of invite.headers) {
    if (sameName(field.name, 'Route') || sameName(field.name, 'From') || sameName(field.name, 'Call-ID')) headers.push(field)
  }
  if (to !== null) headers.push({ name: 'To', value: to })
  headers.push({ name: 'CSeq', value: `${parseCSeq(headerValue(invite, 'CSeq') ?? '')?.seq ?? 0} ${method}` })
  headers.push({ name: 'Max-Forwards', value: '70' }, ...extra)
  return { kind: 'request', method, uri: invite.uri, headers, body: NO_BODY }
}
