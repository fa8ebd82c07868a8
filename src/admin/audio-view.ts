/** Recordings and voicemails as the API shows them. Paths are shown too: the operator must find a quarantined file. */
import { z } from 'zod'
import type { AudioItem } from '../events/recording.ts'
import { timestamp, toTimestamp } from './timestamp.ts'

/** One audio file of a call, or one message left for a mailbox. */
export const audioView = z.object({
  id: z.string(),
  kind: z.enum(['recording', 'voicemail']),
  state: z.enum(['waiting', 'queued', 'delivered', 'quarantined', 'dropped']),
  reason: z.string().nullable().describe('why it is quarantined or dropped'),
  matched_by: z
    .enum(['call-id', 'unique', 'parties-and-time', 'unmatched-upload'])
    .nullable()
    .describe('how a recording was tied to its call; `parties-and-time` is a guess'),
  mailbox: z.string().nullable(),
  source_path: z.string(),
  source_size: z.number(),
  source_duration_ms: z.number().nullable(),
  mp3_size: z.number().nullable(),
  mp3_duration_ms: z.number().nullable(),
  sha256: z.string().nullable().describe('of the MP3'),
  started_at: timestamp,
  found_at: timestamp,
})

/** Shows a recording or a voicemail. */
export function viewAudio(item: AudioItem): z.input<typeof audioView> {
  return {
    id: item.id,
    kind: item.kind,
    state: item.state,
    reason: item.reason,
    matched_by: item.kind === 'recording' ? item.matchedBy : null,
    mailbox: item.kind === 'voicemail' ? item.mailbox : null,
    source_path: item.sourcePath,
    source_size: item.sourceSize,
    source_duration_ms: item.source?.durationMs ?? null,
    mp3_size: item.encoded?.size ?? null,
    mp3_duration_ms: item.encoded?.durationMs ?? null,
    sha256: item.encoded?.sha256 ?? null,
    started_at: toTimestamp(item.startedAt),
    found_at: toTimestamp(item.foundAt),
  }
}
