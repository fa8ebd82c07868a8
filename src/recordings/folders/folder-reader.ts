/** One layout of a folder: which of its files are ours, when they are finished, and how they are taken in. */
import type { Progress } from '../audio/audio-file.ts'
import type { TakeResult } from '../candidate.ts'
import type { SourceFile } from '../ledger.ts'

/** What is in the folder, and what to do with it. `relativePath` has `/` on every system. */
export interface FolderReader {
  /** The path (relative as well) of the file that stands for all files of an item; `null` when it is nothing of ours. */
  leader(relativePath: string): string | null
  /** Throws the file system's error. */
  progress(path: string): Promise<Progress>
  take(file: SourceFile, relativePath: string): Promise<TakeResult>
}
