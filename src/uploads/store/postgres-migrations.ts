/**
 * The shared database's versions: the tables of sqlite-migrations.ts in PostgreSQL's words. A migration is never changed once
 * released. All that are missing run in one transaction, under a lock: of several bridges that start together one migrates.
 */
import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.ts'
import { StoreOpenError } from './store-open-error.ts'

const migrations: readonly (readonly string[])[] = [
  [
    `create table calls (
       id text collate "C" primary key,
       state text not null,
       snapshot text,
       started_at bigint,
       ended_at bigint,
       ended smallint not null,
       updated_at bigint not null
     )`,
    'create index calls_started on calls (started_at, id, ended_at)',
    'create index calls_ended on calls (ended_at) where ended = 1',
    'create index calls_open on calls (id) where ended = 0',
    `create table call_keys (
       key text collate "C" primary key,
       call_id text collate "C" not null references calls (id) on delete cascade
     )`,
    'create index call_keys_call on call_keys (call_id)',
    `create table events (
       seq bigint generated always as identity primary key,
       id text collate "C" not null unique,
       call_id text collate "C" not null references calls (id) on delete cascade,
       body text not null,
       stored_at bigint not null
     )`,
    'create index events_call on events (call_id, seq)',
    `create table items (
       seq bigint generated always as identity primary key,
       id text collate "C" not null unique,
       state text not null,
       reason text,
       call_id text collate "C",
       body text not null,
       updated_at bigint not null
     )`,
    'create index items_state on items (state, seq)',
    'create index items_call on items (call_id) where call_id is not null',
    `create table source_files (
       path text collate "C" not null,
       size bigint not null,
       mtime_ms double precision not null,
       item_id text collate "C" not null,
       primary key (path, size, mtime_ms)
     )`,
    `create table jobs (
       seq bigint generated always as identity primary key,
       id text collate "C" not null unique,
       kind text not null,
       lane text not null,
       order_key text collate "C",
       order_no integer not null,
       state text not null,
       head smallint not null,
       run_at bigint not null,
       attempts integer not null,
       reason text,
       remote_id text,
       created_at bigint not null,
       due_since bigint not null,
       updated_at bigint not null,
       owner text,
       lease_until bigint
     )`,
    // Holds only what a claim may take, so that a claim costs the same with ten jobs and with a million.
    `create index jobs_due on jobs (lane, run_at, seq) where state = 'pending' and head = 1`,
    'create index jobs_order on jobs (order_key, lane, order_no)',
    'create index jobs_state on jobs (state, seq, lane)',
    `create index jobs_running on jobs (lease_until) where state = 'running'`,
    `create table sink_memory (
       key text collate "C" primary key,
       value text not null,
       about text collate "C",
       updated_at bigint not null
     )`,
    'create index sink_memory_passing on sink_memory (updated_at, about) where about is not null',
    `create table sink_budget (
       name text collate "C" primary key,
       tokens double precision not null,
       filled_at bigint not null,
       paused_until bigint not null default 0,
       pause_reason text
     )`,
  ],
  [
    `create table bridges (
       id text collate "C" primary key,
       site text not null,
       owner text collate "C" not null,
       account text not null,
       seen_at bigint not null,
       alive_until bigint not null
     )`,
    `create table call_watchers (
       call_id text collate "C" not null references calls (id) on delete cascade,
       bridge text collate "C" not null,
       primary key (call_id, bridge)
     )`,
    'alter table calls add column sequence integer not null default 0',
    // An empty text for any bridge, not null: an index gives rows in order for a value only.
    `alter table items add column origin text collate "C" not null default ''`,
    `create index items_waiting on items (origin, seq) where state = 'waiting'`,
    `alter table jobs add column origin text collate "C" not null default ''`,
    // A bridge's own media, so that passing over those of others costs nothing.
    `create index jobs_due_media on jobs (origin, run_at, seq) where state = 'pending' and head = 1 and lane = 'media'`,
    `alter table source_files add column origin text collate "C" not null default ''`,
    'alter table source_files drop constraint source_files_pkey',
    'alter table source_files add primary key (path, size, mtime_ms, origin)',
    'alter table sink_budget add column server_limit integer',
  ],
  [
    'alter table items add column remote_id text',
    'alter table items add column archive_key text',
    'alter table items add column hold text',
    'alter table items add column erasure text',
    `create table item_parties (
       party text collate "C" not null,
       item_id text collate "C" not null,
       primary key (party, item_id)
     )`,
    'create index item_parties_item on item_parties (item_id)',
    'create index source_files_item on source_files (item_id)',
    'create index source_files_age on source_files (mtime_ms, path)',
    `create table audit (
       seq bigint generated always as identity primary key,
       at bigint not null,
       actor text not null,
       action text not null,
       subject text collate "C" not null,
       reason text,
       detail text,
       once text collate "C" unique
     )`,
    'create index audit_subject on audit (subject, seq)',
    `create function audit_is_append_only() returns trigger language plpgsql as
       $$ begin raise exception 'the audit log is append-only'; end $$`,
    'create trigger audit_unchanged before update or delete on audit for each row execute function audit_is_append_only()',
    'create trigger audit_untruncated before truncate on audit for each statement execute function audit_is_append_only()',
    `create table paused_sinks (
       sink text collate "C" primary key,
       since bigint not null,
       actor text not null,
       reason text not null
     )`,
    // Whatever audio goes to any sink: a bridge's own, so that passing over those of others costs nothing.
    'drop index jobs_due_media',
    `create index jobs_due_audio on jobs (lane, origin, run_at, seq) where state = 'pending' and head = 1 and lane <> 'event'`,
    // What the PBX says of calls, and how far its files are read.
    `create table cdrs (
       id text collate "C" primary key,
       site text not null,
       started_at bigint not null,
       ended_at bigint not null,
       body text not null,
       stored_at bigint not null
     )`,
    'create index cdrs_started on cdrs (site, started_at, id)',
    'create index cdrs_ended on cdrs (ended_at)',
    `create table cdr_files (
       host text not null,
       path text collate "C" not null,
       identity text not null,
       size bigint not null,
       mtime_ms double precision not null,
       read_to bigint not null,
       noted_at bigint not null,
       primary key (host, path)
     )`,
    // What SQLite keeps in a table is counted here: a row that every claim and verdict of every bridge writes would be waited for.
    'create view job_counts as select lane, state, count(*) as jobs from jobs group by lane, state',
    // What a sink has in a state, in its order, and what is over long enough to be forgotten: however much else there is.
    'create index jobs_lane on jobs (lane, state, seq)',
    `create index jobs_over on jobs (updated_at) where state in ('delivered', 'dropped')`,
  ],
]

/** The version that this program reads and writes. */
export const POSTGRES_SCHEMA_VERSION = migrations.length

/** "tpe" again, in a place of its own beside the other locks (dialect.ts). */
const MIGRATION_LOCK = 0x74706501

/** Brings the database to the current version. A newer one is refused: it may hold what this program would misread. */
export const migratePostgres = async (db: Kysely<Schema>, name: string): Promise<void> =>
  await db.transaction().execute(async trx => {
    await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)}::bigint)`.execute(trx)
    await sql`create table if not exists tpe_bridge_version (version integer not null)`.execute(trx)
    const { rows } = await sql<{ version: number }>`select version from tpe_bridge_version`.execute(trx)
    const version = rows[0]?.version ?? 0
    refuseNewer(version, name)
    if (version === POSTGRES_SCHEMA_VERSION) return
    for (const statements of migrations.slice(version)) {
      for (const statement of statements) await sql.raw(statement).execute(trx)
    }
    await sql`delete from tpe_bridge_version`.execute(trx)
    await sql`insert into tpe_bridge_version (version) values (${POSTGRES_SCHEMA_VERSION})`.execute(trx)
  })

/** For a program that only looks in: the version has to be right already, because bridges may be running on it. */
export const requireCurrentPostgres = async (db: Kysely<Schema>, name: string): Promise<void> => {
  const { rows: found } = await sql<{ there: boolean }>`select to_regclass('tpe_bridge_version') is not null as there`.execute(db)
  if (found[0]?.there !== true) {
    throw new StoreOpenError('missing', `${name} holds no bridge's data: has a bridge been started with this store.postgres?`)
  }
  const { rows } = await sql<{ version: number }>`select version from tpe_bridge_version`.execute(db)
  const version = rows[0]?.version ?? 0
  refuseNewer(version, name)
  if (version < POSTGRES_SCHEMA_VERSION) {
    const advice = 'start the bridge of this version once, which brings it up to date'
    throw new StoreOpenError(
      'older-version',
      `${name} is of version ${version}, this program needs ${POSTGRES_SCHEMA_VERSION}: ${advice}`,
    )
  }
}

const refuseNewer = (version: number, name: string): void => {
  if (version <= POSTGRES_SCHEMA_VERSION) return
  throw new StoreOpenError(
    'newer-version',
    `${name} was written by a newer bridge (version ${version}, this program knows ${POSTGRES_SCHEMA_VERSION}): run that newer version`,
  )
}
