"""What a store supplies to be tested. Picklable: other processes reach the same ledger through it."""

from pathlib import Path

from durable.ledger.interface import Ledger


class Backend:
    def __init__(self, place: Path) -> None:
        self.place = place

    def make_ledger(self, patience: float = 30.0) -> Ledger:
        """One more handle on the one ledger of this backend, as another process would open it."""
        raise NotImplementedError

    def direct(self, sql: str) -> None:
        """Runs a statement as somebody with a database shell would; raises whatever the store raises."""
        raise NotImplementedError

    def tables(self) -> dict[str, list[tuple]]:
        """Every row of every table that is a projection of events, in a fixed order."""
        raise NotImplementedError

    def rebuilt(self, events: list[dict]) -> dict[str, list[tuple]]:
        """The same, of an empty schema into which the rows of `events` were projected."""
        raise NotImplementedError
