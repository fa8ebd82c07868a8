/** Who calls and who is called, as a SIP message tells it (RFC 3261 sections 8.1.1.2 and 8.1.1.3, RFC 3323, RFC 3325). */
import type { WireParty } from '../../events/signal.ts'
import { headerValue, headerValues } from '../message/headers.ts'
import type { SipMessage, SipRequest } from '../message/message.ts'
import { parseNameAddr } from '../message/name-addr.ts'
import { parseUri } from '../message/uri.ts'

const nobody: WireParty = { user: '', display: null, anonymous: true }

/**
 * The caller of an INVITE. A carrier vouches for its callers in P-Asserted-Identity, while From is whatever the caller's phone
 * said; a PBX's From is the extension or number it means to show, its P-Asserted-Identity often only the trunk's main number.
 */
export function callerOf(invite: SipRequest, isFromCarrier: boolean): WireParty {
  const from = partyIn(headerValue(invite, 'From')) ?? nobody
  const asserted = isFromCarrier ? assertedParty(invite) : null
  const anonymous = from.anonymous || wantsPrivacy(invite)
  const shown = asserted !== null && asserted.user !== '' ? { ...asserted, display: asserted.display ?? from.display } : from
  return anonymous ? { user: '', display: null, anonymous: true } : shown
}

/** The called party: where the request goes to, or the To header when the request URI names no user. */
export function calleeOf(invite: SipRequest): WireParty {
  const uri = parseUri(invite.uri)
  const to = partyIn(headerValue(invite, 'To'))
  if (uri === null || uri.user === null) return to ?? { ...nobody, anonymous: false }
  return { user: uri.user, display: to?.display ?? null, anonymous: false }
}

/**
 * The identity that the sender vouches for: in a 180 or 200 it names the phone that rings or answers. P-Asserted-Identity (RFC 3325), or
 * the older Remote-Party-ID, which many PBXs still send.
 */
export function assertedParty(message: SipMessage): WireParty | null {
  for (const value of [...headerValues(message, 'P-Asserted-Identity'), ...headerValues(message, 'Remote-Party-ID')]) {
    const party = partyIn(value)
    if (party !== null && party.user !== '') return party
  }
  return null
}

/** Whom a From, To or identity header names; `null` when it is none. */
export function partyIn(nameAddr: string | null): WireParty | null {
  const parsed = nameAddr === null ? null : parseNameAddr(nameAddr)
  if (parsed === null) return null
  const uri = parseUri(parsed.uri)
  if (uri === null) return null
  const user = uri.user ?? ''
  const anonymous = user.toLowerCase() === 'anonymous' || uri.host.toLowerCase() === 'anonymous.invalid'
  return { user, display: parsed.display, anonymous }
}

/** RFC 3323 section 4.2, RFC 3325 section 9.3: `id`, `user` and `header` hide the caller from whom the call goes to. */
function wantsPrivacy(message: SipMessage): boolean {
  const privacy = headerValue(message, 'Privacy')
  return privacy !== null && /(^|;)\s*(id|user|header)\s*(;|$)/i.test(privacy)
}
