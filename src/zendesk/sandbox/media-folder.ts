/**
 * The sandbox's audio files. A file is received under a `.part` name, flushed, renamed, and its folder flushed, before any row
 * speaks of it; so after kill -9 a row's file is whole, and a file without a row is rubbish that `sweep` removes.
 */
import { createHash } from 'node:crypto'
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Mp3Scanner, type Mp3Verdict } from './mp3.ts'

/** A file that has arrived: what it is, measured while it streamed to disk. */
export interface ReceivedFile {
  readonly size: number
  readonly sha256: string
  readonly mp3: Mp3Verdict
}

export class MediaFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Makes the folder and removes every file but those in `keep`. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#path, { recursive: true })
    const names = await readdir(this.#path)
    await Promise.all(names.filter(name => !keep.has(name)).map(name => this.remove(name)))
  }

  path(name: string): string {
    return join(this.#path, name)
  }

  /** Streams `source` to disk, flushed but not yet in place. Rejects with what the source or the disk reports; leaves nothing then. */
  async receive(name: string, source: Readable): Promise<ReceivedFile> {
    const file = await open(this.#partPath(name), 'w', 0o600)
    const hash = createHash('sha256')
    const scanner = new Mp3Scanner()
    let size = 0
    try {
      for await (const piece of source) {
        const chunk: Buffer = piece
        hash.update(chunk)
        scanner.push(chunk)
        size += chunk.length
        await file.writeFile(chunk)
      }
      await file.sync()
    } catch (cause) {
      await this.discard(name)
      throw cause
    } finally {
      await file.close()
    }
    return { size, sha256: hash.digest('hex'), mp3: scanner.finish() }
  }

  /** Puts a received file in its place, durably. */
  async keep(name: string): Promise<void> {
    await rename(this.#partPath(name), this.path(name))
    await this.#syncFolder()
  }

  /** Keeps a file under a second name, durably: it stays when the first is removed. Rejects with ENOENT when there is none. */
  async keepAlso(name: string, second: string): Promise<{ readonly size: number }> {
    await link(this.path(name), this.path(second))
    await this.#syncFolder()
    return stat(this.path(second))
  }

  /** Forgets a received file that is not wanted. */
  async discard(name: string): Promise<void> {
    await rm(this.#partPath(name), { force: true })
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { force: true })
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  #partPath(name: string): string {
    return this.path(`${name}.part`)
  }
}
