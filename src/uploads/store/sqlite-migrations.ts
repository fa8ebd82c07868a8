/**
 * The database's versions. A migration is never changed once released: the next change is the next entry. All that are missing
 * run in one transaction, so a database is of one version or of another, never between two.
 */
import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.ts'
import { StoreOpenError } from './store-open-error.ts'

const migrations: readonly (readonly string[])[] = [
  [
    `create table calls (
       id text primary key not null,
       state text not null,
       snapshot text,
       started_at integer,
       ended_at integer,
       ended integer not null,
       updated_at integer not null
     ) without rowid`,
    // `ended_at` is there so that a search by time passes over calls that had ended without fetching them.
    'create index calls_started on calls (started_at, id, ended_at)',
    'create index calls_ended on calls (ended_at) where ended = 1',
    'create index calls_open on calls (id) where ended = 0',
    `create table call_keys (
       key text primary key not null,
       call_id text not null references calls (id) on delete cascade
     ) without rowid`,
    'create index call_keys_call on call_keys (call_id)',
    `create table events (
       seq integer primary key autoincrement,
       id text not null unique,
       call_id text not null references calls (id) on delete cascade,
       body text not null,
       stored_at integer not null
     )`,
    'create index events_call on events (call_id, seq)',
    `create table items (
       seq integer primary key autoincrement,
       id text not null unique,
       state text not null,
       reason text,
       call_id text,
       body text not null,
       updated_at integer not null
     )`,
    'create index items_state on items (state, seq)',
    'create index items_call on items (call_id) where call_id is not null',
    `create table source_files (
       path text not null,
       size integer not null,
       mtime_ms real not null,
       item_id text not null,
       primary key (path, size, mtime_ms)
     ) without rowid`,
    `create table jobs (
       seq integer primary key autoincrement,
       id text not null unique,
       kind text not null,
       lane text not null,
       order_key text,
       order_no integer not null,
       state text not null,
       head integer not null,
       run_at integer not null,
       attempts integer not null,
       reason text,
       remote_id text,
       created_at integer not null,
       due_since integer not null,
       updated_at integer not null
     )`,
    // Holds only what a claim may take, so that a claim costs the same with ten jobs and with a million.
    `create index jobs_due on jobs (lane, run_at, seq) where state = 'pending' and head = 1`,
    'create index jobs_order on jobs (order_key, lane, order_no)',
    'create index jobs_state on jobs (state, seq, lane)',
    // Without statistics SQLite takes `state = 'pending'` for as selective as a call's id, and reads a backlog of 200,000 jobs to
    // find the four of one call. These say what a busy outbox looks like. https://sqlite.org/optoverview.html section 5.1
    'analyze',
    `insert into sqlite_stat1 (tbl, idx, stat) values
       ('jobs', 'jobs_order', '1000000 5 4 1'),
       ('jobs', 'jobs_state', '1000000 200000 1 1'),
       ('jobs', 'jobs_due', '50000 25000 2 1')`,
    // Makes this connection read them, too.
    'analyze sqlite_schema',
  ],
  [
    `create table sink_memory (
       key text primary key not null,
       value text not null,
       about text,
       updated_at integer not null
     ) without rowid`,
    'create index sink_memory_passing on sink_memory (updated_at, about) where about is not null',
    'alter table jobs add column owner text',
    'alter table jobs add column lease_until integer',
  ],
  [
    'alter table items add column remote_id text',
    'alter table items add column archive_key text',
    'alter table items add column hold text',
    'alter table items add column erasure text',
    `update items set remote_id = (select jobs.remote_id from jobs where jobs.id = items.id)`,
    `create table item_parties (
       party text not null,
       item_id text not null,
       primary key (party, item_id)
     ) without rowid`,
    'create index item_parties_item on item_parties (item_id)',
    'create index source_files_item on source_files (item_id)',
    'create index source_files_age on source_files (mtime_ms, path)',
    // Those of items that an older version stored; parties.ts says which they are.
    `insert or ignore into item_parties (party, item_id)
     with
       audio as (select id, call_id, body from items where json_valid(body)),
       talk as (select audio.id, calls.snapshot from audio join calls on calls.id = audio.call_id where json_valid(calls.snapshot)),
       named (party, id) as (
         select json_extract(body, '$.from.value'), id from audio
         union select json_extract(body, '$.to.value'), id from audio
         union select json_extract(body, '$.hints.from'), id from audio
         union select json_extract(body, '$.hints.to'), id from audio
         union select json_extract(snapshot, '$.from.value'), id from talk
         union select json_extract(snapshot, '$.to.value'), id from talk
         union select json_extract(leg.value, '$.from.value'), talk.id from talk, json_each(talk.snapshot, '$.legs') as leg
         union select json_extract(leg.value, '$.to.value'), talk.id from talk, json_each(talk.snapshot, '$.legs') as leg
       )
     select party, id from named where party is not null and party not in ('', 'anonymous')`,
    `create table audit (
       seq integer primary key autoincrement,
       at integer not null,
       actor text not null,
       action text not null,
       subject text not null,
       reason text,
       detail text,
       once text unique
     )`,
    'create index audit_subject on audit (subject, seq)',
    `create trigger audit_unchanged before update on audit begin select raise(abort, 'the audit log is append-only'); end`,
    `create trigger audit_undeleted before delete on audit begin select raise(abort, 'the audit log is append-only'); end`,
    `create table paused_sinks (
       sink text primary key not null,
       since integer not null,
       actor text not null,
       reason text not null
     ) without rowid`,
    // What the PBX says of calls, and how far its files are read.
    `create table cdrs (
       id text primary key not null,
       site text not null,
       started_at integer not null,
       ended_at integer not null,
       body text not null,
       stored_at integer not null
     )`,
    'create index cdrs_started on cdrs (site, started_at, id)',
    'create index cdrs_ended on cdrs (ended_at)',
    `create table cdr_files (
       host text not null,
       path text not null,
       identity text not null,
       size integer not null,
       mtime_ms real not null,
       read_to integer not null,
       noted_at integer not null,
       primary key (host, path)
     )`,
    // How many jobs there are, kept as they change: counting a backlog of a million takes half a second, on the only thread.
    `create table job_counts (
       lane text not null,
       state text not null,
       jobs integer not null,
       primary key (lane, state)
     ) without rowid`,
    'insert into job_counts (lane, state, jobs) select lane, state, count(*) from jobs group by lane, state',
    `create trigger jobs_come after insert on jobs begin
       insert into job_counts (lane, state, jobs) values (new.lane, new.state, 1) on conflict do update set jobs = jobs + 1;
     end`,
    `create trigger jobs_change after update of state on jobs when new.state <> old.state begin
       update job_counts set jobs = jobs - 1 where lane = old.lane and state = old.state;
       insert into job_counts (lane, state, jobs) values (new.lane, new.state, 1) on conflict do update set jobs = jobs + 1;
     end`,
    `create trigger jobs_go after delete on jobs begin
       update job_counts set jobs = jobs - 1 where lane = old.lane and state = old.state;
     end`,
    // What a sink has in a state, in its order, and what is over long enough to be forgotten: however much else there is.
    'create index jobs_lane on jobs (lane, state, seq)',
    `create index jobs_over on jobs (updated_at) where state in ('delivered', 'dropped')`,
    `insert into sqlite_stat1 (tbl, idx, stat) values
       ('jobs', 'jobs_lane', '1000000 300000 60000 1'),
       ('jobs', 'jobs_over', '500000 2')`,
    'analyze sqlite_schema',
  ],
]

/** The version that this program reads and writes. */
export const SCHEMA_VERSION = migrations.length

const storedVersion = async (db: Kysely<Schema>): Promise<number> => {
  const { rows } = await sql<{ user_version: number }>`pragma user_version`.execute(db)
  return rows[0]?.user_version ?? 0
}

/** Brings the database to `SCHEMA_VERSION`. A newer one is refused: it may hold what this program would misread. */
export const migrate = async (db: Kysely<Schema>, path: string): Promise<void> =>
  await db.transaction().execute(async trx => {
    const version = await storedVersion(trx)
    refuseNewer(version, path)
    if (version === SCHEMA_VERSION) return
    for (const statements of migrations.slice(version)) {
      for (const statement of statements) await sql.raw(statement).execute(trx)
    }
    await sql.raw(`pragma user_version = ${SCHEMA_VERSION}`).execute(trx)
  })

/** For a program that only looks in: the version has to be right already, because a bridge may be running on it. */
export const requireCurrentVersion = async (db: Kysely<Schema>, path: string): Promise<void> => {
  const version = await storedVersion(db)
  refuseNewer(version, path)
  if (version < SCHEMA_VERSION) {
    const advice = 'start the bridge of this version once, which brings it up to date'
    throw new StoreOpenError('older-version', `${path} is of version ${version}, this program needs ${SCHEMA_VERSION}: ${advice}`)
  }
}

const refuseNewer = (version: number, path: string): void => {
  if (version <= SCHEMA_VERSION) return
  const advice = 'run that newer version, or restore a backup of the older database'
  throw new StoreOpenError(
    'newer-version',
    `${path} was written by a newer bridge (version ${version}, this program knows ${SCHEMA_VERSION}): ${advice}`,
  )
}
