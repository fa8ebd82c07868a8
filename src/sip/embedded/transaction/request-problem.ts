/**
 * What makes a request that could be parsed unfit to be acted on (RFC 3261 sections 8.2 and 16.3, RFC 4475): nobody should have to guess whom
 * it concerns. What RFC 4475 lets a receiver repair without a guess (blanks in angle brackets, unquoted display names, a bad Date) is no problem.
 */
import { firstValue, headerValues, sameName } from '../../message/headers.ts'
import type { HeaderField, SipRequest } from '../../message/message.ts'
import { parseNameAddr } from '../../message/name-addr.ts'
import { endOfQuoted } from '../../message/params.ts'
import { parseUri } from '../../message/uri.ts'
import { parseVia } from '../../message/via.ts'

export interface RequestProblem {
  readonly status: 400 | 416 | 420
  readonly reason: string
  readonly headers: readonly HeaderField[]
}

const bad = (reason: string): RequestProblem => ({ status: 400, reason, headers: [] })

/** Values of which one is enough to know where a dialog goes. */
const MAX_CONTACTS = 32

/** Why a request has to be refused, or `null`. The reason is a phrase for the status line. */
export function requestProblem(request: SipRequest): RequestProblem | null {
  return uriProblem(request.uri) ?? viaProblem(request) ?? partyProblem(request) ?? contactProblem(request)
}

/**
 * The refusal of a request whose `Require` or `Proxy-Require` (as `header` says) names an extension that is not among `supported` (RFC 3261
 * sections 8.2.2.3 and 16.3 step 5), or `null`. `supported`: option tags in lower case.
 */
export function extensionProblem(
  request: SipRequest,
  header: 'Require' | 'Proxy-Require',
  supported: ReadonlySet<string>,
): RequestProblem | null {
  const unknown = headerValues(request, header).filter(option => !supported.has(option.toLowerCase()))
  if (unknown.length === 0) return null
  return { status: 420, reason: 'Bad Extension', headers: [{ name: 'Unsupported', value: unknown.join(', ') }] }
}

function uriProblem(text: string): RequestProblem | null {
  const scheme = text.slice(0, text.indexOf(':')).toLowerCase()
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel')
    return { status: 416, reason: 'Unsupported URI Scheme', headers: [] }
  const uri = parseUri(text)
  if (uri === null) return bad('Bad Request-URI')
  // RFC 3261 19.1.1: no headers in a Request-URI; forwarded, they could become real ones.
  return uri.headers.length > 0 ? bad('Headers in Request-URI') : null
}

/** The rest of the Vias belongs to others; the topmost is ours to answer along. */
function viaProblem(request: SipRequest): RequestProblem | null {
  const value = firstValue(request, 'Via') ?? ''
  if (parseVia(value) === null || hasEmptyParam(value)) return bad('Bad Via')
  return null
}

function partyProblem(request: SipRequest): RequestProblem | null {
  for (const { name, value } of request.headers) {
    if (sameName(name, 'From') || sameName(name, 'To')) {
      if (parseNameAddr(value) === null || hasEmptyParam(value)) return bad(`Bad ${name}`)
    }
  }
  return null
}

function contactProblem(request: SipRequest): RequestProblem | null {
  const contacts = headerValues(request, 'Contact')
  if (contacts.length > MAX_CONTACTS) return bad('Too Many Contacts')
  for (const value of contacts) {
    if (value === '*') continue
    if (parseNameAddr(value) === null || hasEmptyParam(value)) return bad('Bad Contact')
    // RFC 3261 20: such a URI must be enclosed in angle brackets; whose the question mark is would be a guess.
    if (!value.includes('<') && value.includes('?')) return bad('Bad Contact')
  }
  return null
}

/** Two semicolons with nothing between them, or one at the end, outside of quotes and angle brackets. */
function hasEmptyParam(value: string): boolean {
  let afterSemicolon = false
  for (let at = 0; at < value.length; at++) {
    const character = value[at]
    if (character === ' ' || character === '\t') continue
    if (character === ';') {
      if (afterSemicolon) return true
      afterSemicolon = true
      continue
    }
    afterSemicolon = false
    if (character === '"') at = endOfQuoted(value, at) - 1
    else if (character === '<') {
      const close = value.indexOf('>', at)
      if (close !== -1) at = close
    }
  }
  return afterSemicolon
}
