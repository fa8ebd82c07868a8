/** From a call as the model knows it to the documented call record. Pure. */
import type { CallEvent, CallParty, CallSnapshot } from '../../events/event.ts'
import type { EndReason, Outcome } from '../../events/outcome.ts'
import type { CompletionStatus, DocumentedCallChanges, NewDocumentedCall } from '../wire/documented/call.ts'
import { documentedTime } from '../wire/documented/words.ts'

/** What the account says about every call. */
export interface RecordContext {
  readonly appId: number
  readonly brandId: number | null
  readonly endUserId: number | null
}

/** How each end of an unanswered call reads in `completion_status`; an answered one is `completed` whatever ended it. */
const completions: Readonly<Record<EndReason, CompletionStatus>> = {
  completed: 'completed',
  'answered-elsewhere': 'completed',
  'caller-hung-up': 'abandoned_in_queue',
  'no-answer': 'not_answered',
  busy: 'not_answered',
  rejected: 'not_answered',
  redirected: 'external_overflow',
  'not-found': 'failed',
  unavailable: 'failed',
  voicemail: 'completed_voicemail',
  failed: 'failed',
  'lost-signalling': 'failed',
}

/** How a call that turned out to be part of another reads: it went well, elsewhere. */
const merged: Pick<Outcome, 'reason'> = { reason: 'completed' }

/** `''` while the call goes on, as Zendesk demands. */
export function completionStatus(outcome: Pick<Outcome, 'reason'> | null, answered: boolean): CompletionStatus | '' {
  if (outcome === null) return ''
  return answered && outcome.reason !== 'voicemail' ? 'completed' : completions[outcome.reason]
}

/** The body's `call` of `POST /api/v2/calls`. */
export function newRecord(event: CallEvent, context: RecordContext): NewDocumentedCall['call'] {
  const { call } = event
  return {
    ...recordChanges(event),
    app_id: context.appId,
    external_id: call.id,
    from_line: partyText(call.from),
    to_line: partyText(call.to),
    direction: call.direction === 'outbound' ? 'outbound' : 'inbound',
    call_type: 'phone',
    call_started_at: documentedTime(call.startedAt),
    ...(call.direction === 'inbound' ? { dnis: partyText(call.to) } : {}),
    ...(context.brandId === null ? {} : { brand_id: context.brandId }),
    ...(context.endUserId === null ? {} : { end_user_id: context.endUserId }),
  }
}

/** The body's `call` of `PATCH /api/v2/calls/{id}`: all that may have changed since the call began. */
export function recordChanges({ call }: CallEvent): DocumentedCallChanges {
  const agentId = agentOf(call)?.id
  const extension = agentOf(call)?.extension
  const queue = call.directives?.queue
  // Its record is closed: the call goes on in another.
  const outcome = call.mergedInto === undefined ? call.outcome : merged
  return {
    completion_status: completionStatus(outcome, call.answeredAt !== null),
    ...(agentId === undefined ? {} : { agent_id: agentId }),
    ...(extension === undefined ? {} : { extension }),
    ...(queue === undefined ? {} : { queue_name: queue }),
    ...(call.answeredAt === null
      ? {}
      : { call_connected_at: documentedTime(call.answeredAt), time_to_answer: seconds(call.waitMs) }),
    ...(outcome === null || call.endedAt === null ? {} : endOf(call, outcome, call.endedAt)),
  }
}

function endOf(call: CallSnapshot, outcome: Pick<Outcome, 'reason'>, endedAt: number): DocumentedCallChanges {
  return {
    call_ended_at: documentedTime(endedAt),
    duration: seconds(endedAt - call.startedAt),
    talk_time: seconds(call.durationMs - call.holdMs),
    hold_time: seconds(call.holdMs),
    wait_time: seconds(call.waitMs),
    disconnection_reason: outcome.reason,
    voicemail: outcome.reason === 'voicemail',
  }
}

/** The one who has the call: after a transfer the newest. */
export const agentOf = (call: Pick<CallSnapshot, 'agents'>) => call.agents.at(-1) ?? null

/** The one who is not of the house; `null` for calls within it. */
export function customerOf(call: Pick<CallSnapshot, 'direction' | 'from' | 'to'>): CallParty | null {
  if (call.direction === 'internal') return null
  return call.direction === 'outbound' ? call.to : call.from
}

/** A party as Zendesk shows it: a number, an extension, `anonymous`; never empty. */
export function partyText({ kind, value }: Pick<CallParty, 'kind' | 'value'>): string {
  if (kind === 'anonymous') return 'anonymous'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a phone may send anything
  const text = value.replace(/[\u0000-\u001f\u007f]/g, '').slice(0, 64)
  return text === '' ? 'unknown' : text
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000))
