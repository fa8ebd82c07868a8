/** Finishes the recordings that a bridge was writing when it died: their header is brought up to date and they get their real names. */
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { OpenFile } from '../audio/byte-source.ts'
import { readWav, type WavAudio } from '../audio/riff.ts'
import { describe, isGone } from '../failure.ts'
import type { Log } from '../log.ts'
import { readSidecar, recordingPaths, syncFolderOf, unfinishedWav, writeSidecar } from './sidecar-file.ts'
import { wavHeader } from './wav-header.ts'

export interface RecoveredRecording {
  readonly path: string
  /** `null` when it was lost or cannot be read: then nobody knows who is on which channel. */
  readonly sidecarPath: string | null
  readonly durationMs: number
}

/**
 * Call it before anything is recorded into this folder, which must be one bridge's own. Recordings without any audio are removed. What cannot
 * be finished is left as it is, with a warning, and tried again at the next start. Throws only when the folder cannot be read; one that
 * does not exist has nothing to recover.
 */
export async function recover(folder: string, log: Log): Promise<readonly RecoveredRecording[]> {
  const recovered: RecoveredRecording[] = []
  for (const entry of await namesIn(folder)) {
    // A copy with more channels that was not whole yet: the file that it was made of is still there.
    if (entry.endsWith('.wav.part.wider') || entry.endsWith('.json.part.tmp')) await rm(join(folder, entry), { force: true })
    const name = unfinishedWav.exec(entry)?.[1]
    if (name === undefined) continue
    try {
      const one = await recoverOne(folder, name)
      if (one !== null) recovered.push(one)
      log.info({ recording: name, durationMs: one?.durationMs ?? 0 }, 'an abandoned recording was finished')
    } catch (error) {
      log.warn({ recording: name, reason: describe(error) }, 'an abandoned recording cannot be finished')
    }
  }
  return recovered
}

async function recoverOne(folder: string, name: string): Promise<RecoveredRecording | null> {
  const paths = recordingPaths(folder, name)
  const wav = await wavIn(paths.unfinishedWav)
  if (wav === null) {
    await rm(paths.unfinishedWav)
    await rm(paths.unfinishedSidecar, { force: true })
    return null
  }
  await mendHeader(paths.unfinishedWav, wav)
  const sidecar = await readSidecar(paths.unfinishedSidecar)
  if (sidecar !== null) {
    await writeSidecar(paths.sidecar, { ...sidecar, recovered: true })
    await rm(paths.unfinishedSidecar)
  }
  await rename(paths.unfinishedWav, paths.wav)
  await syncFolderOf(paths.wav)
  return { path: paths.wav, sidecarPath: sidecar === null ? null : paths.sidecar, durationMs: wav.durationMs }
}

/** `null` when there is no audio in it. Throws when it is no WAV. */
async function wavIn(path: string): Promise<WavAudio | null> {
  const file = await OpenFile.open(path)
  try {
    const wav = await readWav(file)
    if (wav.kind === 'broken') throw new Error(wav.reason)
    return wav.kind === 'audio' ? wav : null
  } finally {
    await file.close()
  }
}

/** Lets the header say what is really there, in whole frames. */
async function mendHeader(path: string, wav: WavAudio): Promise<void> {
  const bytes = wav.dataBytes - (wav.dataBytes % wav.format.blockBytes)
  const file = await open(path, 'r+')
  try {
    await file.truncate(wav.dataOffset + bytes)
    await file.write(wavHeader(wav.format, bytes), 0, wav.dataOffset, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}
