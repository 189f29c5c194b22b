-- What exactly-once needs: several claims to a step, each under its rule; grants; approvals.
--
--   claims.project, rule, words   where an open claim holds, and what may be the same call reworded
--   claims.exit_hidden            its success can't be read from the line's exit code
--   claims.released               follows steps.released_at
--   grants                        a person's permission for one more, used once
--   steps.verdict                 what the hook answered, by its code
--   steps.deferred_at, approval   a call that waits for a person's Yes, and that person's answer
--   steps.replay                  hash of the input that a replayed call was given instead of its own
--   steps.released_at             a person said that it no longer counts
--   steps.file_before             what stood in the file that the call was about to write

ALTER TABLE steps ADD COLUMN verdict TEXT;
ALTER TABLE steps ADD COLUMN deferred_at TEXT;
ALTER TABLE steps ADD COLUMN approval TEXT CHECK (approval IN ('approved', 'denied'));
ALTER TABLE steps ADD COLUMN approval_by TEXT;
ALTER TABLE steps ADD COLUMN approval_at TEXT;
ALTER TABLE steps ADD COLUMN replay TEXT;
ALTER TABLE steps ADD COLUMN file_before TEXT;
ALTER TABLE steps ADD COLUMN released_at TEXT;
CREATE INDEX steps_waiting ON steps (seq) WHERE deferred_at IS NOT NULL AND status = 'prepared';
CREATE INDEX steps_of_tool ON steps (run_id, tool_name, seq);
CREATE INDEX steps_duplicating ON steps (duplicate_of) WHERE duplicate_of IS NOT NULL;

ALTER TABLE claims ADD COLUMN project TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN exit_hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
CREATE INDEX claims_by_rule ON claims (project, rule, words)
  WHERE status IN ('prepared', 'running', 'in_doubt');
DROP INDEX one_holder;
CREATE UNIQUE INDEX one_holder ON claims (scope, fingerprint)
  WHERE status IN ('prepared', 'running', 'in_doubt', 'succeeded') AND nonce IS NULL AND released = 0;

CREATE TABLE grants (
  grant_id    TEXT PRIMARY KEY,
  for_step    TEXT NOT NULL REFERENCES steps (step_id),
  fingerprint TEXT NOT NULL,
  project     TEXT NOT NULL,
  given_by    TEXT NOT NULL,
  reason      TEXT NOT NULL,
  given_at    TEXT NOT NULL,
  used_by     TEXT REFERENCES steps (step_id),
  used_at     TEXT
);
CREATE INDEX grants_unused ON grants (fingerprint, project) WHERE used_by IS NULL;

-- Like cursors: how far each transcript was counted, and what it came to. Losing it costs a second reading.
CREATE TABLE spent (
  path       TEXT PRIMARY KEY,
  position   INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  tokens     INTEGER NOT NULL
);
