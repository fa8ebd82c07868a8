/** Parties as recorders' clients write them: URIs, `user@host`, bare numbers, whole From headers. Total. */
import type { WireParty } from '../../events/signal.ts'
import { parseNameAddr } from '../message/name-addr.ts'
import { parseUri } from '../message/uri.ts'

/** `null` when no user can be read of it. `display` is what is known of the name besides. */
export function partyOf(address: string, display: string | null = null): WireParty | null {
  const text = address.trim()
  if (text === '' || text.length > 512) return null
  const nameAddr = text.includes('<') ? parseNameAddr(text) : null
  const name = display?.trim() || nameAddr?.display || null
  const user = userIn(nameAddr?.uri ?? text)
  if (user === null) return null
  if (user.toLowerCase() === 'anonymous' || /[@.]anonymous\.invalid/i.test(text))
    return { user: '', display: null, anonymous: true }
  return { user, display: name === user ? null : name, anonymous: false }
}

function userIn(text: string): string | null {
  if (/^[\w.+*#-]{1,64}$/.test(text)) return text
  const uri = parseUri(/^(?:sips?|tel):/i.test(text) ? text : `sip:${text}`)
  if (uri === null) return null
  // BroadWorks writes a number where the host belongs: sip:4155550100.
  return uri.user ?? (/^\d{2,32}$/.test(uri.host) ? uri.host : null)
}

/** Whether two spellings mean one party: the same user, or numbers of seven digits and more of which one ends with the other. */
export function isSameParty(a: WireParty, b: WireParty): boolean {
  if (a.user === b.user) return a.anonymous === b.anonymous
  const [one, other] = [digitsOf(a.user), digitsOf(b.user)]
  if (one.length < 7 || other.length < 7) return false
  return one.endsWith(other) || other.endsWith(one)
}

function digitsOf(user: string): string {
  return /^[+\d\s().-]+$/.test(user) ? user.replace(/\D/g, '') : ''
}
