"""sent.py says whether the letter of this step was sent. LETTER behind it: also if it was sent without a key.

exit 0  the server took it; the receipt is printed
exit 1  the server never got it
exit 2  it was about to get it, and what it said was not heard
"""

from __future__ import annotations

import sys
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path

from send import OUTBOX, SENT, name_of, receipt


def main(paths: list[str]) -> int:
    names = [name_of(b""), *(sha256(Path(path).read_bytes()).hexdigest()[:32] for path in paths)]
    taken = [SENT / f"{name}.eml" for name in names if (SENT / f"{name}.eml").exists()]
    if taken:
        print(receipt(message_from_bytes(taken[0].read_bytes())))
        return 0
    begun = [OUTBOX / f"{name}.eml" for name in names if (OUTBOX / f"{name}.eml").exists()]
    if begun:
        print(f"whether the server took {begun[0]} is not known", file=sys.stderr)
        return 2
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
