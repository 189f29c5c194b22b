-- Every look-up of the reading verbs, by name. The same names stand in each dialect's file.
--
-- A step is open while it is prepared or running, and while it is in doubt if that needs somebody:
-- a `once` step, or a flagged one. A look-up or a repeatable call in doubt needs nobody.
--
-- SQLite takes a partial index only where a query repeats its condition to the letter. Hence status IN (…) beside
-- a narrower condition: without it every row of a long ledger would be read.

-- name: meta
SELECT name, value FROM meta ORDER BY name;

-- name: runs
SELECT run_id, status, epoch, project, client, started_at, ended_at,
       (SELECT count(*) FROM sessions WHERE sessions.run_id = runs.run_id) AS sessions,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.run_id) AS steps,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.run_id
          AND status IN ('prepared', 'running', 'in_doubt')
          AND (status <> 'in_doubt' OR effect = 'once' OR flag IS NOT NULL)) AS open
FROM runs ORDER BY seq DESC;

-- name: run_counted
SELECT run_id, status, epoch, project, client, started_at, ended_at,
       (SELECT count(*) FROM sessions WHERE sessions.run_id = runs.run_id) AS sessions,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.run_id) AS steps,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.run_id
          AND status IN ('prepared', 'running', 'in_doubt')
          AND (status <> 'in_doubt' OR effect = 'once' OR flag IS NOT NULL)) AS open
FROM runs WHERE run_id = :run_id;

-- name: runs_matching
SELECT run_id, count(*) OVER () AS found FROM runs
WHERE started_at >= :earliest AND instr(project, :project) > 0
  AND (:model = '' OR EXISTS (SELECT 1 FROM messages WHERE messages.run_id = runs.run_id AND model GLOB :model))
  AND (:agent = '' OR EXISTS (
    SELECT 1 FROM steps WHERE steps.run_id = runs.run_id AND agent_id <> '' AND agent_type GLOB :agent))
  AND (:entrypoint = '' OR EXISTS (
    SELECT 1 FROM sessions WHERE sessions.run_id = runs.run_id AND entrypoint GLOB :entrypoint))
  AND :status IN ('', CASE WHEN EXISTS (
    SELECT 1 FROM steps WHERE steps.run_id = runs.run_id AND status IN ('prepared', 'running', 'in_doubt')
      AND ((status = 'in_doubt' AND effect = 'once')
           OR (status = 'prepared' AND deferred_at IS NOT NULL AND approval IS NULL)))
  THEN 'waiting' ELSE status END)
ORDER BY seq DESC LIMIT :most;

-- name: run
SELECT run_id, seq, status, epoch, project, client, started_at, ended_at, recoveries, strict FROM runs WHERE run_id = :run_id;

-- name: runs_by_prefix
SELECT run_id, seq, status, epoch, project, client, started_at, ended_at FROM runs
WHERE run_id >= :prefix AND run_id < :prefix || '~' ORDER BY (run_id <> :prefix), seq DESC LIMIT 10;

-- name: sessions_of_run
SELECT * FROM sessions WHERE run_id = :run_id ORDER BY seq;

-- name: known_session
SELECT run_id, session_id, transcript_path FROM sessions WHERE session_id = :session_id;

-- name: session_of_client
SELECT sessions.run_id, sessions.session_id, sessions.transcript_path FROM owners JOIN sessions USING (session_id)
WHERE owners.pid = :pid AND owners.started = :started ORDER BY owners.seen_at DESC LIMIT 1;

-- name: owners_of_run
SELECT owners.* FROM owners JOIN sessions USING (session_id) WHERE sessions.run_id = :run_id ORDER BY seen_at;

-- name: owner
SELECT * FROM owners WHERE owner_id = :owner_id;

-- name: notes_of_run
SELECT name, value, version, at, given_by FROM notes WHERE run_id = :run_id ORDER BY name;

-- name: steps_of_run
SELECT * FROM steps WHERE run_id = :run_id ORDER BY seq;

-- name: step
SELECT * FROM steps WHERE step_id = :step_id;

-- name: calls_of_steps
SELECT step_id, tool_name, input, cwd FROM json_each(:step_ids) JOIN steps ON step_id = json_each.value;

-- name: steps_by_prefix
SELECT * FROM steps
WHERE step_id >= :prefix AND step_id < :prefix || '~' ORDER BY (step_id <> :prefix), seq DESC LIMIT 10;

-- name: claims_of_step
SELECT scope, fingerprint, status, nonce FROM claims WHERE step_id = :step_id ORDER BY fingerprint;

-- name: open_steps
SELECT * FROM steps
WHERE status IN ('prepared', 'running', 'in_doubt') AND (status <> 'in_doubt' OR effect = 'once' OR flag IS NOT NULL)
ORDER BY seq;

-- name: interrupted
SELECT count(*) AS calls FROM steps
WHERE status IN ('prepared', 'running', 'in_doubt') AND status = 'in_doubt' AND effect = 'repeatable' AND flag IS NULL;

-- name: flagged_steps
SELECT * FROM steps WHERE flag IS NOT NULL ORDER BY seq;

-- name: strict_runs
SELECT runs.run_id,
  (SELECT count(*) FROM steps
   WHERE steps.run_id = runs.run_id AND seq > runs.strict AND status = 'refused'
     AND verdict IN ('strict', 'strict_stop')) AS denied,
  (SELECT count(*) FROM steps AS cut
   WHERE cut.run_id = runs.run_id AND cut.seq < runs.strict AND effect <> 'read'
     AND cut.status IN ('prepared', 'running', 'in_doubt') AND cut.status = 'in_doubt'
     AND NOT EXISTS (
       SELECT 1 FROM steps AS again
       WHERE again.run_id = cut.run_id AND again.tool_name = cut.tool_name AND again.seq > cut.seq
         AND (again.fingerprint = cut.fingerprint OR (again.input_hash = cut.input_hash AND again.seq > runs.strict))
         AND CASE WHEN cut.effect = 'once' THEN again.status = 'succeeded'
                  ELSE again.status NOT IN ('prepared', 'refused') END)) AS unsettled
FROM runs WHERE runs.strict > 0 ORDER BY runs.seq;

-- name: waiting_steps
SELECT * FROM steps WHERE deferred_at IS NOT NULL AND status = 'prepared' AND approval IS NULL ORDER BY seq;

-- name: deferred_steps
SELECT * FROM steps WHERE deferred_at IS NOT NULL ORDER BY seq;

-- name: events_of_run
SELECT * FROM events WHERE run_id = :run_id ORDER BY run_seq;

-- name: events_of_run_until
SELECT * FROM events WHERE run_id = :run_id AND seq <= :seq ORDER BY run_seq;

-- name: event_of_run_until
SELECT seq, type, at FROM events WHERE run_id = :run_id AND seq <= :seq ORDER BY run_seq DESC LIMIT 1;

-- name: event_of_run_by
SELECT seq, type, at FROM events WHERE run_id = :run_id AND at <= :at ORDER BY run_seq DESC LIMIT 1;

-- name: span_of_run
SELECT min(seq) AS first, max(seq) AS last, min(at) AS began, max(at) AS ended FROM events WHERE run_id = :run_id;

-- All that was said of a step stands in its run.
-- name: events_of_step
SELECT * FROM events
WHERE run_id = (SELECT run_id FROM steps WHERE step_id = :subject) AND subject = :subject ORDER BY run_seq;

-- name: events_after
SELECT * FROM events WHERE seq > :seq ORDER BY seq LIMIT :most;

-- name: last_event
SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1;

-- name: spooled
SELECT name, fate, why, at FROM spooled ORDER BY at;

-- name: hook_times
SELECT hook_us FROM steps WHERE hook_us IS NOT NULL ORDER BY hook_us;

-- For the screens.

-- name: latest_runs
SELECT run_id FROM runs ORDER BY seq DESC LIMIT :most;

-- name: run_in_brief
SELECT (SELECT count(*) FROM steps WHERE run_id = :run_id AND status IN ('prepared', 'running', 'in_doubt')
          AND status = 'in_doubt' AND effect = 'once') AS doubts,
       (SELECT count(*) FROM steps WHERE run_id = :run_id AND status IN ('prepared', 'running', 'in_doubt')
          AND status = 'prepared' AND deferred_at IS NOT NULL AND approval IS NULL) AS approvals,
       (SELECT count(*) FROM steps WHERE run_id = :run_id AND flag IS NOT NULL) AS flagged,
       (SELECT count(*) FROM steps WHERE run_id = :run_id AND mode = 'observe') AS observed,
       (SELECT at FROM events WHERE run_id = :run_id ORDER BY run_seq DESC LIMIT 1) AS last_at;

-- name: heard_of_run
SELECT at FROM events WHERE run_id = :run_id ORDER BY run_seq DESC LIMIT 1;

-- name: sessions_by_prefix
SELECT session_id, run_id FROM sessions
WHERE substr(session_id, 1, length(:prefix)) = :prefix ORDER BY seq DESC LIMIT 10;

-- name: latest_session_of_project
SELECT sessions.session_id FROM sessions JOIN runs USING (run_id)
WHERE runs.project = :project ORDER BY sessions.seq DESC LIMIT 1;

-- name: owners_of_session
SELECT * FROM owners WHERE session_id = :session_id ORDER BY seen_at;

-- A length costs nothing to read; the bytes of a large value are left where they are.
-- name: blob_up_to
SELECT length(bytes) AS size, CASE WHEN length(bytes) <= :most THEN bytes END AS bytes
FROM blobs WHERE digest = :digest;

-- name: blobs_up_to
SELECT digest, length(bytes) AS size, CASE WHEN length(bytes) <= :most THEN bytes END AS bytes
FROM json_each(:digests) JOIN blobs ON digest = json_each.value;

-- name: contents
SELECT digest, bytes FROM blobs ORDER BY rowid;

-- name: steps_with_content
SELECT step_id FROM steps WHERE :digest IN (input, effective_input, output, error) ORDER BY seq;

-- name: latest_events
SELECT * FROM (SELECT * FROM events ORDER BY seq DESC LIMIT :most) AS latest ORDER BY seq;

-- name: latest_events_of_run
SELECT * FROM (
  SELECT * FROM events WHERE run_id = :run_id ORDER BY run_seq DESC LIMIT :most
) AS latest ORDER BY seq;

-- name: tools_seen
SELECT tool_name, count(*) AS steps, count(DISTINCT run_id) AS runs,
       min(coalesce(prepared_at, closed_at)) AS first_at, max(coalesce(prepared_at, closed_at)) AS last_at
FROM steps GROUP BY tool_name ORDER BY steps DESC, tool_name;

-- name: unsettled_sessions
SELECT DISTINCT session_id FROM steps
WHERE status IN ('prepared', 'running', 'in_doubt') AND (:run_id = '' OR run_id = :run_id);

-- name: steps_holding
SELECT DISTINCT steps.* FROM claims JOIN steps USING (step_id)
WHERE claims.fingerprint = :fingerprint AND steps.status IN ('prepared', 'running', 'in_doubt', 'succeeded')
ORDER BY steps.seq DESC LIMIT 20;

-- Whole tables of a ledger that holds one run: what a bundle shows of it.

-- name: numbers_in
-- The columns of a table that hold numbers.
SELECT name FROM pragma_table_info(:table) WHERE type IN ('INTEGER', 'REAL');

-- name: rows_of_runs
SELECT * FROM runs ORDER BY run_id;

-- name: rows_of_sessions
SELECT * FROM sessions ORDER BY session_id;

-- name: rows_of_owners
SELECT * FROM owners ORDER BY owner_id;

-- name: rows_of_steps
SELECT * FROM steps ORDER BY step_id;

-- name: rows_of_claims
SELECT * FROM claims ORDER BY step_id, fingerprint;

-- name: rows_of_grants
SELECT * FROM grants ORDER BY grant_id;

-- name: rows_of_leases
SELECT * FROM leases ORDER BY run_id;

-- name: rows_of_jobs
SELECT * FROM jobs ORDER BY run_id;

-- name: rows_of_notes
SELECT * FROM notes ORDER BY run_id, name;

-- name: rows_of_messages
SELECT * FROM messages ORDER BY message_id;

-- name: rows_of_costs
SELECT * FROM costs ORDER BY session_id;

-- name: expiry
SELECT digest, bytes, class, at FROM expired WHERE digest = :digest;

-- Tokens and what they cost. A cost counts with the session that states it; `before` is what the session that it
-- goes on from had stated of the same sum.

-- name: tokens_of_run
SELECT model, agent_id, count(*) AS messages, sum(input) AS input, sum(output) AS output,
       sum(cache_read) AS cache_read, sum(cache_write) AS cache_write
FROM messages WHERE run_id = :run_id GROUP BY model, agent_id;

-- name: agents_of_run
SELECT agent_id, max(agent_type) AS agent_type FROM steps WHERE run_id = :run_id AND agent_id <> '' GROUP BY agent_id;

-- name: costs_of_run
SELECT costs.session_id, costs.micro_usd, costs.counter, costs.partial, parent.micro_usd AS before
FROM costs LEFT JOIN sessions USING (session_id)
LEFT JOIN costs AS parent ON parent.session_id = sessions.continues AND parent.counter = costs.counter
WHERE costs.run_id = :run_id ORDER BY costs.session_id;

-- For looking whether the record is whole.

-- Events with an empty run_id are the ledger's own.
-- name: events_to_hash
SELECT seq, run_id, CAST(json_array(seq, prev, run_id, run_seq, run_prev, subject, type, at, body) AS BLOB) AS hashed,
       hash, mac
FROM events WHERE seq BETWEEN :first AND :last ORDER BY seq LIMIT :most;

-- name: events_from
SELECT * FROM events WHERE seq BETWEEN :first AND :last ORDER BY seq LIMIT :most;

-- name: events_naming_keys
SELECT seq, type, body FROM events WHERE run_id = '' AND type IN ('ledger.created', 'key.renewed') ORDER BY seq;

-- name: events_to_project
SELECT seq, run_id, subject, type, at, body FROM events ORDER BY seq;

-- name: event_at
SELECT * FROM events WHERE seq = :seq;

-- name: schema
SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name;

-- name: moves
SELECT status, leads_to FROM moves ORDER BY status, leads_to;

-- name: contents_by_digest
SELECT digest, bytes FROM blobs ORDER BY digest;

-- name: extent_of_events
SELECT count(*) AS events, max(seq) AS last FROM events;

-- name: events_of_sessions_elsewhere
SELECT seq, run_id, subject, type, at, body FROM events
WHERE type IN ('session.joined', 'session.ended', 'owner.seen', 'owner.ended') AND run_id <> :run_id;

-- name: verified_runs
SELECT * FROM runs WHERE run_id = :run_id;

-- name: verified_sessions
SELECT * FROM sessions WHERE run_id = :run_id ORDER BY session_id;

-- name: verified_owners
SELECT * FROM owners WHERE session_id IN (SELECT session_id FROM sessions WHERE run_id = :run_id) ORDER BY owner_id;

-- name: verified_steps
SELECT * FROM steps WHERE run_id = :run_id ORDER BY step_id;

-- name: verified_claims
SELECT * FROM claims WHERE step_id IN (SELECT step_id FROM steps WHERE run_id = :run_id) ORDER BY step_id, fingerprint;

-- name: verified_leases
SELECT * FROM leases WHERE run_id = :run_id;

-- name: verified_jobs
SELECT * FROM jobs WHERE run_id = :run_id;

-- name: verified_notes
SELECT * FROM notes WHERE run_id = :run_id ORDER BY run_id, name;

-- The record beside the client's own: what an audit compares.

-- name: sessions_to_audit
SELECT session_id, run_id, transcript_path, source, continues, joined_at, ended_at FROM sessions
WHERE run_id = :run_id OR session_id IN (SELECT session_id FROM steps WHERE run_id = :run_id) ORDER BY joined_at, seq;

-- name: sessions_with_a_prompt
SELECT DISTINCT subject AS session_id FROM events WHERE run_id = :run_id AND type = 'turn.started';

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

-- For letting contents go. A content that is recorded again is there again, whatever `expired` says of it.

-- name: let_go
SELECT bytes, class, at FROM expired WHERE digest = :digest;

-- name: let_go_so_far
SELECT count(*) AS contents, coalesce(sum(bytes), 0) AS bytes FROM expired
WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = expired.digest);

-- name: content_sizes
SELECT digest, length(bytes) AS bytes FROM blobs;

-- name: contents_of_jobs
SELECT content FROM jobs;

-- name: steps_naming_contents
SELECT steps.run_id, tool_name, effect, steps.status, evidence, redacted, closed_at,
       input, effective_input, output, error, runs.status AS run_status, jobs.run_id IS NOT NULL AS job
FROM steps JOIN runs USING (run_id) LEFT JOIN jobs USING (run_id);

-- name: step_naming_contents
SELECT steps.run_id, tool_name, effect, steps.status, evidence, redacted, closed_at,
       input, effective_input, output, error, runs.status AS run_status, jobs.run_id IS NOT NULL AS job
FROM steps JOIN runs USING (run_id) LEFT JOIN jobs USING (run_id) WHERE step_id = :step_id;

-- name: events_naming_contents
SELECT subject, body FROM events
WHERE type IN ('step.late_receipt', 'step.in_doubt', 'step.succeeded', 'step.failed', 'step.refused', 'step.not_done',
               'step.replayed', 'step.rewritten');

-- For the invariants of a run.

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

-- Calls counted. Numbers of which half or most are below something are handed over as a list, for sorting them here
-- costs more than all the rest. Which local day it was is told by the quarter of an hour in UTC.

-- name: calls_by_tool
SELECT tool_name AS name, count(*) AS attempts,
       count(*) FILTER (WHERE status IN ('running', 'succeeded', 'failed', 'in_doubt')) AS executed,
       count(duplicate_of) AS duplicates,
       count(*) FILTER (WHERE duplicate_of IS NOT NULL AND status IN ('refused', 'replayed')) AS held_back,
       count(*) FILTER (WHERE status = 'refused') AS refused,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'in_doubt') AS in_doubt,
       count(*) FILTER (WHERE mode = 'observe') AS observed,
       group_concat(duration_ms) AS duration_ms, group_concat(hook_us) AS hook_us
FROM steps
WHERE tool_name GLOB :tool AND (:run_id = '' OR run_id = :run_id)
  AND coalesce(prepared_at, closed_at) >= :earliest AND coalesce(prepared_at, closed_at) < :latest
  AND (:workspace = '' OR run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'))
GROUP BY tool_name;

-- name: calls_by
SELECT CASE :by
         WHEN 'agent' THEN agent_type
         WHEN 'day' THEN substr(coalesce(prepared_at, closed_at), 1, 14)
                         || (substr(coalesce(prepared_at, closed_at), 15, 2) / 15)
         WHEN 'workspace' THEN (SELECT project FROM runs WHERE runs.run_id = steps.run_id)
         WHEN 'entrypoint' THEN (SELECT entrypoint FROM sessions WHERE sessions.session_id = steps.session_id)
       END AS name, count(*) AS attempts,
       count(*) FILTER (WHERE status IN ('running', 'succeeded', 'failed', 'in_doubt')) AS executed,
       count(duplicate_of) AS duplicates,
       count(*) FILTER (WHERE duplicate_of IS NOT NULL AND status IN ('refused', 'replayed')) AS held_back,
       count(*) FILTER (WHERE status = 'refused') AS refused,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'in_doubt') AS in_doubt,
       count(*) FILTER (WHERE mode = 'observe') AS observed,
       group_concat(duration_ms) AS duration_ms, group_concat(hook_us) AS hook_us
FROM steps
WHERE tool_name GLOB :tool AND (:run_id = '' OR run_id = :run_id)
  AND coalesce(prepared_at, closed_at) >= :earliest AND coalesce(prepared_at, closed_at) < :latest
  AND (:workspace = '' OR run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'))
GROUP BY name;

-- name: tokens_by
SELECT CASE :by
         WHEN 'model' THEN model
         WHEN 'run' THEN run_id
         WHEN 'agent' THEN agent_id
         WHEN 'day' THEN substr(at, 1, 14) || (substr(at, 15, 2) / 15)
         WHEN 'workspace' THEN (SELECT project FROM runs WHERE runs.run_id = messages.run_id)
         WHEN 'entrypoint' THEN (SELECT entrypoint FROM sessions WHERE sessions.session_id = messages.session_id)
       END AS name, count(*) AS messages, sum(input) AS input, sum(output) AS output,
       sum(cache_read) AS cache_read, sum(cache_write) AS cache_write
FROM messages
WHERE (:run_id = '' OR run_id = :run_id) AND at >= :earliest AND at < :latest
  AND (:workspace = '' OR run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'))
GROUP BY name;

-- name: tokens_between
SELECT count(*) AS messages, sum(input) AS input, sum(output) AS output, sum(cache_read) AS cache_read,
       sum(cache_write) AS cache_write
FROM messages
WHERE (:run_id = '' OR run_id = :run_id) AND at >= :earliest AND at < :latest
  AND (:workspace = '' OR run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'));

-- name: types_of_agents
SELECT agent_id, max(agent_type) AS agent_type FROM steps WHERE agent_id <> '' GROUP BY agent_id;

-- name: costs_between
SELECT costs.run_id, costs.session_id, costs.micro_usd, costs.counter, costs.partial, parent.micro_usd AS before
FROM costs LEFT JOIN sessions USING (session_id)
LEFT JOIN costs AS parent ON parent.session_id = sessions.continues AND parent.counter = costs.counter
WHERE costs.at >= :earliest AND costs.at < :latest
  AND (:workspace = '' OR costs.run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'))
ORDER BY costs.session_id;

-- name: sessions_between
SELECT count(DISTINCT session_id) AS sessions FROM messages
WHERE at >= :earliest AND at < :latest
  AND (:workspace = '' OR run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'));

-- name: counted_up_to
SELECT path, position FROM cursors WHERE path >= 'usage:' AND path < 'usage;';

-- name: asked_by_run
SELECT (SELECT json_group_array(DISTINCT entrypoint) FROM sessions
        WHERE run_id = :run_id AND entrypoint <> '') AS entrypoints,
       (SELECT json_group_array(DISTINCT agent_type) FROM steps
        WHERE run_id = :run_id AND agent_id <> '' AND agent_type <> '') AS agents;

-- Events chosen. Those of one run stand in its own order, which is that of the ledger.

-- name: events_found
SELECT seq, at, type, run_id, run_seq, subject, body, hash FROM events
WHERE seq >= :first AND type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool))
ORDER BY seq;

-- name: events_found_of_run
SELECT seq, at, type, run_id, run_seq, subject, body, hash FROM events
WHERE run_id = :run_id AND seq >= :first AND type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool))
  AND (:session_id = '' OR subject = :session_id
       OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND session_id = :session_id)
       OR EXISTS (SELECT 1 FROM owners WHERE owner_id = events.subject AND session_id = :session_id))
ORDER BY run_seq;

-- name: first_of_latest_events
SELECT seq FROM events
WHERE type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool))
ORDER BY seq DESC LIMIT 1 OFFSET :most - 1;

-- name: first_of_latest_events_of_run
SELECT seq FROM events
WHERE run_id = :run_id AND type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool))
  AND (:session_id = '' OR subject = :session_id
       OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND session_id = :session_id)
       OR EXISTS (SELECT 1 FROM owners WHERE owner_id = events.subject AND session_id = :session_id))
ORDER BY run_seq DESC LIMIT 1 OFFSET :most - 1;

-- name: events_counted
SELECT count(*) AS events FROM events
WHERE type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool));

-- name: events_counted_of_run
SELECT count(*) AS events FROM events
WHERE run_id = :run_id AND type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool))
  AND (:session_id = '' OR subject = :session_id
       OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND session_id = :session_id)
       OR EXISTS (SELECT 1 FROM owners WHERE owner_id = events.subject AND session_id = :session_id));
