/**
 * Who calls whom in a recorded call. RFC 7865 does not say it; most clients do in elements of their own, and the others name the
 * caller first.
 */
import type { WireParty } from '../../events/signal.ts'
import { headerValue } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import { readBuiltInBridge } from './cisco-recording.ts'
import type { CommunicationSession, Extension, RecordingMetadata } from './metadata.ts'
import type { RecordedParticipant } from './participants.ts'
import { isSameParty, partyOf } from './party.ts'

export interface CallFacts {
  readonly caller: WireParty | null
  readonly callee: WireParty | null
  /** On whose behalf the call is recorded: an agent, as a rule; `null` when the client does not say. */
  readonly recorded: WireParty | null
  /** Whether the client says who called; `false` when it is taken from the order in which it names the participants. */
  readonly isDirectionKnown: boolean
}

export function callFacts(
  message: SipMessage,
  metadata: RecordingMetadata | null,
  session: CommunicationSession | null,
  participants: readonly RecordedParticipant[],
): CallFacts {
  const bridge = readBuiltInBridge(message)
  if (bridge !== null && participants.length === 2) {
    // Unified CM does not say who called; most recorded calls come from customers.
    const [near, far] = [partyOf(bridge.near.address), partyOf(bridge.far.address)]
    return { caller: far, callee: near, recorded: near, isDirectionKnown: false }
  }
  const said = (metadata === null ? [] : extensionsOf(metadata, session, participants)) as readonly Extension[]
  const known = participants.flatMap(({ party }) => party ?? [])
  const named = (text: string | null): WireParty | null => {
    const party = text === null ? null : partyOf(text)
    return party === null ? null : (known.find(other => other.display !== null && isSameParty(other, party)) ?? party)
  }
  const callerSaid =
    named(saidIn(said, 'callingpartynumber', 'fromhdr') ?? saidWithin(said, 'callingparty', 'number')) ??
    flagged(said, participants)
  const calleeSaid = named(
    saidIn(said, 'calledpartynumber', 'tohdr', 'dialeddigits') ?? saidWithin(said, 'calledparty', 'number'),
  )
  const recorded = named(saidIn(said, 'recordedparty') ?? saidWithin(said, 'user', 'userid') ?? saidIn(said, 'userid'))
  const isDirectionKnown = callerSaid !== null || calleeSaid !== null
  const other = (party: WireParty): WireParty | null => known.find(candidate => !isSameParty(candidate, party)) ?? null
  if (callerSaid !== null) return { caller: callerSaid, callee: calleeSaid ?? other(callerSaid), recorded, isDirectionKnown }
  if (calleeSaid !== null) return { caller: other(calleeSaid), callee: calleeSaid, recorded, isDirectionKnown }
  if (known.length > 0) return { caller: known[0] ?? null, callee: known[1] ?? null, recorded, isDirectionKnown }
  return { caller: partyOf(headerValue(message, 'From') ?? ''), callee: null, recorded, isDirectionKnown }
}

/** What a client says of this session, of its group and participants, or of the whole. */
export function extensionsOf(
  metadata: RecordingMetadata,
  session: CommunicationSession | null,
  participants: readonly RecordedParticipant[],
): Extension[] {
  const owners = new Set([session?.id, session?.groupId, ...participants.map(({ id }) => id)])
  const isOnly = metadata.sessions.length < 2
  return metadata.extensions.filter(({ of }) => isOnly || of === null || owners.has(of))
}

/** Oracle marks the calling participant. */
function flagged(said: readonly Extension[], participants: readonly RecordedParticipant[]): WireParty | null {
  const mark = said.find(({ name, value, of }) => name === 'callingparty' && of !== null && value.toLowerCase() === 'true')
  return participants.find(({ id }) => id === mark?.of)?.party ?? null
}

function saidIn(said: readonly Extension[], ...names: readonly string[]): string | null {
  for (const name of names) {
    const found = said.find(extension => extension.name === name)
    if (found !== undefined) return found.value
  }
  return null
}

function saidWithin(said: readonly Extension[], element: string, name: string): string | null {
  return said.find(extension => extension.name === name && extension.path.at(-1) === element)?.value ?? null
}
