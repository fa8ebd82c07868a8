import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_METADATA, type RecordingMetadata } from '../../../src/sip/siprec/metadata.ts'
import { applyMetadata } from '../../../src/sip/siprec/partial.ts'

const partial = (changes: Partial<RecordingMetadata>): RecordingMetadata => ({ ...NO_METADATA, mode: 'partial', ...changes })
const inSession = (participantId: string, associatedAt: number | null, disassociatedAt: number | null) => ({
  participantId,
  sessionId: 's',
  associatedAt,
  disassociatedAt,
})

test('a partial document adds to what is known, and changes what it names', () => {
  const known: RecordingMetadata = {
    ...NO_METADATA,
    sessions: [{ id: 's', groupId: 'g', sipSessionIds: ['a'], startedAt: 1, stoppedAt: null }],
    participants: [{ id: 'p', names: [{ aor: 'sip:1', name: null }] }],
    streams: [{ id: 't', sessionId: 's', label: '1', isMixed: false }],
  }
  const after = applyMetadata(
    known,
    partial({
      sessions: [{ id: 's', groupId: null, sipSessionIds: ['b'], startedAt: null, stoppedAt: 9 }],
      participants: [
        { id: 'p', names: [] },
        { id: 'q', names: [] },
      ],
      streams: [{ id: 't', sessionId: null, label: '2', isMixed: false }],
    }),
  )
  expect(after).toEqual({
    ...NO_METADATA,
    sessions: [{ id: 's', groupId: 'g', sipSessionIds: ['a', 'b'], startedAt: 1, stoppedAt: 9 }],
    participants: [
      { id: 'p', names: [{ aor: 'sip:1', name: null }] },
      { id: 'q', names: [] },
    ],
    streams: [{ id: 't', sessionId: 's', label: '2', isMixed: false }],
  })
})

test('a participant leaves and comes back', () => {
  const joined = applyMetadata(null, { ...NO_METADATA, participantSessions: [inSession('p', 1, null)] })
  const left = applyMetadata(joined, partial({ participantSessions: [inSession('p', null, 5)] }))
  expect(left.participantSessions).toEqual([inSession('p', 1, 5)])
  const back = applyMetadata(left, partial({ participantSessions: [inSession('p', 7, null)] }))
  expect(back.participantSessions).toEqual([inSession('p', 7, null)])
})

test('a complete document replaces everything', () => {
  const known = applyMetadata(null, { ...NO_METADATA, participants: [{ id: 'p', names: [] }] })
  expect(applyMetadata(known, NO_METADATA).participants).toEqual([])
})

test('a partial document twice is the same as once, and however many there are, little is kept', () => {
  const names = fc.array(fc.record({ id: fc.string(), names: fc.constant([]) }), { maxLength: 20 })
  fc.assert(
    fc.property(fc.array(names, { maxLength: 10 }), updates => {
      let state = applyMetadata(null, NO_METADATA)
      for (const participants of updates) {
        const once = applyMetadata(state, partial({ participants }))
        expect(applyMetadata(once, partial({ participants }))).toEqual(once)
        state = once
      }
    }),
    { numRuns: 100 },
  )
  let state = applyMetadata(null, NO_METADATA)
  for (let i = 0; i < 2_000; i++) state = applyMetadata(state, partial({ participants: [{ id: `${i}`, names: [] }] }))
  expect(state.participants).toHaveLength(128)
  expect(state.participants.at(-1)?.id).toBe('1999')
})
