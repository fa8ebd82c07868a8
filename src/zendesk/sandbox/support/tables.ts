/**
 * Tables of tickets, users, attachments and the documented calls. Times are epoch ms. Users begin with the one that a bare token
 * acts for, and with an id that no account's agents in a configuration file have by chance.
 */
export const supportTables = `
  CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id TEXT UNIQUE,
    email TEXT UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('end-user', 'agent', 'admin')),
    digits TEXT,
    user TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX users_by_digits ON users (digits) WHERE digits IS NOT NULL;
  INSERT INTO users (id, email, role, user, created_at, updated_at) VALUES
    (360000000001, 'bridge@sandbox.example', 'admin', '{"name":"tpe-bridge","email":"bridge@sandbox.example","role":"admin"}', unixepoch() * 1000, unixepoch() * 1000);
  CREATE TABLE identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    digits TEXT,
    verified INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (type, value)
  ) STRICT;
  CREATE INDEX identities_by_user ON identities (user_id);
  CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id TEXT,
    requester_id INTEGER REFERENCES users (id),
    status TEXT NOT NULL,
    ticket TEXT NOT NULL,
    phone_call_id INTEGER,
    phone_voicemail_id INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX tickets_by_external_id ON tickets (external_id) WHERE external_id IS NOT NULL;
  CREATE INDEX tickets_by_requester ON tickets (requester_id) WHERE requester_id IS NOT NULL;
  CREATE TABLE audits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    author_id INTEGER NOT NULL,
    changes TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX audits_by_ticket ON audits (ticket_id);
  CREATE TABLE ticket_comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    audit_id INTEGER NOT NULL REFERENCES audits (id),
    type TEXT NOT NULL CHECK (type IN ('Comment', 'VoiceComment', 'TpeVoiceComment')),
    author_id INTEGER NOT NULL,
    public INTEGER NOT NULL,
    comment TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX comments_by_ticket ON ticket_comments (ticket_id);
  CREATE INDEX comments_by_audit ON ticket_comments (audit_id);
  CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL,
    secret TEXT NOT NULL UNIQUE,
    comment_id INTEGER REFERENCES ticket_comments (id),
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    file TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX attachments_by_token ON attachments (token);
  CREATE INDEX attachments_by_comment ON attachments (comment_id) WHERE comment_id IS NOT NULL;
  CREATE INDEX attachments_waiting ON attachments (expires_at) WHERE comment_id IS NULL;
  CREATE TABLE documented_calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id TEXT,
    ticket_id INTEGER REFERENCES tickets (id),
    call TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE displays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ticket', 'user')),
    target_id INTEGER NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE ticket_answers (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX ticket_answers_by_age ON ticket_answers (created_at);
  CREATE TABLE oauth_tokens (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
    expires_at INTEGER,
    used_at INTEGER
  ) STRICT;
  CREATE TABLE agent_availabilities (
    agent_id INTEGER PRIMARY KEY,
    status_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
`
