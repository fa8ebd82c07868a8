/** Ids of recordings and voicemails: derived from what was found, so that two bridges which see the same file agree. */
import { createHash } from 'node:crypto'
import type { RecordingId } from '../../events/recording.ts'
import type { OpenFile } from '../audio/byte-source.ts'

/** 'rec_' and 26 base32 characters (130 bits) of the SHA-256 of the base name and the content's SHA-256. */
export function recordingId(baseName: string, contentSha256: string): RecordingId {
  return brand(`rec_${digest(`${baseName} ${contentSha256}`)}`)
}

/**
 * 'vm_' and 26 base32 characters. `mailbox` is `1002@default`; `message` what stays the same when a message is moved or renumbered.
 */
export function voicemailId(mailbox: string, message: string): RecordingId {
  return brand(`vm_${digest(`${mailbox} ${message}`)}`)
}

/** SHA-256 of a file's content in hex, read as a stream. */
export async function contentSha256(file: OpenFile, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of file.chunks(signal)) hash.update(chunk)
  return hash.digest('hex')
}

function digest(text: string): string {
  return base32(createHash('sha256').update(text).digest()).slice(0, 26)
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** RFC 4648 section 6, lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(value >> bits) & 31] ?? ''
    }
  }
  return bits > 0 ? text + (alphabet[(value << (5 - bits)) & 31] ?? '') : text
}

/** An id that someone else gives, if it has the shape of one. */
export function parseRecordingId(text: string): RecordingId | null {
  return /^(?:rec|vm)_[a-z2-7]{26}$/.test(text) ? brand(text) : null
}

function brand(id: string): RecordingId {
  return id as RecordingId
}
