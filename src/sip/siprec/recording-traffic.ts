/**
 * Tells the messages of recording sessions from those of calls, for whoever watches SIP go by: a session runs between a client and its
 * recorder, and nobody talks to anybody in it. What it tells of a call, the recording server says.
 */
import { BoundedMap } from '../embedded/guard/bounded-map.ts'
import { headerValue } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import { isRecordingRequest } from './recording-request.ts'

/** Sessions that are remembered; beyond, the one of which nothing was seen for longest is taken for a call again. */
const mostSessions = 20_000

export class RecordingTraffic {
  readonly #sessions = new BoundedMap<string, true>(mostSessions)

  /** Whether a message belongs to a recording session whose INVITE was seen, or is such an INVITE. */
  has(message: SipMessage): boolean {
    const callId = headerValue(message, 'Call-ID')
    if (callId === null) return false
    const begins = message.kind === 'request' && message.method === 'INVITE' && isRecordingRequest(message)
    if (!begins && this.#sessions.get(callId) === undefined) return false
    this.#sessions.set(callId, true)
    return true
  }
}
