"""What one verdict costs, beside what the engine alone costs on this machine at this moment.

    make bench

A chain of three (leaf, two intermediates) against a kept store of 140 roots. Ours builds the path, checks every
requirement and asks the engine; the reference is pyOpenSSL alone, on a store it keeps itself. Both run in turns,
so that a busy machine slows both, and only their ratio is judged: exit status 1 if it is above 3.

*Again* judges one chain over and over, as a watch does; *anew* judges a leaf it has never seen each time, from
its octets on, as a scan does. Memory is what one more kept store costs when its certificates are new, and when
they are known from another store, for stores of many devices hold the same roots; the reference is the octets of its
certificates.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from OpenSSL import crypto

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from anchorwatch.pki import PROFILES, Certificate, PeerName, Question, Trusted, TrustStore, judge
from builders.certs import CA, Issued, KeyKind
from side_by_side import Figure, Sheet, options

ROOTS = 140
LEAVES = 300
ROUNDS = 15
AT = datetime(2025, 6, 1, tzinfo=UTC)
HOST = "portal.example"
LIMIT = 3.0


class World:
    """140 roots, a path of two intermediates below one of them, and many leaves."""

    def __init__(self, key: KeyKind) -> None:
        roots = [CA.root(f"Root {number}") for number in range(ROOTS - 1)]
        top = CA.root("Harbour Root", key=key)
        upper = top.issue_ca("Harbour Upper CA", key=key)
        lower = upper.issue_ca("Harbour Lower CA", key=key)
        self.roots = [*roots, top]
        self.between = [lower, upper]
        shared_key = lower.issue_leaf(HOST).key
        self.leaves: list[Issued] = [lower.issue_leaf(HOST, key=shared_key) for _ in range(LEAVES)]


def ours(world: World) -> tuple[Callable[[], object], Iterator[Callable[[], object]]]:
    """Judging the first leaf again, and each leaf anew."""
    store = TrustStore.of([Certificate.from_der(root.der) for root in world.roots])
    between = tuple(Certificate.from_der(each.der) for each in world.between)
    peer = PeerName("dns", HOST)

    def ask(leaf: Certificate) -> None:
        question = Question(
            presented=(leaf, *between), store=store, at=AT, peer=peer, profile=PROFILES["webpki"]
        )
        assert isinstance(judge(question), Trusted)

    first = Certificate.from_der(world.leaves[0].der)
    ask(first)
    return (lambda: ask(first)), (
        lambda der=leaf.der: ask(Certificate.from_der(der)) for leaf in world.leaves
    )


def reference(world: World) -> tuple[Callable[[], object], Iterator[Callable[[], object]]]:
    """The same by pyOpenSSL alone, on a kept store."""
    store = crypto.X509Store()
    for root in world.roots:
        store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, root.der))
    store.set_time(AT)
    between = [crypto.load_certificate(crypto.FILETYPE_ASN1, each.der) for each in world.between]

    def ask(leaf: crypto.X509) -> None:
        crypto.X509StoreContext(store, leaf, between).verify_certificate()

    first = crypto.load_certificate(crypto.FILETYPE_ASN1, world.leaves[0].der)
    ask(first)
    return (lambda: ask(first)), (
        lambda der=leaf.der: ask(crypto.load_certificate(crypto.FILETYPE_ASN1, der)) for leaf in world.leaves
    )


def compare(sheet: Sheet, name: str, world: World) -> None:
    """Put on the sheet what a verdict costs in this world; the goal is for a known chain."""
    again, anew = ours(world)
    engine_again, engine_anew = reference(world)
    share = LEAVES // ROUNDS

    def mean(works: Iterable[Callable[[], object]]) -> float:
        batch = list(works)
        start = time.perf_counter()
        for work in batch:
            work()
        return (time.perf_counter() - start) / len(batch)

    sheet.compare(
        f"{name}, again",
        lambda: mean([again] * 200),
        lambda: mean([engine_again] * 200),
        rounds=ROUNDS,
        scale=1e6,
        unit="us",
        at_most=LIMIT,
        timed=True,
    )
    sheet.compare(
        f"{name}, anew",
        lambda: mean(islice(anew, share)),
        lambda: mean(islice(engine_anew, share)),
        rounds=ROUNDS,
        scale=1e6,
        unit="us",
        timed=True,
    )


def memory(sheet: Sheet) -> None:
    """Put on the sheet what a kept store costs, as Python's allocator sees it."""
    ders = [CA.root(f"Root {number}").der for number in range(ROOTS)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    first = TrustStore.of([Certificate.from_der(der) for der in ders])
    new = tracemalloc.get_traced_memory()[0] - before
    known = [anchor.certificate for anchor in first.anchors]
    before = tracemalloc.get_traced_memory()[0]
    kept = [TrustStore.of(known, name=f"device {number}") for number in range(100)]
    again = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    tracemalloc.stop()
    octets = sum(len(der) for der in ders)
    for name, size in (("its certificates new", new), ("its certificates known from another", again)):
        sheet.add(
            Figure(
                name=f"a kept store, {name}",
                unit="KiB",
                ours=size / 1024,
                reference=octets / 1024,
                ratio=size / octets,
            )
        )


def main() -> int:
    """Exit status 1 if a verdict on a known chain costs more than three times the engine alone."""
    sheet = Sheet("verdict", options(__doc__ or "").parse_args().as_json)
    compare(sheet, "P-256", World("ec256"))
    compare(sheet, "RSA-2048", World("rsa2048"))
    memory(sheet)
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
