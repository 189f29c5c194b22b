"""A bundle that nobody touched is consistent; whatever is changed in one is found, and has its name."""

import json
import subprocess
import sys

import jsonschema
import pytest

from cli.cli_machine import ROOT, SESSION
from durable.evidence import bundle
from durable.evidence.bundles.bundle_model import json_schema
from durable.evidence.bundles.rows_of_run import rows_of, summary_of
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN
from durable.evidence.verify import keys_at_hand
from durable.evidence.verify_bundle import Examined, verify_bundle
from durable.ledger.reading import Reader
from durable.ledger.replica import Replica
from evidence.bundled import one_exported, rehashed

bundles = one_exported
SCRIPT = ROOT / "docs" / "verify_bundle.py"
SCHEMA = ROOT / "docs" / "bundle.schema.json"
OTHER_KEY = {"0123456789abcdef": b"k" * 32}


def script(path):
    done = subprocess.run([sys.executable, "-I", "-S", SCRIPT, path], capture_output=True, text=True, timeout=60)
    assert done.stderr == "" and "authentic: unknown" in done.stdout
    return done.returncode, done.stdout.splitlines()[:-1]


def event(document, kind):
    return next(row for row in document["events"] if row["type"] == kind)


# ---- what is in order -------------------------------------------------------------------------


def test_one_that_nobody_touched_is_consistent(bundles):
    found = Examined(str(bundles.path))
    assert (found.consistent, found.findings) == (PASS, [])
    assert found.counted == {"events": 14, "steps": 4, "contents": len(bundles.document["blobs"])}


def test_the_script_that_imports_nothing_of_ours_finds_it_consistent(bundles):
    assert script(bundles.path) == (0, ["consistent"])


def test_the_script_is_short_and_imports_only_the_standard_library():
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) < 80
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported <= sys.stdlib_module_names


def test_it_has_the_published_form(bundles):
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert schema == json_schema()
    jsonschema.validate(bundles.document, schema)


def test_its_members_may_stand_in_any_order_and_with_any_blanks(bundles):
    turned = dict(reversed(bundles.document.items()))
    path = bundles.written(json.dumps(turned, indent=3, ensure_ascii=False))
    assert bundles.codes(path) == []
    assert script(path)[0] == 0


def test_its_beginning_tells_which_run_it_is(bundles):
    found = bundle.beginning(str(bundles.path))
    assert (found["run_id"], found["summary"]["session_ids"]) == (SESSION, [SESSION])
    assert found["ledger"] == bundles.document["ledger"]


def test_a_content_that_is_no_text_comes_through(bundles):
    data = bytes(range(256))
    kept = bundle.stored(data)
    assert set(kept) == {"base64"} and bundle.content("x", kept, "") == data


# ---- what is not ------------------------------------------------------------------------------


def leaves(value, way=()):
    """The way to each value in a document that is no list or object."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*way, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*way, number))
    else:
        yield way


def spoil(document, way):
    *path, last = way
    inner = document
    for name in path:
        inner = inner[name]
    value = inner[last]
    inner[last] = value + 1 if isinstance(value, int) else 7 if value is None else f"{value}x"


@pytest.mark.parametrize("member", ["run_id", "made_at", "summary", "ledger", "rows", "blobs", "digest"])
def test_each_value_that_is_changed_is_found(bundles, member):
    ways = [(member, *way) for way in leaves(bundles.document[member])]
    for way in ways[:: max(1, len(ways) // 12)]:
        path = bundles.changed(lambda document, way=way: spoil(document, way), sealed=False)
        assert Examined(str(path)).consistent == FAIL, way
        assert script(path)[0] == 1 if way == ways[0] else True


def test_every_value_of_every_event_is_under_its_hash(bundles):
    """Also where the digest was made anew. `prev` and `mac` speak of the ledger: the one is hashed, the other not."""
    for number in (0, 7, 13):
        for name in bundles.document["events"][number]:
            if name == "mac":
                continue
            path = bundles.changed(lambda document, way=("events", number, name): spoil(document, way))
            assert Examined(str(path)).consistent == FAIL, (number, name)


def drop(number):
    return lambda document: document["events"].pop(number)


def swap(document):
    events = document["events"]
    events[5], events[6] = events[6], events[5]


def say_otherwise(document):
    row = event(document, "step.failed")
    row["body"] = row["body"].replace('"exit_code":1', '"exit_code":0')


def cut_the_end(document):
    del document["events"][-2:]
    rehashed(document)


def fail_what_succeeded(document):
    row = event(document, "step.succeeded")
    row["type"] = "step.failed"
    rehashed(document)


def add_an_event(document):
    document["events"].append({**document["events"][-1], "seq": 99})
    rehashed(document)


def of_another_run(document):
    document["events"][3]["run_id"] = "another"
    rehashed(document)


def of_no_type(document):
    document["events"][3]["type"] = "step.blessed"
    rehashed(document)


def no_object(document):
    document["events"][3]["body"] = "[1]"
    rehashed(document)


def change_a_content(document):
    kept = next(kept for kept in document["blobs"].values() if "passed" in kept["text"])
    kept["text"] = kept["text"].replace("12", "11")


def drop_a_content(document):
    document["blobs"].popitem()


def add_a_content(document):
    data = b"made up"
    document["blobs"][__import__("hashlib").sha256(data).hexdigest()] = {"text": "made up"}


def forge_a_row(document):
    document["rows"]["steps"][0]["status"] = "refused"


def no_base64_nor_ascii(document):
    document["blobs"][next(iter(document["blobs"]))] = {"base64": "\u00fc"}


def drop_a_row(document):
    document["rows"]["claims"].pop()


def drop_a_table(document):
    del document["rows"]["notes"]


def forge_a_count(document):
    document["summary"]["open"] = 0


def put_it_beside(document):
    document["beside"] = "nowhere"
    digest = next(iter(document["blobs"]))
    document["blobs"][digest] = {"bytes": 3}


def put_nowhere(document):
    put_it_beside(document)
    document["beside"] = None


def no_base64(document):
    document["blobs"][next(iter(document["blobs"]))] = {"base64": "!"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (drop(0), "event_missing"),
        (drop(4), "event_missing"),
        (swap, "event_order"),
        (say_otherwise, "event_changed"),
        (lambda document: document["events"][4].update(run_prev="0" * 64), "event_link"),
        (cut_the_end, "rows"),
        (fail_what_succeeded, "row"),
        (add_an_event, "event_illegal"),
        (of_another_run, "event_of_another_run"),
        (of_no_type, "event_type"),
        (no_object, "event_senseless"),
        (change_a_content, "blob_changed"),
        (drop_a_content, "blob_missing"),
        (add_a_content, "blob_unnamed"),
        (put_it_beside, "blob_unreadable"),
        (put_nowhere, "malformed"),
        (no_base64, "malformed"),
        (no_base64_nor_ascii, "malformed"),
        (forge_a_row, "row"),
        (drop_a_row, "rows"),
        (drop_a_table, "rows"),
        (forge_a_count, "summary"),
        (lambda document: document.update(run_id="another"), "summary"),
    ],
)
def test_what_was_changed_is_named_also_behind_a_new_digest(bundles, change, code):
    assert code in bundles.codes(bundles.changed(change))


@pytest.mark.parametrize(("more", "code"), [(0, []), (1, ["blob_changed"]), (-1, ["blob_changed"])])
def test_a_content_beside_it_is_as_long_as_it_says(bundles, more, code):
    def beside(document):
        digest, kept = next(iter(document["blobs"].items()))
        data = bundle.content(digest, kept, "")
        (bundles.root / "lying_beside").mkdir(exist_ok=True)
        (bundles.root / "lying_beside" / digest).write_bytes(data)
        document["blobs"][digest] = {"bytes": len(data) + more}
        document["beside"] = "lying_beside"

    path = bundles.changed(beside)
    assert bundles.codes(path) == code
    assert script(path)[0] == len(code)


def test_without_a_new_digest_it_is_found_by_the_digest(bundles):
    path = bundles.changed(lambda document: document.update(made_at="2020-01-01T00:00:00.000000Z"), sealed=False)
    assert bundles.codes(path) == ["digest"]
    assert script(path) == (1, ["the digest is another: the bundle was changed after it was made"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("no bundle at all", "not_json"),
        ("[" * 100_000, "not_json"),
        ('{"schema":"durable.bundle.v1","schema":"durable.bundle.v1"}', "not_json"),
        ('{"schema":"durable.bundle.v1","run_id":NaN}', "not_json"),
        ('{"schema":"durable.bundle.v1","run_id":1e999}', "not_json"),
        ("[]", "no_bundle"),
        ('{"schema":"durable.show.v1","data":{}}', "no_bundle"),
        ('{"schema":"durable.bundle.v2"}', "schema_unknown"),
        ('{"schema":"durable.bundle.v1"}', "malformed"),
    ],
)
def test_what_can_not_be_read_is_one_finding(bundles, text, code):
    path = bundles.written(text)
    found = verify_bundle(str(path), {})
    assert [one.code for one in found.findings] == [code]
    assert found.consistent == (UNKNOWN if code == "schema_unknown" else FAIL)
    assert found.authentic == UNKNOWN
    assert script(path)[0] == 1


def test_a_member_that_v1_does_not_have_is_refused(bundles):
    assert bundles.codes(bundles.changed(lambda document: document.update(more=1))) == ["malformed"]
    assert bundles.codes(bundles.changed(lambda document: document["events"][0].update(more=1))) == ["malformed"]


@pytest.mark.parametrize("name", ["../x", "..", "/etc", ".hidden", "a/b"])
def test_the_folder_beside_it_can_not_lie_elsewhere(bundles, name):
    assert bundles.codes(bundles.changed(lambda document: document.update(beside=name))) == ["malformed"]


def test_numbers_too_large_for_a_database_are_a_finding(bundles):
    def large(document):
        row = event(document, "step.prepared")
        row["body"] = row["body"].replace('"attempt":1', f'"attempt":{2**70}')
        rehashed(document)

    assert "event_senseless" in bundles.codes(bundles.changed(large))


@pytest.mark.parametrize(
    ("kind", "was", "is_"),
    [
        ("step.succeeded", '"duration_ms":40', '"duration_ms":"x"'),
        ("run.opened", None, "yesterday"),
        ("run.opened", None, ""),
        ("step.prepared", '"redacted":null', '"redacted":"no JSON"'),
        ("step.prepared", '"redacted":null', '"redacted":"[]"'),
    ],
)
def test_what_is_no_number_or_no_time_is_a_finding_and_not_a_crash_of_whoever_shows_it(bundles, kind, was, is_):
    def change(document):
        row = event(document, kind)
        row |= {"body": row["body"].replace(was, is_)} if was else {"at": is_}
        rehashed(document)
        with Replica("", document["events"]) as replica:
            document["rows"] = rows_of(replica)
            document["summary"] = summary_of(replica, document["run_id"], document["events"])

    path = bundles.changed(change)
    assert set(bundles.codes(path)) == {"event_senseless"}
    shown = bundles.machine.cli("show", str(path))
    assert (shown.returncode, shown.stdout) == (3, "")
    assert f"{path} is not consistent: " in shown.stderr and "durable verify FILE names all" in shown.stderr


def test_a_fault_of_an_event_says_which(bundles):
    for change in (no_object, of_no_type, of_another_run):
        (found,) = [one for one in Examined(str(bundles.changed(change))).findings if one.code.startswith("event_")]
        assert found.where == {"event": bundles.document["events"][3]["seq"], "run": SESSION}


# ---- whether it is authentic ------------------------------------------------------------------


def verified(bundles, path, keys=None, **more):
    found = verify_bundle(str(path), keys_at_hand(str(bundles.machine.state)) if keys is None else keys, **more)
    return found.authentic, [one.code for one in found.findings if one.verdict == found.authentic]


def test_the_key_of_its_ledger_vouches_for_it(bundles):
    assert verified(bundles, bundles.path) == (PASS, ["under_key"])


def test_without_the_key_nobody_knows(bundles):
    assert verified(bundles, bundles.path, {}) == (UNKNOWN, ["no_key"])
    assert verified(bundles, bundles.path, OTHER_KEY) == (UNKNOWN, ["no_key"])


def test_one_rewritten_to_be_consistent_is_not_authentic(bundles):
    def cut(document):
        """As if the last call had never been: rows, counts and contents fit again."""
        gone = {row["subject"] for row in document["events"][-2:]}
        del document["events"][-2:]
        for table in ("steps", "claims"):
            document["rows"][table] = [row for row in document["rows"][table] if row["step_id"] not in gone]
        rehashed(document)
        summary = document["summary"]
        summary |= {"steps": 3, "open": 0, "events": 12, "last_hash": document["events"][-1]["hash"]}
        summary |= {"last_at": document["events"][-1]["at"]}
        del summary["steps_by_status"]["running"]
        named = "".join(row["body"] for row in document["events"])
        document["blobs"] = {name: kept for name, kept in document["blobs"].items() if name in named}

    path = bundles.changed(cut)
    assert Examined(str(path)).consistent == PASS
    assert verified(bundles, path) == (FAIL, ["mac"])
    assert verified(bundles, path, {}) == (UNKNOWN, ["no_key"])


def test_a_holder_of_the_key_before_the_last_can_not_vouch(bundles):
    from durable.evidence.bundles.vouching import bundle_mac

    stolen = {"stolen": b"s" * 32}

    def forge(document):
        document["ledger"]["keys"].append("stolen")

    path = bundles.changed(forge)
    document = json.loads(path.read_text("utf-8"))
    document["mac"] = bundle_mac(stolen["stolen"], document["digest"])
    path = bundles.written(json.dumps(document))
    assert verified(bundles, path, keys_at_hand(str(bundles.machine.state)) | stolen) == (UNKNOWN, ["key_renewed"])


def test_events_that_were_not_recorded_under_the_key_are_named(bundles):
    from durable.evidence.bundles.vouching import bundle_mac

    keys = keys_at_hand(str(bundles.machine.state))

    def forged(document):
        document["events"][5]["mac"] = "0" * 64
        document["digest"] = bundle.digest_of(document)
        document["mac"] = bundle_mac(next(iter(keys.values())), document["digest"])

    assert verified(bundles, bundles.changed(forged), keys) == (FAIL, ["event_mac"])

    def older(document):
        document["ledger"]["keys"].insert(0, "before")
        forged(document)

    assert verified(bundles, bundles.changed(older), keys) == (UNKNOWN, ["older_key"])


def test_without_a_mac_the_key_says_nothing(bundles):
    assert verified(bundles, bundles.changed(lambda document: document.update(mac=""))) == (UNKNOWN, ["not_vouched"])


def test_the_ledger_that_it_is_from_can_vouch_for_it_or_be_found_cut(bundles):
    with Reader(str(bundles.machine.state)) as ledger:
        assert verified(bundles, bundles.path, {}, ledger=ledger) == (PASS, ["in_ledger"])
        verdict, codes = verified(bundles, bundles.changed(fail_what_succeeded), {}, ledger=ledger)
        assert (verdict, codes[-1]) == (FAIL, "ledger_contradicts")

        def cut(document):
            document["events"].pop()

        assert verified(bundles, bundles.changed(cut), {}, ledger=ledger) == (UNKNOWN, ["no_key", "ledger_goes_on"])

        def grown(document):
            document["events"].append(document["events"][-1])

        verdict, codes = verified(bundles, bundles.changed(grown), {}, ledger=ledger)
        assert (verdict, codes[-1]) == (FAIL, "ledger_behind")

        def of_another_ledger(document):
            document["ledger"]["id"] = "another"
            document["events"].pop()

        assert verified(bundles, bundles.changed(of_another_ledger), {}, ledger=ledger) == (UNKNOWN, ["no_key"])


@pytest.mark.parametrize("name", ["expired", "lost"])
def test_the_ledger_does_not_vouch_for_a_content_taken_out_as_if_it_had_been_gone(bundles, name):
    def withhold(document):
        digest, _ = document["blobs"].popitem()
        gone = {"digest": digest, "bytes": 1, "kept_as": "public", "at": document["made_at"]}
        document[name].append(gone if name == "expired" else digest)
        document["mac"] = ""

    path = bundles.changed(withhold)
    with Reader(str(bundles.machine.state)) as ledger:
        verdict, codes = verified(bundles, path, ledger=ledger)
    assert (verdict, codes[-1]) == (UNKNOWN, "ledger_has_contents")
    assert Examined(str(path)).counted.get("contents_expired", 0) == (name == "expired")


def test_a_lost_content_is_a_warning(bundles):
    def lose(document):
        digest, _ = document["blobs"].popitem()
        document["lost"].append(digest)

    found = Examined(str(bundles.changed(lose)))
    assert (found.consistent, [one.code for one in found.findings]) == (WARN, ["blob_lost"])
