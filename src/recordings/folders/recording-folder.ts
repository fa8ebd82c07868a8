/** A folder of recordings: one audio file each, and a pattern that reads what their names say. */
import { audioProgress } from '../audio/audio-file.ts'
import type { Candidate, TakeResult } from '../candidate.ts'
import type { SourceFile } from '../ledger.ts'
import { readFileName } from './file-name.ts'
import type { FolderReader } from './folder-reader.ts'

/** Where finished files go; the Intake. */
export interface Taker {
  take(candidate: Candidate): Promise<TakeResult>
}

export function recordingFolder(match: RegExp, taker: Taker): FolderReader {
  return {
    leader: relativePath => (readFileName(match, relativePath) === null ? null : relativePath),
    progress: audioProgress,
    take: async (file: SourceFile, relativePath: string) => {
      const hints = readFileName(match, relativePath)
      if (hints === null) return { kind: 'gone' }
      return taker.take({ kind: 'recording', file, audioPath: file.path, baseName: lastPart(relativePath), hints })
    },
  }
}

/** The name of the file, without its folders. */
export function lastPart(relativePath: string): string {
  return relativePath.slice(relativePath.lastIndexOf('/') + 1)
}
