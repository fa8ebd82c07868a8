/** What readers of a PBX's files need of whoever has them read. */
import type { Cdr } from '../../events/cdr.ts'
import type { Fault } from '../../migration/historic-call.ts'
import type { Site } from '../../migration/import/imported-call.ts'
import type { CdrFileNote } from '../../uploads/store/cdrs.ts'

/** What reading gives to whoever keeps it: CDRs in batches, and what could not be read. */
export interface CdrTaker {
  readonly site: Site
  readonly now: number
  /** Older files and calls need not be read, epoch ms. */
  readonly notBefore: number
  take(cdrs: readonly Cdr[], faults: readonly Fault[]): Promise<void>
}

/** Where it is kept how far files were read. */
export interface ReadNotes {
  read(path: string): Promise<CdrFileNote | null>
  write(path: string, note: CdrFileNote): Promise<void>
}
