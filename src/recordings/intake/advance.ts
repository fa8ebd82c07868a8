/**
 * One step of a waiting item: find its call, ask whether it may be kept, check its source once more, encode; once it is encoded, wait
 * for its transcript where one is wanted. Decides what each outcome means for the item; `waiting-room.ts` carries it out.
 */
import { stat } from 'node:fs/promises'
import type { CallParty } from '../../events/event.ts'
import type { AudioItem, EncodedAudio, RecordingItem } from '../../events/recording.ts'
import type { WireParty } from '../../events/signal.ts'
import { type AudioFile, readAudioFile } from '../audio/audio-file.ts'
import { OpenFile, sourceFile } from '../audio/byte-source.ts'
import type { Transcoder } from '../encoding/transcoder.ts'
import { isGone } from '../failure.ts'
import type { RecordingLedger } from '../ledger.ts'
import type { Transcription } from '../transcription/transcription.ts'
import type { Turn } from './agenda.ts'
import { callKeys, findCall, type MatchCall } from './call-finder.ts'
import { type KeepingOptions, mayKeep } from './may-keep.ts'
import { inBytes } from './space.ts'
import type { Spool } from './spool.ts'
import type { SpoolSpace } from './spool-space.ts'

export interface AdvanceOptions {
  readonly ledger: RecordingLedger
  readonly transcoder: Transcoder
  /** Absent or `null`: nothing is transcribed. */
  readonly transcription?: Transcription | null
  readonly spool: Spool
  /** Absent or `null`: as much room as the disk has. */
  readonly space?: SpoolSpace | null
  readonly match: MatchCall
  /** Which recordings may be kept. Absent: all. */
  readonly keeping?: KeepingOptions
  /** The model's number plan (events/numbers.ts), for parties that no signal named: a voicemail's, a file name's. */
  readonly normalise: (party: WireParty) => CallParty
  /** How long a recording waits for its call, ms. */
  readonly matchWaitMs: number
  readonly unmatched: 'quarantine' | 'upload'
  /** How long a recording whose name gives a call id waits before parties and time may decide, ms. */
  readonly guessAfterMs: number
  /** Epoch ms. */
  readonly clock: () => number
}

export type Step =
  /** Encoded, and transcribed where that is wanted; the item is to be stored as it is here, with its delivery job. */
  | { readonly kind: 'complete'; readonly item: AudioItem }
  /** Encoded, to be stored as it is here; its transcript is the next step. */
  | { readonly kind: 'encoded'; readonly item: AudioItem }
  /** Not its turn yet. */
  | { readonly kind: 'later'; readonly at: number }
  /** There is no room for its MP3: later, or as soon as there is. */
  | { readonly kind: 'no-room' }
  /** A fault of this machine, or one that may be: an attempt is spent. */
  | { readonly kind: 'retry'; readonly reason: string }
  /** A fault of the file, or no call for it. */
  | { readonly kind: 'quarantine'; readonly reason: string }
  /** It may not be kept; the item is to be stored as it is here, and nothing of it goes anywhere. */
  | { readonly kind: 'refused'; readonly item: RecordingItem }

const unclearAttempts = 5
/** How long a source that is gone or changed may take to be found again (a voicemail that was moved to another folder). */
const relocationMs = 10 * 60_000
const longestRecheckMs = 30_000

/** `ready` is called when an item that was told `later` has got its transcript. Rejects when the ledger does. */
export async function advance(
  item: AudioItem,
  turn: Turn,
  options: AdvanceOptions,
  ready: () => void,
  signal: AbortSignal,
): Promise<Step> {
  const encodedAt = await encodedWhen(item)
  if (item.encoded !== null && encodedAt !== null) return listen(item, item.encoded, encodedAt, options, ready)
  if (item.kind === 'voicemail') return encode(item, turn, options, signal)
  const { ledger, match, clock, matchWaitMs, unmatched } = options
  const guessAfterMs = callKeys(item.hints).length === 0 ? 0 : Math.min(options.guessAfterMs, matchWaitMs)
  const waited = clock() - turn.since
  const finding = await findCall(item, waited >= guessAfterMs, ledger, match)
  if (finding.kind === 'found') {
    const { callId, matchedBy } = finding
    const known: RecordingItem = { ...item, callId, matchedBy }
    // At once: whoever erases or holds what is about the call has to find what still waits, for hours perhaps.
    if (item.callId !== callId || item.matchedBy !== matchedBy) await ledger.update(known)
    return keep(known, turn, options, signal)
  }
  if (waited < matchWaitMs) {
    const turningPoint = turn.since + (waited < guessAfterMs ? guessAfterMs : matchWaitMs)
    return { kind: 'later', at: Math.min(recheckAt(turn, clock()), turningPoint) }
  }
  if (unmatched === 'upload') return keep({ ...item, callId: null, matchedBy: 'unmatched-upload' }, turn, options, signal)
  return { kind: 'quarantine', reason: `no call for it after ${Math.round(matchWaitMs / 1000)} s: ${finding.reason}` }
}

/** What may not be kept is not even encoded. */
async function keep(item: RecordingItem, turn: Turn, options: AdvanceOptions, signal: AbortSignal): Promise<Step> {
  const { keeping, ledger, normalise, matchWaitMs, clock } = options
  if (keeping === undefined) return encode(item, turn, options, signal)
  const now = clock()
  const partyOf = (user: string) => normalise({ user, display: null, anonymous: false })
  const waited = now - turn.since
  const decision = await mayKeep(item, keeping, { ledger, partyOf, now, waited, sidecarWaitMs: matchWaitMs })
  switch (decision.kind) {
    case 'keep':
      return encode({ ...item, consent: decision.consent }, turn, options, signal)
    case 'refuse':
      return { kind: 'refused', item: { ...item, state: 'dropped', reason: decision.reason, consent: decision.consent } }
    case 'wait':
      return { kind: 'later', at: decision.until ?? recheckAt(turn, now) }
    case 'unclear':
      return { kind: 'quarantine', reason: decision.reason }
    default:
      return decision satisfies never
  }
}

async function encode(item: AudioItem, turn: Turn, options: AdvanceOptions, signal: AbortSignal): Promise<Step> {
  const { transcoder, space = null, clock } = options
  if (space !== null && space.shortage('encoding') !== null) return { kind: 'no-room' }
  const present = await look(item)
  if (present.kind !== 'there') return missing(present, turn, clock())
  const { audio } = present
  if (audio.kind !== 'audio') return { kind: 'quarantine', reason: audio.reason }
  if (space === null) return await encodeAudio(item, audio, turn, options, signal)
  const wanted = transcoder.expectedBytes(audio.format)
  const hold = space.hold('encoding')
  let kept = 0
  try {
    const shortage = await hold.more(wanted)
    if (shortage !== null) {
      if (space.fitsAtAll('encoding', wanted)) return { kind: 'no-room' }
      return { kind: 'retry', reason: `an MP3 of ${inBytes(wanted)} is more than the whole spool may hold: raise spool.max` }
    }
    const step = await encodeAudio(item, audio, turn, options, signal)
    if (step.kind === 'encoded' || step.kind === 'complete') kept = step.item.encoded?.size ?? 0
    return step
  } finally {
    hold.end(kept)
  }
}

async function encodeAudio(
  item: AudioItem,
  audio: Extract<AudioFile, { kind: 'audio' }>,
  turn: Turn,
  options: AdvanceOptions,
  signal: AbortSignal,
): Promise<Step> {
  const { transcoder, spool, clock } = options
  const source = { path: item.sourcePath, size: item.sourceSize, mtimeMs: item.sourceMtimeMs }
  const { format, container, ignoreLength } = audio
  const result = await transcoder.encode({ source, format, container, ignoreLength, target: spool.mp3Path(item.id) }, signal)
  switch (result.kind) {
    case 'encoded':
      return encoded({ ...item, source: format, encoded: result.audio }, options)
    case 'aborted':
      return { kind: 'later', at: clock() }
    case 'machine-fault':
      return { kind: 'retry', reason: result.reason }
    case 'unclear':
      return turn.attempts + 1 < unclearAttempts
        ? { kind: 'retry', reason: result.reason }
        : { kind: 'quarantine', reason: `${result.reason} (${unclearAttempts} attempts)` }
    case 'source-fault':
      return { kind: 'quarantine', reason: result.reason }
    case 'changed':
    case 'gone':
      return missing(result, turn, clock())
    default:
      return result satisfies never
  }
}

function encoded(item: AudioItem, { transcription }: AdvanceOptions): Step {
  if (transcription?.wants(item) === true) return { kind: 'encoded', item }
  return { kind: 'complete', item: { ...item, state: 'queued' } }
}

/** What was encoded waits for its transcript, at most as long as it may, whatever was restarted meanwhile. */
function listen(
  item: AudioItem,
  audio: EncodedAudio,
  encodedAt: number,
  { transcription, clock }: AdvanceOptions,
  ready: () => void,
): Step {
  if (transcription?.wants(item) !== true) return { kind: 'complete', item: { ...item, state: 'queued' } }
  const transcript = transcription.ask(item.id, audio, encodedAt, ready)
  if (transcript !== null) return { kind: 'complete', item: { ...item, state: 'queued', transcript } }
  return { kind: 'later', at: Math.max(clock(), transcription.deadline(encodedAt)) }
}

/** When the item's MP3 was made, epoch ms; `null` when there is none (any more), or another: then it is to be encoded. */
async function encodedWhen({ encoded: audio }: AudioItem): Promise<number | null> {
  if (audio === null) return null
  try {
    const { size, mtimeMs } = await stat(audio.path)
    return size === audio.size ? mtimeMs : null
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

type Missing = { readonly kind: 'changed' | 'gone'; readonly reason: string }

/** The source as it is now, which is read again: the item may have waited for days, or been taken in by another version. */
async function look(item: AudioItem): Promise<{ readonly kind: 'there'; readonly audio: AudioFile } | Missing> {
  try {
    const file = await OpenFile.open(item.sourcePath)
    try {
      if (!isSameFile(item, file.file.size, file.file.mtimeMs))
        return { kind: 'changed', reason: 'changed since it was taken in' }
      return { kind: 'there', audio: await readAudioFile(file, item.sourcePath) }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isGone(error)) return { kind: 'gone', reason: item.sourcePath }
    throw error
  }
}

/**
 * The source is not where or what it was. Its folder's watcher may find the same message or recording elsewhere and say so
 * (Intake, `takeAgain`), or take a changed file in as one of its own; if not, an operator must know.
 */
function missing(problem: Missing, turn: Turn, now: number): Step {
  if (now - turn.since < relocationMs) return { kind: 'later', at: recheckAt(turn, now) }
  const what = problem.kind === 'gone' ? 'is gone' : 'is not what was taken in any more'
  return { kind: 'quarantine', reason: `its source file ${what}: ${problem.reason}` }
}

/** Often at first, then every half minute. */
function recheckAt(turn: Turn, now: number): number {
  return now + Math.min(longestRecheckMs, Math.max(1_000, (now - turn.since) / 2))
}

/** Whether the source that an item names is still the one it was taken in from. */
export async function isSourceInPlace(item: AudioItem): Promise<boolean> {
  try {
    const { size, mtimeMs } = sourceFile(item.sourcePath, await stat(item.sourcePath))
    return isSameFile(item, size, mtimeMs)
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

function isSameFile(item: AudioItem, size: number, mtimeMs: number): boolean {
  return item.sourceSize === size && item.sourceMtimeMs === mtimeMs
}
