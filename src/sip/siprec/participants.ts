/** Who takes part in a recorded call, from whatever the client says: metadata, or Cisco's headers. */
import type { WireParty } from '../../events/signal.ts'
import type { SipMessage } from '../message/message.ts'
import { readBuiltInBridge, readNetworkParticipants } from './cisco-recording.ts'
import type { RecordingMetadata } from './metadata.ts'
import { partyOf } from './party.ts'

export interface RecordedParticipant {
  /** As the client has it; unique within the recording session. */
  readonly id: string
  /** `null` when the client names nobody: a participant without aor. */
  readonly party: WireParty | null
  /** Whether it takes part now; `false` for one who has left. */
  readonly isPresent: boolean
  /** Labels of the streams in which it is heard; Cisco's headers say the place of the `m=` line instead (`#0`). */
  readonly heardIn: readonly string[]
}

/** A stand-in that Avaya's SBC names while it does not know the other side yet. */
const PLACEHOLDER = /^(?:sips?:)?ASBCE@/i

/** The participants of a communication session, in the client's order; `sessionId` is null where the client tells no sessions. */
export function participantsOf(
  message: SipMessage,
  metadata: RecordingMetadata | null,
  sessionId: string | null,
): RecordedParticipant[] {
  if (metadata !== null && metadata.participants.length > 0) return inMetadata(metadata, sessionId)
  const bridge = readBuiltInBridge(message)
  if (bridge !== null) {
    return (['near', 'far'] as const).map(end => ({
      id: end,
      party: partyOf(bridge[end].address),
      isPresent: true,
      heardIn: bridge.end === end ? ['#0'] : [],
    }))
  }
  return readNetworkParticipants(message).map(({ aor, mediaIndex }, place) => ({
    id: `${place}`,
    party: partyOf(aor),
    isPresent: true,
    heardIn: mediaIndex === null ? [] : [`#${mediaIndex}`],
  }))
}

function inMetadata(metadata: RecordingMetadata, sessionId: string | null): RecordedParticipant[] {
  const labels = new Map(metadata.streams.flatMap(({ id, label }) => (label === null ? [] : [[id, label] as const])))
  const participants: RecordedParticipant[] = []
  for (const { id, names } of metadata.participants) {
    const associations = metadata.participantSessions.filter(({ participantId }) => participantId === id)
    // A client that associates participants with no session at all has only one.
    const here = associations.filter(association => association.sessionId === null || association.sessionId === sessionId)
    if (associations.length > 0 && here.length === 0) continue
    const [name] = names
    if (name !== undefined && PLACEHOLDER.test(name.aor)) continue
    const heard = metadata.participantStreams.filter(
      ({ participantId, disassociatedAt }) => participantId === id && disassociatedAt === null,
    )
    participants.push({
      id,
      party: name === undefined ? null : (partyOf(name.aor, name.name) ?? partyOf(name.name ?? '')),
      isPresent: here.length === 0 || here.some(({ disassociatedAt }) => disassociatedAt === null),
      heardIn: [...new Set(heard.flatMap(({ send }) => send.flatMap(stream => labels.get(stream) ?? [])))],
    })
  }
  return participants
}
