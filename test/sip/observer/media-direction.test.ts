import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mediaDirection } from '../../../src/sip/observer/media-direction.ts'
import { readReasons } from '../../../src/sip/observer/reason.ts'
import { nearestMoment } from '../../../src/sip/trunk/cdr-feed.ts'

const sdp = (...lines: string[]): Buffer => Buffer.from(['v=0', 's=-', ...lines, ''].join('\r\n'))

it.each([
  ['sendrecv by default', sdp('c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0'), 'active'],
  ['sendonly', sdp('m=audio 4000 RTP/AVP 0', 'a=sendonly'), 'held'],
  ['inactive for the whole session', sdp('a=inactive', 'm=audio 4000 RTP/AVP 0'), 'held'],
  ['a stream that overrides the session', sdp('a=inactive', 'm=audio 4000 RTP/AVP 0', 'a=sendrecv'), 'active'],
  ['a null address', sdp('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 0'), 'held'],
  ['a null address of the stream', sdp('c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'), 'held'],
  ['being held is not holding', sdp('m=audio 4000 RTP/AVP 0', 'a=recvonly'), 'active'],
  ['a video stream does not count', sdp('m=audio 4000 RTP/AVP 0', 'a=sendonly', 'm=video 4002 RTP/AVP 96', 'a=sendrecv'), 'held'],
  ['a refused stream says nothing', sdp('m=audio 0 RTP/AVP 0', 'a=inactive'), null],
  ['no SDP', Buffer.from('hello'), null],
  ['nothing', Buffer.alloc(0), null],
])('%s', (_name, body, expected) => {
  expect(mediaDirection(body)).toBe(expected)
})

it('a body or Reason of any bytes never throws', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), bytes => void mediaDirection(Buffer.from(bytes))))
  fc.assert(fc.property(fc.array(fc.string()), values => void readReasons(values)))
})

it.each([
  ['23:59:59.900123', '2026-03-01T00:00:00.100Z', '2026-02-28T23:59:59.900Z'],
  ['00:00:00.050000', '2026-02-28T23:59:59.990Z', '2026-03-01T00:00:00.050Z'],
  ['12:00:00.000000', '2026-02-28T12:00:01.000Z', '2026-02-28T12:00:00.000Z'],
  ['nonsense', '2026-02-28T12:00:01.000Z', '2026-02-28T12:00:01.000Z'],
])('the time of day %s seen at %s is %s', (timeOfDay, now, moment) => {
  expect(new Date(nearestMoment(timeOfDay, Date.parse(now))).toISOString()).toBe(moment)
})
