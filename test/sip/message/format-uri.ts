import { formatHostPort } from '../../../src/sip/message/host-port.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'

/** Writes a URI; each part is escaped as RFC 3261 section 25.1 allows in that place. */
export function formatUri(uri: SipUri): string {
  const userInfo = uri.user === null ? '' : escapeText(uri.user, NOT_IN_USER)
  let params = ''
  for (const [name, value] of uri.params) {
    params += `;${escapeText(name, NOT_IN_PARAM)}`
    if (value !== null) params += `=${escapeText(value, NOT_IN_PARAM)}`
  }
  if (uri.scheme === 'tel') return `tel:${escapeText(uri.user ?? '', NOT_IN_NUMBER)}${params}`
  const password = uri.password === null ? '' : `:${escapeText(uri.password, NOT_IN_PASSWORD)}`
  const address = formatHostPort(uri)
  const headers = uri.headers
    .map(([name, value]) => `${escapeText(name, NOT_IN_HEADER)}=${escapeText(value, NOT_IN_HEADER)}`)
    .join('&')
  return `${uri.scheme}:${userInfo}${password}${uri.user === null ? '' : '@'}${address}${params}${headers === '' ? '' : `?${headers}`}`
}

const NOT_IN_USER = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]+/g
const NOT_IN_NUMBER = /[^A-Za-z0-9\-_.!~*'()+#]+/g
const NOT_IN_PASSWORD = /[^A-Za-z0-9\-_.!~*'()&=+$,]+/g
const NOT_IN_PARAM = /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]+/g
const NOT_IN_HEADER = /[^A-Za-z0-9\-_.!~*'()[\]/?:+$]+/g

function escapeText(text: string, forbidden: RegExp): string {
  return text.replace(forbidden, run => {
    let escaped = ''
    for (const byte of Buffer.from(run)) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    return escaped
  })
}
