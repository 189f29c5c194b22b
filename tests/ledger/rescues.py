"""Runs a rescue verb in a process of its own, with the hook path's imports alone, so that it can be killed."""

from pathlib import Path

SRC = str(Path(__file__).resolve().parents[2] / "src")


def run(door, work, **env):
    code = f"import sys\nsys.path.append({SRC!r})\nhome = {str(door.state)!r}\n{work}"
    return door.run_argv([door.python, "-I", "-S", "-c", code], **env)


def restore(file=None):
    return f"from durable.ledger.restore import restore\nrestore(home, {str(file) if file else None!r}, 'test')"


def renew(lost=False):
    return f"from durable.ledger.keyring import renew\nrenew(home, 'test', lost={lost}, env={{}})"


def salvage():
    return "from durable.ledger.salvage import salvage\nsalvage(home)"


def migrate(sql="CREATE TABLE extra (x);"):
    return (
        "from durable.ledger.migrate import migrate\n"
        "from durable.ledger.statements import Migration, migrations\n"
        f"migrate(home, [*migrations(), Migration('0002_extra', {sql!r})])"
    )
