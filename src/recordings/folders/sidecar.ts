/**
 * The file that some recorders leave beside a recording, `NAME.json` for `NAME.wav` (or `NAME.wav.json`), and what it says of the
 * caller's choice: `{"consent": true}`, `"yes"`, `false`, `"no"`. Whatever else is in it is nothing of ours.
 */
import { open, stat } from 'node:fs/promises'
import { z } from 'zod'
import { saidIn } from '../../events/choice.ts'
import { describe, isGone } from '../failure.ts'

export type Sidecar =
  /** `null`: it is there and says nothing of a choice. */
  | { readonly kind: 'read'; readonly said: boolean | null }
  | { readonly kind: 'missing' }
  /** It cannot be read, or not understood: perhaps it is still being written. */
  | { readonly kind: 'unreadable'; readonly reason: string }

/** Bytes; recorders write some hundred. */
const largest = 64 * 1024

const schema = z.looseObject({ consent: z.union([z.boolean(), z.string(), z.int(), z.null()]).optional() })

/** Of the recording at this path. Never rejects. */
export async function readSidecar(recordingPath: string): Promise<Sidecar> {
  for (const path of sidecarPaths(recordingPath)) {
    try {
      return sidecarIn(await readText(path))
    } catch (error) {
      if (!isGone(error)) return { kind: 'unreadable', reason: describe(error) }
    }
  }
  return { kind: 'missing' }
}

/** Where it may be, the likelier name first. */
export function sidecarPaths(recordingPath: string): readonly string[] {
  return [`${recordingPath.replace(/\.[^./]+$/, '')}.json`, `${recordingPath}.json`]
}

/** What the text of one says. Total. */
export function sidecarIn(text: string): Sidecar {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Its message quotes the file, which may name people.
    return { kind: 'unreadable', reason: 'it is no JSON' }
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) return { kind: 'unreadable', reason: 'it is no object whose consent is true, false, "yes" or "no"' }
  const { consent = null } = parsed.data
  return { kind: 'read', said: consent === null ? null : saidIn(String(consent)) }
}

/** Throws the file system's error, or one that says why it is not read. */
async function readText(path: string): Promise<string> {
  // Before it is opened: the opening of a pipe would wait for its writer.
  if (!(await stat(path)).isFile()) throw new Error('it is no regular file')
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(largest + 1)
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    if (filled > largest) throw new Error(`it has more than ${largest} bytes`)
    return buffer.toString('utf8', 0, filled)
  } finally {
    await file.close()
  }
}
