/**
 * Calls and events as the API shows them: snake case, RFC 3339 times, durations in ms with the unit in the name. The live
 * feed sends the same shape, so a client needs one parser.
 */
import { z } from 'zod'
import {
  type CallEvent,
  type CallParty,
  type CallSnapshot,
  eventTypes,
  type LegSnapshot,
  type TransferSnapshot,
} from '../events/event.ts'
import { timestamp, toTimestamp, toTimestampOrNull } from './timestamp.ts'

const party = z.object({
  kind: z.enum(['e164', 'extension', 'anonymous', 'other']),
  value: z.string(),
  display: z.string().nullable(),
})

const direction = z.enum(['inbound', 'outbound', 'internal'])

const leg = z.object({
  sip_call_id: z.string(),
  from: party,
  to: party,
  direction,
  started_at: timestamp,
  answered_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  sip_code: z.number().nullable(),
  q850: z.number().nullable(),
})

/** A call at one moment. */
export const callView = z.object({
  id: z.string(),
  from: party,
  to: party,
  direction,
  status: z.enum(['connected', 'missed', 'abandoned']).nullable().describe('null while the call goes on'),
  reason: z.string().nullable(),
  sip_code: z.number().nullable(),
  q850: z.number().nullable(),
  started_at: timestamp,
  answered_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  duration_ms: z.number().describe('from answer to end'),
  wait_ms: z.number().describe('from start to answer, or to the end of a call nobody answered'),
  hold_ms: z.number(),
  agents: z.array(z.object({ id: z.number(), extension: z.string(), name: z.string() })),
  tags: z.array(z.string()),
  transfers: z
    .array(z.object({ kind: z.enum(['blind', 'attended']), by: party, to: party, at: timestamp }))
    .optional()
    .describe('absent while nobody passed the call on'),
  merged_into: z.string().optional().describe('only of a call that turned out to be part of this older one, which goes on'),
  legs: z.array(leg),
})

/** An event with the call as it then was. */
export const eventView = z.object({
  id: z.string(),
  call_id: z.string(),
  type: z.enum(eventTypes),
  sequence: z.number(),
  occurred_at: timestamp,
  site: z.string(),
  call: callView,
})

/** Shows a call. */
export function viewCall(call: CallSnapshot): z.input<typeof callView> {
  return {
    id: call.id,
    from: viewParty(call.from),
    to: viewParty(call.to),
    direction: call.direction,
    status: call.outcome?.status ?? null,
    reason: call.outcome?.reason ?? null,
    sip_code: call.outcome?.sipCode ?? null,
    q850: call.outcome?.q850 ?? null,
    started_at: toTimestamp(call.startedAt),
    answered_at: toTimestampOrNull(call.answeredAt),
    ended_at: toTimestampOrNull(call.endedAt),
    duration_ms: call.durationMs,
    wait_ms: call.waitMs,
    hold_ms: call.holdMs,
    agents: call.agents.map(({ id, extension, name }) => ({ id, extension, name })),
    tags: [...call.tags],
    ...(call.transfers === undefined ? {} : { transfers: call.transfers.map(viewTransfer) }),
    ...(call.mergedInto === undefined ? {} : { merged_into: call.mergedInto }),
    legs: call.legs.map(viewLeg),
  }
}

/** Shows an event. */
export function viewEvent(event: CallEvent): z.input<typeof eventView> {
  return {
    id: event.id,
    call_id: event.callId,
    type: event.type,
    sequence: event.sequence,
    occurred_at: toTimestamp(event.occurredAt),
    site: event.site,
    call: viewCall(event.call),
  }
}

function viewTransfer({ kind, by, to, at }: TransferSnapshot) {
  return { kind, by: viewParty(by), to: viewParty(to), at: toTimestamp(at) }
}

function viewLeg(seen: LegSnapshot): z.input<typeof leg> {
  return {
    sip_call_id: seen.sipCallId,
    from: viewParty(seen.from),
    to: viewParty(seen.to),
    direction: seen.direction,
    started_at: toTimestamp(seen.startedAt),
    answered_at: toTimestampOrNull(seen.answeredAt),
    ended_at: toTimestampOrNull(seen.endedAt),
    sip_code: seen.sipCode,
    q850: seen.q850,
  }
}

function viewParty({ kind, value, display }: CallParty): z.input<typeof party> {
  return { kind, value, display }
}
