/**
 * How metadata changes: a complete document replaces what was known, a partial one adds to it (RFC 7865 section 6.1). Nothing is removed
 * by a partial document; what is over carries a time of disassociation.
 */
import type { Extension, ParticipantSession, ParticipantStreams, RecordingMetadata, SessionRecording } from './metadata.ts'

/** So much of each kind is kept; beyond, the oldest goes. A conference of a day has fewer. */
const MAX_KEPT = 128

/** What is known after `update`; `known` is null at the beginning of a recording session. */
export function applyMetadata(known: RecordingMetadata | null, update: RecordingMetadata): RecordingMetadata {
  if (known === null || update.mode === 'complete') return { ...update, mode: 'complete' }
  const byId = ({ id }: { readonly id: string }) => id
  return {
    mode: 'complete',
    groups: merged(known.groups, update.groups, byId, (before, after) => ({
      ...after,
      associatedAt: after.associatedAt ?? before.associatedAt,
    })),
    sessions: merged(known.sessions, update.sessions, byId, (before, after) => ({
      id: after.id,
      groupId: after.groupId ?? before.groupId,
      sipSessionIds: [...new Set([...before.sipSessionIds, ...after.sipSessionIds])].slice(-MAX_KEPT),
      startedAt: after.startedAt ?? before.startedAt,
      stoppedAt: after.stoppedAt ?? before.stoppedAt,
    })),
    participants: merged(known.participants, update.participants, byId, (before, after) => ({
      id: after.id,
      names: after.names.length === 0 ? before.names : after.names,
    })),
    streams: merged(known.streams, update.streams, byId, (before, after) => ({
      id: after.id,
      sessionId: after.sessionId ?? before.sessionId,
      label: after.label ?? before.label,
      isMixed: after.isMixed || before.isMixed,
    })),
    sessionRecordings: merged(known.sessionRecordings, update.sessionRecordings, sessionRecordingKey, continued),
    participantSessions: merged(known.participantSessions, update.participantSessions, participantSessionKey, continued),
    participantStreams: merged(known.participantStreams, update.participantStreams, participantStreamsKey, streamsContinued),
    extensions: merged(known.extensions, update.extensions, extensionKey, (_, after) => after),
  }
}

const sessionRecordingKey = ({ sessionId }: SessionRecording): string => sessionId
const participantSessionKey = ({ participantId, sessionId }: ParticipantSession): string =>
  JSON.stringify([participantId, sessionId])
const participantStreamsKey = ({ participantId }: ParticipantStreams): string => participantId
const extensionKey = ({ name, path, of, label }: Extension): string => JSON.stringify([name, path, of, label])

interface Association {
  readonly associatedAt: number | null
  readonly disassociatedAt: number | null
}

/** A participant who comes back is associated anew, without a time of disassociation. */
function continued<T extends Association>(before: T, after: T): T {
  return { ...after, associatedAt: after.associatedAt ?? before.associatedAt }
}

/** A document that only says that the association is over does not repeat its streams. */
function streamsContinued(before: ParticipantStreams, after: ParticipantStreams): ParticipantStreams {
  const isBare = after.disassociatedAt !== null && after.send.length === 0 && after.receive.length === 0
  return { ...continued(before, after), ...(isBare ? { send: before.send, receive: before.receive } : {}) }
}

function merged<T>(known: readonly T[], update: readonly T[], key: (entry: T) => string, join: (before: T, after: T) => T): T[] {
  if (update.length === 0) return [...known]
  const entries = new Map(known.map(entry => [key(entry), entry]))
  for (const entry of update) {
    const before = entries.get(key(entry))
    entries.set(key(entry), before === undefined ? entry : join(before, entry))
  }
  return [...entries.values()].slice(-MAX_KEPT)
}
