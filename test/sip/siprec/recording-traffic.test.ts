import { expect, test } from 'vitest'
import type { SipMessage, SipRequest } from '../../../src/sip/message/message.ts'
import { RecordingTraffic } from '../../../src/sip/siprec/recording-traffic.ts'
import { recordingMessage } from './messages.ts'

const withMethod = (message: SipRequest, method: string): SipRequest => ({ ...message, method })
const named = (message: SipRequest, callId: string): SipRequest => ({
  ...message,
  headers: message.headers.map(field => (field.name === 'Call-ID' ? { ...field, value: callId } : field)),
})
const ok = ({ headers }: SipRequest): SipMessage => ({
  kind: 'response',
  status: 200,
  reason: 'OK',
  headers,
  body: Buffer.alloc(0),
})

test.each(['rfc7866', 'cube', 'bib-near', 'broadworks', 'metaswitch', 'netsapiens'])(
  'a session of %s is one from its INVITE to the answer to its BYE',
  name => {
    const traffic = new RecordingTraffic()
    const invite = recordingMessage(name)
    const bare = { ...invite, headers: invite.headers.filter(({ name: field }) => field === 'Call-ID'), body: Buffer.alloc(0) }
    const messages = [invite, ok(bare), withMethod(bare, 'ACK'), bare, withMethod(bare, 'BYE'), ok(bare)]
    expect(messages.map(message => traffic.has(message))).toEqual([true, true, true, true, true, true])
  },
)

test('a call is none, whatever its Contact says in other requests, nor is what has no Call-ID', () => {
  const traffic = new RecordingTraffic()
  const invite = recordingMessage('rfc7866')
  expect(traffic.has(withMethod(invite, 'OPTIONS'))).toBe(false)
  expect(traffic.has(ok(invite))).toBe(false)
  expect(traffic.has({ ...invite, headers: [] })).toBe(false)
  expect(traffic.has(invite)).toBe(true)
  expect(traffic.has(withMethod(named(invite, 'another'), 'BYE'))).toBe(false)
})

test('as many sessions are remembered as there may be at a time, the one that is quiet for longest goes first', () => {
  const traffic = new RecordingTraffic()
  const invite = recordingMessage('rfc7866')
  const bye = (callId: string) => withMethod(named({ ...invite, body: Buffer.alloc(0) }, callId), 'BYE')
  traffic.has(named(invite, 'busy'))
  traffic.has(named(invite, 'quiet'))
  traffic.has(bye('busy'))
  for (let n = 0; n < 19_999; n += 1) traffic.has(named(invite, `s${n}`))
  expect([traffic.has(bye('quiet')), traffic.has(bye('busy'))]).toEqual([false, true])
})
