/** How a request finds its server transaction (RFC 3261 section 17.2.3) and a response its client transaction (17.1.3). */
import { parseCSeq } from '../../message/cseq.ts'
import { firstValue, headerValue } from '../../message/headers.ts'
import type { SipRequest, SipResponse } from '../../message/message.ts'
import { tagOf } from '../../message/name-addr.ts'
import { BRANCH_COOKIE, formatVia, type Via } from '../../message/via.ts'

/**
 * The key of the transaction of `method` that the request belongs to: an ACK and a CANCEL name their INVITE. Branch, sent-by and method;
 * without the magic cookie, or with nothing behind it (RFC 4475 3.2.1), what RFC 2543 compared, less the To tag, which an ACK has and its
 * INVITE has not.
 */
export function serverKey(request: SipRequest, via: Via, method: string): string {
  const branch = via.params.get('branch') ?? null
  if (
    branch !== null &&
    branch.length > BRANCH_COOKIE.length &&
    branch.slice(0, BRANCH_COOKIE.length).toLowerCase() === 'z9hg4bk'
  )
    return `${branch} ${via.host}:${via.port ?? ''} ${method}`
  const cseq = parseCSeq(headerValue(request, 'CSeq') ?? '')
  const fromTag = tagOf(headerValue(request, 'From') ?? '')
  return `${headerValue(request, 'Call-ID')} ${cseq?.seq} ${fromTag} ${request.uri} ${formatVia(via)} ${method}`
}

/** The key of the client transaction whose request went out with that branch and method; branches are ours, so unique. */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`
}

/** The key of the client transaction that a response answers; `null` when its Via or CSeq can't be read. */
export function clientKeyOf(response: SipResponse): string | null {
  const via = firstValue(response, 'Via')
  const branch = via === null ? null : branchOf(via)
  const cseq = parseCSeq(headerValue(response, 'CSeq') ?? '')
  return branch === null || cseq === null ? null : clientKey(branch, cseq.method)
}

/** Our own branches come back as we wrote them, so this need not be the whole parser of Via. */
function branchOf(via: string): string | null {
  return /;\s*branch\s*=\s*([^;,\s]+)/i.exec(via)?.[1] ?? null
}
