/** What an event tells of its call: the state of the model, seen at one moment. */
import { type AgentDirectory, agentsOf } from './agents.ts'
import type { Call } from './call.ts'
import { tagsIn } from './directives.ts'
import type { CallSnapshot, LegSnapshot } from './event.ts'
import { holdMsAt } from './holds.ts'
import { answeredAtOf, type Leg } from './legs.ts'

/** The call as it was at `at` (epoch ms); the durations of a call that goes on are those so far. */
export function snapshotOf(call: Call, at: number, directory: AgentDirectory): CallSnapshot {
  const { phase } = call
  const ended = phase.kind === 'ended' ? phase : null
  const answeredAt = phase.kind === 'talking' || phase.kind === 'ended' ? phase.answeredAt : null
  const until = ended?.endedAt ?? at
  return {
    id: call.id,
    from: call.from,
    to: call.to,
    direction: call.direction,
    outcome: ended?.outcome ?? null,
    startedAt: call.startedAt,
    answeredAt,
    endedAt: ended?.endedAt ?? null,
    durationMs: answeredAt === null ? 0 : Math.max(0, until - answeredAt),
    waitMs: Math.max(0, (answeredAt ?? until) - call.startedAt),
    holdMs: phase.kind === 'talking' ? holdMsAt(phase.holds, until) : (ended?.holdMs ?? 0),
    agents: agentsOf(call, directory),
    tags: tagsIn(call.directives?.tags),
    ...(call.directives === undefined ? {} : { directives: call.directives }),
    ...(call.consent === undefined ? {} : { consent: call.consent }),
    legs: call.legs.map(leg => snapshotOfLeg(call, leg)),
  }
}

function snapshotOfLeg(call: Call, leg: Leg): LegSnapshot {
  const { state } = leg
  const answeredAt = answeredAtOf(leg)
  return {
    sipCallId: call.sipCallId,
    from: call.from,
    to: leg.to,
    direction: call.direction,
    startedAt: leg.startedAt,
    answeredAt,
    endedAt: state.kind === 'ended' ? state.endedAt : null,
    // An answered leg's final response was its 200; what ended it later is told by the BYE's own Reason.
    sipCode: (state.kind === 'ended' ? state.sipCode : null) ?? (answeredAt === null ? null : 200),
    q850: state.kind === 'ended' ? state.q850 : null,
  }
}
