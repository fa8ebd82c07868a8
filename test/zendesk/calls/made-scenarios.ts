/** Calls as rows of deliveries, each with parties and ids of its own. */
import type { AgentOnCall, CallEvent, CallParty, CallSnapshot } from '../../../src/events/event.ts'
import type { Outcome } from '../../../src/events/outcome.ts'
import type { EncodedAudio } from '../../../src/events/recording.ts'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import { madeEvent, madeRecording, madeVoicemail, startedAt } from '../made-events.ts'
import { asEvent, asRecording, asVoicemail } from './documented-bridge.ts'

export const alice: AgentOnCall = { id: 35436, extension: '1001', name: 'Alice' }
export const bob: AgentOnCall = { id: 35437, extension: '1002', name: 'Bob' }

/** A caller nobody else has: `n` makes the number. */
export const callerNo = (n: number): CallParty => ({
  kind: 'e164',
  value: `+1415${String(2_000_000 + n)}`,
  display: `Customer ${n}`,
})

const connected: Outcome = { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 }
const unanswered: Outcome = { status: 'missed', reason: 'no-answer', sipCode: 480, q850: 19 }
const toMailbox: Outcome = { status: 'missed', reason: 'voicemail', sipCode: null, q850: null }

const answeredState = { answeredAt: startedAt + 5_000, waitMs: 5_000, durationMs: 10_000 }
const endedState = { ...answeredState, outcome: connected, endedAt: startedAt + 65_000, durationMs: 60_000, holdMs: 4_000 }

const base = (from: CallParty): Partial<CallSnapshot> => ({ from, agents: [alice] })

/** Started, rung, answered, ended: each event with the call as it then was. */
export function answeredCall(callId: string, from: CallParty, agents: readonly AgentOnCall[] = [alice]): CallEvent[] {
  const call = { ...base(from), agents }
  return [
    madeEvent(callId, 1, 'call.started', call),
    madeEvent(callId, 2, 'call.ringing', call),
    madeEvent(callId, 3, 'call.answered', { ...call, ...answeredState }),
    madeEvent(callId, 4, 'call.ended', { ...call, ...endedState }),
  ]
}

export function transferredCall(callId: string, from: CallParty): CallEvent[] {
  const [started, ringing, answered] = answeredCall(callId, from)
  const moved = { ...base(from), agents: [bob], ...answeredState }
  return [
    ...[started, ringing, answered].filter(event => event !== undefined),
    madeEvent(callId, 4, 'call.transferred', moved),
    madeEvent(callId, 5, 'call.ended', { ...moved, ...endedState }),
  ]
}

export function missedCall(callId: string, from: CallParty, voicemail = false): CallEvent[] {
  const end = { outcome: voicemail ? toMailbox : unanswered, endedAt: startedAt + 20_000, waitMs: 20_000, agents: [] }
  return [madeEvent(callId, 1, 'call.started', base(from)), madeEvent(callId, 2, 'call.ended', { ...base(from), ...end })]
}

export type ScenarioKind = 'answered' | 'transferred' | 'missed' | 'voicemail' | 'repeat'
export const scenarioKinds: readonly ScenarioKind[] = ['answered', 'transferred', 'missed', 'voicemail', 'repeat']

/** The deliveries of a scenario, in the order in which the outbox would hand them over. */
export function scenario(kind: ScenarioKind, n: number, audio: EncodedAudio): { caller: CallParty; deliveries: Delivery[] } {
  const caller = callerNo(n)
  const id = `call_${kind}_${n}`
  const recording = (callId: string) => asRecording(madeRecording(`rec_${callId}`, audio, callId), audio)
  switch (kind) {
    case 'answered':
      return { caller, deliveries: [...answeredCall(id, caller).map(asEvent), recording(id)] }
    case 'transferred':
      return { caller, deliveries: [...transferredCall(id, caller).map(asEvent), recording(id)] }
    case 'missed':
      return { caller, deliveries: missedCall(id, caller).map(asEvent) }
    case 'voicemail': {
      const item = { ...madeVoicemail(`vm_${id}`, audio, id), from: caller }
      return { caller, deliveries: [...missedCall(id, caller, true).map(asEvent), asVoicemail(item, audio)] }
    }
    case 'repeat':
      return { caller, deliveries: [...missedCall(id, caller), ...missedCall(`${id}_again`, caller)].map(asEvent) }
    default:
      return kind satisfies never
  }
}
