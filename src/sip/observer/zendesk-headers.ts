/**
 * `X-Zendesk-*` headers, in which a PBX's dialplan says what is to become of a call in Zendesk (Asterisk:
 * `Set(PJSIP_HEADER(add,X-Zendesk-Ticket-Id)=17)`; FreeSWITCH: `sip_h_X-Zendesk-…` on an INVITE, `sip_ph_X-…` on a 180 or 183,
 * `sip_rh_X-…` on a 200).
 *
 * `X-Zendesk-Consent: yes|no` is no directive but a fact, which may change while the call goes on: it is read from every message.
 *
 * Only the PBX is believed: whoever calls from outside could otherwise write into any ticket. A call that comes from the carrier gets
 * its directives from the PBX's responses.
 */
import { saidIn } from '../../events/choice.ts'
import type { Directives } from '../../events/directives.ts'
import { headerValue } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'

const prefix = 'x-zendesk-'
const consentDirective = 'consent'
const maxHeaders = 20
const maxValueLength = 256

/** By the lower-case name behind the prefix, the first of each; `null` when there is none. Values that no person wrote are left out. */
export function directivesIn(message: SipMessage): Directives | null {
  let found: Record<string, string> | null = null
  let count = 0
  for (const { name, value } of message.headers) {
    if (name.length <= prefix.length || name.slice(0, prefix.length).toLowerCase() !== prefix) continue
    const directive = name.slice(prefix.length).toLowerCase()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
    if (!/^[a-z0-9-]{1,64}$/.test(directive) || value.length > maxValueLength || /[\u0000-\u001f\u007f]/.test(value)) continue
    if (directive === consentDirective) continue
    found ??= {}
    if (Object.hasOwn(found, directive)) continue
    found[directive] = value
    count += 1
    if (count === maxHeaders) break
  }
  return found
}

/** Whether the caller agreed to be recorded (events/choice.ts, saidIn); `null` when the message does not say. */
export function consentIn(message: SipMessage): boolean | null {
  return saidIn(headerValue(message, `${prefix}${consentDirective}`) ?? '')
}
