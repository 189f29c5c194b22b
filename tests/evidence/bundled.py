"""A run that has a little of everything, exported; and what somebody without the key can do to a bundle."""

import copy
import json
from pathlib import Path

import pytest

from cli.cli_machine import Machine
from durable.evidence import bundle
from durable.evidence.verify_bundle import Examined
from durable.ledger.chain import digest_of, event_of


class Bundles:
    """`path` is what was exported, `document` what it holds. Each change is made to a copy."""

    def __init__(self, root: Path) -> None:
        self.machine = Machine(root)
        self.root = root
        machine = self.machine
        machine.ran("Bash", {"stdout": "all of 12 passed"}, command="npm test")
        machine.ran("Read", {"text": "\u00fc \u2713"}, file_path="/a")
        use_id = machine.before("Bash", command="false")
        machine.failed("Bash", use_id, "Exit code 1\noops", command="false")
        machine.before("Bash", command="sleep 9")
        self.path = root / "run.json"
        done = machine.cli("export", "-o", str(self.path))
        assert done.returncode == 0, done
        self.document = json.loads(self.path.read_text("utf-8"))

    def changed(self, change, sealed=True):
        """The path of a copy after `change(document)`; `sealed`: with a digest that fits again."""
        document = copy.deepcopy(self.document)
        change(document)
        if sealed:
            document["digest"] = bundle.digest_of(document)
        return self.written(json.dumps(document))

    def written(self, text, name="changed.json"):
        path = self.root / name
        path.write_text(text, "utf-8")
        return path

    def codes(self, path):
        return [one.code for one in Examined(str(path)).findings]


def rehashed(document):
    """Every event hashed and linked anew: what whoever knows the format, and not the key, would do."""
    before = "0" * 64
    for number, row in enumerate(document["events"], 1):
        row["run_seq"], row["run_prev"] = number, before
        row["hash"] = before = digest_of(event_of(row))


@pytest.fixture(scope="module")
def one_exported(tmp_path_factory):
    found = Bundles(tmp_path_factory.mktemp("bundles"))
    yield found
    found.machine.close()
