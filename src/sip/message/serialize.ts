/** A SIP message to bytes (RFC 3261 section 7). */
import { sameName } from './headers.ts'
import type { SipMessage } from './message.ts'

/**
 * Header order is kept. Content-Length is that of the body: in its own place when the message has one, else last. A CR or LF that
 * someone put into a value becomes a blank, so that no value can start a header of its own.
 */
export function serializeMessage(message: SipMessage): Buffer {
  const { body } = message
  let head =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${oneLine(message.reason)}\r\n`
  let hasLength = false
  for (const { name, value } of message.headers) {
    if (!sameName(name, 'Content-Length')) head += `${name}: ${oneLine(value)}\r\n`
    else if (!hasLength) {
      hasLength = true
      head += `${name}: ${body.length}\r\n`
    }
  }
  head += hasLength ? '\r\n' : `Content-Length: ${body.length}\r\n\r\n`
  return body.length === 0 ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body])
}

function oneLine(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]+/g, ' ') : text
}
