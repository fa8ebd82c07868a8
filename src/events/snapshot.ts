/** What an event tells of its call: the state of the model, seen at one moment. */
import { type AgentDirectory, agentsOf } from './agents.ts'
import type { Call, Phase } from './call.ts'
import { tagsIn } from './directives.ts'
import type { CallSnapshot, LegSnapshot } from './event.ts'
import { answeredAtOf, type Leg } from './legs.ts'
import { direction } from './numbers.ts'
import type { SipCall } from './sip-call.ts'
import { partiesOf } from './story.ts'

/** The call as it was at `at` (epoch ms); the durations of a call that goes on are those so far. */
export function snapshotOf(call: Call, at: number, directory: AgentDirectory): CallSnapshot {
  const { phase, sipCalls } = call
  const ended = phase.kind === 'ended' ? phase : null
  const answeredAt = 'answeredAt' in phase ? phase.answeredAt : null
  const endedAt = phase.kind === 'merged' ? phase.at : (ended?.endedAt ?? null)
  const until = endedAt ?? at
  const startedAt = Math.min(...sipCalls.map(sip => sip.startedAt))
  return {
    id: call.id,
    ...partiesOf(sipCalls),
    outcome: ended?.outcome ?? null,
    startedAt,
    answeredAt,
    endedAt,
    durationMs: answeredAt === null ? 0 : Math.max(0, until - answeredAt),
    waitMs: Math.max(0, (answeredAt ?? until) - startedAt),
    holdMs: holdMsAt(phase, until),
    agents: agentsOf(call, directory),
    tags: tagsIn(call.directives?.tags),
    ...(call.directives === undefined ? {} : { directives: call.directives }),
    ...(call.consent === undefined ? {} : { consent: call.consent }),
    ...(call.transfers === undefined ? {} : { transfers: call.transfers }),
    ...(phase.kind === 'merged' ? { mergedInto: phase.into } : {}),
    legs: sipCalls.flatMap(sip => sip.legs.map(leg => snapshotOfLeg(sip, leg))),
  }
}

function holdMsAt(phase: Phase, at: number): number {
  if ('holdMs' in phase) return phase.holdMs
  if (phase.kind !== 'talking') return 0
  return phase.heldMs + (phase.heldSince === null ? 0 : Math.max(0, at - phase.heldSince))
}

function snapshotOfLeg(sip: SipCall, leg: Leg): LegSnapshot {
  const { state } = leg
  const answeredAt = answeredAtOf(leg)
  return {
    sipCallId: sip.sipCallId,
    from: sip.from,
    to: leg.to,
    direction: direction(sip.from, sip.to, sip.side),
    startedAt: leg.startedAt,
    answeredAt,
    endedAt: state.kind === 'ended' ? state.endedAt : null,
    // An answered leg's final response was its 200; what ended it later is told by the BYE's own Reason.
    sipCode: (state.kind === 'ended' ? state.sipCode : null) ?? (answeredAt === null ? null : 200),
    q850: state.kind === 'ended' ? state.q850 : null,
  }
}
