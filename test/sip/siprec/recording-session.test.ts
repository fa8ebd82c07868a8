import { describe, expect, test } from 'vitest'
import { advanceRecording, answerTo, type RecordingSession } from '../../../src/sip/siprec/recording-session.ts'
import { changed, recordingMessage, sessionOf } from './messages.ts'

/** Of a session: who calls whom, on whose behalf it is recorded, whether that is known; each stream's label, channel and sender; the ties. */
function summary(session: RecordingSession) {
  const [call] = session.calls
  const name = (party: { user: string; display: string | null } | null | undefined) =>
    party === null || party === undefined ? null : `${party.user}${party.display === null ? '' : ` (${party.display})`}`
  return {
    caller: name(call?.caller),
    callee: name(call?.callee),
    recorded: name(call?.recorded),
    known: call?.isDirectionKnown,
    streams: session.streams.map(({ media }) => `${media.label} ${media.channel.name} ${media.from?.port}`),
    ties: call?.ties.map(({ key }) => key).sort(),
  }
}

describe('the INVITE of a client says which call is recorded, who speaks in which stream, and what ties the call to others', () => {
  test.each([
    [
      'rfc7866',
      {
        caller: '+14155550100 (Bob)',
        callee: '1001 (Alice & Co)',
        recorded: null,
        known: false,
        streams: ['1 +14155550100 12240', '3 1001 12242'],
        ties: [
          'session:47755a9de7794ba387653f2099600ef2',
          'session:ab30317f1a784dc48ff824d0d3715d86',
          'siprec-group:7+OTCyoxTmqmqyA/1weDAg==',
          'siprec:hVpd7YQgRW2nD22h7q60JQ==',
        ],
      },
    ],
    [
      'oracle',
      {
        caller: '4155550100',
        callee: '1001',
        recorded: null,
        known: true,
        streams: ['369607687 4155550100 29028', '369607688 1001 42196'],
        ties: ['siprec:OegxHzZJT/5/85BANX/cAQ==', 'ucid:0019001038F725B3', 'unique:ISR-150323161627'],
      },
    ],
    [
      'cube',
      {
        caller: '+14155550100',
        callee: '1001 (Alice)',
        recorded: null,
        known: false,
        streams: ['1 +14155550100 10292', '2 1001 10294'],
        ties: [
          'session:e9fffff2020a598b86962867715db0cf',
          'siprec:kQNhKFdEEeeJ9tD/VsPGWA==',
          'unique:2432909608-1463030247-2313607167-1456670297',
        ],
      },
    ],
    [
      'nbr',
      {
        caller: '4155550100',
        callee: '1001',
        recorded: null,
        known: false,
        streams: ['null 4155550100 16400', 'null 1001 16402'],
        ties: ['unique:2964830595-3900001111-2194473214-1234567890'],
      },
    ],
    [
      'avaya',
      {
        caller: '14155550100',
        callee: null,
        recorded: null,
        known: false,
        streams: ['10 14155550100 35000', '20 null 35002'],
        ties: ['siprec:00FA080001000758A20EFA', 'ucid:0001000758A20EFA'],
      },
    ],
    [
      'broadworks',
      {
        caller: '+14155550100',
        callee: '+14155550123',
        recorded: '4155550123',
        known: true,
        streams: ['1 4155550123, +14155550100 40000'],
        ties: [
          'siprec-group:urn:uuid:6219893c-d072-43d3-ba6c-8828cf7be472',
          'siprec:urn:uuid:139ff134-7094-4ea9-a4a4-73f0c45e6a23',
          'unique:152463:1',
          'unique:callhalf-177056759:0',
        ],
      },
    ],
    [
      'metaswitch',
      {
        caller: '4155550100',
        callee: '14155550123',
        recorded: '+14155550123',
        known: true,
        streams: ['1 4155550123, 4155550100 41000'],
        ties: ['siprec:gQxScOHHEeaPuOyezQV3BA=='],
      },
    ],
    [
      'opensips',
      {
        caller: '4155550100',
        callee: null,
        recorded: null,
        known: false,
        streams: ['1 null 30000', '2 null 30002'],
        ties: ['sip:3848276298220188511@192.0.2.60', 'siprec:c8tE3jZKQo2uO0ZSGtD7OQ=='],
      },
    ],
    [
      'netsapiens',
      {
        caller: '4155550101',
        callee: '4155550102',
        recorded: '1002 (Bob)',
        known: true,
        streams: ['1 1001 40000', '2 1002 40002'],
        ties: [
          'sip:20261122201600000001-aaaa',
          'sip:20261122201719000629-0018491486ec5db64acd5aca455acfe8',
          'sip:58cc3154ca0bdd2b0efbf9a04139526e',
          'siprec-group:d9836b259df931287df49822bd3a5e16',
          'siprec:20261122201721000631',
        ],
      },
    ],
    [
      'audiocodes',
      {
        caller: '4155550100',
        callee: '1001',
        recorded: null,
        known: false,
        streams: ['1 4155550100 6020', '2 1001 6030'],
        ties: ['siprec:0000-0000-0000-0000-00000000d79a8d1e', 'ucid:0019001038F725B3', 'unique:2c9bdd0e0a1b2c3d'],
      },
    ],
    [
      'ribbon',
      {
        caller: '1001 (Extension 1001)',
        callee: '4155550100',
        recorded: null,
        known: true,
        streams: ['1 4155550100 48932', '2 1001 48926'],
        ties: [
          'gcid:241205267',
          'sip:2da553f7-a48b-1235-d6a2-5254003a4988',
          'siprec-group:MTQ3YzA3YzAtNjdkNy0xMA==',
          'siprec:MTQ3YzA3YzEtNjdkNy0xMA==',
        ],
      },
    ],
  ])('%s', (name, expected) => {
    expect(summary(sessionOf(name))).toEqual(expected)
  })
})

describe('the built-in bridge of a Unified CM phone', () => {
  test('names agent and customer in both of its INVITEs, which share a recording and offer nothing', () => {
    const [near, far] = [sessionOf('bib-near'), sessionOf('bib-far')]
    expect(near.recordingKey).toBe('bib:CCM1-Cluster:82731258')
    expect(far.recordingKey).toBe(near.recordingKey)
    for (const session of [near, far]) {
      expect(summary(session)).toMatchObject({ caller: '4155550100', callee: '1001', recorded: '1001', streams: [] })
      expect(answerTo(session, { address: '192.0.2.50', ports: [], sessionId: 1, version: 1 })).toBeNull()
    }
    expect(summary(near).ties).toEqual(summary(far).ties)
    expect(summary(near).ties).toContain('refci:CCM1-Cluster:82731258')
    expect(summary(near).ties).toContain('refci:CCM1-Cluster:82730980')
  })

  test('gives its description in the ACK, and tells the two voices apart', () => {
    const ack = {
      ...recordingMessage('broadworks-pause'),
      method: 'ACK',
      body: Buffer.from('v=0\r\nc=IN IP4 192.0.2.30\r\nm=audio 17000 RTP/AVP 0\r\na=sendonly\r\n'),
    }
    const withFrom = (name: string) => ({
      ...ack,
      headers: ack.headers.map(field =>
        field.name === 'From' ? (recordingMessage(name).headers.find(h => h.name === 'From') ?? field) : field,
      ),
    })
    const [near] = sessionOf('bib-near', withFrom('bib-near')).streams
    const [far] = sessionOf('bib-far', withFrom('bib-far')).streams
    expect(near?.media).toMatchObject({ id: 'm0', channel: { key: 'participant:near', name: '1001' }, active: true })
    expect(far?.media).toMatchObject({ id: 'far-m0', channel: { key: 'participant:far', name: '4155550100' } })
  })

  test('names the new far end after a transfer, and keeps the call', () => {
    const session = sessionOf('bib-near', 'bib-transfer')
    expect(session.calls[0]?.participants.map(({ party }) => party?.user)).toEqual(['1001', '4155550177'])
    expect(summary(session).ties).toEqual(expect.arrayContaining(['refci:CCM1-Cluster:82730980', 'refci:CCM1-Cluster:82730999']))
    expect(session.recordingKey).toBe('bib:CCM1-Cluster:82731258')
  })
})

describe('a later message', () => {
  test('with metadata alone names who was not known before (Avaya), and leaves the streams where they are', () => {
    const session = sessionOf('avaya', 'avaya-update')
    expect(summary(session)).toMatchObject({
      caller: '14155550100',
      callee: '1001',
      streams: ['10 14155550100 35000', '20 1001 35002'],
    })
    expect(session.streams.map(({ media }) => media.channel.key)).toEqual(['participant:b536ff63b7f3643d4d7b', 'm1'])
  })

  test('with a partial document lets one leave and another join, in the same channel', () => {
    const session = sessionOf('rfc7866', 'rfc7866-partial')
    expect(session.calls[0]?.participants.map(({ party, isPresent }) => [party?.user, isPresent])).toEqual([
      ['+14155550100', true],
      ['1001', false],
      ['1002', true],
    ])
    expect(session.streams.map(({ media }) => [media.id, media.channel])).toEqual([
      ['m0', { key: 'participant:srfBElmCRp2QB23b7Mpk0w==', name: '+14155550100' }],
      ['m2', { key: 'participant:zSfPoSvdSDCmU3A3TRDxAw==', name: '1002' }],
    ])
    expect(summary(session)).toMatchObject({ caller: '+14155550100 (Bob)', callee: '1001 (Alice & Co)' })
  })

  test('with a complete document lets those leave whom it does not name', () => {
    const session = sessionOf('cube', 'cube-transfer')
    expect(session.calls[0]?.participants.map(({ party, isPresent }) => [party?.user, isPresent])).toEqual([
      ['+14155550100', true],
      ['1002', true],
      ['1001', false],
    ])
    expect(summary(session).ties).toContain('session:cd0f7093d62c5f0697098fd69a4aa57b')
  })

  test('without metadata pauses and resumes streams, and leaves the call as it is', () => {
    const paused = sessionOf('broadworks', 'broadworks-pause')
    expect(paused.streams).toMatchObject([{ media: { id: 'm0', active: false, from: null } }])
    expect(paused.calls).toEqual(sessionOf('broadworks').calls)
    const resume = changed(recordingMessage('broadworks-pause'), { '0.0.0.0': '192.0.2.14' })
    expect(sessionOf('broadworks', 'broadworks-pause', resume).streams).toMatchObject([{ media: { active: true } }])
    const inactive = changed(recordingMessage('cube'), { 'a=sendonly': 'a=inactive' })
    expect(sessionOf('cube', inactive).streams.map(({ media }) => media.active)).toEqual([false, false])
  })

  test('may add a stream, end one, or give it another label', () => {
    const added = changed(recordingMessage('cube'), {
      'a=label:2': 'a=label:2\r\nm=audio 10296 RTP/AVP 0\r\na=sendonly\r\na=label:3',
    })
    expect(sessionOf('cube', added).streams.map(({ media }) => media.id)).toEqual(['m0', 'm1', 'm2'])
    const ended = changed(recordingMessage('cube'), { 'm=audio 10292': 'm=audio 0' })
    expect(sessionOf('cube', ended).streams.map(({ media }) => media.id)).toEqual(['m1'])
    const relabelled = changed(recordingMessage('cube'), { 'a=label:2': 'a=label:7', '<label>2<': '<label>7<' })
    expect(sessionOf('cube', relabelled).streams.map(({ media }) => [media.label, media.channel.key])).toEqual([
      ['1', 'participant:kQNhKFdEEeeJ99D/VsPGWA=='],
      ['7', 'participant:kQNhKFdEEeeJ+ND/VsPGWA=='],
    ])
  })
})

test('a session may record several calls, each with its own participants', () => {
  const second = `
<session session_id="second"><group-ref>g</group-ref></session>
<participant participant_id="p3"><nameID aor="sip:1003@x"/></participant>
<participantsessionassoc participant_id="p3" session_id="second"/>
<sessionrecordingassoc session_id="second"><disassociate-time>2026-11-22T12:16:06Z</disassociate-time></sessionrecordingassoc>
</recording>`
  const session = sessionOf(changed(recordingMessage('cube'), { '</recording>': second }))
  expect(session.calls.map(({ id, participants, isOver }) => [id, participants.length, isOver])).toEqual([
    ['kQNhKFdEEeeJ9tD/VsPGWA==', 2, false],
    ['second', 1, true],
  ])
  expect(session.calls[1]?.ties.map(({ key }) => key)).toEqual([
    'siprec:second',
    'siprec-group:g',
    'unique:2432909608-1463030247-2313607167-1456670297',
  ])
})

describe('an offer that cannot be recorded is refused, and changes nothing', () => {
  test.each([
    ['a broken description', { 'm=audio 10292 RTP/AVP 0 101 19': 'm=audio' }, 400, 'media-line'],
    ['encrypted audio', { 'RTP/AVP': 'RTP/SAVP' }, 488, 'nothing-to-record'],
    [
      'encodings that are not known',
      { 'RTP/AVP 0': 'RTP/AVP 18', 'a=rtpmap:0 PCMU': 'a=rtpmap:18 G729' },
      488,
      'nothing-to-record',
    ],
  ])('%s', (_, replacements, status, reason) => {
    expect(advanceRecording(null, changed(recordingMessage('cube'), replacements), [])).toEqual({ ok: false, status, reason })
  })
})

test('metadata with a bare ampersand is read all the same, and what is wrong is kept', () => {
  const session = sessionOf(changed(recordingMessage('cube'), { Alice: 'Alice & Sons' }))
  expect(summary(session)).toMatchObject({ caller: '+14155550100', streams: ['1 +14155550100 10292', '2 1001 10294'] })
  expect(session.calls[0]?.callee?.display).toBe('Alice & Sons')
  expect(session.metadata?.participantStreams).toHaveLength(2)
  expect(session.metadataProblem).toMatch(/^\d+:\d+: /)
  expect(session.rawMetadata?.toString()).toContain('Alice & Sons')
})

test('an answer has a line for each line of the offer, in its order', () => {
  const session = sessionOf('rfc7866')
  const answer = answerTo(session, { address: '192.0.2.50', ports: [20_000, 20_002], sessionId: 1, version: 1 })
  expect(answer?.split('\r\n').filter(line => line.startsWith('m='))).toEqual([
    'm=audio 20000 RTP/AVP 0 8',
    'm=video 0 RTP/AVP 98',
    'm=audio 20002 RTP/AVP 0 8',
  ])
})
