-- For looking whether the record is whole.

-- Events with an empty run_id are the ledger's own.
-- name: events_to_hash
SELECT seq, run_id, CAST(json_array(seq, prev, run_id, run_seq, run_prev, subject, type, at, body) AS BLOB) AS hashed,
       hash, mac
FROM events WHERE seq BETWEEN :first AND :last ORDER BY seq LIMIT :most;

-- name: events_from
SELECT * FROM events WHERE seq BETWEEN :first AND :last ORDER BY seq LIMIT :most;

-- name: event_at
SELECT * FROM events WHERE seq = :seq;

-- name: events_naming_keys
SELECT seq, type, body FROM events WHERE run_id = '' AND type IN ('ledger.created', 'key.renewed') ORDER BY seq;

-- name: events_to_project
SELECT seq, run_id, subject, type, at, body FROM events ORDER BY seq;

-- name: contents_by_digest
SELECT digest, bytes FROM blobs ORDER BY digest;

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
