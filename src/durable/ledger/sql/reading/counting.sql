-- Calls, tokens and what they cost, counted. Which local day it was is told by the quarter of an hour in UTC.

-- name: $in_workspace
(:workspace = '' OR run_id IN (
    SELECT run_id FROM runs
    WHERE project = :workspace OR substr(project, 1, length(:workspace) + 1) = :workspace || '/'))

-- name: $chosen_calls
tool_name GLOB :tool AND (:run_id = '' OR run_id = :run_id)
  AND coalesce(prepared_at, closed_at) >= :earliest AND coalesce(prepared_at, closed_at) < :latest AND $in_workspace

-- Numbers of which half or most are below something are handed over as a list: sorting them here costs more than all
-- the rest.
-- name: $calls_counted
count(*) AS attempts,
       count(*) FILTER (WHERE status IN ('running', 'succeeded', 'failed', 'in_doubt')) AS executed,
       count(duplicate_of) AS duplicates,
       count(*) FILTER (WHERE duplicate_of IS NOT NULL AND status IN ('refused', 'replayed')) AS held_back,
       count(*) FILTER (WHERE status = 'refused') AS refused,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'in_doubt') AS in_doubt,
       count(*) FILTER (WHERE mode = 'observe') AS observed,
       group_concat(duration_ms) AS duration_ms, group_concat(hook_us) AS hook_us

-- name: calls_by_tool
SELECT tool_name AS name, $calls_counted
FROM steps WHERE $chosen_calls GROUP BY tool_name;

-- name: calls_by_agent
SELECT agent_type AS name, $calls_counted
FROM steps WHERE $chosen_calls GROUP BY name;

-- name: calls_by_day
SELECT substr(coalesce(prepared_at, closed_at), 1, 14) || (substr(coalesce(prepared_at, closed_at), 15, 2) / 15) AS name,
       $calls_counted
FROM steps WHERE $chosen_calls GROUP BY name;

-- name: calls_by_workspace
SELECT (SELECT project FROM runs WHERE runs.run_id = steps.run_id) AS name, $calls_counted
FROM steps WHERE $chosen_calls GROUP BY name;

-- name: calls_by_entrypoint
SELECT (SELECT entrypoint FROM sessions WHERE sessions.session_id = steps.session_id) AS name, $calls_counted
FROM steps WHERE $chosen_calls GROUP BY name;

-- name: $tokens_counted
count(*) AS messages, sum(input) AS input, sum(output) AS output, sum(cache_read) AS cache_read,
       sum(cache_write) AS cache_write

-- name: $chosen_messages
(:run_id = '' OR run_id = :run_id) AND at >= :earliest AND at < :latest AND $in_workspace

-- name: tokens_by_agent
SELECT agent_id AS name, $tokens_counted
FROM messages WHERE $chosen_messages GROUP BY name;

-- name: tokens_by_model
SELECT model AS name, $tokens_counted
FROM messages WHERE $chosen_messages GROUP BY name;

-- name: tokens_by_run
SELECT run_id AS name, $tokens_counted
FROM messages WHERE $chosen_messages GROUP BY name;

-- name: tokens_by_day
SELECT substr(at, 1, 14) || (substr(at, 15, 2) / 15) AS name, $tokens_counted
FROM messages WHERE $chosen_messages GROUP BY name;

-- name: tokens_by_workspace
SELECT (SELECT project FROM runs WHERE runs.run_id = messages.run_id) AS name, $tokens_counted
FROM messages WHERE $chosen_messages GROUP BY name;

-- name: tokens_by_entrypoint
SELECT (SELECT entrypoint FROM sessions WHERE sessions.session_id = messages.session_id) AS name, $tokens_counted
FROM messages WHERE $chosen_messages GROUP BY name;

-- name: tokens_between
SELECT $tokens_counted FROM messages WHERE $chosen_messages;

-- name: tokens_of_run
SELECT model, agent_id, $tokens_counted FROM messages WHERE run_id = :run_id GROUP BY model, agent_id;

-- name: sessions_between
SELECT count(DISTINCT session_id) AS sessions FROM messages WHERE at >= :earliest AND at < :latest AND $in_workspace;

-- A cost counts with the session that states it; `before` is what the session that it goes on from had stated of the
-- same sum.
-- name: $with_the_parent
LEFT JOIN sessions USING (session_id)
LEFT JOIN costs AS parent ON parent.session_id = sessions.continues AND parent.counter = costs.counter

-- name: costs_between
SELECT costs.run_id, costs.session_id, costs.micro_usd, costs.counter, costs.partial, parent.micro_usd AS before
FROM (SELECT * FROM costs WHERE at >= :earliest AND at < :latest AND $in_workspace) AS costs
$with_the_parent
ORDER BY costs.session_id;

-- name: costs_of_run
SELECT costs.session_id, costs.micro_usd, costs.counter, costs.partial, parent.micro_usd AS before
FROM costs
$with_the_parent
WHERE costs.run_id = :run_id ORDER BY costs.session_id;

-- name: counted_up_to
SELECT path, position FROM cursors WHERE path >= 'usage:' AND path < 'usage;';
