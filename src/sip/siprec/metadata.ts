/**
 * Recording metadata (RFC 7865 section 6) as plain data: who takes part in which communication session, and who is heard in which
 * stream. What a client says beyond that is kept in `extensions` and in the raw document.
 *
 * Times are epoch milliseconds as the client's clock and time zone have them, `null` when they are missing or unreadable. They say in
 * which order things were, not when: clients send local times without zone, and even 1970.
 */

export interface Group {
  readonly id: string
  readonly associatedAt: number | null
  readonly disassociatedAt: number | null
}

/** A communication session: a call as the client sees it. */
export interface CommunicationSession {
  readonly id: string
  readonly groupId: string | null
  /** Session-IDs (RFC 7989), or what the client takes for one. */
  readonly sipSessionIds: readonly string[]
  readonly startedAt: number | null
  readonly stoppedAt: number | null
}

export interface NameId {
  /** As written: a URI, `user@host` or a bare number; '' when there is none. */
  readonly aor: string
  readonly name: string | null
}

export interface Participant {
  readonly id: string
  readonly names: readonly NameId[]
}

export interface MediaStreamEntry {
  readonly id: string
  readonly sessionId: string | null
  /** The `a=label` of its `m=` line. */
  readonly label: string | null
  /** BroadWorks says that all participants are mixed into one stream. */
  readonly isMixed: boolean
}

/** RFC 7865 section 6.6: that a session is recorded in this recording session. */
export interface SessionRecording {
  readonly sessionId: string
  readonly associatedAt: number | null
  readonly disassociatedAt: number | null
}

/** RFC 7865 section 6.8: that a participant takes part in a session, or did. */
export interface ParticipantSession {
  readonly participantId: string
  readonly sessionId: string | null
  readonly associatedAt: number | null
  readonly disassociatedAt: number | null
}

/** RFC 7865 section 6.10: which streams a participant is heard in, and which it hears. */
export interface ParticipantStreams {
  readonly participantId: string
  /** Stream ids. */
  readonly send: readonly string[]
  readonly receive: readonly string[]
  readonly associatedAt: number | null
  readonly disassociatedAt: number | null
}

/** A value that a client says beyond the RFC: an element of its own that holds text. */
export interface Extension {
  /** Of the element, in lower case, without prefix: `ucid`. */
  readonly name: string
  readonly value: string
  /** Names of the elements around it, outermost first, without the document's root: `['session', 'extensiondata']`. */
  readonly path: readonly string[]
  /** The id of the session, group, participant or stream that it is said of; `null` when it is said of the whole. */
  readonly of: string | null
  /** A name in an attribute: Oracle's `label` of `<apkt:header label="X-…">`; `null` as a rule. */
  readonly label: string | null
}

export interface RecordingMetadata {
  /** `partial`: only what changed (RFC 7865 section 6.1). */
  readonly mode: 'complete' | 'partial'
  readonly groups: readonly Group[]
  readonly sessions: readonly CommunicationSession[]
  readonly participants: readonly Participant[]
  readonly streams: readonly MediaStreamEntry[]
  readonly sessionRecordings: readonly SessionRecording[]
  readonly participantSessions: readonly ParticipantSession[]
  readonly participantStreams: readonly ParticipantStreams[]
  readonly extensions: readonly Extension[]
}

export const NO_METADATA: RecordingMetadata = {
  mode: 'complete',
  groups: [],
  sessions: [],
  participants: [],
  streams: [],
  sessionRecordings: [],
  participantSessions: [],
  participantStreams: [],
  extensions: [],
}
