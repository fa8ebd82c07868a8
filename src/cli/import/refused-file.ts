/** `--refused FILE.csv`: every refused row, as it is met. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { Refusal } from '../../migration/historic-call.ts'
import { refusalLine, refusalsHeader } from '../../migration/import/refusals-csv.ts'
import { CommandFailed } from '../failure.ts'
import { messageOf } from './request.ts'

export class RefusedFile {
  readonly path: string
  readonly #file: WriteStream
  #failure: Error | null = null

  constructor(path: string) {
    this.path = path
    this.#file = createWriteStream(path)
    this.#file.on('error', error => {
      this.#failure = error
    })
    this.#file.write(refusalsHeader)
  }

  add(refusal: Refusal): void {
    if (this.#failure === null) this.#file.write(refusalLine(refusal))
  }

  /** Rejects with a CommandFailed when the file could not be written. */
  async close(): Promise<void> {
    try {
      if (this.#failure !== null) throw this.#failure
      this.#file.end()
      await finished(this.#file)
    } catch (error) {
      throw new CommandFailed(1, `--refused: ${this.path} cannot be written: ${messageOf(error)}`, { cause: error })
    }
  }
}
