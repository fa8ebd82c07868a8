/** Call events and audio items as the model makes them, for deliveries. */
import type { CallEvent, CallId, CallParty, CallSnapshot, EventId, EventType } from '../../src/events/event.ts'
import type { EncodedAudio, RecordingId, RecordingItem, VoicemailItem } from '../../src/events/recording.ts'

export const startedAt = Date.UTC(2026, 10, 22, 9, 30, 0, 250)

export const customer: CallParty = { kind: 'e164', value: '+14155550100', display: 'Carla Customer' }
export const alice: CallParty = { kind: 'extension', value: '1001', display: 'Alice' }

export function madeCall(id: string, changes: Partial<CallSnapshot> = {}): CallSnapshot {
  return {
    id: id as CallId,
    from: customer,
    to: alice,
    direction: 'inbound',
    outcome: null,
    startedAt,
    answeredAt: null,
    endedAt: null,
    durationMs: 0,
    waitMs: 0,
    holdMs: 0,
    agents: [{ id: 35436, extension: '1001', name: 'Alice' }],
    tags: [],
    legs: [
      {
        sipCallId: `${id}@pbx.example`,
        from: customer,
        to: alice,
        direction: 'inbound',
        startedAt,
        answeredAt: null,
        endedAt: null,
        sipCode: null,
        q850: null,
      },
    ],
    ...changes,
  }
}

export function madeEvent(
  callId: string,
  sequence = 1,
  type: EventType = 'call.started',
  changes: Partial<CallSnapshot> = {},
): CallEvent {
  return {
    id: `${callId}.${type.slice('call.'.length)}.${sequence}` as EventId,
    callId: callId as CallId,
    type,
    sequence,
    occurredAt: startedAt + sequence * 1000,
    site: 'hq',
    call: madeCall(callId, changes),
  }
}

const base = {
  state: 'queued',
  reason: null,
  sourcePath: '/var/spool/asterisk/monitor/a.wav',
  sourceSize: 16_044,
  sourceMtimeMs: startedAt,
  foundAt: startedAt,
  startedAt,
  source: null,
} as const

export function madeRecording(id: string, audio: EncodedAudio, callId: string | null): RecordingItem {
  return {
    ...base,
    kind: 'recording',
    id: id as RecordingId,
    encoded: audio,
    callId: callId as CallId | null,
    hints: { sipCallId: null, unique: null, from: null, to: null, startedAt: null },
    matchedBy: callId === null ? 'unmatched-upload' : 'call-id',
  }
}

export function madeVoicemail(id: string, audio: EncodedAudio, callId: string | null = null): VoicemailItem {
  return {
    ...base,
    kind: 'voicemail',
    id: id as RecordingId,
    encoded: audio,
    callId: callId as CallId | null,
    from: customer,
    to: { kind: 'extension', value: '1002', display: null },
    mailbox: '1002@default',
    receivedAt: startedAt + 20_000,
  }
}
