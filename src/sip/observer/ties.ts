/** The names under which a message's SIP call is known to others, strongest first. Pure and total. */
import type { Tie } from '../../events/signal.ts'
import { headerValue, headerValues } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import { parseNameAddr } from '../message/name-addr.ts'
import { parseUri } from '../message/uri.ts'

/** Which header fields of a PBX tie its SIP calls together. */
export interface TieHeaders {
  /** They hold the PBX's own id of the call: `X-Asterisk-Linkedid`. */
  readonly unique: readonly string[]
  /** They hold the Call-ID of another SIP call of the same call: `X-Orig-Call-ID`. */
  readonly callId: readonly string[]
}

const maxValues = 8
const maxLength = 256

export function tiesIn(message: SipMessage, headers: TieHeaders): readonly Tie[] {
  const ties: Tie[] = []
  const tie = (key: string, reason: string): void => {
    if (ties.length < maxValues) ties.push({ key, reason })
  }
  for (const name of headers.unique) {
    const value = wordIn(headerValue(message, name))
    if (value !== null) tie(`unique:${value}`, `header ${name}`)
  }
  for (const name of headers.callId) {
    const value = wordIn(headerValue(message, name))
    if (value !== null) tie(`sip:${value}`, `header ${name}`)
  }
  for (const uuid of sessionIdsIn(message)) tie(`session:${uuid}`, 'header Session-ID')
  const replaced = replacedIn(headerValue(message, 'Replaces'))
  if (replaced !== null) tie(`sip:${replaced}`, 'header Replaces')
  const ucid = ucidIn(headerValue(message, 'User-to-User'))
  if (ucid !== null) tie(`ucid:${ucid}`, 'header User-to-User')
  return ties
}

/** The Call-ID of a Replaces header (RFC 3891 section 6.1), also as it stands, escaped, in a Refer-To URI. */
export function replacedIn(value: string | null): string | null {
  return value === null ? null : wordIn(value.split(';', 1)[0] ?? '')
}

/** Whom a Refer-To names, and the Call-ID of the dialog that this one is to replace (RFC 3515, RFC 3891 section 4). */
export function referTo(
  message: SipMessage,
): { readonly user: string; readonly display: string | null; readonly replaces: string | null } | null {
  const value = headerValue(message, 'Refer-To')
  const parsed = value === null ? null : parseNameAddr(value)
  const uri = parsed === null ? null : parseUri(parsed.uri)
  if (parsed === null || uri === null) return null
  const escaped = /[?&]replaces=([^&>]*)/i.exec(parsed.uri)?.[1]
  return {
    user: uri.user ?? '',
    display: parsed.display,
    replaces: escaped === undefined ? null : replacedIn(unescaped(escaped)),
  }
}

/**
 * Session-ID (RFC 7989 section 5): `UUID;remote=UUID`; each end's is a name of its own, for a transfer changes one of them. Nil is none.
 * The older single value (RFC 7329) reads alike.
 */
function sessionIdsIn(message: SipMessage): readonly string[] {
  const [value] = headerValues(message, 'Session-ID')
  if (value === undefined) return []
  const found = [/^\s*([0-9a-f]{32})\b/i.exec(value)?.[1], /;\s*remote\s*=\s*([0-9a-f]{32})\b/i.exec(value)?.[1]]
  return found.flatMap(uuid => (uuid === undefined || /^0+$/.test(uuid) ? [] : uuid.toLowerCase()))
}

/** Avaya's universal call id within User-to-User (RFC 7433): `00FA08` and 8 octets, in hexadecimal. */
function ucidIn(value: string | null): string | null {
  return value === null ? null : (/(?:^|00|04|C8[0-9A-F]{2})FA08([0-9A-F]{16})/i.exec(value)?.[1]?.toUpperCase() ?? null)
}

function wordIn(value: string | null): string | null {
  const word = value?.trim() ?? ''
  return word === '' || word.length > maxLength || !/^[\x21-\x7e]+$/.test(word) ? null : word
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // no escapes of UTF-8: taken as it stands
  }
}
