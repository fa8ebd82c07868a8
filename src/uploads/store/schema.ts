/**
 * The tables, as kysely types. `sqlite-migrations.ts` and `postgres-migrations.ts` create them. What the model owns (events, items, call states) is kept
 * whole as JSON; columns repeat only what a query needs, except where a column says that it is the authority.
 *
 * Times are epoch ms; booleans are 0 and 1, because SQLite knows no others.
 */
import type { Generated } from 'kysely'
import type { CallId, EventId } from '../../events/event.ts'
import type { ItemState, RecordingId } from '../../events/recording.ts'
import type { JobId, JobKind, JobState, Lane, SinkName } from '../job.ts'

export interface CallsTable {
  id: CallId
  /** The tracker's state of the call (events/call.ts), JSON. */
  state: string
  /** The call as its newest event showed it (CallSnapshot), JSON; null until there is one. */
  snapshot: string | null
  started_at: number | null
  ended_at: number | null
  /** 1 when no further change is expected. */
  ended: number
  updated_at: number
  /** Only in a shared database: the sequence of the newest event, so that a bridge that lags behind overwrites nothing newer. */
  sequence?: number
}

export interface CallKeysTable {
  key: string
  call_id: CallId
}

export interface EventsTable {
  /** The order of storage, and so of the live feed. */
  seq: Generated<number>
  id: EventId
  call_id: CallId
  body: string
  stored_at: number
}

export interface ItemsTable {
  /** The order of storage. */
  seq: Generated<number>
  id: RecordingId
  /** The authority for `state` and `reason`; those in `body` are of the moment it was written. */
  state: ItemState
  reason: string | null
  call_id: CallId | null
  body: string
  updated_at: number
  /** Only in a shared database: the bridge on whose disk the audio lies; empty when any bridge can reach it. */
  origin: Generated<string>
  /** Zendesk's own id for it, kept after its job is forgotten; null until it is delivered. */
  remote_id: string | null
  /** Where it lies in the archive, likewise. */
  archive_key: string | null
  /** Why it must not be deleted (a legal hold); null when it may. */
  hold: string | null
  /** That it is to be erased, and how far that has got (erasures.ts), JSON; null when nobody asked for it. Never taken back. */
  erasure: string | null
}

/** Which numbers and extensions an item is about, for those who look for all that is about one. */
export interface ItemPartiesTable {
  party: string
  item_id: RecordingId
}

export interface SourceFilesTable {
  path: string
  size: number
  mtime_ms: number
  item_id: RecordingId
  /** Only in a shared database: the bridge on whose disk it is. Two machines may have the same path. */
  origin: Generated<string>
}

export interface JobsTable {
  seq: Generated<number>
  id: JobId
  kind: JobKind
  lane: Lane
  order_key: CallId | null
  order_no: number
  state: JobState['kind']
  /** 1 when no other job has to go first (turns.ts); only of pending and running jobs. */
  head: number
  /** Of a pending job. */
  run_at: number
  attempts: number
  /** The last error of a pending job, the reason of a dead or dropped one. */
  reason: string | null
  remote_id: string | null
  created_at: number
  due_since: number
  /** When the state last changed. */
  updated_at: number
  /** Of a running job in a shared database: which bridge delivers it, and until when (the database's clock) it has said so. */
  owner: string | null
  lease_until: number | null
  /** Only in a shared database, and only of media: the one bridge that can deliver it; empty when any can. */
  origin: Generated<string>
}

/** How many jobs there are: a table that triggers keep (SQLite), or a view that counts (PostgreSQL). */
export interface JobCountsTable {
  lane: Lane
  state: JobState['kind']
  jobs: number
}

export interface SinkMemoryTable {
  /** `KIND:NAME`; the kinds are the sink's. */
  key: string
  value: string
  /** The call or job that the note is about; it is forgotten some time after that. Null: it is kept for good. */
  about: string | null
  updated_at: number
}

/** Who changed or deleted what, and why. Rows are never changed nor deleted: triggers refuse it. */
export interface AuditTable {
  seq: Generated<number>
  at: number
  actor: string
  action: string
  subject: string
  reason: string | null
  /** JSON. */
  detail: string | null
  /** What is told twice with one name is written once; null for what is told once anyway. */
  once: string | null
}

/** Sinks that an operator has paused; a sink that is not here works. */
export interface PausedSinksTable {
  sink: SinkName
  since: number
  actor: string
  reason: string
}

/** What the PBX's records say of a call (events/cdr.ts), JSON. */
export interface CdrsTable {
  id: string
  site: string
  started_at: number
  ended_at: number
  body: string
  stored_at: number
}

/** How far a host has read a file of such records. */
export interface CdrFilesTable {
  host: string
  path: string
  /** Device and inode: another file of the same path is another file. */
  identity: string
  size: number
  mtime_ms: number
  /** Bytes. */
  read_to: number
  noted_at: number
}

/** Only in a shared database. */
export interface BridgesTable {
  id: string
  site: string
  /** The process that is this bridge now. */
  owner: string
  /** The host that it delivers to. */
  account: string
  /** Its last sign of life, by the database's clock. */
  seen_at: number
  /** Until when that counts: bridges may have leases of different lengths. */
  alive_until: number
}

/** Only in a shared database: which bridges see a call. */
export interface CallWatchersTable {
  call_id: CallId
  bridge: string
}

export interface Schema {
  calls: CallsTable
  call_keys: CallKeysTable
  events: EventsTable
  items: ItemsTable
  source_files: SourceFilesTable
  jobs: JobsTable
  job_counts: JobCountsTable
  sink_memory: SinkMemoryTable
  item_parties: ItemPartiesTable
  audit: AuditTable
  paused_sinks: PausedSinksTable
  cdrs: CdrsTable
  cdr_files: CdrFilesTable
  bridges: BridgesTable
  call_watchers: CallWatchersTable
}
