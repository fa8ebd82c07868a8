/** What is told about an object in its metadata: for those who look at the bucket and do not open the record. Pure. */
import type { CallParty } from '../../events/event.ts'
import type { AudioItem, EncodedAudio } from '../../events/recording.ts'
import type { CallContext } from '../archive.ts'

/** S3 takes 2 KB of metadata in all. */
const longestValue = 160

/** Names in lower case, as S3 gives them back; values in visible ASCII, anything else percent-encoded. */
export type Metadata = Readonly<Record<string, string>>

export function audioMetadata(site: string, item: AudioItem, audio: EncodedAudio, context: CallContext | null): Metadata {
  const call = context?.call ?? null
  const parties = call ?? (item.kind === 'voicemail' ? item : null)
  return {
    sha256: audio.sha256,
    ...safely({
      site,
      kind: item.kind,
      id: item.id,
      'started-at': new Date(item.startedAt).toISOString(),
      duration: (audio.durationMs / 1000).toFixed(3),
      call: item.callId,
      direction: call?.direction ?? null,
      from: parties === null ? null : named(parties.from),
      to: parties === null ? null : named(parties.to),
    }),
  }
}

const named = ({ value }: CallParty): string => value

function safely(values: Readonly<Record<string, string | null>>): Metadata {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, ascii(value)]])))
}

/** Cut between characters, never within an escape. */
function ascii(text: string): string {
  let written = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25
    const next = plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    if (written.length + next.length > longestValue) break
    written += next
  }
  return written
}
