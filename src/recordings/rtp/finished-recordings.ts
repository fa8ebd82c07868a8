/**
 * The folder of what the bridge has recorded itself, for a folder watcher: whatever whole recording lies there is handed over to the
 * intake, whether it was finished a moment ago, recovered after a crash, or left by a bridge that stopped before it could.
 *
 *   rtp/NAME.wav ──link──▶ incoming/ID/NAME.wav ──take──▶ the ledger has it ──▶ rtp/NAME.wav and its sidecar go
 *
 * A second name of the same file, and the first one only goes when the ledger knows it: a crash anywhere in between does it again, with the
 * same id. From then on it is the spool's, as an upload by HTTP is, and is cleared, erased and held with it.
 */
import { link, lstat, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RecordingHints } from '../../events/recording.ts'
import { OpenFile, sourceFile } from '../audio/byte-source.ts'
import type { TakeResult } from '../candidate.ts'
import { errorCode } from '../failure.ts'
import type { FolderReader } from '../folders/folder-reader.ts'
import type { Taker } from '../folders/recording-folder.ts'
import { contentSha256, recordingId } from '../intake/identity.ts'
import { type Spool, syncFolder, syncFolderOf } from '../intake/spool.ts'
import type { SourceFile } from '../ledger.ts'
import { readSidecar } from './sidecar-file.ts'

const recordingName = /^([^/.][^/]*)\.wav$/

export function finishedRecordings(spool: Spool, taker: Taker): FolderReader {
  return {
    leader: relativePath => (recordingName.test(relativePath) ? relativePath : null),
    // It gets this name when it is whole.
    progress: async () => 'finished',
    take: (file, name) => handOver(file, name, spool, taker),
  }
}

/** Throws the file system's error: then a later scan finds it again. */
async function handOver(file: SourceFile, name: string, spool: Spool, taker: Taker): Promise<TakeResult> {
  const id = recordingId(name, await hashOf(file.path))
  const path = spool.incomingPath(id, name)
  await mkdir(dirname(path), { recursive: true })
  await linkOnce(file.path, path)
  await syncFolderOf(path)
  await syncFolder(spool.incomingFolder)
  const sidecarPath = file.path.replace(/\.wav$/, '.json')
  const taken = sourceFile(path, await lstat(path))
  const hints = await hintsFrom(sidecarPath, name)
  const result = await taker.take({ kind: 'recording', file: taken, audioPath: path, baseName: name, hints })
  if (result.kind !== 'taken' && result.kind !== 'quarantined' && result.kind !== 'known') return result
  // Its item needs no source any more, so nobody would remove this copy.
  if (result.kind === 'known' && (result.state === 'delivered' || result.state === 'dropped')) await spool.remove(id)
  await rm(file.path, { force: true })
  await rm(sidecarPath, { force: true })
  return result
}

/** The call is known by the Call-ID of the recording session. Where the sidecar was lost the file's name is as good as that, as a rule. */
async function hintsFrom(sidecarPath: string, name: string): Promise<RecordingHints> {
  const sidecar = await readSidecar(sidecarPath)
  return {
    sipCallId: sidecar?.callId ?? name.replace(recordingName, '$1'),
    unique: null,
    from: null,
    to: null,
    startedAt: sidecar === null ? null : Date.parse(sidecar.startedAt),
  }
}

async function hashOf(path: string): Promise<string> {
  const file = await OpenFile.open(path)
  try {
    return await contentSha256(file)
  } finally {
    await file.close()
  }
}

/** An earlier attempt may have come as far: the id is that of the content, so what lies there is the same. */
async function linkOnce(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}
