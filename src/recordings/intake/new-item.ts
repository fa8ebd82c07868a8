/** The first state of an item: waiting when its audio is whole, quarantined with the reason when it is not. Pure. */
import type { CallParty } from '../../events/event.ts'
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import type { WireParty } from '../../events/signal.ts'
import type { AudioFile } from '../audio/audio-file.ts'
import type { Candidate } from '../candidate.ts'
import type { SourceFile } from '../ledger.ts'
import { recordingId, voicemailId } from './identity.ts'

export interface NewItem {
  readonly candidate: Candidate
  readonly audio: AudioFile
  /** Of the audio's content. */
  readonly sha256: string
  readonly audioFile: SourceFile
  /** Epoch ms. */
  readonly foundAt: number
  readonly normalise: (party: WireParty) => CallParty
}

export function newItem({ candidate, audio, sha256, audioFile, foundAt, normalise }: NewItem): AudioItem {
  const reason = whyNotDeliverable(audio)
  const source = audio.kind === 'audio' ? audio.format : null
  // A recorder closes its file when the call ends; that is as near as one gets without a name that tells.
  const guessedStart = Math.round(audioFile.mtimeMs - (source?.durationMs ?? 0))
  const base = {
    id: itemId(candidate, sha256),
    state: reason === null ? ('waiting' as const) : ('quarantined' as const),
    reason,
    sourcePath: audioFile.path,
    sourceSize: audioFile.size,
    sourceMtimeMs: audioFile.mtimeMs,
    foundAt,
    source,
    encoded: null,
    callId: null,
  }
  if (candidate.kind === 'recording') {
    const { hints } = candidate
    return { ...base, kind: 'recording', startedAt: hints.startedAt ?? guessedStart, hints, matchedBy: null }
  }
  const receivedAt = candidate.receivedAt ?? guessedStart
  return {
    ...base,
    kind: 'voicemail',
    startedAt: receivedAt,
    receivedAt,
    mailbox: candidate.mailbox,
    from: normalise(candidate.from),
    to: normalise(candidate.to),
  }
}

function itemId(candidate: Candidate, sha256: string): RecordingId {
  if (candidate.kind === 'recording') return recordingId(candidate.baseName, sha256)
  const { qualifiedMailbox, messageKey, keyedByContent } = candidate
  return voicemailId(qualifiedMailbox, keyedByContent ? `${messageKey} ${sha256}` : messageKey)
}

function whyNotDeliverable(audio: AudioFile): string | null {
  switch (audio.kind) {
    case 'audio':
      return audio.truncated
    case 'empty':
      return audio.reason === 'header only, no audio'
        ? 'empty: header only, no audio (the call was not answered)'
        : `empty: ${audio.reason}`
    case 'beginning':
      return `empty: ${audio.reason}`
    case 'broken':
      return audio.reason
    default:
      return audio satisfies never
  }
}
