/** The fixtures of SIPREC as messages. */
import { readFileSync } from 'node:fs'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { advanceRecording, type RecordingSession } from '../../../src/sip/siprec/recording-session.ts'

/** A message of test/fixtures/siprec, with the line ends of SIP. */
export function recordingMessage(name: string): SipRequest {
  const text = readFileSync(new URL(`../../fixtures/siprec/${name}.sip`, import.meta.url), 'utf8')
  const result = parseMessage(Buffer.from(text.replaceAll('\n', '\r\n')))
  if (!result.ok || result.message.kind !== 'request') throw new Error(`${name} is no request`)
  return result.message
}

/** The same message with another body, or with other text in it. */
export function changed(message: SipRequest, replacements: Readonly<Record<string, string>>): SipRequest {
  let body = message.body.toString()
  for (const [from, to] of Object.entries(replacements)) {
    if (!body.includes(from)) throw new Error(`the body has no ${from}`)
    body = body.replaceAll(from, to)
  }
  return { ...message, body: Buffer.from(body) }
}

/** The session that messages make one after the other; throws when one is refused. */
export function sessionOf(...messages: readonly (string | SipRequest)[]): RecordingSession {
  let session: RecordingSession | null = null
  for (const given of messages) {
    const message: SipRequest = typeof given === 'string' ? recordingMessage(given) : given
    const step = advanceRecording(session, message, ['X-Unique-ID'])
    if (!step.ok) throw new Error(`refused as ${step.reason}`)
    session = step.session
  }
  if (session === null) throw new Error('there is no message')
  return session
}
