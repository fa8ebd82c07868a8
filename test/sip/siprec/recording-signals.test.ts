import { expect, test } from 'vitest'
import type { RecordingSession } from '../../../src/sip/siprec/recording-session.ts'
import { signalsOf } from '../../../src/sip/siprec/recording-signals.ts'
import { changed, recordingMessage, sessionOf } from './messages.ts'

const dialog = { fromTag: 'c', toTag: 'r' }
const started = (session: RecordingSession) => signalsOf({ kind: 'started', at: 1, dialog, session })
const change = (before: RecordingSession, session: RecordingSession) =>
  signalsOf({ kind: 'changed', at: 2, dialog, session, before })
const ended = (session: RecordingSession) => signalsOf({ kind: 'ended', at: 3, dialog, session, reason: 'hung-up' })

test('a call that is recorded was answered, and ends with its recording session', () => {
  const session = sessionOf('cube')
  const base = { source: 'siprec', sipCallId: 'CUBE-1@192.0.2.5', fromTag: 'c' }
  expect(started(session)).toMatchObject([
    {
      ...base,
      at: 1,
      kind: 'invited',
      from: { user: '+14155550100' },
      to: { user: '1001', display: 'Alice' },
      ties: session.calls[0]?.ties,
    },
    { ...base, at: 1, kind: 'answered', toTag: 'r', party: { user: '1001' } },
  ])
  expect(ended(session)).toEqual([{ ...base, at: 3, kind: 'hungup', toTag: 'r', sipCode: null, q850: null }])
})

test('a client that is early sees the call ring: it is answered when the second participant is there, or given up', () => {
  const early = sessionOf('avaya')
  expect(started(early).map(({ kind }) => kind)).toEqual(['invited'])
  expect(change(early, sessionOf('avaya', 'avaya-update'))).toMatchObject([{ kind: 'answered', party: { user: '1001' } }])
  expect(ended(early)).toMatchObject([{ kind: 'cancelled' }])
})

test('one who takes another’s place was passed the call by the one who left', () => {
  const session = sessionOf('cube', 'cube-transfer')
  expect(change(sessionOf('cube'), session)).toMatchObject([
    { kind: 'tied', ties: [{ key: 'session:cd0f7093d62c5f0697098fd69a4aa57b' }] },
    { kind: 'referred', fromTag: 'r', toTag: 'c', target: { user: '1002' }, replaces: null },
    { kind: 'refer-ended', fromTag: 'r', toTag: 'c', sipCode: 200 },
  ])
  const far = change(sessionOf('bib-near'), sessionOf('bib-near', 'bib-transfer'))
  expect(far.find(({ kind }) => kind === 'referred')).toMatchObject({ fromTag: 'c', target: { user: '4155550177' } })
})

test('who joins takes nobody’s place, and a pause of the recording says nothing', () => {
  const third = `<participant participant_id="p3"><nameID aor="sip:1003@x"/></participant>
<participantsessionassoc participant_id="p3" session_id="kQNhKFdEEeeJ9tD/VsPGWA=="/></recording>`
  expect(change(sessionOf('cube'), sessionOf('cube', changed(recordingMessage('cube'), { '</recording>': third })))).toEqual([])
  expect(change(sessionOf('broadworks'), sessionOf('broadworks', 'broadworks-pause'))).toEqual([])
})

test('each call of a session is a leg of its own, whenever it comes and goes', () => {
  const second = (more: string) =>
    changed(recordingMessage('cube'), { '</recording>': `<session session_id="two">${more}</session></recording>` })
  const one = sessionOf('cube')
  const two = sessionOf('cube', second(''))
  expect(change(one, two)).toMatchObject([{ kind: 'invited', sipCallId: 'CUBE-1@192.0.2.5/two' }, { kind: 'answered' }])
  const over = sessionOf('cube', second(''), second('<stop-time>2026-11-22T12:16:06Z</stop-time>'))
  expect(change(two, over)).toMatchObject([{ kind: 'hungup', sipCallId: 'CUBE-1@192.0.2.5/two' }])
  expect(change(two, sessionOf('cube', second(''), 'cube'))).toMatchObject([
    { kind: 'hungup', sipCallId: 'CUBE-1@192.0.2.5/two' },
  ])
  expect(ended(over).map(({ sipCallId }) => sipCallId)).toEqual(['CUBE-1@192.0.2.5'])
})

test('a call that gets its name only later goes on', () => {
  const bare = recordingMessage('opensips')
  const unnamed = sessionOf({ ...bare, body: Buffer.from(bare.body.toString().replace(/<session [\s\S]*<\/session>/, '')) })
  const named = sessionOf(
    { ...bare, body: Buffer.from(bare.body.toString().replace(/<session [\s\S]*<\/session>/, '')) },
    'opensips',
  )
  expect(change(unnamed, named)).toMatchObject([
    {
      kind: 'tied',
      sipCallId: 'B2B.160.3333.4444',
      ties: [{ key: 'siprec:c8tE3jZKQo2uO0ZSGtD7OQ==' }, { key: 'sip:3848276298220188511@192.0.2.60' }],
    },
  ])
})
