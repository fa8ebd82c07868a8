import { describe, expect, it } from 'vitest'
import type { CallSignal } from '../../../src/events/signal.ts'
import type { SeenMessage } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { CallObserver } from '../../../src/sip/observer/call-observer.ts'
import type { TrunkSide } from '../../../src/sip/trunk/peers.ts'
import { betweenTrunkSides } from '../../../src/sip/trunk/trunk-ends.ts'
import { seenInSippLog } from '../sipp-log.ts'

function observe(
  messages: readonly SeenMessage[],
  side: TrunkSide | null = 'pbx',
  maxPending = 100,
  overhears = false,
): CallSignal[] {
  const signals: CallSignal[] = []
  const observer = new CallObserver({
    source: 'trunk',
    ties: { unique: ['X-Unique-ID', 'X-Asterisk-Linkedid'], callId: ['X-Orig-Call-ID'] },
    overhears,
    onSignal: signal => signals.push(signal),
    maxPending,
  })
  for (const message of messages) {
    const observed = betweenTrunkSides(message, () => side)
    if (observed !== null) observer.see(observed)
  }
  return signals
}

function seen(direction: 'received' | 'sent', lines: readonly string[], body = ''): SeenMessage {
  const parsed = parseMessage(Buffer.from(`${[...lines, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`))
  if (!parsed.ok) throw new Error(parsed.reason)
  return { at: 1, direction, peer: { transport: 'udp', address: '192.0.2.1', port: 5060 }, message: parsed.message }
}

const dialog = (from: string, to: string, cseq: string, extra: readonly string[] = []): string[] => [
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
  `From: ${from}`,
  `To: ${to}`,
  'Call-ID: a@b',
  `CSeq: ${cseq}`,
  ...extra,
]
const alice = '"Alice" <sip:+14155550100@carrier.example>;tag=a'
const bob = '<sip:1001@pbx.example>'
const kinds = (signals: readonly CallSignal[]): string[] => signals.map(signal => signal.kind)
const sdp = (direction: string): string => `v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=${direction}\r\n`

describe('captured calls', () => {
  it('a call with hold and resume is told as a person would', () => {
    const signals = observe(seenInSippLog('test/fixtures/sip/hold.log'))
    expect(kinds(signals)).toEqual(['invited', 'ringing', 'answered', 'held', 'resumed', 'hungup'])
    const [invited, ringing, , held] = signals
    expect(invited).toMatchObject({
      sipCallId: '1-6672@127.0.0.1',
      from: { user: '1001', display: 'Alice' },
      to: { user: '1002' },
      side: 'pbx',
    })
    expect(invited?.at).toBe(Date.parse('2026-11-22T06:39:04.854Z'))
    expect(ringing).toMatchObject({ party: { user: '1002', display: 'Bob' } })
    expect(held).toMatchObject({ fromTag: '6672uac1' })
  })

  it('a caller who gives up is told by the CANCEL and the 487', () => {
    const signals = observe(seenInSippLog('test/fixtures/sip/abandoned.log'))
    expect(kinds(signals)).toEqual(['invited', 'ringing', 'cancelled', 'failed'])
    expect(signals.at(-1)).toMatchObject({ sipCode: 487 })
  })
})

describe('messages', () => {
  it('a stranger makes no signals', () => {
    expect(observe([seen('received', ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, bob, '1 INVITE')])], null)).toEqual(
      [],
    )
  })

  it('a re-INVITE is no new call, and a refused one holds nothing', () => {
    const hold = seen(
      'received',
      ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '2 INVITE')],
      sdp('sendonly'),
    )
    const refused = seen('sent', ['SIP/2.0 488 Not Acceptable Here', ...dialog(alice, `${bob};tag=b`, '2 INVITE')])
    expect(observe([hold, refused])).toEqual([])
  })

  it('direct media re-INVITEs and session refreshes are not holds', () => {
    const refresh = seen(
      'received',
      ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '2 INVITE')],
      sdp('sendrecv'),
    )
    const ok = seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, '2 INVITE')])
    expect(kinds(observe([refresh, ok]))).toEqual(['resumed']) // which changes nothing in a call that is not held
  })

  it('a late offer holds when its ACK says so', () => {
    const offerless = seen('received', ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '2 INVITE')])
    const ok = seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, '2 INVITE')], sdp('sendrecv'))
    const ack = seen('received', ['ACK sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '2 ACK')], sdp('inactive'))
    expect(kinds(observe([offerless, ok, ack]))).toEqual(['held'])
  })

  it('an UPDATE can hold, and one without SDP says nothing', () => {
    const update = seen(
      'received',
      ['UPDATE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '3 UPDATE')],
      sdp('inactive'),
    )
    const ok = seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, '3 UPDATE')], sdp('inactive'))
    const bare = seen('received', ['UPDATE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '4 UPDATE')])
    const bareOk = seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, '4 UPDATE')])
    expect(kinds(observe([update, ok, bare, bareOk]))).toEqual(['held'])
  })

  it.each([
    ['Reason: SIP;cause=200;text="Call completed elsewhere"', true, null],
    ['Reason: Q.850;cause=26', true, 26],
    ['Reason: Q.850;cause=16;text="Terminated"', false, 16],
    ['Reason: SIP ;cause=487, Q.850;text="x";cause=19', false, 19],
    ['Subject: none', false, null],
  ])('CANCEL with %s', (header, elsewhere, q850) => {
    const signals = observe([
      seen('received', ['CANCEL sip:1001@pbx.example SIP/2.0', ...dialog(alice, bob, '1 CANCEL', [header])]),
    ])
    expect(signals).toMatchObject([{ kind: 'cancelled', elsewhere, q850 }])
  })

  it('a carrier vouches for its caller, and a caller who asks for privacy stays anonymous', () => {
    const invite = (extra: readonly string[], from = alice): SeenMessage =>
      seen('received', ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(from, bob, '1 INVITE', extra)])
    const asserted = ['P-Asserted-Identity: <tel:+14155550199>']
    expect(observe([invite(asserted)], 'carrier')).toMatchObject([{ from: { user: '+14155550199', anonymous: false } }])
    expect(observe([invite(asserted)], 'pbx')).toMatchObject([{ from: { user: '+14155550100' } }])
    expect(observe([invite([...asserted, 'Privacy: id;critical'])], 'carrier')).toMatchObject([
      { from: { user: '', anonymous: true } },
    ])
    expect(observe([invite([], '<sip:anonymous@anonymous.invalid>;tag=x')], 'carrier')).toMatchObject([
      { from: { anonymous: true } },
    ])
  })

  it("the PBX's own id of the call becomes a key", () => {
    const invite = seen('received', [
      'INVITE sip:1001@pbx.example SIP/2.0',
      ...dialog(alice, bob, '1 INVITE', ['x-unique-id: 17953.4']),
    ])
    expect(observe([invite])).toMatchObject([{ ties: [{ key: 'unique:17953.4', reason: 'header X-Unique-ID' }] }])
  })

  describe('X-Zendesk headers', () => {
    const invite = (extra: readonly string[]): SeenMessage =>
      seen('received', ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, bob, '1 INVITE', extra)])
    const response = (status: string, extra: readonly string[]): SeenMessage =>
      seen('sent', [`SIP/2.0 ${status}`, ...dialog(alice, `${bob};tag=b`, '1 INVITE', extra)])
    const directives = (messages: readonly SeenMessage[], side: TrunkSide) =>
      observe(messages, side).map(signal => ('directives' in signal ? signal.directives : null))

    it('of the PBX are directives, the first of each name, in any case', () => {
      const headers = [
        'x-zendesk-TICKET-id: 17',
        'X-Zendesk-Ticket-Id: 18',
        'X-Zendesk-Queue: support',
        'X-Zendesk: no',
        'X-Other: a',
      ]
      expect(directives([invite(headers)], 'pbx')).toEqual([{ 'ticket-id': '17', queue: 'support' }])
    })

    it('of the carrier are not believed, in a request or in a response', () => {
      const header = ['X-Zendesk-Ticket-Id: 17']
      expect(directives([invite(header)], 'carrier')).toEqual([null])
      expect(directives([response('180 Ringing', header), response('200 OK', header)], 'pbx')).toEqual([null, null])
    })

    it('come with the responses of the PBX when the carrier calls', () => {
      const answers = [response('180 Ringing', ['X-Zendesk-Queue: support']), response('200 OK', ['X-Zendesk-Ticket-Id: 17'])]
      expect(directives(answers, 'carrier')).toEqual([{ queue: 'support' }, { 'ticket-id': '17' }])
    })

    it('are few and short, or left out', () => {
      const many = Array.from({ length: 30 }, (_, i) => `X-Zendesk-Custom-Field-${i}: x`)
      const [found] = directives([invite([`X-Zendesk-Comment: ${'x'.repeat(257)}`, 'X-Zendesk-A!b: x', ...many])], 'pbx')
      expect(Object.keys(found ?? {})).toEqual(Array.from({ length: 20 }, (_, i) => `custom-field-${i}`))
    })

    it('with control characters are left out', () => {
      expect(directives([invite(['X-Zendesk-Comment: a\u0007b', 'X-Zendesk-Tags: a\tb', 'X-Zendesk-Queue: q'])], 'pbx')).toEqual([
        { queue: 'q' },
      ])
    })
  })

  describe('X-Zendesk-Consent', () => {
    const yes = ['X-Zendesk-Consent: yes']
    const request = (method: string, extra: readonly string[], to = `${bob};tag=b`): SeenMessage =>
      seen('received', [`${method} sip:1001@pbx.example SIP/2.0`, ...dialog(alice, to, `2 ${method}`, extra)])

    it.each(['INVITE', 'UPDATE', 'INFO', 'MESSAGE', 'ACK'])('is read from a %s of the PBX within the call', method => {
      expect(observe([request(method, yes)])).toEqual([
        { kind: 'chosen', at: 1, source: 'trunk', sipCallId: 'a@b', fromTag: 'a', toTag: 'b', said: true },
      ])
    })

    it('of the first INVITE stands behind it, of a BYE before it', () => {
      const invite = request('INVITE', yes, bob)
      expect(observe([invite])).toMatchObject([{ kind: 'invited' }, { kind: 'chosen', toTag: null, said: true }])
      expect(observe([invite])[0]).not.toHaveProperty('directives')
      const bye = request('BYE', ['X-Zendesk-Consent: No'])
      expect(observe([bye])).toMatchObject([{ kind: 'chosen', said: false }, { kind: 'hungup' }])
    })

    it('is read from responses of the PBX, and nothing of it is believed of the carrier', () => {
      const ok = seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, '1 INVITE', yes)])
      expect(kinds(observe([ok], 'carrier'))).toEqual(['chosen', 'answered'])
      expect(kinds(observe([ok], 'pbx'))).toEqual(['answered'])
      expect(observe([request('INFO', yes)], 'carrier')).toEqual([])
      expect(kinds(observe([request('INVITE', yes, bob)], 'carrier'))).toEqual(['invited'])
    })

    it('that is empty says nothing, and any other word than a yes is a no', () => {
      expect(observe([request('INFO', ['X-Zendesk-Consent:'])])).toEqual([])
      expect(observe([request('INFO', ['X-Zendesk-Consent: perhaps'])])).toMatchObject([{ said: false }])
    })
  })

  describe('a transfer', () => {
    const refer = (target: string): SeenMessage =>
      seen('received', [
        'REFER sip:1001@pbx.example SIP/2.0',
        ...dialog(alice, `${bob};tag=b`, '3 REFER', [`Refer-To: ${target}`]),
      ])
    const answer = (status: string): SeenMessage =>
      seen('sent', [`SIP/2.0 ${status}`, ...dialog(alice, `${bob};tag=b`, '3 REFER')])
    const notify = (event: string, fragment: string): SeenMessage =>
      seen(
        'sent',
        ['NOTIFY sip:a@carrier.example SIP/2.0', ...dialog(`${bob};tag=b`, alice, '4 NOTIFY', [`Event: ${event}`])],
        `${fragment}\r\n`,
      )

    it('is told once its REFER is accepted, with whom it names', () => {
      expect(observe([refer('"Bob" <sip:1002@pbx.example>')])).toEqual([])
      expect(observe([refer('"Bob" <sip:1002@pbx.example>'), answer('202 Accepted')])).toMatchObject([
        { kind: 'referred', fromTag: 'a', toTag: 'b', target: { user: '1002', display: 'Bob' }, replaces: null },
      ])
    })

    it('that is attended names the dialog to replace', () => {
      const target = '<sip:1002@pbx.example?Replaces=other%40pbx%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>'
      expect(observe([refer(target), answer('202 Accepted')])).toMatchObject([
        { kind: 'referred', target: { user: '1002' }, replaces: 'other@pbx' },
      ])
    })

    it('that is refused, or names nobody, is none', () => {
      expect(observe([refer('<sip:1002@pbx.example>'), answer('603 Decline')])).toEqual([])
      expect(observe([refer('nobody at all'), answer('202 Accepted')])).toEqual([])
    })

    it('ends with what its NOTIFY says; those of other events say nothing', () => {
      expect(
        observe([notify('refer;id=3', 'SIP/2.0 100 Trying'), notify('refer', 'SIP/2.0 503 Service Unavailable')]),
      ).toMatchObject([
        { kind: 'refer-ended', sipCode: 100 },
        { kind: 'refer-ended', sipCode: 503 },
      ])
      expect(observe([notify('message-summary', 'SIP/2.0 200 OK'), notify('refer', 'gibberish')])).toEqual([])
    })
  })

  describe('names of a call', () => {
    const uuid = (digit: string): string => digit.repeat(32)
    const tiesOf = (signal: CallSignal | undefined) =>
      signal !== undefined && 'ties' in signal ? signal.ties.map(({ key }) => key) : []

    it('are those of its INVITE, the strongest first', () => {
      const invite = seen('received', [
        'INVITE sip:1001@pbx.example SIP/2.0',
        ...dialog(alice, bob, '1 INVITE', [
          `Session-ID: ${uuid('a')};remote=${uuid('0')}`,
          'Replaces: other@pbx;to-tag=1;from-tag=2',
          'X-Orig-Call-ID: first@pbx',
          'X-Asterisk-Linkedid: 17.4',
        ]),
      ])
      expect(tiesOf(observe([invite])[0])).toEqual(['unique:17.4', 'sip:first@pbx', `session:${uuid('a')}`, 'sip:other@pbx'])
    })

    it('are also those that its answer adds', () => {
      const ok = seen('sent', [
        'SIP/2.0 200 OK',
        ...dialog(alice, `${bob};tag=b`, '1 INVITE', [`Session-ID: ${uuid('b')};remote=${uuid('A')}`]),
      ])
      const [answered, tied] = observe([ok])
      expect([answered?.kind, tied?.kind]).toEqual(['answered', 'tied'])
      expect(tiesOf(tied)).toEqual([`session:${uuid('b')}`, `session:${uuid('a')}`])
    })
  })

  describe('a call in its midst', () => {
    const bye = seen('received', ['BYE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '9 BYE')])
    const hold = seen(
      'received',
      ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, '2 INVITE')],
      sdp('sendonly'),
    )
    const ok = seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, '2 INVITE')])

    it('is overheard at its BYE or re-INVITE, with its parties, where that is wanted', () => {
      expect(observe([bye], 'carrier', 100, true)).toMatchObject([
        { kind: 'overheard', from: { user: '+14155550100' }, to: { user: '1001' }, side: 'carrier' },
        { kind: 'hungup' },
      ])
      expect(kinds(observe([hold, ok], 'carrier', 100, true))).toEqual(['overheard', 'held'])
      expect(kinds(observe([hold, ok, bye], 'carrier'))).toEqual(['held', 'hungup'])
    })
  })

  it('remembers no more renegotiations than it may', () => {
    const hold = (cseq: number): SeenMessage =>
      seen(
        'received',
        ['INVITE sip:1001@pbx.example SIP/2.0', ...dialog(alice, `${bob};tag=b`, `${cseq} INVITE`)],
        sdp('sendonly'),
      )
    const ok = (cseq: number): SeenMessage => seen('sent', ['SIP/2.0 200 OK', ...dialog(alice, `${bob};tag=b`, `${cseq} INVITE`)])
    // The first was forgotten, so its 200 looks like an answer, which the model knows already; the second holds.
    expect(kinds(observe([hold(2), hold(3), ok(2), ok(3)], 'pbx', 1))).toEqual(['answered', 'held'])
  })
})
