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

-- name: content_sizes
SELECT digest, length(bytes) AS bytes FROM blobs;

-- A content that is recorded again is there again, whatever `expired` says of it.

-- name: let_go
SELECT bytes, class, at FROM expired WHERE digest = :digest;

-- name: let_go_so_far
SELECT count(*) AS contents, coalesce(sum(bytes), 0) AS bytes FROM expired
WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = expired.digest);

-- name: contents_of_jobs
SELECT content FROM jobs;

-- name: $naming
SELECT steps.run_id, tool_name, effect, steps.status, flag, evidence, redacted, closed_at,
       input, effective_input, output, error, runs.status AS run_status, jobs.run_id IS NOT NULL AS job
FROM steps JOIN runs USING (run_id) LEFT JOIN jobs USING (run_id)

-- name: steps_naming_contents
$naming;

-- name: step_naming_contents
$naming WHERE step_id = :step_id;

-- name: events_naming_contents
SELECT subject, body FROM events
WHERE type IN ('step.late_receipt', 'step.in_doubt', 'step.succeeded', 'step.failed', 'step.refused', 'step.not_done',
               'step.replayed', 'step.rewritten');
