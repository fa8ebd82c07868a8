/** A folder of plain voicemails: each audio file is one message, of which its name and folder tell. */
import { audioProgress } from '../audio/audio-file.ts'
import type { SourceFile } from '../ledger.ts'
import { readFileName } from './file-name.ts'
import type { FolderReader } from './folder-reader.ts'
import { lastPart, type Taker } from './recording-folder.ts'
import { readCallerId } from './voicemail-text.ts'

/** `to` names the mailbox; without it the folder does (`MAILBOX/FILE.wav`). */
export function plainVoicemailFolder(match: RegExp, taker: Taker): FolderReader {
  return {
    leader: relativePath => (readFileName(match, relativePath) === null ? null : relativePath),
    progress: audioProgress,
    take: async (file: SourceFile, relativePath: string) => {
      const hints = readFileName(match, relativePath)
      if (hints === null) return { kind: 'gone' }
      const mailbox = hints.to ?? relativePath.split('/').at(-2) ?? ''
      return taker.take({
        kind: 'voicemail',
        file,
        audioPath: file.path,
        baseName: lastPart(relativePath),
        mailbox,
        qualifiedMailbox: mailbox,
        from: readCallerId(hints.from ?? ''),
        to: { user: mailbox, display: null, anonymous: false },
        receivedAt: hints.startedAt,
        messageKey: lastPart(relativePath),
        keyedByContent: true,
      })
    },
  }
}
