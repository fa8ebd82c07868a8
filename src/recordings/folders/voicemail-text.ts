/**
 * Asterisk's `msgNNNN.txt` (app_voicemail.c): an INI file with one section. Its `duration` is written last, once the caller has
 * hung up. Total: any bytes give a message, perhaps one without anything in it.
 */
import type { WireParty } from '../../events/signal.ts'

export interface VoicemailText {
  /** Asterisk has written the last line. */
  readonly complete: boolean
  readonly from: WireParty
  /** The mailbox the message was left for, and the extension that was dialled; '' when not told. */
  readonly mailbox: string
  readonly exten: string
  /** When the message began, epoch ms. */
  readonly receivedAt: number | null
  readonly durationMs: number | null
  /** `1795329488-00000000`; '' when not told (Asterisk before 11). */
  readonly messageId: string
  /** As written, for an id where there is no message id. */
  readonly origtime: string
  readonly callerId: string
}

/** No voicemail text that Asterisk writes comes near this many bytes. */
export const longestVoicemailText = 16 * 1024

export function readVoicemailText(bytes: Uint8Array): VoicemailText {
  const fields = new Map<string, string>()
  const text = Buffer.from(bytes.subarray(0, longestVoicemailText)).toString('utf8')
  for (const line of text.split(/\r?\n|\r/)) {
    const found = /^\s*([a-z_]+)\s*=>?\s?(.*)$/i.exec(line)
    const [, key, value] = found ?? []
    // The first wins: what a caller may choose (callerid) cannot then overrule what Asterisk wrote above it.
    if (key !== undefined && value !== undefined && !fields.has(key.toLowerCase())) fields.set(key.toLowerCase(), value.trim())
  }
  const field = (key: string): string => (fields.get(key) ?? '').slice(0, 256)
  const seconds = (key: string): number | null => {
    const value = field(key)
    return /^\d{1,11}$/.test(value) ? Number(value) * 1000 : null
  }
  // The caller's line end cannot be told from a cut: a line counts only when it is finished or `duration` is the last of them.
  return {
    complete: seconds('duration') !== null && /[\r\n]\s*$/.test(text),
    from: readCallerId(field('callerid')),
    mailbox: field('origmailbox'),
    exten: field('exten'),
    receivedAt: seconds('origtime'),
    durationMs: seconds('duration'),
    messageId: field('msg_id'),
    origtime: field('origtime'),
    callerId: field('callerid'),
  }
}

/** `"Alice" <1001>`, `Alice <1001>`, `<1001>`, `1001`, `"Alice"`, `Unknown`, or nothing. */
export function readCallerId(text: string): WireParty {
  const found = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*(?:<([^<>]*)>)?\s*$/.exec(text)
  const quoted = found?.[1]?.replace(/\\(.)/g, '$1')
  const name = (quoted ?? found?.[2] ?? '').trim()
  const angle = found?.[3]?.trim()
  const bareNumber = angle === undefined && quoted === undefined && /^[+*#\d][\d*#().\s-]*$/.test(name)
  const user = angle ?? (bareNumber ? name : '')
  const display = bareNumber || name === '' ? null : name
  const anonymous = user === '' ? true : /^(anonymous|unknown|private|restricted|unavailable|withheld)$/i.test(user)
  return { user: anonymous ? '' : user, display: anonymous && /^unknown( caller)?$/i.test(name) ? null : display, anonymous }
}
