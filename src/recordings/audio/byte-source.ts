/** Random access to a file's bytes without holding the file: what the RIFF reader and the hashes read from. */
import type { Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import type { SourceFile } from '../ledger.ts'

/** Bytes that can be read at any position; a read past the end gives fewer bytes, never an error. */
export interface ByteSource {
  /** In bytes, when the source was opened. */
  readonly size: number
  /** At most `length` bytes from `position`. */
  read(position: number, length: number): Promise<Uint8Array>
}

const chunkBytes = 64 * 1024

/** A regular file that is open for reading. Close it. */
export class OpenFile implements ByteSource {
  readonly size: number
  /** The file as it was when it was opened. */
  readonly file: SourceFile
  readonly #handle: FileHandle

  private constructor(handle: FileHandle, file: SourceFile) {
    this.#handle = handle
    this.file = file
    this.size = file.size
  }

  /** Throws the file system's error (ENOENT, EACCES, …), and an error of its own for what is not a regular file. */
  static async open(path: string): Promise<OpenFile> {
    const handle = await open(path, 'r')
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) throw new Error(`${path} is not a regular file`)
      return new OpenFile(handle, sourceFile(path, stats))
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, position + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  }

  /** The bytes from the start to where the file now ends, in chunks of 64 KiB; each chunk is valid until the next one. */
  async *chunks(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (let position = 0; ; ) {
      signal?.throwIfAborted()
      const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  /** Whether the path still leads to what was opened (rclone's rule: stat before and after). Throws ENOENT when it is gone. */
  async unchanged(): Promise<boolean> {
    const now = sourceFile(this.file.path, await stat(this.file.path))
    return now.size === this.file.size && now.mtimeMs === this.file.mtimeMs
  }

  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

/** Names one version of a file. Whole milliseconds: a stored mtime then compares equal on every file system and database. */
export function sourceFile(path: string, stats: Stats): SourceFile {
  return { path, size: stats.size, mtimeMs: Math.floor(stats.mtimeMs) }
}
