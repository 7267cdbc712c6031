"""How many questions `judge --batch` answers a second, beside pyOpenSSL answering the same from the same text.

    make bench

Each question is one JSON line with its own leaf, two intermediates and a store, all in PEM, as another program would
send it. The store is the same 140 roots each time, or one root. The reference reads the line with `json`, loads each
certificate, makes a store and verifies: what a script written for the purpose would do, without an explanation.
"""

import io
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from OpenSSL import crypto

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from anchorwatch.base.clock import SystemClock
from anchorwatch.cli.batch import serve
from builders.certs import CA
from side_by_side import Sheet, options

LEAVES = 60


def ours(lines: bytes) -> Callable[[], None]:
    """Answer all lines."""

    def work() -> None:
        answers: list[str] = []
        serve(io.BytesIO(lines), answers.append, SystemClock())
        assert sum('"trusted"' in answer for answer in answers) == LEAVES

    return work


def reference(lines: bytes) -> Callable[[], None]:
    """The same by json and pyOpenSSL."""

    def work() -> None:
        for line in lines.splitlines():
            question = json.loads(line)
            store = crypto.X509Store()
            for pem in question["anchors"]:
                store.add_cert(crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()))
            store.set_time(datetime.fromisoformat(question["at"]))
            leaf, *between = (
                crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()) for pem in question["presented"]
            )
            crypto.X509StoreContext(store, leaf, between).verify_certificate()

    return work


def main() -> int:
    """Exit status 0: these figures have no goal."""
    sheet = Sheet("batch", options(__doc__ or "").parse_args().as_json)
    top = CA.root("Harbour Root")
    upper = top.issue_ca("Harbour Upper CA")
    lower = upper.issue_ca("Harbour Lower CA")
    others = [CA.root(f"Root {number}").pem for number in range(139)]
    leaves = [lower.issue_leaf("portal.example").pem for _ in range(LEAVES)]
    for name, anchors in (("store of 140", [*others, top.pem]), ("store of 1", [top.pem])):
        lines = "".join(
            json.dumps(
                {
                    "id": number,
                    "presented": [leaf, lower.pem, upper.pem],
                    "anchors": anchors,
                    "peer": {"kind": "dns", "value": "portal.example"},
                    "at": "2025-06-01T00:00:00Z",
                    "purpose": "server_auth",
                    "profile": "webpki",
                }
            )
            + "\n"
            for number, leaf in enumerate(leaves)
        ).encode()
        figure = sheet.compare(
            f"one question, {name}",
            ours(lines),
            reference(lines),
            rounds=7,
            scale=1e3 / LEAVES,
        )
        if not sheet.as_json:
            print(f"{'':44} {1e3 / figure.ours:9.0f} questions a second")
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
