/** The file beside a recording that says who is on which channel, and how a recording's files are named while and after it is written. */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { isGone } from '../failure.ts'

/** `NAME.json`. Times are RFC 3339, UTC. */
export interface RecordingSidecar {
  /** What the recording was opened with: derived from the recording session. */
  readonly key: string
  /** The SIP Call-ID of the recording session that began it. */
  readonly callId: string
  readonly startedAt: string
  /** `null` while it is written, and for a recording that was recovered. */
  readonly endedAt: string | null
  /** Finished by `recover` after its writer died: the end may be missing. */
  readonly recovered: boolean
  readonly sampleRate: number
  /** In the order of the WAV's channels. */
  readonly channels: readonly {
    /** From 1. */
    readonly channel: number
    readonly key: string
    readonly name: string | null
    /** The streams that went into it. */
    readonly streams: readonly { readonly id: string; readonly label: string | null }[]
  }[]
  /** Silence because somebody asked for it. `until` is null when it was never resumed. */
  readonly pauses: readonly { readonly stream: string; readonly from: string; readonly until: string | null }[]
}

/** While it is written: hidden, and with an ending that folder watchers pass over. */
export const unfinishedWav = /^\.(.+)\.wav\.part$/

export interface RecordingPaths {
  readonly wav: string
  readonly sidecar: string
  readonly unfinishedWav: string
  readonly unfinishedSidecar: string
}

export function recordingPaths(folder: string, name: string): RecordingPaths {
  return {
    wav: join(folder, `${name}.wav`),
    sidecar: join(folder, `${name}.json`),
    unfinishedWav: join(folder, `.${name}.wav.part`),
    unfinishedSidecar: join(folder, `.${name}.json.part`),
  }
}

/** A file name of a key that came from outside: no separators, no leading dot, at most 120 characters. */
export function fileNameOf(key: string): string {
  const plain = key.replace(/[^A-Za-z0-9@_.+-]/g, '_').replace(/^\./, '_')
  return plain === '' ? '_' : plain.slice(0, 120)
}

/** Replaces the file as a whole, or leaves it as it was. Throws the file system's error. */
export async function writeSidecar(path: string, sidecar: RecordingSidecar): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await open(temporary, 'w', 0o640)
  try {
    await file.writeFile(`${JSON.stringify(sidecar, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

const sidecarSchema = z.object({
  key: z.string(),
  callId: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.string().nullable(),
  recovered: z.boolean(),
  sampleRate: z.number(),
  channels: z.array(
    z.object({
      channel: z.number(),
      key: z.string(),
      name: z.string().nullable(),
      streams: z.array(z.object({ id: z.string(), label: z.string().nullable() })),
    }),
  ),
  pauses: z.array(z.object({ stream: z.string(), from: z.string(), until: z.string().nullable() })),
})

/** `null` when there is none, or when it cannot be understood. Throws the file system's error. */
export async function readSidecar(path: string): Promise<RecordingSidecar | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
  try {
    return sidecarSchema.parse(JSON.parse(text))
  } catch {
    // Cut short by a power failure. The audio is worth more than the names on its channels.
    return null
  }
}

/** Makes the folder's entries survive a power failure. Throws the file system's error. */
export async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
