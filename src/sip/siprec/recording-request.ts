/** Whether a request is a recording session's, for a server that may be asked for other calls as well. Pure. */
import { headerValue, headerValues } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import { readBuiltInBridge } from './cisco-recording.ts'

/**
 * RFC 7866 has a client say so in Require and in its Contact (`+sip.src`); BroadWorks says neither and sends metadata, Cisco's gateways
 * and Unified CM name the participants in headers.
 */
export function isRecordingRequest(message: SipMessage): boolean {
  if (headerValues(message, 'Require').some(option => option.toLowerCase() === 'siprec')) return true
  if (/;\s*\+sip\.src\b/i.test(headerValue(message, 'Contact') ?? '')) return true
  if (headerValue(message, 'X-Cisco-Recording-Participant') !== null || readBuiltInBridge(message) !== null) return true
  const contentType = headerValue(message, 'Content-Type') ?? ''
  return /^\s*multipart\//i.test(contentType) && message.body.includes('application/rs-metadata')
}
