-- name: meta
SELECT name, value FROM meta ORDER BY name;

-- name: schema
SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name;

-- name: moves
SELECT status, leads_to FROM moves ORDER BY status, leads_to;

-- name: spooled
SELECT name, fate, why, at FROM spooled ORDER BY at;

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
