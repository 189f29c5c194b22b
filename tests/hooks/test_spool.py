"""What waits beside the ledger: private, signed, taken in once; and what anyone else puts there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ledger_view

from .conftest import needs_root
from .door import NOBODY, Door, bash, failed, ran, recorded
from .judging import assert_tells_it_ran, statuses
from .test_state_faults import env, settle
from .test_stopped_hooks import closings, held

TOKEN = "ghp_" + "a1B2" * 9
NAME = "01700000000000000000-0123abcd.json"


def spool(door: Door, payload: dict | None = None, **env: str) -> Path:
    """A genuine file, left by a hook that could not commit."""
    before = door.spooled()
    payload = ran("echo second", "toolu_second") if payload is None else payload
    assert_tells_it_ran(door.post(payload, DURABLE_TEST_CRASH="before-commit:raise", **env), payload["hook_event_name"])
    [path] = set(door.spooled()) - set(before)
    return path


def events(door: Door, kind: str) -> list[dict]:
    ledger = ledger_view.connect(door.state)
    rows = ledger.execute("SELECT subject, body FROM events WHERE type = ? ORDER BY seq", [kind]).fetchall()
    ledger.close()
    return [{"subject": row["subject"], **json.loads(row["body"])} for row in rows]


def next_call(door: Door, use_id: str = "toolu_next") -> None:
    assert door.pre(bash("echo next", use_id)).permits


def bad(door: Door) -> list[Path]:
    return sorted((door.state / "spool" / "bad").glob("*"))


# ---- the file -----------------------------------------------------------------------------------


def test_it_is_ours_alone(lived_in: Door) -> None:
    path = spool(lived_in)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_holds_no_secret(lived_in: Door) -> None:
    path = spool(lived_in, ran(f"curl -H 'Authorization: token {TOKEN}' x", "toolu_second", f"token={TOKEN}"))
    assert TOKEN not in path.read_text()
    assert "[redacted:" in path.read_text()


def test_a_text_that_cant_be_understood_holds_no_secret_either(lived_in: Door) -> None:
    lived_in.post(f'{{"tool_response": "token={TOKEN}"'.encode())
    [path] = lived_in.spooled()
    assert TOKEN not in path.read_text()
    assert "tool_response" in path.read_text()


def test_a_secret_across_the_end_of_what_is_kept_is_left_out(lived_in: Door) -> None:
    dashes = "-" * 5
    key = (
        f"{dashes}BEGIN RSA PRIVATE KEY{dashes}\n" + "MIIEaB3dE5fG7hJ9\n" * 100 + f"{dashes}END RSA PRIVATE KEY{dashes}"
    )
    for before in (1_000_000 - 50, 1_100_000 - 50):
        lived_in.post(("lorem ipsum " * 100_000)[:before].encode() + key.encode() + b"." * 200_000)
    assert len(lived_in.spooled()) == 2
    for path in lived_in.spooled():
        assert "MIIE" not in path.read_text()
        assert path.stat().st_size > 900_000


def test_nothing_half_written_is_left_or_read(lived_in: Door) -> None:
    lived_in.post(ran("echo second", "toolu_second"), DURABLE_TEST_CRASH="mid-spool:kill", DURABLE_DEADLINE_S="soon")
    [half] = (lived_in.state / "spool").glob("*.new")
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "running"
    assert half.exists()


# ---- folding ------------------------------------------------------------------------------------


def test_the_next_call_takes_it_in(lived_in: Door) -> None:
    spool(lived_in)
    next_call(lived_in)
    row = ledger_view.step(lived_in.state, tool_use_id="toolu_second")
    assert (row["status"], row["closed_by"], row["output"]["stdout"]) == ("succeeded", "spool", "hi")
    assert lived_in.spooled() == []
    assert [event["why"] for event in events(lived_in, "spool.folded")] == ["receipt"]


@pytest.mark.parametrize("script", ["post_tool_use", "lifecycle"])
def test_so_does_any_other_hook(lived_in: Door, script: str) -> None:
    spool(lived_in)
    payload = ran("echo first", "toolu_first") if script == "post_tool_use" else recorded("UserPromptSubmit")
    assert lived_in.run(script, payload).permits
    assert statuses(lived_in)["toolu_second"] == "succeeded"


def test_a_failure_is_taken_in_as_one(lived_in: Door) -> None:
    spool(lived_in, failed("echo second", "toolu_second"))
    next_call(lived_in)
    row = ledger_view.step(lived_in.state, tool_use_id="toolu_second")
    assert (row["status"], row["exit_code"]) == ("failed", 3)


def test_a_redacted_receipt_still_belongs_to_its_call(lived_in: Door) -> None:
    call = f"curl -H 'Authorization: token {TOKEN}' x"
    assert lived_in.pre(bash(call, "toolu_secret")).permits
    spool(lived_in, ran(call, "toolu_secret", f"token={TOKEN}"))
    next_call(lived_in)
    row = ledger_view.step(lived_in.state, tool_use_id="toolu_secret")
    assert (row["status"], row["effective_input"]) == ("succeeded", None)


def test_several_are_taken_in_together_in_their_order(lived_in: Door) -> None:
    for number in range(3):
        assert lived_in.pre(bash(use_id=f"toolu_{number}")).permits
    for number in range(3):
        spool(lived_in, ran(use_id=f"toolu_{number}"))
    next_call(lived_in)
    assert [statuses(lived_in)[f"toolu_{number}"] for number in range(3)] == ["succeeded"] * 3
    assert lived_in.spooled() == []


def test_a_receipt_for_a_call_without_a_row_is_flagged(lived_in: Door) -> None:
    assert lived_in.post(ran("echo unannounced", "toolu_unannounced")).permits
    spool(lived_in, ran("echo other", "toolu_other"))
    next_call(lived_in)
    for use_id in ("toolu_unannounced", "toolu_other"):
        row = ledger_view.step(lived_in.state, tool_use_id=use_id)
        assert (row["status"], row["flag"]) == ("succeeded", "unprepared")


def test_two_ledgers_of_one_person_take_only_their_own(lived_in: Door, tmp_path: Path) -> None:
    path = spool(lived_in)
    room = lived_in.config / "spool"
    room.mkdir(parents=True)
    path = Path(shutil.move(path, room))
    other = Door(tmp_path / "other", **{**lived_in.env, "DURABLE_HOME": str(tmp_path / "other" / "state")})
    next_call(other)
    assert path.exists()
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "succeeded"
    assert not path.exists()


def without_a_room(door: Door) -> Path:
    """A genuine file in the directory that all ledgers of one person share."""
    (door.state / "spool").rmdir()
    (door.state / "spool").touch()
    assert_tells_it_ran(door.post(ran("echo second", "toolu_second")))
    (door.state / "spool").unlink()
    [path] = door.spooled(door.config / "spool")
    return path


def beside(door: Door, root: Path) -> Door:
    """Another ledger of the same person."""
    return Door(root, **{**door.env, "DURABLE_HOME": str(root / "state")})


def test_what_waits_for_another_ledger_in_a_shared_place_is_known_by_its_name(lived_in: Door, tmp_path: Path) -> None:
    path = without_a_room(lived_in)
    whole = path.read_bytes()
    path.write_bytes(b"what a hook that opened it would set aside")
    other = beside(lived_in, tmp_path / "other")
    next_call(other)
    assert path.exists()
    assert (events(other, "spool.set_aside"), bad(other)) == ([], [])
    path.write_bytes(whole)
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "succeeded"
    assert not path.exists()


def test_in_the_ledgers_own_place_a_name_says_nothing_of_whose_it_is(lived_in: Door) -> None:
    path = spool(lived_in)
    assert "@" not in path.name
    tagged = tagged_name(lived_in, path)
    path.rename(path.with_name(tagged))
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "running"
    assert [path.name for path in bad(lived_in)] == [tagged]


def tagged_name(door: Door, path: Path) -> str:
    tag = hashlib.sha256(os.fsencode(door.state)).hexdigest()[:8]
    return path.name.replace(".json", f"@{tag}.json")


def test_what_was_taken_in_is_not_taken_in_again_from_a_shared_place(lived_in: Door) -> None:
    path = spool(lived_in)
    whole = path.read_bytes()
    next_call(lived_in)
    room = lived_in.config / "spool"
    room.mkdir(parents=True)
    again = room / tagged_name(lived_in, path)
    again.write_bytes(whole)
    next_call(lived_in, "toolu_again")
    assert not again.exists()
    assert closings(lived_in, "toolu_second") == ["step.succeeded"]
    assert len(events(lived_in, "spool.folded")) == 1


def test_what_cant_be_taken_in_from_a_shared_place_is_named_as_everywhere(lived_in: Door) -> None:
    path = without_a_room(lived_in)
    path.write_bytes(b"garbage")
    next_call(lived_in)
    [event] = events(lived_in, "spool.set_aside")
    assert [path.name for path in bad(lived_in)] == [event["subject"]]
    assert "@" not in event["subject"]


def test_a_note_in_a_shared_place_is_void_like_any_other(lived_in: Door) -> None:
    """Its hook could not answer; then the same call was permitted to start again."""
    call = bash("echo third", "toolu_third")
    (lived_in.state / "spool").rmdir()
    away = lived_in.config / "spool"
    crash = {"DURABLE_TEST_CRASH": "before-answer:term"}
    lived_in.pre(call, **crash)
    [note] = lived_in.spooled()
    away.mkdir(parents=True)
    shared = note.rename(lived_in.root / tagged_name(lived_in, note))
    assert lived_in.pre(call).permits
    shared.rename(away / shared.name)
    next_call(lived_in)
    assert statuses(lived_in)["toolu_third"] == "running"
    assert lived_in.spooled(away) == []


# ---- what can't be taken in ---------------------------------------------------------------------


def changed(change: Callable[[dict], dict]) -> Callable[[Door], None]:
    def put(door: Door) -> None:
        path = spool(door)
        kept = json.loads(path.read_text())
        kept["body"] = json.dumps(change(json.loads(kept["body"])))
        path.write_text(json.dumps(kept))

    return put


def forged(text: bytes, name: str = NAME) -> Callable[[Door], None]:
    def put(door: Door) -> None:
        (door.state / "spool" / name).write_bytes(text)

    return put


def unsigned(door: Door) -> None:
    path = spool(door)
    path.write_text(json.dumps({**json.loads(path.read_text()), "mac": ""}))


def signed_by_another_ledger(door: Door) -> None:
    other = Door(door.root / "other", CLAUDE_PID=door.env["CLAUDE_PID"])
    assert other.pre(bash("echo second", "toolu_second")).permits
    shutil.move(spool(other), door.state / "spool" / NAME)


def copied_under_another_name(door: Door) -> None:
    spool(door).rename(door.state / "spool" / NAME)


def without_a_key(door: Door) -> None:
    key = door.state / "key"
    key.rename(door.root / "key")
    assert_tells_it_ran(door.post(ran("echo second", "toolu_second")))
    (door.root / "key").rename(key)


def without_a_home(door: Door) -> None:
    assert_tells_it_ran(door.post(ran("echo second", "toolu_second"), DURABLE_HOME="state"))


def a_folder(door: Door) -> None:
    (door.state / "spool" / NAME).mkdir()


def a_fifo(door: Door) -> None:
    os.mkfifo(door.state / "spool" / NAME)


def a_link(door: Door) -> None:
    path = spool(door)
    (door.state / "spool" / NAME).symlink_to(path.rename(door.root / "elsewhere.json"))


def unreadable(door: Door) -> None:
    assert_tells_it_ran(door.post(b"half a docu"))


BAD = {
    "empty": forged(b""),
    "garbage": forged(os.urandom(500)),
    "half": forged(b'{"body": "{\\"kind\\": \\"rec'),
    "a list": forged(b"[]"),
    "a number": forged(b"7"),
    "nested": forged(b"[" * 10_000),
    "no body": forged(b'{"mac": "x"}'),
    "a body that is a list": forged(b'{"body": [], "mac": "x"}'),
    "a body that is a number": forged(b'{"body": 7, "mac": "x"}'),
    "a body of nothing": forged(b'{"body": "{}", "mac": "x"}'),
    "a mac that is a list": forged(b'{"body": "{\\"home\\": \\"\\"}", "mac": ["x"]}'),
    "a name with a line break": forged(b"x", "a\nb.json"),
    "a name in no alphabet": forged(b"x", os.fsdecode(b"\xff\xfe.json")),
    "a name like a query": forged(b"x", "'; DROP TABLE steps; --.json"),
    "other text": changed(lambda body: {**body, "at": "2001-01-01T00:00:00.000000Z"}),
    "another call": changed(lambda body: {**body, "payload": {**body["payload"], "tool_use_id": "toolu_first"}}),
    "unsigned": unsigned,
    "signed by another ledger": signed_by_another_ledger,
    "under another name": copied_under_another_name,
    "written without a key": without_a_key,
    "written without a home": without_a_home,
    "a folder": a_folder,
    "a fifo": a_fifo,
    "a link": a_link,
    "a text that was no payload": unreadable,
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cant_be_taken_in_is_set_aside_and_named_and_stops_nothing(lived_in: Door, kind: str) -> None:
    BAD[kind](lived_in)
    spool(lived_in, ran("echo first", "toolu_late"))
    next_call(lived_in)
    [path] = bad(lived_in)
    [event] = events(lived_in, "spool.set_aside")
    assert event["subject"] == ascii(path.name)[1:-1]
    assert event["why"]
    assert statuses(lived_in)["toolu_late"] == "succeeded"
    assert statuses(lived_in)["toolu_second"] == "running"
    assert lived_in.spooled() == []
    next_call(lived_in, "toolu_again")
    assert len(events(lived_in, "spool.set_aside")) == 1


def test_a_hundred_bad_files_keep_no_good_one_waiting(lived_in: Door) -> None:
    for number in range(100):
        (lived_in.state / "spool" / f"{number:04d}.json").write_bytes(b"x")
    spool(lived_in)
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "succeeded"
    assert len(bad(lived_in)) == 100


@pytest.mark.parametrize("obstacle", [Path.touch, lambda path: path.symlink_to("/nowhere")])
def test_where_nothing_can_be_set_aside_hooks_go_on(lived_in: Door, obstacle: Callable[[Path], None]) -> None:
    obstacle(lived_in.state / "spool" / "bad")
    forged(b"x")(lived_in)
    for number in range(3):
        next_call(lived_in, f"toolu_{number}")
    assert len(events(lived_in, "spool.set_aside")) == 1
    assert lived_in.spooled()


def test_a_spool_too_long_for_one_deadline_is_taken_in_by_several_hooks(lived_in: Door) -> None:
    """A hook stops at half of its time. The gate would hold it again at a second file, for good."""
    for number in range(2):
        assert lived_in.pre(bash(use_id=f"toolu_{number}")).permits
    for number in range(2):
        spool(lived_in, ran(use_id=f"toolu_{number}"))
    running, gate = held(lived_in, "pre_tool_use", bash("echo next", "toolu_next"), "mid-fold", DURABLE_DEADLINE_S="3")
    time.sleep(1.6)
    gate.unlink()
    assert running.finish().permits
    assert [statuses(lived_in)[f"toolu_{number}"] for number in range(2)] == ["succeeded", "running"]
    next_call(lived_in, "toolu_again")
    assert [closings(lived_in, f"toolu_{number}") for number in range(2)] == [["step.succeeded"]] * 2


def test_a_receipt_too_large_for_a_hooks_deadline_waits_for_the_command_and_holds_no_call_up(lived_in: Door) -> None:
    path = spool(lived_in, ran("echo second", "toolu_second", stdout="lorem ipsum " * 90_000))
    assert lived_in.pre(bash("echo next", "toolu_next"), DURABLE_DEADLINE_S="0.5").permits
    assert path.exists()
    next_call(lived_in, "toolu_again")
    assert statuses(lived_in)["toolu_second"] == "succeeded"


# ---- other places -------------------------------------------------------------------------------


def test_where_the_state_cant_be_used_the_config_directory_holds_it(lived_in: Door) -> None:
    (lived_in.state / "spool").rmdir()
    (lived_in.state / "spool").touch()
    answer = lived_in.post(ran("echo second", "toolu_second"))
    assert_tells_it_ran(answer)
    [path] = lived_in.spooled(lived_in.config / "spool")
    assert str(path) in answer.told
    (lived_in.state / "spool").unlink()
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "succeeded"
    assert not path.exists()


def test_where_that_cant_be_used_either_a_private_directory_in_tmp_does(lived_in: Door) -> None:
    env(HOME=None)(lived_in)
    (lived_in.state / "spool").rmdir()
    (lived_in.state / "spool").touch()
    answer = lived_in.post(ran("echo second", "toolu_second"))
    assert_tells_it_ran(answer)
    path = Path(answer.told.split("waits in ")[1].split(" and will")[0])
    try:
        assert path.parent == Path(f"/tmp/durable-{os.geteuid()}/spool")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        (lived_in.state / "spool").unlink()
        assert lived_in.pre(bash("echo next", "toolu_next"), HOME=str(lived_in.home)).permits
        assert statuses(lived_in)["toolu_second"] == "succeeded"
    finally:
        path.unlink(missing_ok=True)


@needs_root
def test_nothing_is_left_with_someone_else(lived_in: Door) -> None:
    lived_in.config.mkdir(parents=True)
    os.chown(lived_in.config, NOBODY, NOBODY)
    (lived_in.state / "spool").rmdir()
    (lived_in.state / "spool").touch()
    told = lived_in.post(ran("echo second", "toolu_second")).told
    path = Path(told.split("waits in ")[1].split(" and will")[0])
    path.unlink()
    assert path.parent.parent == Path(f"/tmp/durable-{os.geteuid()}")


@needs_root
def test_what_someone_else_offers_is_not_looked_at(lived_in: Door) -> None:
    """In /tmp anyone can make our directory first, and fill it."""
    room = lived_in.config / "spool"
    room.mkdir(parents=True)
    os.chown(room, NOBODY, NOBODY)
    (room / NAME).write_bytes(b"x")
    next_call(lived_in)
    assert (room / NAME).exists()
    assert events(lived_in, "spool.set_aside") == []


def test_the_ledger_that_was_settled_still_takes_in(lived_in: Door) -> None:
    spool(lived_in)
    settle(lived_in)
    next_call(lived_in)
    assert statuses(lived_in)["toolu_second"] == "succeeded"
