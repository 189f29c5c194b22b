-- What looking back needs.
--
--   messages   each answer of a model that a transcript tells of, counted once, whoever repeats it
--   costs      what the client says that a session has cost so far, in millionths of a dollar. `counter` tells whose
--              sum that is: a fork goes on with its parent's. `partial`: of some models it knew no price
--   steps.evidence   its rule says that what it gave and got is kept for a shorter time
--   expired    contents whose bytes were let go when their time was over; their hashes stay in the events

ALTER TABLE steps ADD COLUMN evidence TEXT CHECK (evidence = 'sealed');

CREATE TABLE messages (
  message_id  TEXT PRIMARY KEY,
  run_id      TEXT NOT NULL REFERENCES runs (run_id),
  session_id  TEXT NOT NULL,
  agent_id    TEXT NOT NULL,
  model       TEXT NOT NULL,
  at          TEXT NOT NULL,
  input       INTEGER NOT NULL,
  output      INTEGER NOT NULL,
  cache_read  INTEGER NOT NULL,
  cache_write INTEGER NOT NULL
);
-- They are written when a turn ends: who asks for sums shall not have to read anything else.
CREATE INDEX messages_of_run ON messages (run_id, model, agent_id, at, input, output, cache_read, cache_write, session_id);

CREATE TABLE costs (
  session_id TEXT PRIMARY KEY,
  run_id     TEXT NOT NULL REFERENCES runs (run_id),
  micro_usd  INTEGER NOT NULL,
  counter    TEXT NOT NULL,
  partial    INTEGER NOT NULL,
  at         TEXT NOT NULL
);
CREATE INDEX costs_of_run ON costs (run_id);

CREATE TABLE expired (
  digest TEXT PRIMARY KEY,
  bytes  INTEGER NOT NULL,
  class  TEXT NOT NULL CHECK (class IN ('public', 'sealed', 'read')),
  at     TEXT NOT NULL
);

-- The reading verbs read no more rows of a long ledger than they tell of. Few steps are in any of these.
DROP INDEX steps_contradicted;
CREATE INDEX steps_flagged ON steps (run_id, seq) WHERE flag IS NOT NULL;
CREATE INDEX steps_observed ON steps (run_id) WHERE mode = 'observe';
CREATE INDEX steps_deferred ON steps (seq) WHERE deferred_at IS NOT NULL;

-- Looking back counts all calls there ever were: it reads this instead of them, a tenth of the pages.
CREATE INDEX steps_counted ON steps (
  tool_name, prepared_at, closed_at, status, duration_ms, hook_us, duplicate_of, mode, agent_type, run_id, session_id);
CREATE INDEX steps_of_agents ON steps (run_id, agent_id, agent_type) WHERE agent_id <> '';
