-- A step is open while it is prepared or running, and while it is in doubt if that needs somebody:
-- a `once` step, or a flagged one. A look-up or a repeatable call in doubt needs nobody.
--
-- SQLite takes a partial index only where a query repeats its condition to the letter. Hence status IN (…) beside
-- a narrower condition: without it every row of a long ledger would be read.

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

-- name: steps_holding
SELECT DISTINCT steps.* FROM claims JOIN steps USING (step_id)
WHERE claims.fingerprint = :fingerprint AND steps.status IN ('prepared', 'running', 'in_doubt', 'succeeded')
ORDER BY steps.seq DESC LIMIT 20;

-- name: tools_seen
SELECT tool_name, count(*) AS steps, count(DISTINCT run_id) AS runs,
       min(coalesce(prepared_at, closed_at)) AS first_at, max(coalesce(prepared_at, closed_at)) AS last_at
FROM steps GROUP BY tool_name ORDER BY steps DESC, tool_name;

-- name: hook_times
SELECT hook_us FROM steps WHERE hook_us IS NOT NULL ORDER BY hook_us;
