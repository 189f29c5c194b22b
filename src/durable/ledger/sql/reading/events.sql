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

-- name: latest_events
SELECT * FROM (SELECT * FROM events ORDER BY seq DESC LIMIT :most) AS latest ORDER BY seq;

-- name: latest_events_of_run
SELECT * FROM (
  SELECT * FROM events WHERE run_id = :run_id ORDER BY run_seq DESC LIMIT :most
) AS latest ORDER BY seq;

-- name: extent_of_events
SELECT count(*) AS events, max(seq) AS last FROM events;

-- Events chosen. Those of one run stand in its own order, which is that of the ledger.

-- name: $chosen
type GLOB :type AND at >= :earliest AND at < :latest
  AND (:subject = '' OR substr(subject, 1, length(:subject)) = :subject)
  AND (:tool = '' OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND tool_name GLOB :tool))

-- name: $of_run
run_id = :run_id
  AND (:session_id = '' OR subject = :session_id
       OR EXISTS (SELECT 1 FROM steps WHERE step_id = events.subject AND session_id = :session_id)
       OR EXISTS (SELECT 1 FROM owners WHERE owner_id = events.subject AND session_id = :session_id))

-- name: events_found
SELECT seq, at, type, run_id, run_seq, subject, body, hash FROM events
WHERE seq >= :first AND $chosen ORDER BY seq;

-- name: events_found_of_run
SELECT seq, at, type, run_id, run_seq, subject, body, hash FROM events
WHERE seq >= :first AND $chosen AND $of_run ORDER BY run_seq;

-- name: first_of_latest_events
SELECT seq FROM events WHERE $chosen ORDER BY seq DESC LIMIT 1 OFFSET :most - 1;

-- name: first_of_latest_events_of_run
SELECT seq FROM events WHERE $chosen AND $of_run ORDER BY run_seq DESC LIMIT 1 OFFSET :most - 1;

-- name: events_counted
SELECT count(*) AS events FROM events WHERE $chosen;

-- name: events_counted_of_run
SELECT count(*) AS events FROM events WHERE $chosen AND $of_run;
