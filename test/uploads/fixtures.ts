/** Calls, events and items as the other stages hand them over, with as little as a test needs to say. */
import type { Call } from '../../src/events/call.ts'
import type { CallEvent, CallId, CallParty, CallSnapshot, EventId, EventType } from '../../src/events/event.ts'
import type { CallChange } from '../../src/events/journal.ts'
import type { AudioItem, ItemState, RecordingId, RecordingItem, VoicemailItem } from '../../src/events/recording.ts'

export const T0 = Date.UTC(2026, 10, 22, 9)

export const callId = (name: string): CallId => name as CallId
export const eventId = (name: string): EventId => name as EventId
export const recordingId = (name: string): RecordingId => name as RecordingId

const caller: CallParty = { kind: 'e164', value: '+14155550100', display: 'Zoë 🎧' }
const callee: CallParty = { kind: 'extension', value: '1001', display: null }

const types: readonly EventType[] = ['call.started', 'call.ringing', 'call.answered', 'call.ended']

export const aSnapshot = (name: string, more: Partial<CallSnapshot> = {}): CallSnapshot => ({
  id: callId(name),
  from: caller,
  to: callee,
  direction: 'inbound',
  outcome: null,
  startedAt: T0,
  answeredAt: null,
  endedAt: null,
  durationMs: 0,
  waitMs: 0,
  holdMs: 0,
  agents: [],
  tags: [],
  legs: [],
  ...more,
})

/** Event number `sequence` of a call: started, ringing, answered, ended, and started again after that. */
export const anEvent = (name: string, sequence: number, more: Partial<CallSnapshot> = {}): CallEvent => ({
  id: eventId(`${name}.${sequence}`),
  callId: callId(name),
  type: types[(sequence - 1) % types.length] ?? 'call.ended',
  sequence,
  occurredAt: T0 + sequence * 1_000,
  site: 'hq',
  call: aSnapshot(name, more),
})

export const aCall = (name: string, sequence = 0): Call => ({
  version: 2,
  id: callId(name),
  sipCalls: [
    {
      sipCallId: `${name}@pbx`,
      callerTag: 'a1',
      from: caller,
      to: callee,
      side: 'carrier',
      isFromPbx: false,
      startedAt: T0,
      invitedAt: T0,
      hasRung: false,
      phase: { kind: 'inviting' },
      legs: [],
    },
  ],
  unions: [],
  keys: [],
  lastSignalAt: T0,
  lastEventAt: T0,
  phase: { kind: 'inviting' },
  sequence,
  counts: {},
})

export interface ChangeOptions {
  readonly ended?: boolean
  readonly keys?: readonly string[]
  readonly snapshot?: Partial<CallSnapshot>
}

/** A change that brings events number `sequences` of a call. */
export const aChange = (name: string, sequences: readonly number[], options: ChangeOptions = {}): CallChange => ({
  call: aCall(name, sequences.at(-1) ?? 0),
  events: sequences.map(sequence => anEvent(name, sequence, options.snapshot)),
  keys: options.keys ?? [`sip:${name}@pbx`],
  ended: options.ended ?? false,
})

const audioBase = {
  reason: null,
  sourcePath: '/spool/x.wav',
  sourceSize: 44_100,
  sourceMtimeMs: T0 + 0.25,
  foundAt: T0,
  startedAt: T0,
  source: { durationMs: 2_000, channels: 1, sampleRate: 8_000 },
} as const

const encoded = { path: '/spool/x.mp3', size: 8_000, sha256: 'ab'.repeat(32), durationMs: 2_000, channels: 1, sampleRate: 8_000 }

export const aRecording = (name: string, of: string | null, state: ItemState = 'queued'): RecordingItem => ({
  ...audioBase,
  kind: 'recording',
  id: recordingId(name),
  state,
  encoded: state === 'queued' ? encoded : null,
  callId: of === null ? null : callId(of),
  hints: { sipCallId: null, unique: null, from: null, to: null, startedAt: null },
  matchedBy: of === null ? null : 'call-id',
})

export const aVoicemail = (name: string, state: ItemState = 'queued'): VoicemailItem => ({
  ...audioBase,
  kind: 'voicemail',
  id: recordingId(name),
  state,
  encoded: state === 'queued' ? encoded : null,
  callId: null,
  from: caller,
  to: callee,
  mailbox: '1001',
  receivedAt: T0,
})

export const fileOf = (item: AudioItem) => ({ path: `/spool/${item.id}.wav`, size: item.sourceSize, mtimeMs: item.sourceMtimeMs })

/** An operator, as the audit log names one. */
export const ops = { actor: 'ops@pbx1' }
