/**
 * Tables of the Voice API's half: numbers, lines, menus, queues, agents, and what a call's log needs to be searched and summed up
 * without opening every call. What repeats a call's JSON document is written with it, and indexed so that sums need not read the
 * document: SQLite does not count generated columns as covered by an index.
 */
export const voiceTables = `
  ALTER TABLE calls ADD COLUMN ticket_id INTEGER;
  ALTER TABLE calls ADD COLUMN status TEXT;
  ALTER TABLE calls ADD COLUMN answered_at TEXT;
  ALTER TABLE calls ADD COLUMN duration INTEGER NOT NULL DEFAULT 0;
  UPDATE calls SET status = call ->> 'status', answered_at = call ->> 'answered_at', duration = call ->> 'duration';
  CREATE INDEX calls_by_start ON calls (started_at, status, answered_at, duration);

  ALTER TABLE audio ADD COLUMN status TEXT NOT NULL DEFAULT 'new';
  ALTER TABLE audio ADD COLUMN ticket_id INTEGER;
  ALTER TABLE audio ADD COLUMN answer_key TEXT;
  ALTER TABLE audio ADD COLUMN received_at TEXT AS (json_extract(metadata, '$.received_at')) VIRTUAL;
  CREATE INDEX voicemails_by_receipt ON audio (received_at) WHERE kind = 'voicemail';

  CREATE TABLE call_agents (
    call_id INTEGER NOT NULL REFERENCES calls (id),
    agent_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    busy_event INTEGER REFERENCES events (arrival),
    PRIMARY KEY (call_id, agent_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calls_of_agent ON call_agents (agent_id, call_id);
  CREATE INDEX agents_on_call ON call_agents (agent_id) WHERE busy_event IS NOT NULL;
  INSERT OR IGNORE INTO call_agents (call_id, agent_id, name)
    SELECT c.id, json_extract(a.value, '$.id'), json_extract(a.value, '$.name') FROM calls c, json_each(c.call, '$.agents') a;

  CREATE TABLE agents (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    after_event INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE phone_lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    location TEXT,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    max_wait_time INTEGER,
    overflow_action TEXT NOT NULL,
    overflow_target TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE queue_members (
    queue_id INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    agent_id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (queue_id, agent_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE ivr_menus (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    menu TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE phone_numbers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    country_code TEXT NOT NULL,
    phone_line_id INTEGER REFERENCES phone_lines (id),
    enabled INTEGER NOT NULL,
    capabilities TEXT NOT NULL,
    ivr_enabled INTEGER NOT NULL DEFAULT 0,
    ivr_menu_id INTEGER REFERENCES ivr_menus (id),
    ivr_queue_id INTEGER REFERENCES queues (id),
    ivr_updated_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX numbers_of_line ON phone_numbers (phone_line_id);
  CREATE INDEX numbers_of_queue ON phone_numbers (ivr_queue_id);

  CREATE TABLE queue_waits (
    call_id INTEGER NOT NULL REFERENCES calls (id),
    queue_id INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    entered_at INTEGER NOT NULL,
    left_at INTEGER,
    outcome TEXT NOT NULL CHECK (outcome IN ('waiting', 'answered', 'abandoned', 'moved', 'overflowed')),
    agent_id INTEGER,
    PRIMARY KEY (call_id, queue_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX waits_of_queue ON queue_waits (queue_id, entered_at, left_at, outcome);
  CREATE INDEX waiting_in_queue ON queue_waits (queue_id, entered_at) WHERE outcome = 'waiting';
  CREATE INDEX agents_offered ON queue_waits (agent_id) WHERE outcome = 'waiting';
`
