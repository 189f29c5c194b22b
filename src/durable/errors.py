"""What can go wrong, in words a person can act on.

Every error carries a stable code, what happened, and the remedy. The hook turns it into a deny,
the CLI into one line on stderr; neither invents a sentence of its own.
"""


class DurableError(Exception):
    """Base of all. `exit_code` is the CLI's: 1 finding, 2 usage, 3 cannot."""

    code = "error"
    exit_code = 3

    def __init__(self, problem: str, remedy: str, code: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


class InputError(DurableError):
    """What the client sent can't be read as a hook event."""

    code = "input"


class HomeError(DurableError):
    """The state directory, or a file in it, can't be used as it is."""

    code = "home"


class LedgerError(DurableError):
    """The ledger can't be opened, read or written."""

    code = "ledger"


class LedgerBusy(LedgerError):
    """Somebody else holds the ledger for longer than we may wait."""

    code = "ledger-busy"


class TamperError(LedgerError):
    """The ledger is not the one the head speaks of: cut, put back, or another."""

    code = "ledger-tampered"


class VersionError(LedgerError):
    """The ledger has a schema that this version can't write."""

    code = "ledger-version"


class KeyFileError(LedgerError):
    """The key is missing, unreadable, or belongs to another ledger."""

    code = "key"


class IllegalMove(LedgerError):
    """A step was asked to go where its state does not lead."""

    code = "illegal-move"


class TwinHolds(LedgerError):
    """Another step holds this claim."""

    code = "twin-holds"


class PolicyError(DurableError):
    """A policy file can't be used; the sentence names file, line and field."""

    code = "policy"


class BundleError(DurableError):
    """A file is no bundle, one of another version, or not what it was when it was made."""

    code = "bundle"


class DeadlineError(DurableError):
    """The hook's own deadline passed, or a signal asked it to stop."""

    code = "deadline"


class UsageError(DurableError):
    """The caller asked for something that does not exist or makes no sense."""

    code = "usage"
    exit_code = 2
