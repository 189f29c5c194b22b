"""Who vouches for a bundle: the key of the ledger, that of whoever signed it, or the ledger that is at hand.

None of them is in the bundle, so without one nobody knows whether it is authentic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.bundles import signature
from durable.evidence.findings import FAIL, PASS, UNKNOWN, Finding
from durable.ledger.chain import event_mac
from durable.native import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from durable.evidence.verify_bundle import Examined
    from durable.ledger.reading import Reader

    Row = dict[str, Any]


def vouched(findings: list[Finding]) -> str:
    """One who vouches for it is enough; one who says that it is false outweighs them all."""
    verdicts = {one.verdict for one in findings}
    return next((verdict for verdict in (FAIL, PASS) if verdict in verdicts), UNKNOWN)


def vouching(found: Examined, keys: Mapping[str, bytes], signer: str | None, ledger: Reader | None) -> list[Finding]:
    document = found.document
    if document is None:
        return []
    pinned = signature.public_key(signer) if signer else ""
    says = [*_signed(document, found.digest, pinned), *_under_key(document, found.digest, keys)]
    says += _in_ledger(document, ledger)
    if pinned and any(one.code == "signature_unchecked" for one in says):
        # Whoever names a signer wants that word: nobody else's stands for it.
        return [one for one in says if one.verdict != PASS]
    # Once somebody vouches for it, it does not matter who else can't.
    return [one for one in says if one.verdict != UNKNOWN] or says


def _signed(document: Row, digest: str, signer: str) -> Iterator[Finding]:
    made = document["signature"]
    if made is None:
        if signer:
            yield Finding(
                FAIL, "unsigned", f"nobody signed it, and {signature.fingerprint(signer)} was to have done so"
            )
        return
    whose = signature.fingerprint(made["public_key"])
    if not signature.is_possible():
        says = f"whether {whose} signed it can't be checked: {signature.EXTRA}"
        yield Finding(UNKNOWN, "signature_unchecked", says)
    elif not signature.is_good(made, digest):
        yield Finding(FAIL, "signature", f"the signature is not one of {whose} over this bundle")
    elif not signer:
        says = f"signed by {whose}; whose key that is, --signer has to say"
        yield Finding(UNKNOWN, "signer_unnamed", says)
    elif made["public_key"] != signer:
        yield Finding(FAIL, "signer", f"signed by {whose}, not by {signature.fingerprint(signer)}")
    else:
        yield Finding(PASS, "signed", f"signed by {whose}")


def _under_key(document: Row, digest: str, keys: Mapping[str, bytes]) -> Iterator[Finding]:
    named = document["ledger"]["keys"][-1:]
    if not named or named[0] not in keys:
        yield Finding(UNKNOWN, "no_key", "the key of the ledger that it is from is not at hand")
    elif not document["mac"]:
        yield Finding(UNKNOWN, "not_vouched", "it was made where the key of the ledger was not at hand")
    elif document["mac"] != bundle_mac(keys[named[0]], digest):
        yield Finding(FAIL, "mac", "it was not made with the key of its ledger")
    elif named[0] != next(iter(keys)):
        yield Finding(UNKNOWN, "key_renewed", "it was made under a key that was renewed since, which others may have")
    else:
        yield from _events_under(document, keys)


def _events_under(document: Row, keys: Mapping[str, bytes]) -> Iterator[Finding]:
    foreign = [row["seq"] for row in document["events"] if not is_ours(row, keys)]
    if not foreign:
        yield Finding(PASS, "under_key", "made with the key of its ledger, and so was each event")
    elif set(document["ledger"]["keys"]) <= keys.keys():
        says = f"{len(foreign)} events were not made with a key of the ledger, the first is {foreign[0]}"
        yield Finding(FAIL, "event_mac", says, {"event": foreign[0]})
    else:
        yield Finding(UNKNOWN, "older_key", "some of its events are from before a key that is not at hand was renewed")


def is_ours(row: Row, keys: Mapping[str, bytes]) -> bool:
    return any(row["mac"] == event_mac(key, row["hash"]) for key in keys.values())


def bundle_mac(key: bytes, digest: str) -> str:
    return hmac_sha256(key, b"bundle\n" + digest.encode())


def _in_ledger(document: Row, ledger: Reader | None) -> Iterator[Finding]:
    """A bundle that was kept elsewhere shows what nothing within a ledger can: that all of it was put back."""
    if ledger is None or _id_of(ledger) != document["ledger"]["id"]:
        return
    theirs = document["events"]
    ours = [row["hash"] for row in ledger.each("events_of_run", run_id=document["run_id"])]
    differ = next((row["seq"] for row, digest in zip(theirs, ours, strict=False) if row["hash"] != digest), None)
    if differ is not None:
        says = f"the ledger at hand, from which it says it is, holds another event {differ}"
        yield Finding(FAIL, "ledger_contradicts", says, {"event": differ})
    elif len(ours) < len(theirs):
        missing = theirs[len(ours)]["seq"]
        says = f"the ledger at hand, from which it says it is, lacks event {missing}: one of them was cut or added to"
        yield Finding(FAIL, "ledger_behind", says, {"event": missing})
    elif len(ours) > len(theirs):
        says = f"each event stands in the ledger at hand, which goes on with {len(ours) - len(theirs)} more of the run"
        yield Finding(UNKNOWN, "ledger_goes_on", says)
    elif withheld := [digest for digest in _named_gone(document) if ledger.one("blob_up_to", digest=digest, most=0)]:
        says = f"the ledger at hand has {len(withheld)} of the contents that it names as expired or lost"
        yield Finding(UNKNOWN, "ledger_has_contents", says, {"blob": withheld[0]})
    else:
        yield Finding(PASS, "in_ledger", "the ledger at hand holds exactly these events of the run")


def _named_gone(document: Row) -> list[str]:
    return [*(one["digest"] for one in document["expired"]), *document["lost"]]


def _id_of(ledger: Reader) -> str:
    return str(next((row["value"] for row in ledger.all("meta") if row["name"] == "ledger_id"), ""))
