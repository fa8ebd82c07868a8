import type { CallEvent, CallId, CallSnapshot, EventId } from '../../src/events/event.ts'
import type { RecordingId, RecordingItem } from '../../src/events/recording.ts'

const party = (value: string) => ({ kind: 'extension' as const, value, display: null })

/** An answered inbound call that has ended. */
export function sampleCall(n: number): CallSnapshot {
  const startedAt = Date.UTC(2026, 10, 22, 9, 0, 0, 250) + n * 1_000
  return {
    id: `call_${n}` as CallId,
    from: { kind: 'e164', value: '+14155550100', display: 'Carol' },
    to: party('1001'),
    direction: 'inbound',
    outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 },
    startedAt,
    answeredAt: startedAt + 4_000,
    endedAt: startedAt + 64_000,
    durationMs: 60_000,
    waitMs: 4_000,
    holdMs: 0,
    agents: [{ id: 35436, extension: '1001', name: 'Alice' }],
    tags: ['sales'],
    legs: [
      {
        sipCallId: `leg-${n}@pbx`,
        from: party('+14155550100'),
        to: party('1001'),
        direction: 'inbound',
        startedAt,
        answeredAt: startedAt + 4_000,
        endedAt: startedAt + 64_000,
        sipCode: 200,
        q850: 16,
      },
    ],
  }
}

/** The n-th stored event; each of another call. */
export function sampleEvent(n: number): CallEvent {
  const call = sampleCall(n)
  return {
    id: `${call.id}.started.1` as EventId,
    callId: call.id,
    type: 'call.started',
    sequence: 1,
    occurredAt: call.startedAt,
    site: 'hq',
    call,
  }
}

/** A delivered recording of a call. */
export function sampleRecording(call: CallSnapshot): RecordingItem {
  return {
    kind: 'recording',
    id: 'rec_1' as RecordingId,
    state: 'delivered',
    reason: null,
    sourcePath: '/var/spool/monitor/a.wav',
    sourceSize: 960_044,
    sourceMtimeMs: call.startedAt + 64_000,
    foundAt: call.startedAt + 70_000,
    startedAt: call.startedAt,
    source: { durationMs: 60_000, channels: 1, sampleRate: 8_000 },
    encoded: {
      path: '/spool/rec_1.mp3',
      size: 240_000,
      sha256: 'ab'.repeat(32),
      durationMs: 60_048,
      channels: 1,
      sampleRate: 8_000,
    },
    callId: call.id,
    hints: { sipCallId: 'leg-1@pbx', unique: null, from: null, to: null, startedAt: null },
    matchedBy: 'call-id',
  }
}
