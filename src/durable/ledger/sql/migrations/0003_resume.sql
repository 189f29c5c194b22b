-- What going on with a cut-off run needs.
--
--   runs.recoveries      how often somebody went on with it
--   runs.strict          the event since which interrupted calls come first; 0 if they need not
--   sessions.continues   the session that this one goes on from, under another id; empty if nobody knows which
--   leases               who is at work on a run; `token` grows with each, and fences off the one before
--   jobs                 what a run was started with, where no agent leads it
--   notes                what somebody wanted the next one to know, each with its version

ALTER TABLE runs ADD COLUMN recoveries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN strict INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN continues TEXT;

CREATE TABLE leases (
  run_id   TEXT PRIMARY KEY REFERENCES runs (run_id),
  token    INTEGER NOT NULL,
  what     TEXT NOT NULL,
  pid      INTEGER,
  started  INTEGER,
  boot     TEXT NOT NULL,
  host     TEXT NOT NULL,
  pidns    TEXT NOT NULL,
  lasts_s  REAL NOT NULL,
  taken_at TEXT NOT NULL,
  ended_at TEXT
);

-- No part of the record: how lately each lease was seen alive. Losing it makes a lease look older than it is.
CREATE TABLE heartbeats (
  run_id TEXT PRIMARY KEY,
  token  INTEGER NOT NULL,
  at     TEXT NOT NULL
);

CREATE TABLE jobs (
  run_id  TEXT PRIMARY KEY REFERENCES runs (run_id),
  name    TEXT NOT NULL,
  path    TEXT NOT NULL,
  content TEXT NOT NULL REFERENCES blobs (digest),
  hash    TEXT NOT NULL
);

CREATE TABLE notes (
  run_id  TEXT NOT NULL REFERENCES runs (run_id),
  name    TEXT NOT NULL,
  value   TEXT NOT NULL,
  version INTEGER NOT NULL,
  at      TEXT NOT NULL,
  given_by TEXT NOT NULL,
  PRIMARY KEY (run_id, name)
);

-- A session that starts is told where its run stands, however long the run is: nothing of this reads more rows
-- than it tells of.
CREATE INDEX steps_open_of_run ON steps (run_id, effect, seq, status)
  WHERE status IN ('prepared', 'running', 'in_doubt');
CREATE INDEX steps_done_once ON steps (run_id, status, effect, seq) WHERE status = 'succeeded' AND effect = 'once';
CREATE INDEX steps_never_begun ON steps (run_id, seq) WHERE status = 'refused' AND closed_by IN ('SessionEnd', 'spool');
CREATE INDEX steps_not_done ON steps (run_id, seq) WHERE status = 'not_done' AND effect = 'once';
CREATE INDEX steps_contradicted ON steps (run_id, seq) WHERE flag = 'contradicted';
CREATE INDEX events_probed ON events (subject, seq) WHERE type = 'step.probed';
