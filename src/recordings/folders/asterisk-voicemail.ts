/**
 * Asterisk's voicemail spool (app_voicemail.c): CONTEXT/MAILBOX/FOLDER/msgNNNN.txt, and beside it the audio in one or more formats.
 * A message is recorded in MAILBOX/tmp and moved here, the text last. When it is heard it moves to another folder, and those
 * behind it are renumbered: a message is known by its mailbox and its msg_id, never by its file name.
 */
import { lstat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { audioProgress } from '../audio/audio-file.ts'
import { OpenFile } from '../audio/byte-source.ts'
import type { VoicemailCandidate } from '../candidate.ts'
import { isGone } from '../failure.ts'
import type { SourceFile } from '../ledger.ts'
import type { FolderReader } from './folder-reader.ts'
import { lastPart, type Taker } from './recording-folder.ts'
import { longestVoicemailText, readVoicemailText, type VoicemailText } from './voicemail-text.ts'

const message = /^(msg\d{4,5})\.(?:txt|wav|WAV|wav49|gsm)$/
/** The best sound first: PCM, then GSM 6.10 in a WAV, then raw GSM. */
const audioExtensions = ['.wav', '.WAV', '.wav49', '.gsm']

export function asteriskVoicemailFolder(taker: Taker): FolderReader {
  return {
    leader: relativePath => {
      const stem = message.exec(lastPart(relativePath))?.[1]
      // Still being recorded, or being moved.
      if (stem === undefined || /(?:^|\/)tmp\//.test(relativePath)) return null
      return `${relativePath.slice(0, relativePath.length - lastPart(relativePath).length)}${stem}.txt`
    },
    progress: async path => {
      const text = await readText(path)
      const audio = await bestAudio(path)
      return text.complete && audio !== null ? audioProgress(audio) : 'unfinished'
    },
    take: async (file, relativePath) => taker.take(await candidate(file, relativePath)),
  }
}

async function candidate(file: SourceFile, relativePath: string): Promise<VoicemailCandidate> {
  const text = await readText(file.path)
  const { mailbox, qualified } = mailboxOf(file.path, relativePath, text)
  // Without any audio beside it the text itself is taken in, and quarantined as what it is: no WAV file.
  const audioPath = (await bestAudio(file.path)) ?? file.path
  return {
    kind: 'voicemail',
    file,
    audioPath,
    baseName: lastPart(relativePath),
    mailbox,
    qualifiedMailbox: qualified,
    from: text.from,
    to: { user: mailbox === '' ? text.exten : mailbox, display: null, anonymous: false },
    receivedAt: text.receivedAt,
    messageKey: text.messageId === '' ? `${text.origtime} ${text.callerId}` : text.messageId,
    keyedByContent: text.messageId === '',
  }
}

/** By the folders where there are enough of them: `origmailbox` is that of a message before it was forwarded. */
function mailboxOf(
  path: string,
  relativePath: string,
  text: VoicemailText,
): { readonly mailbox: string; readonly qualified: string } {
  if (relativePath.split('/').length < 3) return { mailbox: text.mailbox, qualified: text.mailbox }
  const parts = path.split(sep)
  const mailbox = parts.at(-3) ?? text.mailbox
  return { mailbox, qualified: `${mailbox}@${parts.at(-4) ?? ''}` }
}

async function readText(path: string): Promise<VoicemailText> {
  const file = await OpenFile.open(path)
  try {
    return readVoicemailText(await file.read(0, Math.min(file.size, longestVoicemailText)))
  } finally {
    await file.close()
  }
}

/** The audio to take, or `null`. On a file system that ignores case, `.wav` finds the `.WAV`, which is as good. */
async function bestAudio(textPath: string): Promise<string | null> {
  const stem = textPath.slice(0, -'.txt'.length)
  for (const extension of audioExtensions) {
    const path = join(`${stem}${extension}`)
    try {
      if ((await lstat(path)).isFile()) return path
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
  return null
}
