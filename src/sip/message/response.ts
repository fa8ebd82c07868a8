/** A response to a request, with the headers that RFC 3261 section 8.2.6 copies. */
import { sameName } from './headers.ts'
import type { HeaderField, SipRequest, SipResponse } from './message.ts'

const NO_BODY = Buffer.alloc(0)
const COPIED = ['Via', 'From', 'To', 'Call-ID', 'CSeq']

/** Via, From, To, Call-ID and CSeq are the request's; `toTag` is added to a To without one. A 100 also gets the request's Timestamp. */
export function createResponse(request: SipRequest, status: number, reason: string, toTag: string | null): SipResponse {
  const headers: HeaderField[] = []
  for (const field of request.headers) {
    if (sameName(field.name, 'To')) headers.push(withTag(field, toTag))
    else if (COPIED.some(name => sameName(field.name, name))) headers.push(field)
    else if (status === 100 && sameName(field.name, 'Timestamp')) headers.push(field)
  }
  return { kind: 'response', status, reason, headers, body: NO_BODY }
}

function withTag(to: HeaderField, tag: string | null): HeaderField {
  if (tag === null || /;\s*tag\s*=/i.test(to.value.slice(to.value.lastIndexOf('>') + 1))) return to
  // Parameters behind an address without brackets are the header's, so appending is right in both forms (RFC 3261 20.10).
  return { name: to.name, value: `${to.value};tag=${tag}` }
}
