"""One built-in probe in a process of its own: `python3 -I -S run.py NAME`, the step as JSON on stdin.

Exit 0: it happened, stdout is the receipt. 1: it did not. 2: can't tell, whatever the reason.
"""

from __future__ import annotations

import json
import os
import sys


def main(name: str) -> int:
    # Isolated, Python knows no directory of ours. Behind the standard library's, so that nothing there is hidden.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from durable.probes.asked import Asked, CantTell, DidNotHappen
    from durable.probes.listed import PROBES

    try:
        print(PROBES[name](Asked(json.load(sys.stdin))))
    except DidNotHappen as found:
        print(found, file=sys.stderr)
        return 1
    except CantTell as trouble:
        print(trouble, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1])
    except BaseException as error:  # noqa: BLE001 - Python itself would end with 1, which means "it did not"
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
