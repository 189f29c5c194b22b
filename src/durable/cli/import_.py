from __future__ import annotations

from durable import home
from durable.cli.blocks import Facts, Note, Paragraph
from durable.cli.options import argument, value
from durable.cli.reading import notices
from durable.cli.result import Result
from durable.errors import UsageError
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.cli.blocks import Block
    from durable.evidence.findings import Finding

    Row = dict[str, Any]

OPTIONS = (
    argument("BUNDLE", "The file that durable export wrote."),
    value("--signer", "PUB", "Only if this key signed it: a .pub file, or its text."),
)

LEVELS = {FAIL: "problem", UNKNOWN: "warning", WARN: "warning", PASS: "ok"}
SAYS = {
    "imported": "it is kept here",
    "the same": "it was here already",
    "made anew of the same events": "it takes the place of the one that was here, which holds the same events",
    "longer than before": "it takes the place of the one that was here: it goes on where that one ended",
    "shorter than what is here": "nothing was changed: what is here of this run goes further",
}


def run(bundle: str, signer: str | None = None) -> Result:
    """Keep a bundle of another ledger here, to be looked at like a run of our own."""
    from durable.evidence.bundles.vouching import vouched, vouching
    from durable.evidence.findings import holds
    from durable.evidence.imported import take_in
    from durable.evidence.verify import keys_at_hand
    from durable.evidence.verify_bundle import Examined

    state = home.data_home()
    if signer == "":
        raise UsageError("an empty text names no key", "leave --signer out, or say who must have signed it")
    examined = Examined(bundle)
    vouchers = vouching(examined, keys_at_hand(state), signer, None)
    authentic, document = vouched(vouchers), examined.document
    answer = Answer(
        bundle, {"consistent": examined.consistent, "authentic": authentic}, [*examined.findings, *vouchers]
    )
    wanted = (PASS,) if signer else (PASS, UNKNOWN)
    if document is None or not holds(examined.consistent) or authentic not in wanted:
        return answer.refused()
    fate, path = take_in(state, bundle, document, examined.folder)
    return answer.taken(fate, path, document["summary"])


class Answer:
    def __init__(self, bundle: str, verdicts: Row, findings: list[Finding]) -> None:
        self._bundle = bundle
        self._verdicts = verdicts
        self._findings = findings

    def refused(self) -> Result:
        notes = [Note(LEVELS[one.verdict], f"{one.verdict} {one.code}: {one.says}") for one in self._findings]
        both = f"consistent {self._verdicts['consistent']}, authentic {self._verdicts['authentic']}"
        view: list[Block] = [Note("problem", f"{self._bundle} was not imported: {both}"), *notes]
        return self._result("refused", None, None, view, 1)

    def taken(self, fate: str, path: str, summary: Row) -> Result:
        run_id = summary["run_id"]
        facts = [
            ("run", run_id),
            ("status", summary["status"] if summary["final"] else f"{summary['status']}, as of {summary['last_at']}"),
            ("holds", f"{counted(summary['events'], 'event')}, {counted(summary['steps'], 'step')}"),
            ("consistent", self._verdicts["consistent"]),
            ("authentic", self._authentic()),
            ("file", path),
        ]
        look = Paragraph(f"durable show {short_id(run_id)} shows it, durable runs --imported lists all of them")
        return self._result(fate, run_id, path, [Note("ok", SAYS[fate]), Facts(facts), look], 0)

    def _authentic(self) -> str:
        why = [one.says for one in self._findings if one.verdict in (PASS, UNKNOWN)]
        return f"{self._verdicts['authentic']}: {'; '.join(why)}" if why else self._verdicts["authentic"]

    def _result(self, fate: str, run_id: str | None, path: str | None, view: list[Block], code: int) -> Result:
        data = {"run_id": run_id, "became": fate, "file": path, **self._verdicts,
                "findings": [one.json() for one in self._findings]}  # fmt: skip
        return Result("import", data, code, [*notices(), *view])
