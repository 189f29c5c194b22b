-- The record beside the client's own: what an audit compares.

-- name: sessions_to_audit
SELECT session_id, run_id, transcript_path, source, continues, joined_at, ended_at FROM sessions
WHERE run_id = :run_id OR session_id IN (SELECT session_id FROM steps WHERE run_id = :run_id) ORDER BY joined_at, seq;

-- name: sessions_that_spoke
-- Each of these shows that the client had begun a transcript.
SELECT DISTINCT subject AS session_id FROM events WHERE run_id = :run_id AND type IN (
  'turn.started', 'turn.ended', 'turn.failed', 'subagent.started', 'usage.counted', 'cost.stated');

-- name: steps_to_audit
SELECT step_id, run_id, session_id, agent_id, owner_id, tool_use_id, tool_name, prompt_id, status, mode, would, flag, input,
       input_hash, replay, output, error, closed_by, coalesce(prepared_at, running_at, closed_at) AS at, prepared_at,
       running_at
FROM steps WHERE session_id = :session_id ORDER BY seq;

-- name: steps_without_event
SELECT step_id, tool_name, tool_use_id, input, coalesce(prepared_at, running_at, closed_at) AS at
FROM steps WHERE run_id = :run_id AND NOT EXISTS (
  SELECT 1 FROM events WHERE events.seq = steps.seq AND events.type = 'step.prepared' AND events.subject = steps.step_id);

-- name: steps_taken_out
SELECT seq, subject, at, body FROM events WHERE run_id = :run_id AND type = 'step.prepared' AND NOT EXISTS (
  SELECT 1 FROM steps WHERE steps.step_id = events.subject) ORDER BY run_seq;

-- name: holes_in_run
SELECT first, last, after, before FROM (
  SELECT coalesce(lag(run_seq) OVER numbered, 0) + 1 AS first, run_seq - 1 AS last, lag(at) OVER numbered AS after,
         at AS before
  FROM events WHERE run_id = :run_id WINDOW numbered AS (ORDER BY run_seq)
) AS numbers WHERE first <= last ORDER BY first;

-- name: times_without_enforcement
SELECT body FROM events WHERE run_id = '' AND type = 'enforcement.off' ORDER BY run_seq;

-- The record by itself: the invariants of a run.

-- name: claims_of_run
SELECT claims.step_id, claims.fingerprint, claims.status FROM steps JOIN claims USING (step_id)
WHERE steps.run_id = :run_id ORDER BY steps.seq;

-- name: contents_of_run
SELECT step_id, name, digest, bytes FROM (
  SELECT step_id, seq, 'input' AS name, input AS digest FROM steps WHERE run_id = :run_id
  UNION ALL SELECT step_id, seq, 'effective_input', effective_input FROM steps WHERE run_id = :run_id
  UNION ALL SELECT step_id, seq, 'output', output FROM steps WHERE run_id = :run_id
  UNION ALL SELECT step_id, seq, 'error', error FROM steps WHERE run_id = :run_id
) AS named JOIN blobs USING (digest);

-- name: dangling_of_run
WITH its AS (
  SELECT step_id, session_id, owner_id, duplicate_of, input, effective_input, output, error
  FROM steps WHERE run_id = :run_id),
named (of, holder, name, kind, value) AS (
  SELECT 'steps', step_id, 'session_id', 'session', session_id FROM its
  UNION ALL SELECT 'steps', step_id, 'owner_id', 'owner', owner_id FROM its
  UNION ALL SELECT 'steps', step_id, 'duplicate_of', 'step', duplicate_of FROM its
  UNION ALL SELECT 'steps', step_id, 'input', 'content', input FROM its
  UNION ALL SELECT 'steps', step_id, 'effective_input', 'content', effective_input FROM its
  UNION ALL SELECT 'steps', step_id, 'output', 'content', output FROM its
  UNION ALL SELECT 'steps', step_id, 'error', 'content', error FROM its
  UNION ALL SELECT 'sessions', session_id, 'continues', 'session', nullif(continues, '') FROM sessions
            WHERE run_id = :run_id
  UNION ALL SELECT 'grants', grant_id, 'for_step', 'step', for_step FROM grants WHERE used_by IN (SELECT step_id FROM its)
  UNION ALL SELECT 'grants', grant_id, 'used_by', 'step', used_by FROM grants WHERE for_step IN (SELECT step_id FROM its)
  UNION ALL SELECT 'jobs', run_id, 'content', 'content', content FROM jobs WHERE run_id = :run_id)
SELECT of, holder, name, kind, value FROM named
WHERE value IS NOT NULL AND CASE kind
  WHEN 'session' THEN NOT EXISTS (SELECT 1 FROM sessions WHERE session_id = value)
  WHEN 'owner' THEN NOT EXISTS (SELECT 1 FROM owners WHERE owner_id = value)
  WHEN 'step' THEN NOT EXISTS (SELECT 1 FROM steps WHERE step_id = value)
  ELSE NOT EXISTS (SELECT 1 FROM blobs WHERE digest = value) AND NOT EXISTS (SELECT 1 FROM expired WHERE digest = value)
END;
