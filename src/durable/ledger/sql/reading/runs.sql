-- name: $runs_counted
SELECT run_id, status, epoch, project, client, started_at, ended_at,
       (SELECT count(*) FROM sessions WHERE sessions.run_id = runs.run_id) AS sessions,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.run_id) AS steps,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.run_id
          AND status IN ('prepared', 'running', 'in_doubt')
          AND (status <> 'in_doubt' OR effect = 'once' OR flag IS NOT NULL)) AS open
FROM runs

-- name: runs
$runs_counted ORDER BY seq DESC;

-- name: run_counted
$runs_counted WHERE run_id = :run_id;

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

-- name: sessions_of_run
SELECT * FROM sessions WHERE run_id = :run_id ORDER BY seq;

-- name: known_session
SELECT run_id, session_id, transcript_path FROM sessions WHERE session_id = :session_id;

-- name: sessions_by_prefix
SELECT session_id, run_id FROM sessions
WHERE substr(session_id, 1, length(:prefix)) = :prefix ORDER BY seq DESC LIMIT 10;

-- name: session_of_client
SELECT sessions.run_id, sessions.session_id, sessions.transcript_path FROM owners JOIN sessions USING (session_id)
WHERE owners.pid = :pid AND owners.started = :started ORDER BY owners.seen_at DESC LIMIT 1;

-- name: latest_session_of_project
SELECT sessions.session_id FROM sessions JOIN runs USING (run_id)
WHERE runs.project = :project ORDER BY sessions.seq DESC LIMIT 1;

-- name: owners_of_run
SELECT owners.* FROM owners JOIN sessions USING (session_id) WHERE sessions.run_id = :run_id ORDER BY seen_at;

-- name: owners_of_session
SELECT * FROM owners WHERE session_id = :session_id ORDER BY seen_at;

-- name: owner
SELECT * FROM owners WHERE owner_id = :owner_id;

-- name: notes_of_run
SELECT name, value, version, at, given_by FROM notes WHERE run_id = :run_id ORDER BY name;

-- name: asked_by_run
SELECT (SELECT json_group_array(DISTINCT entrypoint) FROM sessions
        WHERE run_id = :run_id AND entrypoint <> '') AS entrypoints,
       (SELECT json_group_array(DISTINCT agent_type) FROM steps
        WHERE run_id = :run_id AND agent_id <> '' AND agent_type <> '') AS agents;

-- name: agents_of_run
SELECT agent_id, max(agent_type) AS agent_type FROM steps WHERE run_id = :run_id AND agent_id <> '' GROUP BY agent_id;

-- name: types_of_agents
SELECT agent_id, max(agent_type) AS agent_type FROM steps WHERE agent_id <> '' GROUP BY agent_id;

-- name: unsettled_sessions
SELECT DISTINCT session_id FROM steps
WHERE status IN ('prepared', 'running', 'in_doubt') AND (:run_id = '' OR run_id = :run_id);
