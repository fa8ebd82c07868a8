/** Tools that look for open SIP servers, known by the name they give themselves. */
import { headerValue } from '../../message/headers.ts'
import type { SipRequest } from '../../message/message.ts'

/** Says whether a request's User-Agent holds one of these texts, in any case. */
export function scannerDetector(texts: readonly string[]): (request: SipRequest) => boolean {
  const known = texts.map(text => text.toLowerCase())
  return request => {
    const agent = headerValue(request, 'User-Agent')?.toLowerCase() ?? ''
    return known.some(text => agent.includes(text))
  }
}
