/**
 * The files in which a PBX keeps its records, read on from where they were read to; the files stay as they are. Read twice (a crash
 * before the note) they give the same.
 */
import { join } from 'node:path'
import type { Cdr } from '../../events/cdr.ts'
import type { Fault } from '../../migration/historic-call.ts'
import type { Site } from '../../migration/import/imported-call.ts'
import type { CdrFileNote } from '../../uploads/store/cdrs.ts'
import type { CdrTaker } from './cdr-taker.ts'
import { readMasterCsv } from './master-csv.ts'
import { readRecordFolder } from './record-folder.ts'

/** One of `reconciliation.cdr`. */
export interface CdrSource {
  /** `asterisk`: the file Master.csv. `freeswitch`: the folder in which mod_json_cdr leaves files. */
  readonly format: 'asterisk' | 'freeswitch'
  readonly path: string
  /** Of times without one. */
  readonly timezone: string
}

/** Where the records go; the store's CdrStore. */
export interface CdrKeeper {
  put(site: string, cdrs: readonly Cdr[]): Promise<void>
  fileNote(host: string, path: string): Promise<CdrFileNote | null>
  noteFile(host: string, path: string, note: CdrFileNote): Promise<void>
}

export interface CdrSourcesOptions {
  readonly sources: readonly CdrSource[]
  readonly keeper: CdrKeeper
  readonly site: Site
  /** The name of this machine: another one's file of the same path is another file. */
  readonly host: string
  /** Records of calls that ended longer ago are left out, ms. */
  readonly keepMs: number
  /** Epoch ms. */
  readonly now: () => number
}

export interface CatchUp {
  readonly taken: number
  /** For people: files that cannot be read, records that are none. */
  readonly problems: readonly string[]
}

export class CdrSources {
  readonly #options: CdrSourcesOptions

  constructor(options: CdrSourcesOptions) {
    this.#options = options
  }

  /** Takes in what is new in all sources. A source that cannot be read is a problem, and no reason to leave the others out. */
  async catchUp(signal: AbortSignal): Promise<CatchUp> {
    const problems: string[] = []
    let taken = 0
    for (const source of this.#options.sources) {
      signal.throwIfAborted()
      try {
        const read = await this.#read(source, signal)
        taken += read.taken
        problems.push(...read.problems)
      } catch (error) {
        signal.throwIfAborted()
        problems.push(`${source.path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return { taken, problems }
  }

  async #read(source: CdrSource, signal: AbortSignal): Promise<CatchUp> {
    const { keeper, site, host, keepMs } = this.#options
    const now = this.#options.now()
    const notBefore = now - keepMs
    let taken = 0
    let refused = 0
    let first: Fault | null = null
    const taker: CdrTaker = {
      site,
      now,
      notBefore,
      async take(cdrs, faults) {
        const wanted = cdrs.filter(cdr => cdr.endedAt >= notBefore)
        await keeper.put(site.name, wanted)
        taken += wanted.length
        refused += faults.length
        first ??= faults[0] ?? null
      },
    }
    const notes = {
      read: async (path: string) => await keeper.fileNote(host, join(path)),
      write: async (path: string, note: CdrFileNote) => await keeper.noteFile(host, join(path), note),
    }
    const problems: string[] = []
    if (source.format === 'asterisk') problems.push(...(await readMasterCsv(source, notes, taker, signal)))
    else await readRecordFolder(source.path, notes, taker, signal)
    // The details of a fault are fields of a record: numbers and names have no place in the log or at /readyz.
    const why = first === null ? null : sentenceOf(first)
    if (refused > 0) problems.push(`${source.path}: ${problemOf(refused, why)}`)
    return { taken, problems }
  }
}

function sentenceOf({ reason, fix }: Fault): string {
  return `${reason}: ${fix}`
}

/** `3 records give no call, the first because …`. */
export function problemOf(refused: number, why: string | null): string {
  const what = why === null ? '' : `, the first because ${why}`
  return `${refused} ${refused === 1 ? 'record gives' : 'records give'} no call${what}`
}
