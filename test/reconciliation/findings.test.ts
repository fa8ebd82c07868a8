/** Each kind of finding, and what comes near to being one. */
import { describe, expect, test } from 'vitest'
import type { CallId } from '../../src/events/event.ts'
import type { RecordingId } from '../../src/events/recording.ts'
import {
  aCall,
  aCdr,
  aDelivery,
  anonymous,
  aRecording,
  aVoicemail,
  type Day,
  found,
  hour,
  inside,
  minute,
  now,
  outside,
  reconciled,
  rules,
} from './days.ts'

const a = aCall('a')
const short = aCall('short', { talkMs: 4_000 })
/** As a recorder names `a@pbx`. */
const misspelt = { sipCallId: 'a_pbx', unique: null, from: null, to: null, startedAt: null }
const none = { ...rules.recordings, expected: 'none' } as const
const named = { ...rules.recordings, expected: 'named' } as const
/** Records that cover the whole day, of calls that are there. */
const around = [aCall('first', { ago: 20 * hour, talkMs: null }), aCall('last', { ago: 30 * minute, talkMs: null })]
const cover = around.map(call => aCdr(call))

const rows: readonly (readonly [string, Day, readonly (string | RegExp)[]])[] = [
  ['an answered call with its recording is as it should be', { calls: [a], recordings: [aRecording(a)] }, []],
  ['an answered call without one is a finding', { calls: [a] }, [/^recording-missing: no file of it came/]],
  ['a call that nobody answered needs none', { calls: [aCall('a', { talkMs: null })] }, []],
  ['a call with too little talk needs none', { calls: [short] }, []],
  ['where none is expected none is missing', { calls: [a], rules: { recordings: none } }, []],
  [
    'of other directions none is missing',
    { calls: [a], rules: { recordings: { ...rules.recordings, directions: ['outbound'] } } },
    [],
  ],
  ['of other numbers none is missing', { calls: [a], rules: { recordings: { ...rules.recordings, numbers: [/^20/] } } }, []],
  [
    'of these numbers one is',
    { calls: [a], rules: { recordings: { ...rules.recordings, numbers: [/^10/] } } },
    [/^recording-missing/],
  ],
  ['nothing is missing within the grace of recordings', { calls: [aCall('a', { ago: 20 * minute })] }, []],
  ['a call that goes on is none of it', { calls: [aCall('a', { endedAt: null })] }, []],
  ['a call that goes on in another is none of it', { calls: [{ ...a, mergedInto: 'whole' as CallId }] }, []],
  [
    'a recording that is held back is missing, with the reason',
    { calls: [a], recordings: [aRecording(a, { state: 'quarantined', reason: 'the header is broken' })] },
    ['recording-missing: its recording is held back: the header is broken'],
  ],
  ['a recording that an operator dropped is not', { calls: [a], recordings: [aRecording(a, { state: 'dropped' })] }, []],
  [
    'a folder that cannot be read is the cause',
    { calls: [a], troubles: ['/monitor: EACCES'] },
    ['recording-missing: none came, and /monitor: EACCES'],
  ],
  [
    'a call that a mailbox answered has a voicemail instead',
    { calls: [a], loose: [aVoicemail('v', { receivedAt: a.startedAt + minute })] },
    [],
  ],
  [
    'somebody else’s voicemail changes nothing',
    { calls: [a], loose: [aVoicemail('v', { from: outside('+14155550199') })] },
    [/^recording-missing/],
  ],
  [
    'a call whose record names a recording should have it, whatever the rule',
    { calls: [a, ...around], cdrs: [aCdr(a, { recordings: ['x.wav'] }), ...cover], rules: { recordings: named } },
    ["recording-missing: no file of it came: the PBX's record names x.wav"],
  ],
  [
    'a call that nobody but a menu took in the records needs none',
    { calls: [a, ...around], cdrs: [aCdr(a, { answeredAt: null, phoneAnsweredAt: null }), ...cover] },
    [],
  ],

  [
    'a recording much shorter than the talk is a finding',
    { calls: [a], recordings: [aRecording(a, { source: { durationMs: 20_000, channels: 1, sampleRate: 8_000 } })] },
    ['duration-mismatch: the recording has 20 s of 60 s of talk'],
  ],
  [
    'one that is a little shorter is not',
    { calls: [a], recordings: [aRecording(a, { source: { durationMs: 51_000, channels: 1, sampleRate: 8_000 } })] },
    [],
  ],
  [
    'one that stopped while the call was held is not',
    {
      calls: [aCall('a', { holdMs: 30_000 })],
      recordings: [aRecording(aCall('a'), { source: { durationMs: 29_000, channels: 1, sampleRate: 8_000 } })],
    },
    [],
  ],
  [
    'one that is much longer than the whole call is a finding',
    { calls: [a], recordings: [aRecording(a, { source: { durationMs: 3 * minute, channels: 1, sampleRate: 8_000 } })] },
    ['duration-mismatch: the recording has 180 s, the whole call took 65 s'],
  ],
  [
    'two halves are a whole',
    {
      calls: [a],
      recordings: [0, 30_000].map((offset, index) =>
        aRecording(a, {
          id: `rec_${index}` as RecordingId,
          startedAt: (a.answeredAt ?? 0) + offset,
          source: { durationMs: 30_000, channels: 1, sampleRate: 8_000 },
        }),
      ),
    },
    [],
  ],
  [
    'the same half twice is not',
    {
      calls: [a],
      recordings: [0, 1].map(index =>
        aRecording(a, { id: `rec_${index}` as RecordingId, source: { durationMs: 30_000, channels: 1, sampleRate: 8_000 } }),
      ),
    },
    ['duration-mismatch: its 2 recordings have 30 s of 60 s of talk'],
  ],
  [
    'a recording of the talk after a queue is whole where the records tell',
    {
      calls: [a, ...around],
      recordings: [aRecording(a, { source: { durationMs: 20_000, channels: 1, sampleRate: 8_000 } })],
      cdrs: [aCdr(a, { phoneAnsweredAt: (a.answeredAt ?? 0) + 40_000 }), ...cover],
    },
    [],
  ],
  [
    'a call that was longer in the records is a finding',
    { calls: [short, ...around], cdrs: [aCdr(short, { endedAt: short.startedAt + 5 * minute }), ...cover] },
    [/^duration-mismatch: the PBX's record has 295 s of talk, the bridge saw 4 s$/],
  ],
  [
    'and one whose end the bridge did not see',
    {
      calls: [
        aCall('a', { talkMs: hour, outcome: { status: 'connected', reason: 'lost-signalling', sipCode: 200, q850: null } }),
        ...around,
      ],
      recordings: [aRecording(a)],
      cdrs: [aCdr(a), ...cover],
    },
    [/^duration-mismatch: the whole call took 65 s in the PBX's record, the bridge saw 3600 s of talk; .* fell silent$/],
  ],

  ['a call that the records have too is as it should be', { calls: [short, ...around], cdrs: [aCdr(short), ...cover] }, []],
  [
    'a call in the records alone is a finding',
    { calls: around, cdrs: [aCdr(short), ...cover] },
    ['call-unseen: the bridge saw no call at all around that time'],
  ],
  [
    'a call beside which others were seen says so',
    {
      calls: [...around, aCall('b', { ago: 2 * hour + minute, talkMs: null, from: outside('+14155550177') })],
      cdrs: [aCdr(short), ...cover],
    },
    [/^call-unseen: the bridge saw other calls/, /^cdr-missing/],
  ],
  [
    'a call between extensions never reaches the trunk',
    { calls: around, cdrs: [aCdr(short, { direction: 'internal', from: inside('1002') }), ...cover] },
    [],
  ],
  [
    'a feature code neither',
    {
      calls: around,
      cdrs: [
        aCdr(short, { direction: 'outbound', from: inside('1001'), to: { kind: 'other', value: '*97', display: null } }),
        ...cover,
      ],
    },
    [],
  ],
  [
    'records of other spellings are matched by their end and the time',
    {
      calls: [short, ...around],
      cdrs: [aCdr(short, { keys: [], from: { kind: 'other', value: '0014155550100', display: null } }), ...cover],
    },
    [],
  ],
  [
    'but not those of another time',
    { calls: [short, ...around], cdrs: [aCdr(short, { keys: [], startedAt: short.startedAt - minute }), ...cover] },
    [/^call-unseen/, /^cdr-missing/],
  ],
  [
    'a hidden caller is matched by whom he reached',
    { calls: [{ ...short, from: anonymous }, ...around], cdrs: [aCdr(short, { keys: [], from: anonymous }), ...cover] },
    [],
  ],
  [
    'a call out is matched by the number dialled, with the PBX’s prefix',
    {
      calls: [{ ...short, direction: 'outbound', from: outside('+14155550000'), to: outside('+14155550142') }, ...around],
      cdrs: [
        aCdr(short, {
          keys: [],
          direction: 'outbound',
          from: inside('1001'),
          to: { kind: 'other', value: '914155550142', display: null },
        }),
        ...cover,
      ],
    },
    [],
  ],
  [
    'a call that the records do not have is a finding',
    { calls: [short, ...around], cdrs: cover },
    ['cdr-missing: the PBX’s records of that time do not have this call'],
  ],
  [
    'not yet within the grace',
    {
      calls: [aCall('a', { ago: 5 * minute, talkMs: 4_000 }), ...around],
      cdrs: [...cover, aCdr(aCall('z', { ago: minute, talkMs: null, from: inside('1002'), direction: 'internal' }))],
    },
    [],
  ],
  ['not where they do not reach', { calls: [aCall('a', { ago: 22 * hour, talkMs: 4_000 }), ...around], cdrs: cover }, []],
  ['not where there are none', { calls: [short] }, []],
  [
    'a call that the PBX refused need not be in its records',
    {
      calls: [
        { ...aCall('x', { talkMs: null }), outcome: { status: 'missed', reason: 'not-found', sipCode: 404, q850: null } },
        ...around,
      ],
      cdrs: cover,
    },
    [],
  ],

  [
    'a recording whose call is unknown is a finding',
    { loose: [aRecording(null, { state: 'quarantined', reason: 'no call for it after 900 s' })] },
    ['call-missing: no call for it after 900 s'],
  ],
  ['one that waits within the grace is not', { loose: [aRecording(null, { state: 'waiting', foundAt: now - 20 * minute })] }, []],
  [
    'one that has waited for longer is',
    { loose: [aRecording(null, { state: 'waiting', foundAt: now - 40 * 24 * hour })] },
    ['call-missing: it waits for its call, which the bridge has not seen'],
  ],
  [
    'one that went out without a call says so',
    { loose: [aRecording(null)] },
    [/^call-missing: no call was known for it; it went to Zendesk/],
  ],
  [
    'one whose call is known is held back for another reason',
    {
      calls: [short],
      loose: [
        aRecording(null, {
          state: 'quarantined',
          reason: 'broken',
          source: null,
          hints: { sipCallId: null, unique: 'short', from: null, to: null, startedAt: null },
        }),
      ],
    },
    ['audio-unacknowledged: held back: broken'],
  ],
  [
    'one whose name has the Call-ID in another spelling is of that call, and the call misses nothing else',
    { calls: [a], loose: [aRecording(null, { state: 'quarantined', reason: 'broken', source: null, hints: misspelt })] },
    ['recording-missing: its recording is held back: broken', 'audio-unacknowledged: held back: broken'],
  ],
  [
    'one that waits to be encoded, with such a name, is what its call misses',
    { calls: [a], loose: [aRecording(null, { state: 'waiting', source: null, hints: misspelt })] },
    [/^audio-unacknowledged: it is not encoded yet/],
  ],
  [
    'a recording that waits for the end of its call is as it should be',
    {
      calls: [aCall('a', { endedAt: null })],
      loose: [aRecording(null, { state: 'waiting', hints: misspelt })],
    },
    [],
  ],
  [
    'nor is one a finding just after that',
    {
      calls: [aCall('a', { endedAt: now - minute })],
      loose: [aRecording(null, { state: 'waiting', hints: misspelt })],
    },
    [],
  ],
  [
    'but a call that never ends is not waited for',
    {
      calls: [aCall('a', { endedAt: null })],
      loose: [aRecording(null, { state: 'waiting', foundAt: now - 30 * hour, hints: misspelt })],
    },
    [/^audio-unacknowledged/],
  ],
  [
    'the empty file of a call that nobody answered is none',
    { loose: [aRecording(null, { state: 'quarantined', reason: 'empty: header only, no audio', source: null })] },
    [],
  ],
  [
    'a voicemail that is held back is a finding',
    { loose: [aVoicemail('v', { state: 'quarantined', reason: 'broken' })] },
    ['audio-unacknowledged: held back: broken'],
  ],
  ['one that was delivered is not', { loose: [aVoicemail('v')] }, []],
  [
    'one that cannot be encoded says why',
    { loose: [aVoicemail('v', { state: 'waiting' })], troubles: ['there is no ffmpeg'] },
    ['audio-unacknowledged: there is no ffmpeg'],
  ],

  [
    'a dead event is a finding',
    { deliveries: [aDelivery('e', { state: 'dead', reason: '422', attempts: 1 })] },
    ['event-unacknowledged: refused for good or given up: 422'],
  ],
  [
    'one that fails and is tried again says how',
    { deliveries: [aDelivery('e', { reason: '500', attempts: 3 })] },
    [/^event-unacknowledged: it failed and is tried again \(next 2026-11-22 20:01:00\): 500$/],
  ],
  ['one within the grace is not', { deliveries: [aDelivery('e', { reason: '500', createdAt: now - 5 * minute })] }, []],
  [
    'one that was never tried is, when nothing is delivered',
    { deliveries: [aDelivery('e')] },
    ['event-unacknowledged: it was never tried, and nothing is being delivered'],
  ],
  ['but not in a backlog that moves', { deliveries: [aDelivery('e')], lastDelivery: now - minute }, []],
  [
    'one behind another that fails is stuck, too',
    { deliveries: [aDelivery('e', { reason: '500' }), aDelivery('f', { seq: 2, isHead: false })], lastDelivery: now },
    [/^event-unacknowledged: it failed/, 'event-unacknowledged: it waits for an earlier delivery of its call, which fails'],
  ],
  [
    'one of a paused sink says who paused it',
    { deliveries: [aDelivery('e')], pauses: { event: 'by ops' }, lastDelivery: now },
    ['event-unacknowledged: deliveries are paused: by ops'],
  ],
  [
    'one that is being delivered right now is not',
    { deliveries: [aDelivery('e', { state: 'running', updatedAt: now - 1000 })] },
    [],
  ],
  [
    'one that has been for an hour is',
    { deliveries: [aDelivery('e', { state: 'running', updatedAt: now - hour })] },
    [/^event-unacknowledged: it is being delivered, for longer/],
  ],
  [
    'a dead recording is audio',
    { deliveries: [aDelivery('r', { lane: 'media', kind: 'recording', state: 'dead', reason: '413' })] },
    ['audio-unacknowledged: refused for good or given up: 413'],
  ],
  [
    'what the archive does not take is its own kind',
    { deliveries: [aDelivery('r', { lane: 'archive', kind: 'recording', state: 'dead', reason: '403' })] },
    [/^archive-unacknowledged/],
  ],
  [
    'and an erasure that waits',
    { deliveries: [aDelivery('r', { lane: 'erasure', kind: 'recording', reason: '503' })] },
    [/^erasure-unacknowledged/],
  ],
]

describe('reconciliation', () => {
  test.each(rows)('%s', async (_name, day, expected) => {
    const causes = await found(day)
    expect(causes).toHaveLength(expected.length)
    for (const [index, each] of expected.entries()) {
      expect(causes[index]).toEqual(typeof each === 'string' ? each : expect.stringMatching(each))
    }
  })

  test('a finding says which call, since when and what to do', async () => {
    const { findings, counts, total } = await reconciled({ calls: [a] })
    expect(findings).toEqual([
      {
        kind: 'recording-missing',
        since: a.endedAt,
        subject: 'inbound +14155550100 → 1001, 60 s',
        cause: expect.any(String),
        fix: expect.stringContaining('recordings.folders'),
        callId: 'a',
        uploadId: null,
        cdrId: null,
      },
    ])
    expect(counts['recording-missing']).toEqual({ count: 1, oldestSince: a.endedAt })
    expect(total).toBe(1)
  })

  test('all are counted, the oldest are listed', async () => {
    const deliveries = Array.from({ length: 1_201 }, (_, n) =>
      aDelivery(`e${n}`, { seq: n + 1, callId: `c${n}` as CallId, state: 'dead', reason: '422', createdAt: now - 3 * hour + n }),
    )
    const { findings, counts } = await reconciled({ deliveries }, 5)
    expect(counts['event-unacknowledged']).toEqual({ count: 1_201, oldestSince: now - 3 * hour })
    expect(findings.map(({ uploadId }) => uploadId)).toEqual(['e0', 'e1', 'e2', 'e3', 'e4'])
  })

  test('a backlog that moves is told apart', async () => {
    const deliveries = [1, 2, 3].map(seq => aDelivery(`e${seq}`, { seq, callId: `c${seq}` as CallId }))
    expect(await reconciled({ deliveries, lastDelivery: now - 1_000 })).toMatchObject({ total: 0, onTheWay: 3 })
    expect(await reconciled({ deliveries, lastDelivery: now - hour })).toMatchObject({ total: 3, onTheWay: 0 })
  })
})
