/**
 * Asterisk's Master.csv, which grows at its end. It is read from where it was read to. A file that logrotate has put in its place is
 * told by its inode; the rest of the one before is read under the name that it has now.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TextDecoder } from 'node:util'
import { chosenFormat } from '../../migration/formats/formats.ts'
import { wallClock } from '../../migration/formats/local-time.ts'
import type { CdrTaker, ReadNotes } from './cdr-taker.ts'
import { cdrsOf } from './record.ts'

/** Of a file that is read for the first time, only the end: some 250,000 calls. */
const firstReadBytes = 64 * 1024 * 1024
const longestLine = 1024 * 1024
const newline = 0x0a

interface SeenFile {
  readonly path: string
  readonly identity: string
  readonly size: number
  readonly mtimeMs: number
}

/** Rejects when the file cannot be read, or what is read not be taken. */
export async function readMasterCsv(
  source: { readonly path: string; readonly timezone: string },
  notes: ReadNotes,
  taker: CdrTaker,
  signal: AbortSignal,
): Promise<void> {
  const file = await look(source.path)
  const note = await notes.read(source.path)
  if (note !== null && note.identity !== file.identity) {
    const before = await sibling(source.path, note.identity)
    if (before !== null) await readRange(before.path, note.readTo, before.size, source.timezone, taker, signal)
  }
  const isSame = note !== null && note.identity === file.identity && note.readTo <= file.size
  const from = isSame ? note.readTo : note === null ? Math.max(0, file.size - firstReadBytes) : 0
  const readTo = await readRange(file.path, from, file.size, source.timezone, taker, signal)
  const { identity, size, mtimeMs } = file
  await notes.write(source.path, { identity, size, mtimeMs, readTo })
}

async function look(path: string): Promise<SeenFile> {
  const { dev, ino, size, mtimeMs } = await stat(path)
  return { path, identity: `${dev}:${ino}`, size, mtimeMs }
}

/** Where the file has gone: `Master.csv.1`, `Master.csv-20261122`. Once it is packed it is no more that file. */
async function sibling(path: string, identity: string): Promise<SeenFile | null> {
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    if (!name.startsWith(basename(path)) || name === basename(path)) continue
    const file = await look(join(folder, name))
    if (file.identity === identity) return file
  }
  return null
}

/** Takes the whole lines of a range; answers where the last of them ends. A range that begins in the file begins after a line. */
async function readRange(
  path: string,
  from: number,
  to: number,
  timezone: string,
  taker: CdrTaker,
  signal: AbortSignal,
): Promise<number> {
  if (from >= to) return from
  const { reader } = chosenFormat({ name: 'asterisk-cdr', clock: wallClock(timezone) })
  const decoder = new TextDecoder()
  reader.open(path)
  // The byte before tells whether the range begins with a line.
  let position = Math.max(0, from - 1)
  let isLineStart = from === 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of createReadStream(path, { start: position, end: to - 1, signal })) {
    let chunk: Buffer = piece
    if (!isLineStart) {
      const end = chunk.indexOf(newline) + 1
      position += end === 0 ? chunk.length : end
      if (end === 0) continue
      chunk = chunk.subarray(end)
      isLineStart = true
    }
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    // What is longer than any record is no line that will end.
    const end = bytes.length > longestLine ? bytes.length : bytes.lastIndexOf(newline) + 1
    rest = bytes.subarray(end)
    position += end
    if (end > 0) await take(reader.push(decoder.decode(bytes.subarray(0, end))).found)
  }
  await take([...reader.close().found, ...reader.end().found])
  return Math.max(from, position)

  async function take(found: Parameters<typeof cdrsOf>[0]): Promise<void> {
    if (found.length === 0) return
    const { cdrs, faults } = cdrsOf(found, taker.site, taker.now)
    await taker.take(cdrs, faults)
  }
}
