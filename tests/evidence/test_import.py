"""durable import: a bundle of another ledger, kept beside our record and read like a run of our own."""

import json
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from cli.cli_machine import SESSION, Machine
from durable.errors import BundleError, UsageError
from durable.evidence import bundle
from durable.evidence.imported import take_in
from durable.evidence.verify_bundle import Examined

KILLED = -9


class Elsewhere:
    """Another machine: a home of its own, and no hook has ever run there."""

    def __init__(self, machine, root):
        self.machine, self.state = machine, root / "elsewhere"

    def cli(self, *words, **env):
        return self.machine.cli(*words, env={"DURABLE_HOME": str(self.state), **env})

    def json(self, *words, code=0):
        done = self.cli(*words, "--json")
        assert (done.returncode, done.stderr) == (code, ""), done
        return json.loads(done.stdout)["data"]

    @property
    def kept(self):
        return sorted((self.state / "imported").glob("*.json"))


class Origin:
    """Where the bundles are from: early.json, small.json with its contents beside it, and late.json that goes on."""

    def __init__(self, root):
        self.root, self.machine = root, Machine(root)
        self.machine.ran("Bash", {"stdout": "all passed"}, command="npm test")
        self.export("early.json")
        self.export("small.json", "--blobs", str(root / "contents"))
        self.machine.ran("Read", {"text": "\u00fc"}, file_path="/a")
        self.machine.ended()
        self.export("late.json")

    def export(self, name, *words):
        assert self.machine.cli("export", SESSION, "-o", str(self.root / name), *words).returncode == 0
        return self.root / name


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    found = Origin(tmp_path_factory.mktemp("origin"))
    yield found
    found.machine.close()


@pytest.fixture
def machine(origin):
    return origin.machine


@pytest.fixture
def elsewhere(machine, tmp_path):
    return Elsewhere(machine, tmp_path)


@pytest.fixture
def early(origin, tmp_path):
    """A copy, to be changed."""
    return Path(shutil.copy(origin.root / "early.json", tmp_path))


@pytest.fixture
def late(origin):
    return origin.root / "late.json"


@pytest.fixture
def small(origin, tmp_path):
    shutil.copytree(origin.root / "contents", tmp_path / "contents")
    return Path(shutil.copy(origin.root / "small.json", tmp_path))


def forged(path, change, name="forged.json"):
    """With a digest that fits, as anybody can make it."""
    document = json.loads(path.read_text("utf-8"))
    change(document)
    document["digest"] = bundle.digest_of(document)
    target = path.with_name(name)
    target.write_text(json.dumps(document), "utf-8")
    return target


# ---- taking one in ----------------------------------------------------------------------------


def test_it_is_kept_to_the_byte_for_its_owner_alone(elsewhere, early):
    path = early
    data = elsewhere.json("import", str(path))
    assert (data["became"], data["consistent"], data["authentic"]) == ("imported", "PASS", "UNKNOWN")
    (kept,) = elsewhere.kept
    assert str(kept) == data["file"] and kept.read_bytes() == path.read_bytes()
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (kept, kept.parent, elsewhere.state)]
    assert modes == [0o600, 0o700, 0o700]
    assert not (elsewhere.state / "ledger.db").exists()


def test_the_same_once_more_changes_nothing_and_says_so(elsewhere, early):
    path = early
    elsewhere.json("import", str(path))
    (kept,) = elsewhere.kept
    before = kept.stat().st_mtime_ns, kept.stat().st_ino
    assert elsewhere.json("import", str(path))["became"] == "the same"
    assert "it was here already" in elsewhere.cli("import", str(path)).stdout
    assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == before


def test_one_that_goes_on_takes_the_place_of_the_shorter_and_not_the_other_way_round(elsewhere, early, late):
    assert elsewhere.json("import", str(early))["became"] == "imported"
    assert elsewhere.json("import", str(late))["became"] == "longer than before"
    assert elsewhere.json("import", str(early))["became"] == "shorter than what is here"
    (kept,) = elsewhere.kept
    assert kept.read_bytes() == late.read_bytes()


def test_one_that_contradicts_is_refused_and_both_are_named(elsewhere, early):
    from durable.ledger.chain import digest_of, event_of

    path = early
    elsewhere.json("import", str(path))

    def retimed(document):
        """Consistent, and another story from the first event on."""
        before, moment = "0" * 64, "2026-01-01T00:00:00.000000Z"
        text = json.dumps(document["rows"]) + "\n" + json.dumps(document["summary"])
        for row in document["events"]:
            text = text.replace(row["at"], moment)
            row["at"], row["run_prev"] = moment, before
            row["hash"] = before = digest_of(event_of(row))
        document["rows"], document["summary"] = map(json.loads, text.split("\n"))
        document["summary"]["last_hash"] = before

    other = forged(path, retimed)
    assert Examined(str(other)).findings == []
    done = elsewhere.cli("import", str(other))
    assert done.returncode == 3 and "contradicts the bundle" in done.stderr and str(elsewhere.kept[0]) in done.stderr
    assert elsewhere.kept[0].read_bytes() == path.read_bytes()


def test_one_that_is_not_consistent_is_refused_and_each_fault_named(elsewhere, early):
    path = forged(early, lambda document: document["rows"]["steps"][0].update(status="failed"))
    data = elsewhere.json("import", str(path), code=1)
    assert (data["became"], [one["code"] for one in data["findings"] if one["verdict"] == "FAIL"]) == (
        "refused",
        ["row"],
    )
    done = elsewhere.cli("import", str(path))
    assert "was not imported" in done.stdout and "FAIL row" in done.stdout
    assert elsewhere.kept == []


def test_one_of_a_later_version_is_refused(elsewhere, early):
    path = early.with_name("later.json")
    path.write_text('{"schema":"durable.bundle.v2"}', "utf-8")
    data = elsewhere.json("import", str(path), code=1)
    assert (data["became"], data["consistent"]) == ("refused", "UNKNOWN")


def test_a_file_that_is_not_there_is_one_sentence(elsewhere):
    done = elsewhere.cli("import", "nowhere.json")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1) and "can't be read" in done.stderr


def test_where_the_key_lies_a_forged_one_is_refused(machine, early):
    path = forged(early, lambda document: document.update(made_by="somebody"))
    done = machine.cli("import", str(path))
    assert done.returncode == 1 and "FAIL mac" in done.stdout


@pytest.mark.parametrize(("verb", "option"), [("import", "--signer"), ("verify", "--signer"), ("export", "--sign")])
def test_an_empty_text_is_not_taken_for_no_key_wanted(machine, elsewhere, early, verb, option):
    where, what = (machine, SESSION) if verb == "export" else (elsewhere, str(early))
    done = where.cli(verb, what, option, "")
    assert (done.returncode, done.stdout) == (2, "") and "an empty text names no key" in done.stderr
    assert elsewhere.kept == []


def test_only_one_that_the_named_key_signed_is_taken_and_keeps_its_place(origin, elsewhere, late, tmp_path):
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, file = Ed25519PrivateKey.generate(), tmp_path / "id"
    file.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()))
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    signed = origin.export("signed.json", "--sign", str(file))
    assert elsewhere.cli("import", str(late), "--signer", public).returncode == 1 and elsewhere.kept == []
    assert elsewhere.json("import", str(late))["became"] == "imported"
    taken = elsewhere.json("import", str(signed), "--signer", public)
    assert (taken["became"], taken["authentic"]) == ("made anew of the same events", "PASS")
    done = elsewhere.cli("import", str(late))
    assert done.returncode == 3 and "was signed by SHA256:" in done.stderr
    assert elsewhere.kept[0].read_bytes() == signed.read_bytes()


def test_killed_before_it_is_in_place_it_is_not_there(elsewhere, early):
    path = early
    assert elsewhere.cli("import", str(path), DURABLE_TEST_CRASH="bundle-written:kill").returncode == KILLED
    assert elsewhere.kept == [] and elsewhere.json("runs", "--imported") == []
    assert elsewhere.json("import", str(path))["became"] == "imported"
    assert Examined(str(elsewhere.kept[0])).consistent == "PASS"


def test_killed_it_leaves_what_was_to_be_replaced(elsewhere, early, late):
    elsewhere.json("import", str(early))
    assert elsewhere.cli("import", str(late), DURABLE_TEST_CRASH="bundle-written:kill").returncode == KILLED
    assert elsewhere.kept[0].read_bytes() == early.read_bytes()


@pytest.mark.parametrize("then", ["late", "nothing"])
def test_what_is_kept_is_what_was_looked_at(elsewhere, early, late, then):
    elsewhere.json("import", str(early))
    looked_at = Examined(str(shutil.copy(late, early.with_name("new.json"))))
    Path(looked_at.path).write_text("" if then == "nothing" else late.read_text("utf-8").replace("npm", "rpm"), "utf-8")
    with pytest.raises(BundleError, match="is no longer what was looked at"):
        take_in(str(elsewhere.state), looked_at.path, looked_at.document, looked_at.folder)
    assert elsewhere.kept[0].read_bytes() == early.read_bytes()


def test_contents_that_lie_beside_it_come_along(elsewhere, small):
    path = small
    elsewhere.json("import", str(path))
    for content in (small.parent / "contents").iterdir():
        content.unlink()
    found = Examined(str(elsewhere.kept[0]))
    assert (found.consistent, found.findings) == ("PASS", [])


def test_the_own_record_knows_nothing_of_it(machine, early, tmp_path):
    other = Machine(tmp_path / "other") if (tmp_path / "other").mkdir() is None else None
    other.ran("Bash", command="their own")
    before = sqlite3.connect(other.state / "ledger.db").execute("SELECT seq, hash FROM events").fetchall()
    assert other.cli("import", str(early)).returncode == 0
    assert sqlite3.connect(other.state / "ledger.db").execute("SELECT seq, hash FROM events").fetchall() == before
    assert [run["sessions"] for run in other.json("runs")] == [1]
    assert other.cli("doctor", "--json").returncode in (0, 1)
    other.close()


# ---- looking at them --------------------------------------------------------------------------


def test_runs_lists_them_with_the_ledger_they_are_from(machine, elsewhere, early):
    path = early
    assert "durable import FILE" in elsewhere.cli("runs", "--imported").stdout
    elsewhere.json("import", str(path))
    (run,) = elsewhere.json("runs", "--imported")
    document = json.loads(path.read_text("utf-8"))
    assert {name: run[name] for name in document["summary"]} == document["summary"]
    assert (run["ledger_id"], run["file"]) == (document["ledger"]["id"], str(elsewhere.kept[0]))
    assert SESSION[:8] in elsewhere.cli("runs", "--imported").stdout
    assert elsewhere.json("runs", "--imported", "--status", "failed") == []
    assert elsewhere.json("runs", "--imported", "--project", "nowhere") == []
    assert elsewhere.json("runs") == []


def test_what_is_no_bundle_in_that_room_is_passed_over(elsewhere, early):
    elsewhere.json("import", str(early))
    room = elsewhere.state / "imported"
    (room / "note.json").write_text("{", "utf-8")
    (room / "link.json").symlink_to(early)
    assert len(elsewhere.json("runs", "--imported")) == 1


def test_one_whose_members_stand_in_another_order_is_listed_too(elsewhere, early):
    path = early
    document = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(dict(reversed(document.items())), indent=1), "utf-8")
    elsewhere.json("import", str(path))
    assert [run["run_id"] for run in elsewhere.json("runs", "--imported")] == [SESSION]


def opened(word):
    from durable.cli.record import opened as opening

    with opening(word) as (reader, run_id):
        return run_id, [row["tool_name"] for row in reader.all("steps_of_run", run_id=run_id)], reader.path


@pytest.fixture
def there(elsewhere, monkeypatch):
    """In this process, on the other machine."""
    monkeypatch.setenv("DURABLE_HOME", str(elsewhere.state))
    return elsewhere


def test_a_run_is_opened_by_the_path_of_its_bundle(there, early):
    path = early
    assert opened(str(path)) == (SESSION, ["Bash"], str(path))


def test_an_imported_one_is_opened_by_the_beginning_of_its_id(there, early):
    there.json("import", str(early))
    assert opened(SESSION[:5]) == (SESSION, ["Bash"], str(there.kept[0]))


def test_an_imported_one_finds_the_contents_that_came_beside_it(there, small):
    from durable.cli.record import opened as opening

    there.json("import", str(small))
    with opening(SESSION) as (reader, run_id):
        (step,) = reader.all("steps_of_run", run_id=run_id)
        assert b"all passed" in reader.one("blob_up_to", digest=step["output"], most=1000)["bytes"]


def test_a_run_of_the_ledger_comes_before_an_imported_one(machine, early, monkeypatch):
    path = early
    assert machine.cli("import", str(path)).returncode == 0
    monkeypatch.setenv("DURABLE_HOME", str(machine.state))
    assert opened(SESSION)[2] == opened("")[2] == str(machine.state / "ledger.db")


def test_a_word_that_begins_several_runs_of_the_ledger_opens_no_imported_one(machine, early, monkeypatch):
    path = early
    assert machine.cli("import", str(path)).returncode == 0
    machine.before("Bash", session="11111111-bbbb-4bbb-8bbb-111111111111", command="other")
    monkeypatch.setenv("DURABLE_HOME", str(machine.state))
    with pytest.raises(UsageError, match="begins more than one"):
        opened("1111")


@pytest.mark.parametrize("word", ["77777777", "nowhere/at/all.json", ""])
def test_what_is_nowhere_is_one_sentence(there, early, word):
    there.json("import", str(early))
    with pytest.raises((UsageError, BundleError)) as caught:
        opened(word)
    assert "\n" not in str(caught.value) and caught.value.remedy


def test_of_two_ledgers_with_the_same_run_the_path_decides(machine, there, early):
    path = early
    there.json("import", str(path))
    other = forged(path, lambda document: document["ledger"].update(id="another"))
    there.json("import", str(other))
    with pytest.raises(UsageError, match="more than one imported run"):
        opened(SESSION)
    assert opened(str(there.kept[0]))[0] == SESSION


def test_a_bundle_that_is_not_consistent_is_not_opened(there, early):
    path = forged(early, lambda document: document["rows"]["steps"][0].update(status="failed"))
    with pytest.raises(BundleError, match="is not consistent"):
        opened(str(path))
    path.write_text("{", "utf-8")
    with pytest.raises(BundleError, match="is no bundle"):
        opened(str(path))


def test_the_name_of_a_file_here_is_a_path(there, early, monkeypatch):
    early.rename(early.with_name("plain-name"))
    monkeypatch.chdir(early.parent)
    assert opened("plain-name")[0] == SESSION


# ---- there and back ---------------------------------------------------------------------------


def test_exported_imported_elsewhere_and_looked_at_it_is_the_same_run(machine, elsewhere, late):
    path = late
    elsewhere.json("import", str(path))
    here, there = machine.json("show", SESSION), elsewhere.json("show", SESSION)
    assert there == here
    assert machine.json("diff", SESSION, str(path))["same_record"]
    assert machine.cli("diff", SESSION, str(path)).returncode == 0
    kept = str(elsewhere.kept[0])
    assert elsewhere.cli("verify", kept, "--without-key").returncode == 0
    assert elsewhere.cli("verify", kept).returncode == 1
    assert machine.cli("verify", str(path)).returncode == 0
