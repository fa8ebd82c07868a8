/**
 * The `partner-edition` dialect: how the model's words become the wire's. Pure.
 *
 * Times become RFC 3339 UTC with milliseconds. Durations become whole seconds, rounded to the nearest (half a second up), so that
 * a sum of many stays right. Parties: see `partyOnTheWire`.
 */
import type { CallEvent, CallParty, CallSnapshot, LegSnapshot, TransferSnapshot } from '../../events/event.ts'
import type { EncodedAudio, RecordingItem, VoicemailItem } from '../../events/recording.ts'
import type { RecordingMetadata, VoicemailMetadata } from '../wire/audio-upload.ts'
import type { PhoneCallEventBody, WireCall } from '../wire/call-event.ts'
import type { SuppliedTranscript } from '../wire/transcript.ts'
import { partySchema } from '../wire/words.ts'

/** The body of `POST /phone_call_events` for an event. */
export function phoneCallEventBody(event: CallEvent): PhoneCallEventBody {
  return {
    phone_call_event: {
      id: event.id,
      type: event.type,
      sequence: event.sequence,
      occurred_at: moment(event.occurredAt),
      site: event.site,
      call: wireCall(event.call),
    },
  }
}

/** The metadata part of `POST /phone_recording_upload`. */
export function recordingMetadata(item: RecordingItem, audio: EncodedAudio): RecordingMetadata {
  return { ...audioMetadata(item, audio), ...transcriptOf(item) }
}

/** The metadata part of `POST /voicemail_upload`. */
export function voicemailMetadata(item: VoicemailItem, audio: EncodedAudio): VoicemailMetadata {
  return {
    ...audioMetadata(item, audio),
    from: partyOnTheWire(item.from),
    to: partyOnTheWire(item.to),
    received_at: moment(item.receivedAt),
    mailbox: item.mailbox,
    ...transcriptOf(item),
  }
}

/** What both say of the file. */
function audioMetadata(item: RecordingItem | VoicemailItem, audio: EncodedAudio): RecordingMetadata {
  return {
    external_id: item.id,
    external_call_id: item.callId,
    format: 'mp3',
    duration: seconds(audio.durationMs),
    channels: audio.channels,
    sample_rate: audio.sampleRate,
    size: audio.size,
    sha256: audio.sha256,
    started_at: moment(item.startedAt),
    consent: item.kind === 'recording' ? (item.consent?.said ?? null) : null,
  }
}

/** What was said, when something has listened; nothing at all otherwise, so that a server older than transcripts takes it, too. */
function transcriptOf({ transcript }: RecordingItem | VoicemailItem): { readonly transcript?: SuppliedTranscript } {
  if (transcript === undefined || transcript === null) return {}
  if (transcript.kind === 'failed') return { transcript: { status: 'failed' } }
  const { text, language, sentiment, keywords } = transcript
  return { transcript: { status: 'completed', text, language, sentiment, keywords: [...keywords] } }
}

/**
 * A party in the wire's grammar. What a phone sent that is neither a number, an extension nor a name (`other` may hold anything)
 * goes out as `unknown`: one odd dialled string must not make a dead letter of every event of its call.
 */
export function partyOnTheWire(party: CallParty): string {
  if (party.kind === 'anonymous') return 'anonymous'
  return partySchema.safeParse(party.value).success ? party.value : 'unknown'
}

function wireCall(call: CallSnapshot): WireCall {
  return {
    external_id: call.id,
    from: partyOnTheWire(call.from),
    to: partyOnTheWire(call.to),
    direction: call.direction,
    status: call.outcome?.status ?? null,
    reason: call.outcome?.reason ?? null,
    started_at: moment(call.startedAt),
    answered_at: momentOrNull(call.answeredAt),
    ended_at: momentOrNull(call.endedAt),
    duration: seconds(call.durationMs),
    wait_time: seconds(call.waitMs),
    hold_time: seconds(call.holdMs),
    agents: call.agents.map(({ id, extension, name }) => ({ id, extension, name })),
    tags: [...call.tags],
    queue: call.directives?.queue?.slice(0, 255) || null,
    ...(call.transfers === undefined ? {} : { transfers: call.transfers.map(wireTransfer) }),
    ...(call.mergedInto === undefined ? {} : { merged_into: call.mergedInto }),
    legs: call.legs.map(wireLeg),
  }
}

function wireTransfer({ kind, by, to, at }: TransferSnapshot): NonNullable<WireCall['transfers']>[number] {
  return { kind, by: partyOnTheWire(by), to: partyOnTheWire(to), at: moment(at) }
}

function wireLeg(leg: LegSnapshot): WireCall['legs'][number] {
  return {
    sip_call_id: leg.sipCallId,
    from: partyOnTheWire(leg.from),
    to: partyOnTheWire(leg.to),
    direction: leg.direction,
    started_at: moment(leg.startedAt),
    answered_at: momentOrNull(leg.answeredAt),
    ended_at: momentOrNull(leg.endedAt),
    sip_code: leg.sipCode,
    q850: leg.q850,
  }
}

const moment = (at: number) => new Date(at).toISOString()
const momentOrNull = (at: number | null) => (at === null ? null : moment(at))
const seconds = (ms: number) => Math.max(0, Math.round(ms / 1000))
