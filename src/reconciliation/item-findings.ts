/** What is wrong with audio that is no delivery yet, or belongs to no call. Pure. */
import { callIdSpellings } from '../events/call-id-spellings.ts'
import type { CallId } from '../events/event.ts'
import type { AudioItem, RecordingItem } from '../events/recording.ts'
import { type Finding, finding } from './finding.ts'
import type { ReconciliationRules } from './rules.ts'

/** No call is as long, ms. */
const longestCallMs = 24 * 3_600_000

/** The keys under which the call of a recording may be known. */
export function keysOf(item: AudioItem): readonly string[] {
  if (item.kind !== 'recording') return []
  const { sipCallId, unique } = item.hints
  const spellings = sipCallId === null ? [] : callIdSpellings(sipCallId)
  return [...spellings.map(id => `sip:${id}`), ...(unique === null ? [] : [`unique:${unique}`])]
}

/** PBXs leave a file with a header and no audio behind for calls that nobody answered: nothing is missing there. */
export function isEmpty({ state, source, reason }: AudioItem): boolean {
  return state === 'quarantined' && source === null && reason?.startsWith('empty:') === true
}

/** The call of an item, where the bridge knows one. */
export interface CallOfItem {
  readonly id: CallId
  /** Epoch ms; `null` while it goes on. */
  readonly endedAt: number | null
}

/** `call` is the one that it is tied to, or that its name tells; `troubles` what is the matter with encoding. */
export function itemFinding(
  item: AudioItem,
  call: CallOfItem | null,
  rules: ReconciliationRules,
  now: number,
  troubles: readonly string[],
): Finding | null {
  if (isEmpty(item) || item.state === 'dropped') return null
  const waitMs = item.kind === 'recording' ? rules.recordingGraceMs : rules.graceMs
  if (waitsSince(item, call, now) > now - waitMs) return null
  if (item.kind === 'recording' && call === null) return withoutCall(item)
  if (item.state !== 'waiting' && item.state !== 'quarantined') return null
  const ids = { callId: call?.id ?? null, uploadId: item.id }
  return finding('audio-unacknowledged', item.foundAt, { subject: describeItem(item), ...unfinished(item, troubles) }, ids)
}

/** Whatever waits may wait for the end of its call, at which it is known who consents; but not for one that never ends. */
function waitsSince({ state, foundAt }: AudioItem, call: CallOfItem | null, now: number): number {
  if (state !== 'waiting' || call === null) return foundAt
  return Math.max(foundAt, Math.min(call.endedAt ?? now, foundAt + longestCallMs))
}

function withoutCall(item: RecordingItem): Finding {
  const ids = { uploadId: item.id }
  const subject = describeItem(item)
  switch (item.state) {
    case 'queued':
    case 'delivered': {
      const cause = 'no call was known for it; it went to Zendesk without one (recordings.unmatched: upload)'
      const fix = 'let its name tell the call: `match` with call_id or unique'
      return finding('call-missing', item.foundAt, { subject, cause, fix }, ids)
    }
    case 'quarantined': {
      const fix = 'redrive it once its call is known (`tpe-bridge uploads redrive ID`), or drop it with a reason'
      return finding('call-missing', item.foundAt, { subject, cause: item.reason ?? 'no reason was stored', fix }, ids)
    }
    default: {
      const cause = 'it waits for its call, which the bridge has not seen'
      const fix = 'does the call pass the bridge, and does the file’s name tell it as `match` expects?'
      return finding('call-missing', item.foundAt, { subject, cause, fix }, ids)
    }
  }
}

function unfinished({ state, reason }: AudioItem, [trouble]: readonly string[]) {
  if (state === 'quarantined') {
    const fix = 'mend the file and redrive it (`tpe-bridge uploads redrive ID`), or drop it with a reason'
    return { cause: `held back: ${reason ?? 'no reason was stored'}`, fix }
  }
  return {
    cause: trouble ?? 'it is not encoded yet, or waits for its transcript or for what was chosen (recordings.consent)',
    fix: 'is the bridge running? /readyz (recordings, disk) says what holds encoding up',
  }
}

/** `recording 20261122-…wav, 42 s`; the name alone, because folders are long. */
function describeItem({ kind, sourcePath, source }: AudioItem): string {
  const name = sourcePath.slice(sourcePath.lastIndexOf('/') + 1)
  return `${kind} ${name}${source === null ? '' : `, ${Math.round(source.durationMs / 1000)} s`}`
}
