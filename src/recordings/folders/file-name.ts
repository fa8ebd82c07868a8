/** What a recording's name says of its call, read with the named groups of `recordings.folders[].match`. */
import { saidIn } from '../../events/choice.ts'
import type { RecordingHints } from '../../events/recording.ts'
import { readRecordedTime } from './recorded-time.ts'

export const noHints: RecordingHints = { sipCallId: null, unique: null, from: null, to: null, startedAt: null }

/** Longer than any file name may be (NAME_MAX is 255) and any Call-ID that a PBX writes. */
const longestHint = 512

/**
 * The hints in `relativePath` (with `/`, relative to the watched folder), or `null` when the pattern does not match.
 * A pattern without `/` sees the last part alone, so that the folders above it cannot leak into a greedy group.
 */
export function readFileName(pattern: RegExp, relativePath: string): RecordingHints | null {
  const text = pattern.source.includes('/') ? relativePath : relativePath.slice(relativePath.lastIndexOf('/') + 1)
  // A sticky or global pattern would remember where it stopped.
  const found = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(text)
  if (found === null) return null
  const { call_id, unique, from, to, time, consent } = found.groups ?? {}
  return {
    sipCallId: hint(call_id),
    unique: hint(unique),
    from: hint(from),
    to: hint(to),
    startedAt: readRecordedTime(time ?? ''),
    ...(consent === undefined ? {} : { consent: saidIn(consent) }),
  }
}

function hint(text: string | undefined): string | null {
  return text === undefined || text === '' || text.length > longestHint ? null : text
}
