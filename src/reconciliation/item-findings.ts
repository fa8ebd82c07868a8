/** What is wrong with audio that is no delivery yet, or belongs to no call. Pure. */
import type { CallId } from '../events/event.ts'
import type { AudioItem, RecordingItem } from '../events/recording.ts'
import { type Finding, finding } from './finding.ts'
import type { ReconciliationRules } from './rules.ts'

/** The keys under which the call of a recording may be known. */
export function keysOf(item: AudioItem): readonly string[] {
  if (item.kind !== 'recording') return []
  const { sipCallId, unique } = item.hints
  return [...(sipCallId === null ? [] : [`sip:${sipCallId}`]), ...(unique === null ? [] : [`unique:${unique}`])]
}

/** PBXs leave a file with a header and no audio behind for calls that nobody answered: nothing is missing there. */
export function isEmpty({ state, source, reason }: AudioItem): boolean {
  return state === 'quarantined' && source === null && reason?.startsWith('empty:') === true
}

/** `callId` is the call that the item's name tells, where the bridge knows it; `troubles` what is the matter with encoding. */
export function itemFinding(
  item: AudioItem,
  callId: CallId | null,
  rules: ReconciliationRules,
  now: number,
  troubles: readonly string[],
): Finding | null {
  if (isEmpty(item) || item.state === 'dropped') return null
  const waitMs = item.kind === 'recording' ? rules.recordingGraceMs : rules.graceMs
  if (item.foundAt > now - waitMs) return null
  if (item.kind === 'recording' && (item.callId ?? callId) === null) return withoutCall(item)
  if (item.state !== 'waiting' && item.state !== 'quarantined') return null
  const ids = { callId: item.callId ?? callId, uploadId: item.id }
  return finding('audio-unacknowledged', item.foundAt, { subject: describeItem(item), ...unfinished(item, troubles) }, ids)
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
    cause: trouble ?? 'it is not encoded yet, or waits for its transcript',
    fix: 'is the bridge running? /readyz (recordings, disk) says what holds encoding up',
  }
}

/** `recording 20261122-…wav, 42 s`; the name alone, because folders are long. */
function describeItem({ kind, sourcePath, source }: AudioItem): string {
  const name = sourcePath.slice(sourcePath.lastIndexOf('/') + 1)
  return `${kind} ${name}${source === null ? '' : `, ${Math.round(source.durationMs / 1000)} s`}`
}
