/** The options by which `tpe-bridge uploads` says which deliveries are meant. */
import { type Command, Option } from 'commander'
import { jobStates, type SinkName, sinkNames } from '../../uploads/job.ts'
import type { Upload, UploadState } from '../../uploads/store/upload.ts'
import type { UploadFilter } from '../../uploads/store/upload-filter.ts'
import { readMoment } from '../moment.ts'

export interface FilterOptions {
  readonly state?: UploadState
  readonly sink?: SinkName
  readonly kind?: Upload['kind']
  readonly call?: string
  readonly since?: number
  readonly until?: number
  readonly reasonContains?: string
}

/** `now` is epoch ms. */
export const addFilterOptions = (command: Command, states: readonly UploadState[], now: () => number): Command =>
  command
    .addOption(new Option('--state <state>', 'only those in this state').choices(states))
    .addOption(new Option('--sink <sink>', 'only those on their way there').choices(sinkNames))
    .addOption(new Option('--kind <kind>', 'only these').choices(['event', 'recording', 'voicemail']))
    .option('--call <id>', 'only those of one call')
    .option('--since <when>', 'made since then: 2d, 6h, or a date such as 2026-11-22T09:00Z', text => readMoment(text, now()))
    .option('--until <when>', 'made before then, likewise', text => readMoment(text, now()))
    .option('--reason-contains <text>', 'whose reason contains this, in upper or lower case')

/** `null` when no option says which are meant. */
export const filterFrom = (option: FilterOptions): UploadFilter | null => {
  const filter: UploadFilter = {
    state: option.state ?? null,
    sink: option.sink ?? null,
    kind: option.kind ?? null,
    callId: option.call ?? null,
    since: option.since ?? null,
    until: option.until ?? null,
    reasonContains: option.reasonContains ?? null,
  }
  return Object.values(filter).every(asked => asked === null) ? null : filter
}

export const everyState: readonly UploadState[] = [...jobStates, 'waiting', 'quarantined']
export const redrivable: readonly UploadState[] = ['dead', 'quarantined', 'dropped', 'pending']
export const droppable: readonly UploadState[] = ['dead', 'quarantined', 'pending']
