/**
 * Asterisk's Master.csv, which grows at its end. It is read from where it was read to. A file that logrotate has put in its place is
 * told by its inode; the rest of the one before is read under the name that it has now, and after it all that were rotated since.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TextDecoder } from 'node:util'
import { chosenFormat } from '../../migration/formats/formats.ts'
import { wallClock } from '../../migration/formats/local-time.ts'
import type { CdrFileNote } from '../../uploads/store/cdrs.ts'
import type { CdrTaker, ReadNotes } from './cdr-taker.ts'
import { cdrsOf } from './record.ts'

/** Of a file that is read for the first time, only the end: some 250,000 calls. */
const firstReadBytes = 64 * 1024 * 1024
const longestLine = 1024 * 1024
const newline = 0x0a

const packed = /\.(?:gz|bz2|xz|zst|lz4|Z)$/

interface SeenFile {
  readonly path: string
  readonly identity: string
  readonly size: number
  readonly mtimeMs: number
}

/** Answers what was written since the last time and cannot be read any more. Rejects when the file cannot be read, or what is read not be taken. */
export async function readMasterCsv(
  source: { readonly path: string; readonly timezone: string },
  notes: ReadNotes,
  taker: CdrTaker,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const file = await look(source.path)
  const note = await notes.read(source.path)
  const isSame = note !== null && note.identity === file.identity && note.readTo <= file.size
  const rotated = note === null || isSame ? [] : await rotatedSince(note, file)
  for (const { path, identity, size } of rotated.filter(({ path }) => !packed.test(path))) {
    await readRange(path, identity === note?.identity ? note.readTo : 0, size, source.timezone, taker, signal)
  }
  const from = isSame ? note.readTo : note === null ? Math.max(0, file.size - firstReadBytes) : 0
  const readTo = await readRange(file.path, from, file.size, source.timezone, taker, signal)
  const { identity, size, mtimeMs } = file
  await notes.write(source.path, { identity, size, mtimeMs, readTo })
  return rotated.flatMap(({ path }) => (packed.test(path) ? [packedTooSoon(path)] : []))
}

function packedTooSoon(path: string): string {
  return `${path} was packed before its end was read: give it to \`tpe-bridge reconcile --cdr\`; logrotate’s delaycompress avoids this`
}

async function look(path: string): Promise<SeenFile> {
  const { dev, ino, size, mtimeMs } = await stat(path)
  return { path, identity: `${dev}:${ino}`, size, mtimeMs }
}

/**
 * The files that this one was rotated to (`Master.csv.1`, `Master.csv-20261122`) and that were written to after the note, oldest first.
 * A packer keeps the time of what it packs.
 */
async function rotatedSince(note: CdrFileNote, { path, identity }: SeenFile): Promise<readonly SeenFile[]> {
  const folder = dirname(path)
  const rotated: SeenFile[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.startsWith(basename(path)) || entry.name === basename(path)) continue
    const file = await look(join(folder, entry.name))
    if (file.identity !== identity && (file.identity === note.identity || file.mtimeMs > note.mtimeMs)) rotated.push(file)
  }
  return rotated.sort((a, b) => a.mtimeMs - b.mtimeMs)
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
