"""Changes a ledger at random, thousands of times, and asks whether each that means something was found.

    PYTHONPATH=src:tests:tests/evidence python -m tampering [TIMES [SEED]]

Whether a change means something is not ours to say: plain sqlite3 reads all tables, and the schema, before and
after. What it can't read any more means something. What changes no table and no entry of the schema (free pages,
unused bytes, an index, the order on a page) may be found, and need not be.
"""

import random
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import everything

from durable.errors import DurableError
from durable.evidence.findings import holds
from durable.evidence.verify import verify_ledger

# How far something has been read, and the last sign of life: no part of the record, and nothing vouches for them.
NO_EVIDENCE = ("cursors", "spent", "heartbeats")
UNREADABLE = "can't be read"


def meaning(home):
    """Every value of every table with its kind, and the schema; as others would read them."""
    connection = sqlite3.connect(f"file:{home}/ledger.db?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        schema = sorted(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall(), key=repr)
        tables = [name.decode("utf-8", "replace") for kind, name, _, _ in schema if kind == b"table"]
        found = {name: _rows(connection, name) for name in tables if name not in NO_EVIDENCE}
        version = connection.execute("PRAGMA user_version").fetchone()
        return repr((schema, version, found))
    except (sqlite3.Error, UnicodeDecodeError, OverflowError):
        return UNREADABLE
    finally:
        connection.close()


def _rows(connection, name):
    rows = connection.execute(f'SELECT * FROM "{name}" NOT INDEXED').fetchall()
    return sorted(repr([(type(value), value) for value in row]) for row in rows)


def is_found(home):
    try:
        return not holds(verify_ledger(str(home)).verdict)
    except DurableError:
        return True  # With exit code 3: it can't be verified.


# ---- the changes -----------------------------------------------------------------------------------


def cells(home):
    """Each column of each table of which something is evidence."""
    connection = sqlite3.connect(home / "ledger.db")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    kept = [name for name in names if name not in NO_EVIDENCE]
    found = [(table, row[1]) for table in kept for row in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()
    return found


def change_cell(home, chance, table, column):
    """Another value of any kind in one row, whatever a constraint has to say."""
    value = chance.choice([None, 0, 1, -1, 2.5, "", "x", "succeeded", "0" * 64, b"\x00", chance.random(), "é\x00b"])
    connection = sqlite3.connect(home / "ledger.db", isolation_level=None)
    try:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (value, chance.choice(rows)))
        for _, sql in triggers:
            connection.execute(sql)
    except (sqlite3.Error, OverflowError):
        return f"{table}.{column} refuses {value!r}"
    finally:
        connection.close()
    return f"{table}.{column} = {value!r}"


def change_bytes(home, chance):
    path = home / "ledger.db"
    data = bytearray(path.read_bytes())
    start, size = chance.randrange(len(data)), chance.choice([1, 1, 2, 8, 64])
    data[start : start + size] = bytes(chance.randrange(256) for _ in data[start : start + size])
    path.write_bytes(data)
    return f"{size} bytes at {start}"


class Tally:
    def __init__(self):
        self.meant = self.found = self.idle = 0
        self.missed = []

    def count(self, what, meant, found):
        self.meant += meant
        self.found += meant and found
        self.idle += not meant
        if meant and not found:
            self.missed.append(what)

    def __str__(self):
        return f"{self.meant} changes that mean something, {self.found} found; {self.idle} changed nothing that is read"


def tampered(times, seed, folder, told=lambda number: None):
    """Every column once, as far as `times` reaches, then columns and bytes at random."""
    chance, tally = random.Random(seed), Tally()
    sound = Path(folder) / "sound"
    everything.write(sound)
    assert not is_found(sound)
    before, columns = meaning(sound), cells(sound)
    chance.shuffle(columns)
    for number in range(times):
        told(number)
        home = everything.copy(sound, Path(folder) / "changed")
        given = columns[number % len(columns)] if number % 2 == 0 else None
        what = change_cell(home, chance, *given) if given else change_bytes(home, chance)
        meant = meaning(home) != before
        try:
            tally.count(f"{number}: {what}", meant, meant and is_found(home))
        except Exception as error:  # noqa: BLE001 - a look that breaks off has found nothing
            tally.count(f"{number}: {what} ({error!r})", True, False)
        shutil.rmtree(home)
    assert not is_found(sound)
    return tally


def main(times="2000", seed=""):
    seed = int(seed) if seed else random.SystemRandom().randrange(10**9)
    print(f"{times} changes, seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        tally = tampered(int(times), seed, folder, lambda number: number % 200 or print(f"  {number}", flush=True))
    print(tally)
    for missed in tally.missed:
        print("  MISSED", missed)
    return int(bool(tally.missed) or not tally.found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
