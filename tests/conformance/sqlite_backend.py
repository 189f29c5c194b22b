"""The embedded store, as the suite sees it."""

import sqlite3

from conformance.backend import Backend
from durable.ledger.chain import event_of
from durable.ledger.rebuild import PROJECTED, Rebuild
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.statements import migrations


class Sqlite(Backend):
    def make_ledger(self, patience=30.0):
        return SqliteLedger(str(self.place), patience=patience, busy_s=patience)

    def direct(self, sql):
        connection = sqlite3.connect(self.place / "ledger.db")
        try:
            with connection:
                connection.execute(sql)
        finally:
            connection.close()

    def tables(self):
        connection = sqlite3.connect(f"file:{self.place}/ledger.db?mode=ro", uri=True)
        try:
            return rows_of(connection)
        finally:
            connection.close()

    def rebuilt(self, events):
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in migrations():
            connection.executescript(migration.sql)
        rebuild = Rebuild(connection)
        for row in events:
            assert rebuild.take(event_of(row)), row["type"]
        return rows_of(connection)


def rows_of(connection):
    return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in PROJECTED}
