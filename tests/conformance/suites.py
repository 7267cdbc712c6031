"""The public vector suites as requests of `judge --batch`, and their answers counted.

A case names what is presented, what is trusted and what is asked; `judge --batch` has a field for each, so a
case becomes one line. Which client judges is ours to say: a profile for each namespace, for suites mix rules
of clients with rules for issuers.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# The longest prefix decides. Why each: docs/reference/conformance.md.
LIMBO_PROFILES: Mapping[str, str] = {
    "bettertls::": "webpki",
    "cve::": "rfc5280",
    "crl::": "rfc5280",
    "invalid::": "rfc5280",
    "online::": "webpki",
    "pathlen::": "rfc5280",
    "pathological::": "rfc5280",
    "rfc5280::": "rfc5280-strict",
    "webpki::": "cabf",
    "webpki::nc::": "webpki",
    "webpki::san::": "webpki",
    "webpki::san::public-suffix-": "cabf",
    "webpki::san::san-critical-": "cabf",
}
PKITS_PROFILE = "rfc5280"

_PURPOSES = {"SERVER": "server_auth", "CLIENT": "client_auth"}
_PEERS = {"DNS": "dns", "IP": "ip", "RFC822": "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: its request, and whether the suite says that it must be accepted."""

    id: str
    suite: str
    accept: bool
    request: Json = field(repr=False)


def limbo(folder: Path) -> tuple[list[Case], list[Case], list[Case]]:
    """Limbo's own cases, BetterTLS path building, BetterTLS name constraints."""
    own: list[Case] = []
    building: list[Case] = []
    constraints: list[Case] = []
    for document in _load(folder / "limbo.json.xz")["testcases"]:
        if document["id"].startswith("bettertls::nameconstraints::"):
            constraints.append(_limbo_case(document, "name constraints"))
        elif document["id"].startswith("bettertls::"):
            building.append(_limbo_case(document, "path building"))
        else:
            own.append(_limbo_case(document, "limbo"))
    return own, building, constraints


def _limbo_case(document: Json, suite: str) -> Case:
    identity = document["id"]
    prefix = max((name for name in LIMBO_PROFILES if identity.startswith(name)), key=len)
    peer = document["expected_peer_name"]
    crls = document["crls"]
    request = {
        "id": identity,
        "presented": [document["peer_certificate"], *document["untrusted_intermediates"]],
        "anchors": document["trusted_certs"],
        "peer": _peer(peer) if peer else None,
        "peer_names": [_peer(name) for name in document["expected_peer_names"]],
        "at": document["validation_time"],
        "purpose": _PURPOSES[document["validation_kind"]],
        "profile": LIMBO_PROFILES[prefix],
        "revocation": "crl" if crls else "none",
        "crls": crls,
        "max_path_length": document["max_chain_depth"],
        "policies": None,
        "key_usage": document["key_usage"],
        "extended_key_usage": document["extended_key_usage"],
        "signature_algorithms": document["signature_algorithms"],
    }
    return Case(id=identity, suite=suite, accept=document["expected_result"] == "SUCCESS", request=request)


def _peer(name: Json) -> Json:
    return {"kind": _PEERS[name["kind"]], "value": name["value"]}


def pkits(folder: Path) -> list[Case]:
    """The NIST suite: the first certificate is the anchor, the last the leaf; every case with its lists."""
    suite = _load(folder / "pkits.json.xz")
    cases = []
    for document in suite["cases"]:
        anchor, *between, leaf = [suite["certs"][name] for name in document["certs"]]
        request = {
            "id": document["id"],
            "presented": [leaf, *reversed(between)],
            "anchors": [anchor],
            "peer": None,
            "at": suite["time"],
            "purpose": "any",
            "profile": PKITS_PROFILE,
            "revocation": "crl",
            "crls": [suite["crls"][name] for name in document["crls"]],
            "policies": {
                "initial": document["initial_policies"],
                "require_explicit": document["explicit"],
                "inhibit_mapping": document["inhibit_mapping"],
                "inhibit_any": document["inhibit_any"],
            },
        }
        cases.append(
            Case(id=document["id"], suite="PKITS", accept=document["expected"] == "accept", request=request)
        )
    return cases


def _load(file: Path) -> Json:
    with lzma.open(file) as stream:
        document: Json = json.load(stream)
    return document


def batch(cases: Sequence[Case], *, timeout: float) -> list[Json]:
    """Answers of one `anchorwatch judge --batch`, in order. Raises `TimeoutExpired` where it hangs.

    `timeout` is in seconds and far above what a run takes: it tells a hang from an answer, and measures nothing.
    """
    command = [sys.executable, "-c", "from anchorwatch.cli.app import main; main()", "judge", "--batch"]
    lines = "".join(json.dumps(case.request) + "\n" for case in cases).encode()
    done = subprocess.run(command, input=lines, capture_output=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"judge --batch ended with status {done.returncode}: {done.stderr.decode()[-800:]}"
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the answers to one suite compare with what it expects."""

    right: int
    asked: int
    false_accepts: tuple[str, ...]
    false_refusals: tuple[str, ...]
    not_answered: tuple[str, ...]
    """Answered `error` or `unsupported`."""
    engines_differ: tuple[str, ...]
    reasons: Mapping[str, int]

    @property
    def missed(self) -> frozenset[str]:
        """Every case that did not come out as the suite expects."""
        return frozenset((*self.false_accepts, *self.false_refusals, *self.not_answered))


def compare(cases: Iterable[Case], answers: Iterable[Json]) -> Outcome:
    """Count. An answer for another case than asked, or one too few, raises `ValueError`."""
    pairs = list(zip(cases, answers, strict=True))
    wrong = [case.id for case, answer in pairs if answer["id"] != case.id]
    if wrong:
        raise ValueError(f"answers out of order from {wrong[0]}")
    decided = [(case, answer) for case, answer in pairs if answer["verdict"] in ("trusted", "refused")]
    accepted = {case.id for case, answer in decided if answer["verdict"] == "trusted"}
    return Outcome(
        right=sum((case.id in accepted) is case.accept for case, _ in decided),
        asked=len(pairs),
        false_accepts=tuple(case.id for case, _ in decided if case.id in accepted and not case.accept),
        false_refusals=tuple(case.id for case, _ in decided if case.id not in accepted and case.accept),
        not_answered=tuple(case.id for case, answer in pairs if (case, answer) not in decided),
        engines_differ=tuple(case.id for case, answer in decided if answer["reason"] == "engines-differ"),
        reasons=Counter(answer["reason"] or "trusted" for _, answer in decided),
    )
