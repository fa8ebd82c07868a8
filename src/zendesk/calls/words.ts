/** What agents read on the ticket: titles, fields and texts. Pure. */
import type { CallEvent } from '../../events/event.ts'
import { agentOf, partyText } from './call-record.ts'

const whileTalking = ['direction', 'from_line', 'to_line', 'agent_id', 'call_started_at', 'wait_time', 'queue_name']
const onceEnded = [...whileTalking, 'call_ended_at', 'duration', 'talk_time', 'hold_time', 'completion_status']

/** Which fields of the record a voice comment shows. */
export function shownFields(ended: boolean, transcript = false): string[] {
  return [...(ended ? onceEnded : whileTalking), ...(transcript ? ['transcript'] : [])]
}

/** The heading of the comment that an event makes: `Call from +14155550100, answered by Alice`. */
export function titleOf(event: CallEvent): string {
  const { call } = event
  const agent = agentOf(call)
  const parties = call.direction === 'outbound' ? `Call to ${partyText(call.to)}` : `Call from ${partyText(call.from)}`
  if (event.type === 'call.transferred') return agent === null ? 'Call transferred' : `Call transferred to ${agent.name}`
  if (call.outcome !== null) {
    if (call.answeredAt !== null) return `${parties} ended after ${clockTime(call.durationMs)}`
    return `${parties} ${call.outcome.status}: ${call.outcome.reason.replaceAll('-', ' ')}`
  }
  if (call.answeredAt === null) return `${parties} ringing`
  if (agent === null) return `${parties} answered`
  return call.direction === 'outbound' ? `${parties} by ${agent.name}` : `${parties} answered by ${agent.name}`
}

/** A text that fits into a heading is one, and needs no comment of its own. */
export function asHeading(text: string | null): string | null {
  const line = text?.trim() ?? ''
  return line === '' || line.length > 240 || line.includes('\n') ? null : line
}

/** A title that the call's comments do not have yet, so that each can be told from the others. */
export function freshTitle(title: string, taken: readonly string[]): string {
  let candidate = title.slice(0, 240)
  for (let n = 2; taken.includes(candidate); n++) candidate = `${title.slice(0, 240)} (${n})`
  return candidate
}

/**
 * A comment's text with the name of what made it, `call_x.ended.1`, on a line of its own: by it the comment is found again when its
 * answer was lost, and the call in the bridge's log.
 */
export const withReference = (text: string, reference: string): string => `${text}\n\n[${reference}]`

/** Whether a comment is the one that `withReference` wrote. */
export const hasReference = (body: string | null | undefined, reference: string): boolean =>
  body?.includes(`[${reference}]`) === true

/** `3:07`, `1:02:03` */
export function clockTime(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h === 0 ? `${m}:${two(s)}` : `${h}:${two(m)}:${two(s)}`
}

const two = (n: number): string => String(n).padStart(2, '0')
