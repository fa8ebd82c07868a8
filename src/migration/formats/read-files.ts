/** Files on their way to a reader: found, unpacked when they are gzipped (as logrotate leaves them), decoded, in pieces. */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { TextDecoder } from 'node:util'
import { createGunzip } from 'node:zlib'
import type { ChosenFormat } from './formats.ts'
import type { ReadStep } from './history-format.ts'

export interface SourceFile {
  readonly path: string
  readonly size: number
}

/** More files than a command line names; FreeSWITCH writes one a call, into a folder. */
const mostFiles = 1_000_000

/** The files that paths stand for; a folder stands for the files in it, by name. Rejects when one cannot be read. */
export async function listFiles(paths: readonly string[]): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = []
  for (const path of paths) {
    const stats = await stat(path)
    if (!stats.isDirectory()) files.push({ path, size: stats.size })
    else {
      const names = (await readdir(path)).filter(name => !name.startsWith('.')).sort()
      for (const name of names) {
        const inside = await stat(join(path, name))
        if (inside.isFile()) files.push({ path: join(path, name), size: inside.size })
        if (files.length > mostFiles) throw new Error(`${path} holds more than ${mostFiles} files: import it in parts`)
      }
    }
  }
  return files
}

/** What a piece of a file gave, and how many bytes of all files have been read by then. */
export interface ReadPiece extends ReadStep {
  readonly bytes: number
}

/** Reads the files in the format's order; ends early when the signal is aborted. Rejects when a file cannot be read, with its name. */
export async function* readFiles(
  files: readonly SourceFile[],
  { reader, encoding, order }: ChosenFormat,
  signal: AbortSignal,
): AsyncGenerator<ReadPiece> {
  let bytes = 0
  for (const { path, size } of [...files].sort((a, b) => order(a.path, b.path))) {
    const before = bytes
    reader.open(path)
    try {
      for await (const { text, read } of textOf(path, encoding, signal)) {
        bytes = before + read
        yield { ...reader.push(text), bytes }
      }
    } catch (cause) {
      if (signal.aborted) return
      throw new Error(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
    bytes = before + size
    yield { ...reader.close(), bytes }
  }
  yield { ...reader.end(), bytes }
}

async function* textOf(
  path: string,
  encoding: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly text: string; readonly read: number }> {
  const file = createReadStream(path, { signal })
  let decoder: TextDecoder | null = null
  for await (const piece of unpacked(file, path)) {
    const chunk: Buffer = piece
    decoder ??= new TextDecoder(chunk[0] === 0xff && chunk[1] === 0xfe ? 'utf-16le' : encoding)
    yield { text: decoder.decode(chunk, { stream: true }), read: file.bytesRead }
  }
  if (decoder !== null) yield { text: decoder.decode(), read: file.bytesRead }
}

function unpacked(file: Readable, path: string): Readable {
  if (!path.endsWith('.gz')) return file
  const unpacking = createGunzip()
  // pipe() passes no errors on.
  file.on('error', error => unpacking.destroy(error))
  return file.pipe(unpacking)
}
