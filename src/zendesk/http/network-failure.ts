/** What it means when there is no answer at all. Pure. */
import type { DeliveryResult } from '../delivery.ts'
import { AuthorizationLost } from './authorization.ts'

const certificateMs = 60_000
const authorizationMs = 60_000

/** TLS verification failures (Node's X509 codes): repeating the request at once cannot help, an operator can. */
const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const descriptions: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was reset'],
  ['EHOSTUNREACH', 'the host is unreachable'],
  ['ENETUNREACH', 'the network is unreachable'],
  ['ENOTFOUND', 'the host name does not resolve'],
  ['EAI_AGAIN', 'the name server does not answer'],
  ['EPIPE', 'the connection was closed while sending'],
  ['ETIMEDOUT', 'the connection timed out'],
  ['UND_ERR_BODY_TIMEOUT', 'the answer stopped half-way'],
  ['UND_ERR_CONNECT_TIMEOUT', 'the connection could not be made in time'],
  ['UND_ERR_DESTROYED', 'the sink was closed'],
  ['UND_ERR_HEADERS_TIMEOUT', 'no answer came in time'],
  ['UND_ERR_SOCKET', 'the connection was lost'],
])

/**
 * A failure below HTTP, as a result: everything may work next time, but for a certificate that is not trusted, and credentials that only
 * a person can renew. What is neither of the network nor of the credentials is a bug of ours, and thrown on as it is.
 */
export function judgeNetworkFailure(cause: unknown, origin: string): Exclude<DeliveryResult, { kind: 'delivered' }> {
  if (cause instanceof AuthorizationLost) {
    const reason = `${cause.message}: authorize the bridge again and set zendesk.oauth.refresh_token`
    return { kind: 'wait', scope: 'sink', afterMs: authorizationMs, reason }
  }
  const code = codeOf(cause)
  if (code === null && !isNoHttp(cause)) throw cause
  if (code !== null && certificateCodes.has(code)) {
    const reason = `the certificate of ${origin} is not trusted (${code}): correct zendesk.base_url or add its CA with NODE_EXTRA_CA_CERTS`
    return { kind: 'wait', scope: 'sink', afterMs: certificateMs, reason }
  }
  return { kind: 'retry', afterMs: null, reason: `${origin}: ${networkReason(cause)}` }
}

/** What happened, in a few words. */
export function networkReason(cause: unknown): string {
  const code = codeOf(cause)
  if (code !== null) return `${descriptions.get(code) ?? 'the request failed'} (${code})`
  return cause instanceof Error ? cause.message : String(cause)
}

/** What answered speaks something else; undici's error for that has no code. */
const isNoHttp = (cause: unknown): boolean => cause instanceof Error && cause.name === 'HTTPParserError'

function codeOf(cause: unknown): string | null {
  // Node reports a host with several addresses as an AggregateError; the first failure speaks for all.
  const first: unknown = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause
  return first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : null
}
