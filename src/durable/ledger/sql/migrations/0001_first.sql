-- The tables, then the life of one step.
--
--   events       what happened, in order, chained: the only truth
--   runs, sessions, owners, steps, claims, spooled
--                what follows from the events: rows that can be rebuilt from them
--   blobs        inputs, outputs and errors by the hash of their (redacted) bytes
--   cursors      how far each transcript has been read; losing them costs a second reading
--   moves        where a step may go from where
--   meta         whose ledger this is
--
-- A step is inserted as 'prepared'. Each later status is an UPDATE that names the step; the trigger
-- at the end refuses any that `moves` does not list. Its claims follow its status, and the unique
-- index on them is what stops a twin that every other check has missed.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE events (
  seq      INTEGER PRIMARY KEY,
  prev     TEXT NOT NULL,
  run_id   TEXT NOT NULL,
  run_seq  INTEGER NOT NULL,
  run_prev TEXT NOT NULL,
  subject  TEXT NOT NULL,
  type     TEXT NOT NULL,
  at       TEXT NOT NULL,
  body     TEXT NOT NULL,
  hash     TEXT NOT NULL,
  mac      TEXT NOT NULL
);
CREATE UNIQUE INDEX events_of_run ON events (run_id, run_seq);

CREATE TABLE runs (
  run_id     TEXT PRIMARY KEY,
  seq        INTEGER NOT NULL,
  status     TEXT NOT NULL CHECK (status IN ('open', 'completed', 'failed', 'cancelled')),
  epoch      INTEGER NOT NULL,
  project    TEXT NOT NULL,
  client     TEXT NOT NULL,
  started_at TEXT NOT NULL,
  ended_at   TEXT
);
CREATE INDEX runs_in_order ON runs (seq);

CREATE TABLE sessions (
  session_id      TEXT PRIMARY KEY,
  run_id          TEXT NOT NULL REFERENCES runs (run_id),
  seq             INTEGER NOT NULL,
  source          TEXT NOT NULL,
  transcript_path TEXT NOT NULL,
  cwd             TEXT NOT NULL,
  entrypoint      TEXT NOT NULL,
  permission_mode TEXT NOT NULL,
  attended        INTEGER,
  joined_at       TEXT NOT NULL,
  ended_at        TEXT,
  end_reason      TEXT
);
CREATE INDEX sessions_of_run ON sessions (run_id, seq);

CREATE TABLE owners (
  owner_id   TEXT PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (session_id),
  pid        INTEGER,
  started    INTEGER,
  boot       TEXT NOT NULL,
  host       TEXT NOT NULL,
  pidns      TEXT NOT NULL,
  seen_at    TEXT NOT NULL,
  ended_at   TEXT,
  end_reason TEXT
);
CREATE INDEX owners_of_session ON owners (session_id);

CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  bytes  BLOB NOT NULL
);

CREATE TABLE steps (
  step_id         TEXT PRIMARY KEY,
  run_id          TEXT NOT NULL REFERENCES runs (run_id),
  session_id      TEXT NOT NULL REFERENCES sessions (session_id),
  owner_id        TEXT NOT NULL REFERENCES owners (owner_id),
  seq             INTEGER NOT NULL,
  tool_use_id     TEXT NOT NULL,
  tool_name       TEXT NOT NULL,
  agent_id        TEXT NOT NULL,
  agent_type      TEXT NOT NULL,
  cwd             TEXT NOT NULL,
  prompt_id       TEXT NOT NULL,
  permission_mode TEXT NOT NULL,
  transcript_pos  INTEGER NOT NULL,
  effect          TEXT NOT NULL CHECK (effect IN ('read', 'repeatable', 'once')),
  rule            TEXT NOT NULL,
  policy          TEXT NOT NULL,
  mode            TEXT NOT NULL CHECK (mode IN ('enforce', 'observe')),
  would           TEXT,
  status          TEXT NOT NULL,
  attempt         INTEGER NOT NULL,
  fingerprint     TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  nonce           TEXT,
  duplicate_of    TEXT REFERENCES steps (step_id),
  input           TEXT NOT NULL REFERENCES blobs (digest),
  input_hash      TEXT NOT NULL,
  redacted        TEXT,
  effective_input TEXT REFERENCES blobs (digest),
  prepared_at     TEXT,
  running_at      TEXT,
  asked_at        TEXT,
  returned_at     TEXT,
  task_id         TEXT,
  doubted_at      TEXT,
  doubt           TEXT,
  closed_at       TEXT,
  closed_by       TEXT CHECK (closed_by IN (
                    'PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'PostToolBatch', 'PermissionDenied',
                    'Stop', 'SessionEnd', 'SubagentStop', 'notification', 'transcript', 'probe', 'operator',
                    'resume', 'spool')),
  duration_ms     INTEGER,
  exit_code       INTEGER,
  exit_known      INTEGER,
  output          TEXT REFERENCES blobs (digest),
  error           TEXT REFERENCES blobs (digest),
  flag            TEXT CHECK (flag IN ('unprepared', 'contradicted')),
  hook_us         INTEGER,
  CHECK (status IN ('prepared', 'running', 'in_doubt') OR (closed_at IS NOT NULL AND closed_by IS NOT NULL)),
  CHECK (status <> 'in_doubt' OR doubted_at IS NOT NULL)
);
CREATE INDEX steps_of_run ON steps (run_id, seq);
CREATE INDEX steps_by_call ON steps (session_id, tool_use_id, seq);
CREATE INDEX steps_unsettled ON steps (session_id, seq) WHERE status IN ('prepared', 'running', 'in_doubt');
CREATE INDEX steps_by_task ON steps (session_id, task_id) WHERE task_id IS NOT NULL;

CREATE TABLE claims (
  step_id     TEXT NOT NULL REFERENCES steps (step_id),
  scope       TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status      TEXT NOT NULL,
  nonce       TEXT,
  PRIMARY KEY (step_id, fingerprint)
);
CREATE UNIQUE INDEX one_holder ON claims (scope, fingerprint)
  WHERE status IN ('prepared', 'running', 'in_doubt', 'succeeded') AND nonce IS NULL;
CREATE INDEX claims_by_fingerprint ON claims (fingerprint);

CREATE TABLE spooled (
  name  TEXT PRIMARY KEY,
  fate  TEXT NOT NULL CHECK (fate IN ('folded', 'set_aside')),
  why   TEXT NOT NULL,
  at    TEXT NOT NULL
);

CREATE TABLE cursors (
  path     TEXT PRIMARY KEY,
  position INTEGER NOT NULL
);

CREATE TABLE moves (
  status   TEXT NOT NULL,
  leads_to TEXT NOT NULL,
  PRIMARY KEY (status, leads_to)
);
INSERT INTO moves (status, leads_to) VALUES
  ('prepared', 'running'), ('prepared', 'refused'), ('prepared', 'replayed'),
  ('running', 'succeeded'), ('running', 'failed'), ('running', 'in_doubt'), ('running', 'refused'),
  ('in_doubt', 'succeeded'), ('in_doubt', 'failed'), ('in_doubt', 'not_done'), ('in_doubt', 'refused'),
  ('failed', 'succeeded'), ('not_done', 'succeeded'), ('refused', 'succeeded');

CREATE TRIGGER only_legal_moves BEFORE UPDATE OF status ON steps
  WHEN NOT EXISTS (SELECT 1 FROM moves WHERE status = OLD.status AND leads_to = NEW.status)
  BEGIN SELECT RAISE(ABORT, 'illegal move'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never rewritten'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
