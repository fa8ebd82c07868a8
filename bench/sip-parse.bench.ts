/**
 * One INVITE of an Asterisk, read, and read and written again, beside drachtio-srf's own parser in the same run.
 * `npx vitest bench --run bench/sip-parse.bench.ts`
 */
import { createRequire } from 'node:module'
import { bench, describe } from 'vitest'
import { parseMessage } from '../src/sip/message/parse.ts'
import { serializeMessage } from '../src/sip/message/serialize.ts'

/** Exported by the package, but not by its types. */
const { SipMessage }: { SipMessage: new (text: string) => { toString(): string } } = createRequire(import.meta.url)(
  'drachtio-srf',
)

const SDP = [
  'v=0',
  'o=- 1234 1234 IN IP4 127.0.0.1',
  's=Asterisk',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 10000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=sendrecv',
  '',
].join('\r\n')

const INVITE = Buffer.from(
  [
    'INVITE sip:+15551234567@127.0.0.1:5060 SIP/2.0',
    'Via: SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bKPj0d5b',
    'Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKabc;received=10.0.0.2;rport=5060',
    'Max-Forwards: 69',
    'From: "Alice Example" <sip:1001@127.0.0.1>;tag=abcdef0123',
    'To: <sip:+15551234567@127.0.0.1>',
    'Contact: <sip:1001@127.0.0.1:5070>',
    'Call-ID: 0f1e2d3c4b5a69788796a5b4c3d2e1f0',
    'CSeq: 102 INVITE',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE',
    'Supported: replaces, timer',
    'User-Agent: Asterisk PBX 22',
    'Content-Type: application/sdp',
    `Content-Length: ${SDP.length}`,
    '',
    SDP,
  ].join('\r\n'),
)

describe('read', () => {
  bench('src/sip/message', () => {
    parseMessage(INVITE)
  })
  bench('drachtio-srf', () => {
    new SipMessage(INVITE.toString())
  })
})

describe('read and write', () => {
  bench('src/sip/message', () => {
    const parsed = parseMessage(INVITE)
    if (!parsed.ok) throw new Error(parsed.reason)
    serializeMessage(parsed.message)
  })
  bench('drachtio-srf', () => {
    Buffer.from(new SipMessage(INVITE.toString()).toString())
  })
})
