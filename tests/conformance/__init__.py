"""What every ledger must do, written against durable.ledger.interface alone.

A store passes by supplying a Backend (backend.py) and a test class per group, see test_sqlite.py.
"""
