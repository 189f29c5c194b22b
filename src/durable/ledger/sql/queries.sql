-- Every statement of the write path, by name. The same names stand in each dialect's file.

-- name: meta
SELECT name, value FROM meta;

-- name: set_meta
INSERT INTO meta (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: last_event
SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1;

-- name: event_hash
SELECT hash FROM events WHERE seq = :seq;

-- name: events_after
SELECT * FROM events WHERE seq > :seq ORDER BY seq;

-- name: last_event_of_run
SELECT run_seq, hash FROM events WHERE run_id = :run_id ORDER BY run_seq DESC LIMIT 1;

-- name: append_event
INSERT INTO events (seq, prev, run_id, run_seq, run_prev, subject, type, at, body, hash, mac)
VALUES (:seq, :prev, :run_id, :run_seq, :run_prev, :subject, :type, :at, :body, :hash, :mac);

-- name: put_blob
INSERT INTO blobs (digest, bytes) VALUES (:digest, :bytes) ON CONFLICT (digest) DO NOTHING;

-- name: get_blob
SELECT bytes FROM blobs WHERE digest = :digest;

-- name: drop_blob
DELETE FROM blobs WHERE digest = :digest;

-- Rows that follow from events. Each is run by ledger/projection.py for one type of event.

-- name: run_opened
INSERT INTO runs (run_id, seq, status, epoch, project, client, started_at)
VALUES (:run_id, :seq, 'open', 1, :project, :client, :at);

-- name: run_reopened
UPDATE runs SET status = 'open', epoch = epoch + 1, ended_at = NULL
WHERE run_id = :run_id AND status IN ('completed', 'failed', 'cancelled');

-- name: run_completed
UPDATE runs SET status = 'completed', ended_at = :at WHERE run_id = :run_id AND status = 'open';

-- name: run_cancelled
UPDATE runs SET status = 'cancelled', ended_at = :at WHERE run_id = :run_id AND status <> 'cancelled';

-- name: run_failed
UPDATE runs SET status = 'failed', ended_at = :at WHERE run_id = :run_id AND status = 'open';

-- name: run_recovered
UPDATE runs SET recoveries = recoveries + 1 WHERE run_id = :run_id;

-- name: run_strict
UPDATE runs SET strict = CASE WHEN :on THEN :seq ELSE 0 END WHERE run_id = :run_id AND (strict > 0) <> :on;

-- name: lease_taken
INSERT INTO leases (run_id, token, what, pid, started, boot, host, pidns, lasts_s, taken_at)
VALUES (:run_id, :token, :what, :pid, :started, :boot, :host, :pidns, :lasts_s, :at)
ON CONFLICT (run_id) DO UPDATE SET
  token = excluded.token, what = excluded.what, pid = excluded.pid, started = excluded.started,
  boot = excluded.boot, host = excluded.host, pidns = excluded.pidns, lasts_s = excluded.lasts_s,
  taken_at = excluded.taken_at, ended_at = NULL
WHERE excluded.token = leases.token + 1;

-- name: lease_ended
UPDATE leases SET ended_at = :at WHERE run_id = :run_id AND token = :token AND ended_at IS NULL;

-- name: note_taken
INSERT INTO notes (run_id, name, value, version, at, given_by) VALUES (:run_id, :name, :value, :version, :at, :by)
ON CONFLICT (run_id, name) DO UPDATE SET
  value = excluded.value, version = excluded.version, at = excluded.at, given_by = excluded.given_by
WHERE excluded.version = notes.version + 1;

-- name: job_loaded
INSERT INTO jobs (run_id, name, path, content, hash) VALUES (:run_id, :name, :path, :content, :hash);

-- name: session_joined
INSERT INTO sessions (session_id, run_id, seq, source, transcript_path, cwd, entrypoint, permission_mode,
                      attended, continues, joined_at)
VALUES (:subject, :run_id, :seq, :source, :transcript_path, :cwd, :entrypoint, :permission_mode,
        :attended, :continues, :at)
ON CONFLICT (session_id) DO UPDATE SET
  continues = coalesce(excluded.continues, continues),
  source = excluded.source, transcript_path = excluded.transcript_path, cwd = excluded.cwd,
  entrypoint = excluded.entrypoint, permission_mode = excluded.permission_mode,
  attended = excluded.attended, run_id = excluded.run_id, ended_at = NULL, end_reason = NULL;

-- name: session_ended
UPDATE sessions SET ended_at = :at, end_reason = :reason WHERE session_id = :subject;

-- name: owner_seen
INSERT INTO owners (owner_id, session_id, pid, started, boot, host, pidns, seen_at)
VALUES (:subject, :session_id, :pid, :started, :boot, :host, :pidns, :at)
ON CONFLICT (owner_id) DO UPDATE SET ended_at = NULL, end_reason = NULL;

-- name: owner_ended
UPDATE owners SET ended_at = :at, end_reason = :reason WHERE owner_id = :subject AND ended_at IS NULL;

-- name: step_prepared
INSERT INTO steps (step_id, run_id, session_id, owner_id, seq, tool_use_id, tool_name, agent_id, agent_type,
                   cwd, prompt_id, permission_mode, transcript_pos, effect, rule, policy, mode, would, status,
                   attempt, fingerprint, idempotency_key, nonce, duplicate_of, input, input_hash, redacted,
                   prepared_at, hook_us, flag, verdict, file_before, evidence)
VALUES (:subject, :run_id, :session_id, :owner_id, :seq, :tool_use_id, :tool_name, :agent_id, :agent_type,
        :cwd, :prompt_id, :permission_mode, :transcript_pos, :effect, :rule, :policy, :mode, :would, 'prepared',
        :attempt, :fingerprint, :idempotency_key, :nonce, :duplicate_of, :input, :input_hash, :redacted,
        CASE WHEN :flag IS NULL THEN :at END, :hook_us, :flag, :verdict, :file_before, :evidence);

-- name: step_claimed
INSERT INTO claims (step_id, scope, fingerprint, status, nonce, project, rule, words, exit_hidden)
VALUES (:subject, :scope, :fingerprint, 'prepared', :nonce, :project, :rule, :words, :exit_hidden);

-- name: claims_follow
UPDATE claims SET status = :status WHERE step_id = :subject;

-- name: step_running
UPDATE steps SET status = 'running', running_at = :at, asked_at = :asked_at
WHERE step_id = :subject AND status = 'prepared';

-- name: step_closed
UPDATE steps SET status = :status, closed_at = :at, closed_by = :closed_by, duration_ms = :duration_ms,
  exit_code = :exit_code, exit_known = :exit_known, output = :output, error = :error,
  returned_at = CASE WHEN :returned THEN coalesce(returned_at, :at) ELSE returned_at END
WHERE step_id = :subject
  AND status IN (SELECT moves.status FROM moves WHERE leads_to = :status);

-- name: step_in_doubt
UPDATE steps SET status = 'in_doubt', doubted_at = :at, doubt = :doubt, error = :error,
  returned_at = CASE WHEN :returned THEN coalesce(returned_at, :at) ELSE returned_at END
WHERE step_id = :subject AND status = 'running';

-- name: step_returned
UPDATE steps SET returned_at = coalesce(returned_at, :at), task_id = coalesce(:task_id, task_id)
WHERE step_id = :subject;

-- name: step_asked
UPDATE steps SET asked_at = :at WHERE step_id = :subject AND asked_at IS NULL;

-- name: step_rewritten
UPDATE steps SET effective_input = :effective_input WHERE step_id = :subject;

-- name: step_flagged
UPDATE steps SET flag = :flag WHERE step_id = :subject;

-- name: step_decided
UPDATE steps SET tool_use_id = :tool_use_id, verdict = :verdict, owner_id = :owner_id, prompt_id = :prompt_id,
                 transcript_pos = :transcript_pos
WHERE step_id = :subject AND status = 'prepared';

-- name: step_handed_over
UPDATE steps SET replay = :replay WHERE step_id = :subject AND status = 'prepared';

-- name: step_deferred
UPDATE steps SET deferred_at = :at WHERE step_id = :subject AND status = 'prepared' AND deferred_at IS NULL;

-- name: step_approval
UPDATE steps SET approval = :approval, approval_by = :by, approval_at = :at
WHERE step_id = :subject AND status = 'prepared' AND deferred_at IS NOT NULL AND approval IS NULL;

-- name: step_released
UPDATE steps SET released_at = :at
WHERE step_id = :subject AND released_at IS NULL AND status NOT IN ('prepared', 'running', 'in_doubt');

-- name: claims_released
UPDATE claims SET released = 1 WHERE step_id = :subject;

-- name: message_counted
INSERT INTO messages (message_id, run_id, session_id, agent_id, model, at, input, output, cache_read, cache_write)
VALUES (:message_id, :run_id, :session_id, :agent_id, :model, :said_at, :input, :output, :cache_read, :cache_write)
ON CONFLICT (message_id) DO UPDATE SET
  input = max(input, excluded.input), output = max(output, excluded.output),
  cache_read = max(cache_read, excluded.cache_read), cache_write = max(cache_write, excluded.cache_write);

-- name: cost_stated
INSERT INTO costs (session_id, run_id, micro_usd, counter, partial, at)
VALUES (:subject, :run_id, :micro_usd, :counter, :partial, :at)
ON CONFLICT (session_id) DO UPDATE SET
  micro_usd = excluded.micro_usd, counter = excluded.counter, partial = excluded.partial, at = excluded.at;

-- name: blob_expired
INSERT INTO expired (digest, bytes, class, at) VALUES (:digest, :bytes, :class, :at)
ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes, class = excluded.class, at = excluded.at;

-- name: grant_given
INSERT INTO grants (grant_id, for_step, fingerprint, project, given_by, reason, given_at)
VALUES (:subject, :for_step, :fingerprint, :project, :by, :reason, :at);

-- name: grant_used
UPDATE grants SET used_by = :used_by, used_at = :at WHERE grant_id = :subject AND used_by IS NULL;

-- name: spool_recorded
INSERT INTO spooled (name, fate, why, at) VALUES (:subject, :fate, :why, :at);

-- Look-ups of the write path.

-- name: run
SELECT run_id, status, epoch, project, client, recoveries, strict FROM runs WHERE run_id = :run_id;

-- name: lease
SELECT leases.*, heartbeats.at AS beat_at FROM leases
LEFT JOIN heartbeats ON heartbeats.run_id = leases.run_id AND heartbeats.token = leases.token
WHERE leases.run_id = :run_id;

-- name: beat
INSERT INTO heartbeats (run_id, token, at) VALUES (:run_id, :token, :at)
ON CONFLICT (run_id) DO UPDATE SET token = excluded.token, at = excluded.at WHERE excluded.token >= heartbeats.token;

-- name: notes
SELECT name, value, version, at, given_by FROM notes WHERE run_id = :run_id ORDER BY name;

-- name: job
SELECT * FROM jobs WHERE run_id = :run_id;

-- name: session
SELECT session_id, run_id, transcript_path, ended_at, source, continues FROM sessions WHERE session_id = :session_id;

-- name: session_in_project
SELECT session_id, sessions.run_id FROM sessions JOIN runs USING (run_id)
WHERE session_id = :session_id AND runs.project = :project;

-- name: session_before
SELECT sessions.session_id, sessions.run_id, owners.end_reason
FROM owners JOIN sessions USING (session_id) JOIN runs USING (run_id)
WHERE owners.pid = :pid AND owners.started = :started AND owners.boot = :boot AND owners.host = :host
  AND owners.pidns = :pidns AND owners.session_id <> :session_id AND runs.project = :project
ORDER BY owners.ended_at IS NOT NULL, owners.ended_at DESC, owners.seen_at DESC LIMIT 1;

-- name: call_of_another_session
SELECT sessions.session_id, sessions.run_id FROM runs JOIN sessions USING (run_id) JOIN steps USING (session_id)
WHERE runs.project = :project AND sessions.session_id <> :session_id AND steps.tool_use_id = :tool_use_id
  AND steps.tool_name = :tool_name AND steps.input_hash = :input_hash
ORDER BY steps.seq DESC LIMIT 1;

-- name: conversation
WITH RECURSIVE line (session_id, continues) AS (
  SELECT session_id, continues FROM sessions WHERE session_id = :session_id
  UNION
  SELECT sessions.session_id, sessions.continues FROM sessions JOIN line ON sessions.session_id = line.continues)
SELECT session_id, continues FROM line;

-- name: owner
SELECT owner_id, ended_at FROM owners WHERE owner_id = :owner_id;

-- name: owner_row
SELECT owner_id, session_id, pid, started, boot, host, pidns, ended_at, end_reason FROM owners WHERE owner_id = :owner_id;

-- name: owners_of_session
SELECT * FROM owners WHERE session_id = :session_id ORDER BY seen_at;

-- name: session_so_far
SELECT EXISTS (SELECT 1 FROM steps WHERE session_id = :session_id AND tool_use_id = :tool_use_id) AS has_this_id,
       EXISTS (SELECT 1 FROM steps WHERE session_id = :session_id AND status IN ('running', 'prepared')) AS has_open;

-- name: same_call_in_flight
SELECT * FROM steps
WHERE session_id = :session_id AND tool_use_id = :tool_use_id AND owner_id = :owner_id
  AND agent_id = :agent_id AND input_hash = :input_hash AND prompt_id = :prompt_id
  AND status IN ('prepared', 'running') AND returned_at IS NULL
ORDER BY seq DESC LIMIT 1;

-- name: deferred_call
SELECT * FROM steps
WHERE session_id = :session_id AND tool_use_id = :tool_use_id AND agent_id = :agent_id
  AND input_hash = :input_hash AND deferred_at IS NOT NULL AND (status = 'prepared' OR approval = 'denied')
ORDER BY seq DESC LIMIT 1;

-- name: deferred_of_session
SELECT * FROM steps
WHERE session_id = :session_id AND status = 'prepared' AND deferred_at IS NOT NULL
  AND tool_name = :tool_name AND cwd = :cwd AND agent_id = :agent_id
ORDER BY seq;

-- name: call_awaiting_receipt
SELECT * FROM steps
WHERE session_id = :session_id AND tool_use_id = :tool_use_id AND agent_id = :agent_id
ORDER BY (input_hash = :input_hash) DESC,
         (status IN ('running', 'prepared') AND returned_at IS NULL) DESC,
         (status IN ('running', 'prepared', 'in_doubt')) DESC, seq DESC
LIMIT 1;

-- name: step
SELECT * FROM steps WHERE step_id = :step_id;

-- name: twin_in_scope
SELECT steps.* FROM claims JOIN steps USING (step_id)
WHERE claims.fingerprint = :fingerprint AND claims.scope = :scope AND claims.released = 0
  AND steps.status IN ('prepared', 'running', 'in_doubt', 'succeeded')
ORDER BY (steps.status <> 'succeeded') DESC, steps.seq DESC LIMIT 1;

-- name: open_twins
SELECT steps.*, claims.exit_hidden FROM claims JOIN steps USING (step_id)
WHERE claims.fingerprint = :fingerprint AND (claims.project = :project OR claims.scope = :scope OR :everywhere)
  AND steps.status IN ('prepared', 'running', 'in_doubt') AND steps.step_id <> :except
ORDER BY steps.seq DESC;

-- name: done_twins
SELECT steps.*, claims.exit_hidden FROM claims JOIN steps USING (step_id)
WHERE claims.fingerprint = :fingerprint AND (claims.project = :project OR claims.scope = :scope OR :everywhere)
  AND claims.released = 0 AND steps.status = 'succeeded' AND steps.step_id <> :except
ORDER BY steps.seq DESC;

-- name: open_kin
SELECT steps.* FROM claims JOIN steps USING (step_id)
WHERE claims.project = :project AND claims.rule = :rule AND claims.words = :words
  AND claims.status IN ('prepared', 'running', 'in_doubt')
  AND steps.tool_name = :tool_name AND steps.step_id <> :except
ORDER BY steps.seq DESC;

-- name: recent_of_tool
SELECT * FROM steps
WHERE run_id = :run_id AND tool_name = :tool_name AND prepared_at >= :since AND status NOT IN ('refused', 'replayed')
ORDER BY seq DESC LIMIT 20;

-- name: unended_owners_of_run
SELECT * FROM owners WHERE ended_at IS NULL AND owner_id IN (SELECT owner_id FROM steps WHERE run_id = :run_id);

-- name: cut_off
SELECT 1 AS yes WHERE EXISTS (
    SELECT 1 FROM steps JOIN owners USING (owner_id)
    WHERE steps.run_id = :run_id AND effect = 'once' AND doubted_at IS NOT NULL
      AND owners.ended_at IS NOT NULL AND (closed_at IS NULL OR closed_at >= owners.ended_at))
  OR EXISTS (
    SELECT 1 FROM owners WHERE end_reason LIKE 'found dead%'
      AND owner_id IN (SELECT owner_id FROM steps WHERE run_id = :run_id));

-- name: denied_in_flight
SELECT 1 AS yes FROM claims AS its JOIN claims AS theirs USING (fingerprint)
JOIN steps ON steps.step_id = theirs.step_id
WHERE its.step_id = :step_id AND steps.run_id = :run_id AND steps.status = 'refused'
  AND steps.verdict IN ('in_flight', 'in_doubt', 'reworded', 'elsewhere', 'duplicate')
  AND steps.seq > :seq AND steps.prepared_at <= :closed_at LIMIT 1;

-- name: grant_for
SELECT * FROM grants
WHERE fingerprint = :fingerprint AND project = :project AND (used_by IS NULL OR used_by = :step_id)
ORDER BY used_by IS NULL, given_at LIMIT 1;

-- name: unused_grant_of_step
SELECT * FROM grants WHERE for_step = :step_id AND used_by IS NULL LIMIT 1;

-- name: claims_of_step
SELECT * FROM claims WHERE step_id = :step_id ORDER BY rowid;

-- name: steps_of_tool
SELECT * FROM steps WHERE tool_name = :tool_name ORDER BY seq;

-- name: steps_named
SELECT * FROM steps WHERE step_id >= :least AND step_id < :beyond LIMIT 3;

-- name: attempts_that_freed
SELECT count(*) AS freed FROM claims
WHERE fingerprint = :fingerprint AND scope = :scope
  AND nonce IS NULL AND (released = 1 OR status IN ('failed', 'not_done', 'refused'));

-- name: newer_attempt
SELECT other.* FROM claims AS mine
JOIN claims AS theirs USING (scope, fingerprint)
JOIN steps AS other ON other.step_id = theirs.step_id
WHERE mine.step_id = :step_id AND other.step_id <> :step_id
  AND other.status IN ('prepared', 'running', 'in_doubt', 'succeeded')
  AND ((other.seq > :seq AND other.attempt > :attempt) OR (mine.nonce IS NULL AND theirs.nonce IS NULL))
ORDER BY other.seq DESC LIMIT 1;

-- name: unsettled_of_session
SELECT * FROM steps
WHERE session_id = :session_id AND status IN ('prepared', 'running', 'in_doubt')
ORDER BY seq;

-- name: running_of_session
SELECT * FROM steps WHERE session_id = :session_id AND status = 'running' ORDER BY seq;

-- name: call_unsettled
SELECT * FROM steps
WHERE session_id = :session_id AND tool_use_id = :tool_use_id
  AND status IN ('prepared', 'running', 'in_doubt')
ORDER BY seq DESC LIMIT 1;

-- A model may use an id again. A line speaks of the last call under its id; where two of one prompt bear
-- it, it may speak of either, and so of neither. One that is later than the end of a call's client is about
-- another call, which may have no row: the client itself refused it, or no hook could write one.
-- name: call_of_result
SELECT * FROM steps AS it
WHERE session_id = :session_id AND tool_use_id = :tool_use_id AND agent_id = :agent_id
  AND transcript_pos <= :position AND status IN ('running', 'in_doubt')
  AND NOT EXISTS (
    SELECT 1 FROM steps AS other
    WHERE other.session_id = it.session_id AND other.tool_use_id = it.tool_use_id AND other.agent_id = it.agent_id
      AND other.step_id <> it.step_id AND other.transcript_pos <= :position
      AND (other.seq > it.seq OR (other.owner_id = it.owner_id AND other.prompt_id = it.prompt_id)))
  AND NOT EXISTS (SELECT 1 FROM owners WHERE owners.owner_id = it.owner_id AND owners.ended_at < :at)
LIMIT 1;

-- name: call_of_task
SELECT * FROM steps
WHERE session_id = :session_id AND tool_use_id = :tool_use_id AND returned_at IS NOT NULL
  AND coalesce(task_id, :task_id) = :task_id AND status IN ('running', 'in_doubt')
ORDER BY seq DESC LIMIT 1;

-- name: owners_with_unsettled
SELECT DISTINCT owners.*, steps.run_id FROM steps JOIN owners USING (owner_id)
WHERE steps.status IN ('prepared', 'running');

-- name: live_sessions_of_run
SELECT session_id FROM sessions WHERE run_id = :run_id AND ended_at IS NULL AND session_id <> :session_id;

-- name: undone_of_run
SELECT step_id FROM steps
WHERE run_id = :run_id AND status IN ('prepared', 'running', 'in_doubt')
  AND (status <> 'in_doubt' OR effect = 'once');

-- name: unsettled_of_run
SELECT * FROM steps
WHERE run_id = :run_id AND status IN ('prepared', 'running', 'in_doubt')
ORDER BY seq;

-- name: sessions_with_unsettled
SELECT session_id, max(seq) AS latest FROM steps
WHERE status IN ('prepared', 'running', 'in_doubt') GROUP BY session_id ORDER BY latest DESC LIMIT :most;

-- name: step_of_task
SELECT * FROM steps WHERE session_id = :session_id AND task_id = :task_id ORDER BY seq DESC LIMIT 1;

-- name: calls_of_run
SELECT count(*) AS calls FROM steps WHERE run_id = :run_id AND status NOT IN ('prepared', 'refused', 'replayed');

-- name: calls_of_rule
SELECT count(*) AS calls FROM steps WHERE run_id = :run_id AND rule = :rule AND status NOT IN ('prepared', 'refused', 'replayed');

-- name: matters_in_run
SELECT 1 AS yes WHERE
  EXISTS (SELECT 1 FROM steps WHERE run_id = :run_id AND status IN ('prepared', 'running', 'in_doubt'))
  OR EXISTS (SELECT 1 FROM steps WHERE run_id = :run_id AND status = 'succeeded' AND effect = 'once')
  OR EXISTS (SELECT 1 FROM steps WHERE run_id = :run_id AND status = 'refused' AND closed_by IN ('SessionEnd', 'spool'))
  OR EXISTS (SELECT 1 FROM steps WHERE run_id = :run_id AND status = 'not_done' AND effect = 'once')
  OR EXISTS (SELECT 1 FROM steps WHERE run_id = :run_id AND flag = 'contradicted')
  OR EXISTS (SELECT 1 FROM notes WHERE run_id = :run_id AND value <> '');

-- Each part has an index of its own and a limit: what is in doubt is never pushed out by what is done.
-- A plus keeps the run's own index from a look-up that reads fewer rows by another one.
-- A call that never began is told of until the same call was made again.
-- name: steps_that_matter
SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND flag = 'contradicted' ORDER BY seq DESC LIMIT 50)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE +run_id = :run_id AND deferred_at IS NOT NULL AND status = 'prepared'
    AND flag IS NOT 'contradicted' ORDER BY seq DESC LIMIT 50)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND effect = 'once' AND status IN ('prepared', 'running', 'in_doubt')
    AND (deferred_at IS NULL OR status <> 'prepared') AND flag IS NOT 'contradicted' ORDER BY seq DESC LIMIT 200)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND effect = 'repeatable' AND status IN ('prepared', 'running', 'in_doubt')
    AND (deferred_at IS NULL OR status <> 'prepared') AND flag IS NOT 'contradicted'
    AND NOT (status = 'in_doubt' AND EXISTS (
      SELECT 1 FROM claims JOIN steps AS later USING (step_id)
      WHERE claims.fingerprint = steps.fingerprint AND +later.run_id = :run_id AND later.seq > steps.seq
        AND later.status NOT IN ('prepared', 'refused')))
  ORDER BY seq DESC LIMIT 50)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND effect = 'read' AND status IN ('prepared', 'running', 'in_doubt')
    AND (deferred_at IS NULL OR status <> 'prepared') AND flag IS NOT 'contradicted'
    AND NOT (status = 'in_doubt' AND EXISTS (
      SELECT 1 FROM claims JOIN steps AS later USING (step_id)
      WHERE claims.fingerprint = steps.fingerprint AND +later.run_id = :run_id AND later.seq > steps.seq
        AND later.status NOT IN ('prepared', 'refused')))
  ORDER BY seq DESC LIMIT 20)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND status = 'refused' AND closed_by IN ('SessionEnd', 'spool')
    AND flag IS NOT 'contradicted' AND NOT EXISTS (
      SELECT 1 FROM claims JOIN steps AS later USING (step_id)
      WHERE claims.fingerprint = steps.fingerprint AND +later.run_id = :run_id AND later.seq > steps.seq)
  ORDER BY seq DESC LIMIT 50)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND status = 'not_done' AND effect = 'once'
    AND flag IS NOT 'contradicted' AND NOT EXISTS (
      SELECT 1 FROM claims JOIN steps AS later USING (step_id)
      WHERE claims.fingerprint = steps.fingerprint AND +later.run_id = :run_id AND later.seq > steps.seq
        AND later.status NOT IN ('prepared', 'refused'))
  ORDER BY seq DESC LIMIT 50)
UNION ALL SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND status = 'succeeded' AND effect = 'once'
    AND flag IS NOT 'contradicted' ORDER BY seq DESC LIMIT 100)
ORDER BY seq DESC;

-- name: open_by_effect
SELECT effect, count(*) AS steps FROM steps
WHERE run_id = :run_id AND status IN ('prepared', 'running', 'in_doubt')
  AND NOT (status = 'in_doubt' AND effect <> 'once' AND EXISTS (
    SELECT 1 FROM claims JOIN steps AS later USING (step_id)
    WHERE claims.fingerprint = steps.fingerprint AND +later.run_id = :run_id AND later.seq > steps.seq
      AND later.status NOT IN ('prepared', 'refused')))
GROUP BY effect;

-- name: done_once
SELECT count(*) AS steps FROM steps WHERE run_id = :run_id AND status = 'succeeded' AND effect = 'once';

-- name: last_probed
SELECT at, body FROM events WHERE subject = :step_id AND type = 'step.probed' ORDER BY seq DESC LIMIT 1;

-- name: last_calls
SELECT * FROM (SELECT * FROM steps WHERE run_id = :run_id ORDER BY seq DESC LIMIT 200) AS latest
WHERE running_at IS NOT NULL ORDER BY seq DESC LIMIT :most;

-- name: written_with
SELECT * FROM (
  SELECT * FROM steps WHERE run_id = :run_id AND tool_name = :tool_name ORDER BY seq DESC LIMIT :most) AS latest
WHERE status = 'succeeded' ORDER BY seq DESC;

-- name: lost_contents
SELECT DISTINCT named.value AS digest
FROM events, json_each(CASE WHEN json_valid(body) THEN body ELSE '{}' END) AS named
WHERE (events.type GLOB 'step.*' OR events.type GLOB 'job.*')
  AND named.key IN ('input', 'effective_input', 'output', 'error', 'content')
  AND typeof(named.value) = 'text' AND length(named.value) = 64
  AND named.value NOT IN (SELECT digest FROM blobs) AND named.value NOT IN (SELECT digest FROM expired)
ORDER BY digest;

-- name: let_go
SELECT bytes, class, at FROM expired WHERE digest = :digest;

-- name: blob_size
SELECT length(bytes) AS size FROM blobs WHERE digest = :digest;

-- name: steps_of_session
SELECT * FROM steps WHERE session_id = :session_id ORDER BY seq;

-- name: run_started
SELECT started_at FROM runs WHERE run_id = :run_id;

-- name: transcripts_of_run
SELECT session_id, transcript_path FROM sessions WHERE run_id = :run_id AND transcript_path <> '';

-- name: without_receipt
SELECT * FROM steps AS cut
WHERE run_id = :run_id
  AND (status IN ('in_doubt', 'not_done') OR (status = 'prepared' AND deferred_at IS NOT NULL))
  AND NOT EXISTS (
    SELECT 1 FROM steps AS again
    WHERE again.run_id = cut.run_id AND again.tool_name = cut.tool_name AND again.seq > cut.seq
      AND again.fingerprint = cut.fingerprint
      AND CASE WHEN cut.effect = 'once' THEN again.status IN ('running', 'in_doubt', 'succeeded')
               ELSE again.status NOT IN ('prepared', 'refused') END)
ORDER BY seq LIMIT 300;

-- name: session_row
SELECT * FROM sessions WHERE session_id = :session_id;

-- name: strict_left
SELECT * FROM steps AS cut
WHERE run_id = :run_id AND seq < :strict AND effect <> 'read' AND status IN ('running', 'in_doubt')
  AND NOT EXISTS (
    SELECT 1 FROM steps AS again
    WHERE again.run_id = cut.run_id AND again.tool_name = cut.tool_name AND again.seq > cut.seq
      AND (again.fingerprint = cut.fingerprint OR (again.input_hash = cut.input_hash AND again.seq > :strict))
      AND CASE WHEN cut.effect = 'once' THEN again.status = 'succeeded'
               ELSE again.status NOT IN ('prepared', 'refused') END)
ORDER BY seq;

-- name: strict_denials
SELECT count(*) AS denied FROM steps
WHERE run_id = :run_id AND seq > :strict AND status = 'refused' AND verdict IN ('strict', 'strict_stop');

-- name: claims_of_mark
SELECT step_id FROM claims WHERE fingerprint = :fingerprint;

-- name: tokens_spent
-- What was read from the cache is left out: it is the same context again in each turn.
SELECT coalesce(sum(input + cache_write + output), 0) AS tokens FROM messages WHERE run_id = :run_id;

-- name: message
SELECT input, output, cache_read, cache_write FROM messages WHERE message_id = :message_id;

-- name: cost_of_session
SELECT micro_usd, counter, partial FROM costs WHERE session_id = :session_id;

-- name: sessions_to_count
SELECT session_id, run_id, transcript_path, client FROM sessions JOIN runs USING (run_id)
WHERE transcript_path <> '' AND (:run_id = '' OR run_id = :run_id) ORDER BY sessions.seq;

-- name: counted_up_to
SELECT path, position FROM cursors WHERE path >= 'usage:' AND path < 'usage;';

-- name: was_spooled
SELECT fate FROM spooled WHERE name = :name;

-- name: cursor
SELECT position FROM cursors WHERE path = :path;

-- name: move_cursor
INSERT INTO cursors (path, position) VALUES (:path, :position)
ON CONFLICT (path) DO UPDATE SET position = excluded.position;

-- A part of a transaction that may fail alone.

-- name: savepoint
SAVEPOINT part;

-- name: rollback_to_savepoint
ROLLBACK TO part;

-- name: release_savepoint
RELEASE part;
