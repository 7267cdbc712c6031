"""Run the public vector suites and write docs/reference/conformance.md with what came out.

    python tools/measure_conformance.py

Needs the reference data beside the checkout; takes about half a minute. The tests assert the same counts.
"""

from __future__ import annotations

import base64
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from anchorwatch.pki import check
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.certvalidator import ENGINE as CERTVALIDATOR
from anchorwatch.pki.certvalidator import ask_certvalidator
from anchorwatch.pki.engine import confirm
from anchorwatch.pki.openssl import ENGINE as OPENSSL
from anchorwatch.pki.openssl import ask_openssl
from anchorwatch.pki.path import Budget, Enumerator
from anchorwatch.pki.path import Path as Candidate
from anchorwatch.pki.policy import PolicySettings
from anchorwatch.pki.profile import PROFILES
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import TrustStore
from conformance import suites
from conformance.suites import Case, Outcome
from conformance.test_limbo import EXCEPTIONS as LIMBO_EXCEPTIONS
from conformance.test_pkits import EXCEPTIONS as PKITS_EXCEPTIONS

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = CHECKOUT / "docs" / "reference" / "conformance.md"
SHARED = CHECKOUT.parent / "shared" / "vectors"

# Why each namespace is judged by the profile it is judged by.
WHY = {
    "bettertls::": "a careful client: SHA-1 intermediates stand beside good ones",
    "crl::": "client rules; every client profile wants a CRL number, not critical",
    "cve::": "a valid case has an anchor without the key identifier that strict RFC 5280 asks for",
    "invalid::": "client rules; the same under `webpki` and `rfc5280-strict`",
    "online::": "real chains of the public web; one real root has serial number 0",
    "pathlen::": "client rules; the same under `webpki` and `rfc5280-strict`",
    "pathological::": "client rules; the same under `webpki` and `rfc5280-strict`",
    "rfc5280::": "half of the cases are about rules for issuers",
    "webpki::": "nearly all cases are about rules for issuers",
    "webpki::nc::": "valid cases break the issuer rule that a common name is one of the names",
    "webpki::san::": "the same",
    "webpki::san::public-suffix-": "a wildcard over a public suffix is refused by issuers' rules, by no client",
    "webpki::san::san-critical-": "a rule for issuers",
}

Ask = Callable[[tuple[Certificate, ...], Question], bool]


def main() -> int:
    """Exit status 3 where the reference data is absent."""
    if not SHARED.is_dir():
        print("error: the reference data is not beside this checkout (../shared)", file=sys.stderr)
        return 3
    own, building, constraints = suites.limbo(SHARED)
    nist = suites.pkits(SHARED)
    outcomes: list[tuple[str, Outcome]] = []
    for name, cases in (
        ("limbo, its own", own),
        ("BetterTLS path building", building),
        ("BetterTLS name constraints", constraints),
        ("NIST PKITS", nist),
    ):
        started = time.perf_counter()
        answers = suites.batch(cases, timeout=600)
        print(f"{name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
        outcomes.append((name, suites.compare(cases, answers)))
    alone = {
        profile: _right_under(profile, own) for profile in ("rfc5280", "webpki", "rfc5280-strict", "cabf")
    }
    text = "\n".join(_page(outcomes, own + building + constraints, alone)) + "\n"
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    print("\n".join(_engines(nist)))
    return 0


def _right_under(profile: str, cases: Sequence[Case]) -> Outcome:
    """The same cases, all of them under one profile."""
    changed = [replace(case, request={**case.request, "profile": profile}) for case in cases]
    return suites.compare(changed, suites.batch(changed, timeout=600))


def _page(
    outcomes: Sequence[tuple[str, Outcome]], limbo: Sequence[Case], alone: Mapping[str, Outcome]
) -> Iterable[str]:
    yield "# Conformance"
    yield ""
    yield "<!-- written by tools/measure_conformance.py; the tests assert the same counts -->"
    yield ""
    yield "How the judge answers the public vector suites, all of them through `anchorwatch judge --batch`."
    yield ""
    yield "| suite | cases | right | wrongly accepted | wrongly refused | errors | engines differ |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, outcome in outcomes:
        yield (
            f"| {name} | {outcome.asked:,} | {outcome.right:,} | {len(outcome.false_accepts)} "
            f"| {len(outcome.false_refusals)} | {len(outcome.not_answered)} | {len(outcome.engines_differ)} |"
        )
    yield ""
    yield "*Engines differ* counts paths that the checks find good and an engine refuses; they are answered refused."
    yield "The refusals are right for the right reason: the tests hold each to the reasons its namespace is about."
    yield ""
    yield "## The profile of each namespace"
    yield ""
    yield "The suites mix rules of clients with rules for issuers, so a namespace names who judges it."
    yield "`rfc5280-strict` and `cabf` are for vectors and lint, never for devices."
    yield ""
    yield "| namespace | cases | profile | why |"
    yield "| --- | ---: | --- | --- |"
    counts = Counter(
        max((name for name in suites.LIMBO_PROFILES if case.id.startswith(name)), key=len) for case in limbo
    )
    for name, profile in suites.LIMBO_PROFILES.items():
        yield f"| `{name}` | {counts[name]:,} | `{profile}` | {WHY[name]} |"
    yield f"| PKITS | 249 | `{suites.PKITS_PROFILE}` | with lists and the policies each case asks for |"
    yield ""
    yield "limbo's own 208 under one profile for all of them, to show how much depends on that choice:"
    yield ""
    yield "| profile | right | wrongly accepted | wrongly refused |"
    yield "| --- | ---: | ---: | ---: |"
    for name, outcome in alone.items():
        accepted, refused = len(outcome.false_accepts), len(outcome.false_refusals)
        yield f"| `{name}` | {outcome.right} | {accepted} | {refused} |"
    yield ""
    yield "## What does not come out as expected"
    yield ""
    for identity, reason in {**LIMBO_EXCEPTIONS, **PKITS_EXCEPTIONS}.items():
        yield f"- {identity}: {reason}."
    yield ""
    yield "[Engines](../explanation/engines.md) tells which engine is asked what, and how each does alone."


def _engines(cases: Sequence[Case]) -> Iterable[str]:
    """Each engine alone, and the checks alone, on the paths of PKITS; a row for the table of the page on engines."""
    rows: dict[str, Ask] = {
        "our checks alone": lambda path, question: not _faults(path, question),
        f"{OPENSSL}, the path alone": lambda path, question: ask_openssl(path, at=question.at).accepted,
        f"{OPENSSL}, with the lists": lambda path, question: (
            ask_openssl(path, at=question.at, crls=question.crls, signers=question.presented[1:]).accepted
        ),
        f"{CERTVALIDATOR}, with lists and policies": lambda path, question: (
            ask_certvalidator(
                path,
                at=question.at,
                crls=question.crls,
                signers=question.presented[1:],
                policies=question.policies,
            ).accepted
        ),
        "the engines asked by the rules": lambda path, question: confirm(path, question).accepted,
        "checks and engines": lambda path, question: (
            not _faults(path, question) and confirm(path, question).accepted
        ),
    }
    yield "| asked | right of 249 | wrongly accepted | wrongly refused |"
    yield "| --- | ---: | ---: | --- |"
    worlds = [(case, *_paths(case)) for case in cases]
    for name, ask in rows.items():
        wrong = [
            (case.id, accepted)
            for case, question, paths in worlds
            if (accepted := any(ask(path.certificates, question) for path in paths)) is not case.accept
        ]
        too_many = sum(yes for _, yes in wrong)
        refused = [identity for identity, yes in wrong if not yes]
        yield f"| {name} | {249 - len(wrong)} | {too_many} | {', '.join(refused)} |"


def _faults(path: tuple[Certificate, ...], question: Question) -> bool:
    anchor = question.store.anchor(path[-1])
    assert anchor is not None
    return bool(check.faults(Candidate(path, anchor), question, question.profile))


def _paths(case: Case) -> tuple[Question, list[Candidate]]:
    request = case.request
    policies = request["policies"]
    question = Question(
        presented=tuple(Certificate.from_der(_octets(text)) for text in request["presented"]),
        store=TrustStore.of([Certificate.from_der(_octets(text)) for text in request["anchors"]], "anchors"),
        at=datetime.fromisoformat(request["at"]),
        purpose=request["purpose"],
        profile=PROFILES[request["profile"]],
        revocation=request["revocation"],
        crls=tuple(_octets(text) for text in request["crls"]),
        policies=PolicySettings(**{**policies, "initial": frozenset(policies["initial"])}),
    )
    profile = question.profile
    found = Enumerator(question.presented, question.store, profile.anchors, Budget(profile.limits))
    return question, [candidate for candidate in found if isinstance(candidate, Candidate)]


def _octets(pem: str) -> bytes:
    return base64.b64decode("".join(pem.strip().splitlines()[1:-1]))


if __name__ == "__main__":
    sys.exit(main())
