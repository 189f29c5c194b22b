from __future__ import annotations

from durable import home
from durable.cli.bar import bar
from durable.cli.blocks import Heading, Note, Paragraph
from durable.cli.options import argument, flag, value
from durable.cli.reading import has_ledger, no_ledger, notices
from durable.cli.record import imported, is_path, of_ledger
from durable.cli.result import Result
from durable.errors import UsageError
from durable.ledger.database import database_in, present
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.evidence.findings import Finding
    from durable.evidence.verifying.verdict import Verified

OPTIONS = (
    argument("RUN", "A run or one of its sessions, or the file of a bundle; else the whole ledger.", required=False),
    flag("--all", "The whole ledger, which is what is looked at without a RUN.", name="whole"),
    value("--signer", "FILE", "Of a bundle: the public key of whoever has to have signed it."),
    flag("--without-key", "Judge by what anyone can check: whether it is consistent. Else what is unknown fails."),
)
LEDGER, RUN, BUNDLE = "ledger", "run", "bundle"
SHOWN = 20
LEVELS = {"PASS": "ok", "WARN": "warning", "UNKNOWN": "warning", "FAIL": "problem"}
CONSISTENT = {
    "PASS": "consistent: {what}",
    "WARN": "consistent but for what follows: {what}",
    "UNKNOWN": "consistent: not known",
    "FAIL": "not consistent: it does not agree with itself; anyone can see that, without a key",
}
AUTHENTIC = {
    "PASS": "authentic: written with the key that vouches for it, and nothing is cut off",
    "WARN": "authentic, as far as the keys at hand can tell",
    "UNKNOWN": "authentic: not known; only a key can tell who wrote it, and that nothing is cut off",
    "FAIL": "not authentic: it is not, or not all, what the holder of the key wrote",
}
# Of a bundle the findings say who: a signer or the ledger at hand can't say what that key can.
AUTHENTIC_OF_BUNDLE = AUTHENTIC | {
    "PASS": "authentic: somebody vouches for it, as follows",
    "FAIL": "not authentic: somebody who would have to vouch for it does not",
}
# The beginning of a finding's code, and the way out of it.
REMEDIES = {
    **dict.fromkeys(
        ("row_", "schema_", "move_", "meta_"), "rebuild --replace --reason TEXT puts rows and schema made anew in place"
    ),
    "pages_": "doctor --repair saves what can be read",
    "blob_": "doctor --repair takes a changed content out, a backup brings it back",
    **dict.fromkeys(
        ("event_", "chain_", "head_"),
        "restore FILE --reason TEXT puts a backup back; without FILE it accepts the ledger as it is",
    ),
    "key_not_at_hand": "key import FILE puts the right key back; --without-key judges without it",
    "key_differs": "restore FILE --reason TEXT puts a backup back, with the key of its time",
    "unreadable": "doctor looks at the file, doctor --repair saves what can be read",
}
# By the verdict: what is wrong with a bundle is not put right here.
REMEDIES_OF_BUNDLE = {
    "FAIL": "export RUN makes it anew, where the run was recorded",
    "UNKNOWN": "verify FILE --signer FILE takes the word of whoever signed it; --without-key judges without any",
}


def run(run: str = "", whole: bool = False, signer: str | None = None, without_key: bool = False) -> Result:
    """Check that the record is whole and ours: chain, head, every row, every content."""
    if run and whole:
        raise UsageError("--all is the whole ledger, and RUN one run of it", "give one of them")
    if signer == "":
        raise UsageError("an empty text names no key", "leave --signer out, or say who must have signed it")
    if signer and not is_path(run):
        raise UsageError("--signer is about a bundle", "name the file of a bundle with it")
    state = home.data_home()
    if is_path(run):
        return _result(BUNDLE, run, _bundle(state, run, signer), without_key)
    if run:
        return _result(*_one(state, run), without_key)
    if not has_ledger(state):
        return _nothing(no_ledger(state))
    from durable.evidence.verify import verify_ledger

    with bar() as told:
        found = verify_ledger(state, told)
    return _result(LEDGER, state, found, without_key)


def _bundle(state: str, path: str, signer: str | None) -> Verified:
    from durable.evidence.verify import keys_at_hand
    from durable.evidence.verify_bundle import verify_bundle
    from durable.ledger.reading import Reader

    given = _read(signer) if signer else None
    if not present(database_in(state)):
        return verify_bundle(path, keys_at_hand(state), given)
    with Reader(state) as reader:
        return verify_bundle(path, keys_at_hand(state), given, reader)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"the public key {path} can't be read", "name a file as ssh-keygen makes it") from None


def _one(state: str, word: str) -> tuple[str, str, Verified]:
    from durable.evidence.verify import keys_at_hand, verify_run

    with of_ledger(word) as found:
        if found is not None:
            return RUN, found[1], verify_run(*found, keys_at_hand(state))
    path = imported(word)
    return BUNDLE, path, _bundle(state, path, None)


# ---- what is shown ----------------------------------------------------------------------------


def _nothing(why: str) -> Result:
    from durable.evidence.findings import UNKNOWN, Finding
    from durable.evidence.verifying.verdict import judged

    found = judged([Finding(UNKNOWN, "no_ledger", why)], {}, "")
    return _result(LEDGER, "", found, False)


def _result(of: str, name: str, found: Verified, without_key: bool) -> Result:
    from durable.evidence.findings import holds

    verdict = found.consistent if without_key else found.verdict
    unread = verdict == "UNKNOWN" and any(one.code == "unreadable" for one in found.findings)
    data = {"of": of, "name": name or None} | found.json() | {"verdict": verdict, "without_key": without_key}
    code = 0 if holds(verdict) else 3 if unread else 1
    return Result("verify", data, code, [*notices(), *_view(of, name, verdict, found)])


def _view(of: str, name: str, verdict: str, found: Verified) -> Iterator[Block]:
    yield Heading(f"{verdict} · {_title(of, name)}")
    yield Note(LEVELS[found.consistent], CONSISTENT[found.consistent].format(what=_counts(found)))
    said = AUTHENTIC_OF_BUNDLE if of == BUNDLE else AUTHENTIC
    yield Note(LEVELS[found.authentic], said[found.authentic])
    for finding in found.findings[:SHOWN]:
        yield Paragraph(_line(finding))
    if (more := len(found.findings) - SHOWN) > 0:
        yield Paragraph(f"and {counted(more, 'more finding')}; --json names them")
    for remedy in dict.fromkeys(filter(None, (_remedy(of, one) for one in found.findings))):
        yield Note("note", f"next: {home.command()} {remedy}")


def _title(of: str, name: str) -> str:
    if of == LEDGER:
        return "the whole ledger"
    return f"run {short_id(name)}" if of == RUN else f"the bundle {name}"


def _counts(found: Verified) -> str:
    number = found.counted
    said = f"{counted(number.get('events', 0), 'event')} follow from one another, and every row from them; "
    said += (
        f"{counted(number.get('contents', 0), 'content')} {'has its' if number.get('contents') == 1 else 'have their'}"
    )
    gone = number.get("contents_expired", 0)
    return f"{said} hash" + ("es" if number.get("contents") != 1 else "") + (f", {gone:,} expired" if gone else "")


def _line(finding: Finding) -> str:
    return f"{finding.verdict:7} {finding.code}: {finding.says}"


def _remedy(of: str, finding: Finding) -> str:
    if of == BUNDLE:
        return REMEDIES_OF_BUNDLE.get(finding.verdict, "")
    if finding.verdict == "WARN":
        return ""
    return next((way for code, way in REMEDIES.items() if finding.code.startswith(code)), "")
