/**
 * A recording session (RFC 7866) as a value: what its INVITE, and each later INVITE, UPDATE and ACK, make of it. Pure.
 *
 *   INVITE ──▶ open: streams, calls ──re-INVITE, UPDATE──▶ changed ──▶ … ──BYE──▶ over
 *
 * One recording session records one communication session as a rule, but may record several (a conference, consecutive calls of a
 * phone); each becomes a `RecordedCall`.
 *
 * Invariants
 *  1. A message that is refused changes nothing: the session is as it was.
 *  2. A message without metadata leaves the calls as they are, one without a description leaves the streams.
 *  3. A stream keeps its id and channel for as long as the session lasts.
 */
import type { Tie } from '../../events/signal.ts'
import { headerValue } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import type { SessionDescription } from '../sdp/description.ts'
import { parseSdp, type SdpProblem } from '../sdp/parse.ts'
import { formatAnswer } from '../sdp/recording-offer.ts'
import { readRecordingBody } from './body.ts'
import { type CallFacts, callFacts } from './call-facts.ts'
import { readBuiltInBridge } from './cisco-recording.ts'
import type { RecordingMetadata } from './metadata.ts'
import { parseMetadata } from './metadata-document.ts'
import { applyMetadata } from './partial.ts'
import { participantsOf, type RecordedParticipant } from './participants.ts'
import { type RecordedStream, recordedStreams, streamPrefix } from './recorded-streams.ts'
import { tiesOf } from './ties.ts'

/** So many calls of one recording session are told; the latest, where a client names more. */
const MAX_CALLS = 16

/** A call that is recorded. */
export interface RecordedCall extends CallFacts {
  /** The communication session's id; the recording session's Call-ID where the client names none. */
  readonly id: string
  /** Names the call among the legs that are seen: the recording session's Call-ID, made unique for further calls of one session. */
  readonly legId: string
  readonly ties: readonly Tie[]
  readonly participants: readonly RecordedParticipant[]
  /** Whether the client says that the call, or its recording in this session, is over. */
  readonly isOver: boolean
}

export interface RecordingSession {
  /** The Call-ID of the recording session. */
  readonly callId: string
  /** Names the recording. Two sessions that record one call's two voices (a phone's built-in bridge) have the same. */
  readonly recordingKey: string
  /** Sets the ids of its streams apart from those of another session with the same key. */
  readonly streamPrefix: string
  readonly streams: readonly RecordedStream[]
  readonly calls: readonly RecordedCall[]
  /** The latest description of the client; `null` until it has sent one. */
  readonly description: SessionDescription | null
  readonly metadata: RecordingMetadata | null
  /** The latest metadata document as it came; `null` when there was none. */
  readonly rawMetadata: Buffer | null
  /** What is wrong with that document; `null` when it is sound. */
  readonly metadataProblem: string | null
}

export type SessionStep =
  | {
      readonly ok: true
      readonly session: RecordingSession
      /** Whether the message carried a description, which has to be answered. */
      readonly isOffer: boolean
    }
  | {
      readonly ok: false
      /** The SIP status to refuse the message with: 400 for a broken description, 488 for one without audio that can be recorded. */
      readonly status: 400 | 488
      readonly reason: SdpProblem | 'nothing-to-record'
    }

/**
 * What a message makes of a session; `before` is null for the first INVITE. `uniqueHeaders` are the headers in which the PBX names
 * its calls.
 */
export function advanceRecording(
  before: RecordingSession | null,
  message: SipMessage,
  uniqueHeaders: readonly string[],
): SessionStep {
  const body = readRecordingBody(headerValue(message, 'Content-Type'), message.body)
  let description = before?.description ?? null
  if (body.sdp !== null) {
    const result = parseSdp(body.sdp)
    if (!result.ok) return { ok: false, status: 400, reason: result.reason }
    description = result.sdp
  }
  const document = body.metadata === null ? null : parseMetadata(body.metadata)
  const update = document?.metadata ?? null
  const metadata = update === null ? (before?.metadata ?? null) : applyMetadata(before?.metadata ?? null, update)

  const callId = before?.callId ?? headerValue(message, 'Call-ID') ?? ''
  const bridge = readBuiltInBridge(message)
  const calls = recordedCalls(callId, before, message, metadata, uniqueHeaders)
  const participants = calls.flatMap(call => call.participants)
  const prefix = before?.streamPrefix ?? streamPrefix(message)
  const streams = description === null ? [] : recordedStreams(description, metadata, participants, prefix, before?.streams ?? [])
  // A first offer has to have something to record; later ones may end every stream for a while.
  if (before === null && body.sdp !== null && streams.length === 0) return { ok: false, status: 488, reason: 'nothing-to-record' }
  return {
    ok: true,
    isOffer: body.sdp !== null,
    session: {
      callId,
      recordingKey: before?.recordingKey ?? (bridge === null ? callId : `bib:${bridge.near.cluster}:${bridge.near.refci}`),
      streamPrefix: prefix,
      streams,
      calls,
      description,
      metadata,
      rawMetadata: body.metadata ?? before?.rawMetadata ?? null,
      metadataProblem: document === null ? (before?.metadataProblem ?? null) : document.problem,
    },
  }
}

function recordedCalls(
  callId: string,
  before: RecordingSession | null,
  message: SipMessage,
  metadata: RecordingMetadata | null,
  uniqueHeaders: readonly string[],
): RecordedCall[] {
  const sessions = metadata === null || metadata.sessions.length === 0 ? [null] : metadata.sessions.slice(-MAX_CALLS)
  return sessions.map((session, place) => {
    const id = session?.id ?? callId
    // A client that named no session at first goes on with the same call.
    const unnamed = place === 0 ? before?.calls.find(call => call.id === callId) : undefined
    const earlier = before?.calls.find(call => call.id === id) ?? unnamed
    const isFirst = place === 0 && before === null
    const found = participantsOf(message, metadata, session?.id ?? null)
    // Cisco's headers stand in INVITEs and UPDATEs, not in an ACK.
    const participants = found.length === 0 && earlier !== undefined ? earlier.participants : withThoseWhoLeft(earlier, found)
    const facts = callFacts(
      message,
      metadata,
      session,
      participants.filter(({ isPresent }) => isPresent),
    )
    const recording = metadata?.sessionRecordings.find(({ sessionId }) => sessionId === session?.id)
    const ties = new Map([
      ...(earlier?.ties ?? []).map(tie => [tie.key, tie] as const),
      ...tiesOf(message, metadata, session, participants, uniqueHeaders).map(tie => [tie.key, tie] as const),
    ])
    return {
      id,
      legId: earlier?.legId ?? (isFirst ? callId : `${callId}/${id}`),
      ties: [...ties.values()],
      participants,
      isOver: (session?.stoppedAt ?? recording?.disassociatedAt ?? null) !== null,
      ...facts,
      // Who called does not change with a transfer, whatever the order of those who are left.
      ...(earlier === undefined || earlier.caller === null ? {} : { caller: earlier.caller }),
      ...(earlier === undefined || earlier.callee === null ? {} : { callee: earlier.callee }),
      recorded: facts.recorded ?? earlier?.recorded ?? null,
      isDirectionKnown: facts.isDirectionKnown || (earlier?.isDirectionKnown ?? false),
    }
  })
}

/** A complete document leaves out who has left: they stay on the list as such. */
function withThoseWhoLeft(earlier: RecordedCall | undefined, now: readonly RecordedParticipant[]): RecordedParticipant[] {
  const left = (earlier?.participants ?? []).filter(({ id }) => !now.some(participant => participant.id === id))
  return [...now, ...left.slice(-64).map(participant => ({ ...participant, isPresent: false, heardIn: [] }))]
}

/** The answer to the session's latest description. `ports` are those of its streams, in their order. */
export function answerTo(
  session: RecordingSession,
  local: {
    readonly address: string
    readonly ports: readonly number[]
    readonly sessionId: number
    readonly version: number
  },
): string | null {
  if (session.description === null) return null
  const byPlace = new Map(session.streams.map(({ place }, index) => [place, local.ports[index] ?? null]))
  const ports = session.description.media.map((_, place) => byPlace.get(place) ?? null)
  return formatAnswer(session.description, { ...local, ports })
}
