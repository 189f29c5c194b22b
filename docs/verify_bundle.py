"""Checks a bundle of durable (durable.bundle.v1) with nothing but Python's standard library.

    python3 verify_bundle.py BUNDLE

Written from bundles.md alone, so that nobody has to trust our own verifier. Exit code 0: consistent, 1: not.
"""

import base64
import hashlib
import json
import os
import sys

FIELDS = ("seq", "prev", "run_id", "run_seq", "run_prev", "subject", "type", "at", "body")
NAMING = ("input", "effective_input", "output", "error", "content")


def unique(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def sha256(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def content(kept, path):
    if "text" in kept:
        return kept["text"].encode()
    if "base64" in kept:
        return base64.b64decode(kept["base64"], validate=True)
    with open(path, "rb") as file:
        return file.read()


def faults(bundle, folder):
    if bundle.get("schema") != "durable.bundle.v1":
        yield f"the schema is {bundle.get('schema')}, and only durable.bundle.v1 is known here"
        return
    covered = {name: sha256(value) for name, value in bundle.items() if name not in ("digest", "mac", "signature")}
    if sha256(covered) != bundle["digest"]:
        yield "the digest is another: the bundle was changed after it was made"
    number, before, seq, named = 0, "0" * 64, 0, set()
    for event in bundle["events"]:
        if (event["run_id"], event["run_seq"], event["run_prev"]) != (bundle["run_id"], number + 1, before):
            yield f"event {event['seq']} does not follow from the one before it in the run"
        if event["hash"] != sha256([event[name] for name in FIELDS]) or event["seq"] <= seq:
            yield f"event {event['seq']} was changed"
        number, before, seq = event["run_seq"], event["hash"], event["seq"]
        if event["type"].startswith(("step.", "job.")):
            values = [json.loads(event["body"]).get(name) for name in NAMING]
            named |= {value for value in values if isinstance(value, str) and len(value) == 64}
    if not number or bundle["summary"]["events"] != number or bundle["summary"]["last_hash"] != before:
        yield "the summary counts other events than there are"
    for digest, kept in bundle["blobs"].items():
        data = content(kept, os.path.join(folder, bundle["beside"], digest) if "bytes" in kept else "")
        if hashlib.sha256(data).hexdigest() != digest or kept.get("bytes", len(data)) != len(data):
            yield f"the content {digest} was changed"
    if named != {*bundle["blobs"], *bundle["lost"], *(one["digest"] for one in bundle["expired"])}:
        yield "the contents are not those that the events name"


def main(path):
    try:
        with open(path, encoding="utf-8") as file:
            bundle = json.load(file, object_pairs_hook=unique)
        found = list(faults(bundle, os.path.dirname(os.path.abspath(path))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = [f"it can't be read as a bundle ({type(error).__name__}: {error})"]
    print("\n".join(found) or "consistent")
    print("authentic: unknown. Neither a signature nor the key of a ledger can be checked with the standard library.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
