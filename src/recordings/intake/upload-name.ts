/** What the name and the fields of an upload may be. Pure. */
import { isChoice, saidIn } from '../../events/choice.ts'
import type { RecordingHints } from '../../events/recording.ts'
import { readRecordedTime } from '../folders/recorded-time.ts'

/** As the form has them; absent ones are `null`. */
export interface UploadFields {
  readonly fileName: string
  readonly callId: string | null
  readonly unique: string | null
  readonly from: string | null
  readonly to: string | null
  /** ISO 8601, or epoch seconds or milliseconds. */
  readonly startedAt: string | null
  /** `yes` or `no` (events/choice.ts, isChoice): what the caller chose. */
  readonly consent: string | null
}

export type CheckedFields =
  | { readonly kind: 'accepted'; readonly fileName: string; readonly hints: RecordingHints }
  | { readonly kind: 'refused'; readonly field: string; readonly reason: string }

const longestName = 200
const longestField = 512

export function checkUploadFields(fields: UploadFields): CheckedFields {
  const name = fields.fileName
  const reason = whyNotAName(name)
  if (reason !== null) return { kind: 'refused', field: 'file_name', reason }
  const { callId: sipCallId, unique, from, to, consent } = fields
  const texts = { call_id: sipCallId, unique, from, to, started_at: fields.startedAt, consent }
  for (const [field, text] of Object.entries(texts)) {
    if (text === null) continue
    if (text === '') return { kind: 'refused', field, reason: 'is empty: leave it out, or give a value' }
    if (text.length > longestField) return { kind: 'refused', field, reason: `is longer than ${longestField} characters` }
    if (hasControls(text)) return { kind: 'refused', field, reason: 'contains control characters' }
  }
  const startedAt = fields.startedAt === null ? null : readRecordedTime(fields.startedAt)
  if (fields.startedAt !== null && startedAt === null) {
    return { kind: 'refused', field: 'started_at', reason: 'is no time: give ISO 8601 (2026-11-22T06:37:17Z) or epoch seconds' }
  }
  if (consent !== null && !isChoice(consent)) {
    return { kind: 'refused', field: 'consent', reason: 'is no choice: give yes or no' }
  }
  const said = consent === null ? {} : { consent: saidIn(consent) }
  return { kind: 'accepted', fileName: name, hints: { sipCallId, unique, from, to, startedAt, ...said } }
}

function whyNotAName(name: string): string | null {
  if (name === '') return 'is empty'
  if (name.includes('/') || name.includes('\\')) return 'contains a path separator: give the name alone'
  if (name.includes('..')) return 'contains `..`'
  if (name.startsWith('.')) return 'begins with a dot'
  if (hasControls(name)) return 'contains control characters'
  if (Buffer.byteLength(name) > longestName) return `is longer than ${longestName} bytes`
  return null
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
