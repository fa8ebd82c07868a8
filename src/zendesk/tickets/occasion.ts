/** A delivery as the rules see it: one moment of a call, or a voicemail, with everything that may be asked or told of it. Pure. */
import type { Directives } from '../../events/directives.ts'
import type { AgentOnCall, CallEvent, CallId, CallParty, Direction } from '../../events/event.ts'
import type { CallStatus, EndReason } from '../../events/outcome.ts'
import type { VoicemailItem } from '../../events/recording.ts'
import type { Delivery } from '../delivery.ts'
import type { Moment } from './moment.ts'

/** What only the sink can find out. */
export interface TicketFacts {
  /** Whether this is the first call that was ever reported of its caller; `null`: nobody has looked. */
  readonly firstTimeCaller: boolean | null
  /** Where the voicemail can be heard, once it is uploaded. */
  readonly recordingUrl: string | null
}

/** Times are epoch ms, durations ms. */
export interface Occasion {
  readonly moment: Moment
  readonly at: number
  readonly site: string
  readonly callId: CallId | null
  readonly direction: Direction
  readonly from: CallParty
  readonly to: CallParty
  readonly agents: readonly AgentOnCall[]
  readonly status: CallStatus | null
  readonly reason: EndReason | null
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number | null
  /** Of the conversation, or of the message. */
  readonly durationMs: number
  readonly waitMs: number | null
  readonly holdMs: number | null
  readonly mailbox: string | null
  readonly transcript: string | null
  readonly recordingUrl: string | null
  readonly firstTimeCaller: boolean | null
  readonly directives: Directives
}

const noDirectives: Directives = {}

/** `null`: no rule is asked about it. Recordings go to the ticket of their call by themselves. */
export function occasionOf(delivery: Delivery, facts: TicketFacts): Occasion | null {
  switch (delivery.kind) {
    case 'event': {
      const moment = momentOf(delivery.event)
      return moment === null ? null : ofCall(delivery.event, moment, facts)
    }
    case 'voicemail':
      return ofVoicemail(delivery.item, delivery.site, delivery.audio.durationMs, facts)
    case 'recording':
      return null
    default:
      return delivery satisfies never
  }
}

function momentOf(event: CallEvent): Moment | null {
  switch (event.type) {
    case 'call.ringing':
      return 'ringing'
    case 'call.answered':
      return 'answered'
    case 'call.transferred':
      return 'transferred'
    case 'call.ended': {
      const status = event.call.outcome?.status ?? 'connected'
      return status === 'connected' ? 'ended' : status
    }
    case 'call.started':
    case 'call.held':
    case 'call.resumed':
    case 'call.merged':
      return null
    default:
      return event.type satisfies never
  }
}

function ofCall({ call, occurredAt, site }: CallEvent, moment: Moment, facts: TicketFacts): Occasion {
  return {
    moment,
    at: occurredAt,
    site,
    callId: call.id,
    direction: call.direction,
    from: call.from,
    to: call.to,
    agents: call.agents,
    status: call.outcome?.status ?? null,
    reason: call.outcome?.reason ?? null,
    startedAt: call.startedAt,
    answeredAt: call.answeredAt,
    endedAt: call.endedAt,
    durationMs: call.durationMs,
    waitMs: call.waitMs,
    holdMs: call.holdMs,
    mailbox: null,
    transcript: null,
    recordingUrl: facts.recordingUrl,
    firstTimeCaller: facts.firstTimeCaller,
    directives: call.directives ?? noDirectives,
  }
}

function ofVoicemail(item: VoicemailItem, site: string, durationMs: number, facts: TicketFacts): Occasion {
  return {
    moment: 'voicemail',
    at: item.receivedAt,
    site,
    callId: item.callId,
    // Whoever leaves a message at an extension from another one called internally.
    direction: item.from.kind === 'extension' ? 'internal' : 'inbound',
    from: item.from,
    to: item.to,
    agents: [],
    status: null,
    reason: null,
    startedAt: item.startedAt,
    answeredAt: null,
    endedAt: null,
    durationMs,
    waitMs: null,
    holdMs: null,
    mailbox: item.mailbox,
    transcript: item.transcript?.kind === 'text' ? item.transcript.text : null,
    recordingUrl: facts.recordingUrl,
    firstTimeCaller: facts.firstTimeCaller,
    directives: noDirectives,
  }
}

/** The number of whoever is not of the house, by which tickets are found again; `null` for anonymous and internal calls. */
export function customerNumber({ direction, from, to }: Pick<Occasion, 'direction' | 'from' | 'to'>): string | null {
  const customer = direction === 'outbound' ? to : from
  return customer.kind === 'e164' ? customer.value : null
}
