"""`judge --batch`: one JSON question a line in, one JSON answer a line out, in order, until the input ends.

A line that cannot be understood is answered with `verdict: "error"` and the stream goes on. A certificate that
cannot be read is a fact about the chain, not an error of the asker: a leaf is refused as malformed, any
other one is left out, as a client would. A demand nobody here can honour is answered `unsupported`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anchorwatch.base.clock import Clock
from anchorwatch.pki.certificate import (
    CLIENT_AUTH,
    KEY_USAGES,
    SERVER_AUTH,
    SIGNATURES,
    Certificate,
    MalformedCertificateError,
)
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.policy import PolicySettings
from anchorwatch.pki.profile import PROFILES
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.pki.verdict import Attempt, MissingIssuer, Refused, Trusted, Unsupported, Verdict

MAX_LINE = 64 << 20
"""Octets of one request; the largest of 9,780 public test cases has 1.2 million."""

Json = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PeerRequest(_Strict):
    """A name the peer must have."""

    kind: Literal["dns", "ip", "email"]
    value: str


class PolicyRequest(_Strict):
    """The policy inputs of RFC 5280 section 6.1.1."""

    initial: list[str] = Field(default_factory=list)
    require_explicit: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False


class Request(_Strict):
    """One line of input; every field but `presented` may be left out."""

    id: Any = None
    presented: list[str] = Field(min_length=1)
    anchors: list[str] = Field(default_factory=list)
    peer: PeerRequest | None = None
    peer_names: list[PeerRequest] = Field(default_factory=list)
    at: str | None = None
    purpose: Literal["server_auth", "client_auth", "any"] = "server_auth"
    profile: str = "rfc5280"
    revocation: Literal["none", "crl"] = "none"
    crls: list[str] = Field(default_factory=list)
    max_path_length: int | None = Field(default=None, ge=0)
    policies: PolicyRequest | None = None
    key_usage: list[str] = Field(default_factory=list)
    extended_key_usage: list[str] = Field(default_factory=list)
    signature_algorithms: list[str] = Field(default_factory=list)


class BadRequestError(ValueError):
    """The line is not a question; the message is one sentence for whoever sent it."""


class _CannotHonourError(Exception):
    """The question is clear and asks for something that is not built."""


def serve(lines: IO[bytes], write: Callable[[str], None], clock: Clock) -> None:
    """Answer every line of `lines` through `write`, one JSON text each, without its line end."""
    for line in _bounded_lines(lines):
        if line is None:
            write(_dump(_error(None, f"a request may have at most {MAX_LINE} octets")))
        elif line.strip():
            write(_dump(answer(line, clock)))


def _bounded_lines(lines: IO[bytes]) -> Iterator[bytes | None]:
    """Lines of the input; None in the place of one that is too long, whose rest is skipped."""
    while line := lines.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = lines.readline(1 << 20)
        yield None


def answer(line: bytes, clock: Clock) -> Json:
    """The answer to one line. Never raises for what stands in it."""
    identity: Any = None
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise BadRequestError("a request is a JSON object")
        identity = document.get("id")
        request = Request.model_validate(document)
        return _answer(request, clock)
    except ValidationError as error:
        return _error(identity, _first_objection(error))
    except ValueError as error:
        return _error(identity, str(error))
    except RecursionError:
        return _error(identity, "the request is nested too deeply")


def _answer(request: Request, clock: Clock) -> Json:
    profile = PROFILES.get(request.profile)
    if profile is None:
        raise BadRequestError(f"no profile is called {request.profile!r}; there are {', '.join(PROFILES)}")
    at = clock.now() if request.at is None else _moment(request.at)
    peer = _peer(request.peer) if request.peer is not None else None
    names = tuple(_peer(name) for name in request.peer_names)
    try:
        leaf = _certificate(request.presented[0])
    except MalformedCertificateError as error:
        return _malformed_leaf(request.id, str(error))
    rest, lost = _certificates(request.presented[1:])
    anchors, lost_anchors = _certificates(request.anchors)
    try:
        question = Question(
            presented=(leaf, *rest),
            store=TrustStore.of(anchors, "anchors"),
            at=at,
            peer=peer,
            peer_names=names,
            purpose=request.purpose,
            profile=profile,
            revocation=request.revocation,
            crls=tuple(_crl(text) for text in request.crls),
            max_path_length=request.max_path_length,
            policies=_policies(request.policies),
            key_usage=tuple(_key_usage(name) for name in request.key_usage),
            extended_key_usage=tuple(_extended_key_usage(name) for name in request.extended_key_usage),
            signature_algorithms=tuple(
                oid for name in request.signature_algorithms for oid in _signature_algorithm(name)
            ),
        )
    except _CannotHonourError as error:
        return _unsupported(request.id, str(error))
    return document_of(judge(question, fixes=False), identity=request.id, left_out=lost + lost_anchors)


def document_of(verdict: Verdict, *, identity: object, left_out: int = 0) -> Json:
    """A verdict in the form of the batch answer."""
    match verdict:
        case Trusted():
            return {
                "id": identity,
                "verdict": "trusted",
                "reason": None,
                "sentence": verdict.sentence,
                "path": [certificate.sha256 for certificate in verdict.path.certificates],
                "attempts": [attempt_document(attempt) for attempt in verdict.attempts],
                "missing": [],
            }
        case Refused():
            aside = f" ({left_out} certificates could not be read and were left out)" if left_out else ""
            return {
                "id": identity,
                "verdict": "refused",
                "reason": verdict.reason.value,
                "sentence": verdict.sentence + aside,
                "path": [],
                "attempts": [attempt_document(attempt) for attempt in verdict.attempts],
                "missing": [missing_document(issuer) for issuer in verdict.missing],
            }
        case Unsupported():
            return _unsupported(identity, verdict.sentence)


def attempt_document(attempt: Attempt) -> Json:
    """One path that was tried, certificates by SHA-256, leaf first."""
    return {
        "path": [certificate.sha256 for certificate in attempt.certificates],
        "complete": attempt.complete,
        "faults": [
            {
                "reason": fault.reason.value,
                "position": fault.position.value,
                "certificate": fault.certificate.sha256 if fault.certificate else None,
                "sentence": fault.sentence,
            }
            for fault in attempt.faults
        ],
    }


def missing_document(issuer: MissingIssuer) -> Json:
    """One authority that would suffice; `sha256` may be empty."""
    return {
        "subject": issuer.subject.text,
        "key_id": issuer.key_id.hex() if issuer.key_id else None,
        "sha256": list(issuer.known),
    }


def _bare(identity: object, verdict: str, reason: str | None, sentence: str) -> Json:
    return {
        "id": identity,
        "verdict": verdict,
        "reason": reason,
        "sentence": sentence,
        "path": [],
        "attempts": [],
        "missing": [],
    }


def _error(identity: object, sentence: str) -> Json:
    return _bare(identity, "error", None, sentence)


def _unsupported(identity: object, sentence: str) -> Json:
    return _bare(identity, "unsupported", None, sentence)


def _malformed_leaf(identity: object, sentence: str) -> Json:
    return _bare(identity, "refused", "malformed", f"refused: what was presented is {sentence}")


def _dump(document: Json) -> str:
    # ASCII only: an identity may hold half a surrogate pair, which no encoding takes.
    return json.dumps(document, separators=(",", ":"))


def _first_objection(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the request"
    more = error.error_count() - 1
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}" + (f" (and {more} more)" if more else "")


def _moment(text: str) -> datetime:
    """RFC 3339, with a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequestError(f"at: {text!r} is no time in the form of RFC 3339") from None
    if moment.tzinfo is None:
        raise BadRequestError(f"at: {text!r} has no zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadRequestError(f"at: {text!r} lies outside the calendar") from None


def _peer(name: PeerRequest) -> PeerName:
    try:
        return PeerName(name.kind, name.value)
    except ValueError as error:
        raise BadRequestError(f"peer: {error}") from None


_ARMOUR = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


def _octets(text: str, what: str) -> bytes:
    found = _ARMOUR.search(text)
    if found is None:
        raise MalformedCertificateError(f"not {what} in PEM: no BEGIN and END lines")
    try:
        return base64.b64decode("".join(found[2].split()), validate=True)
    except binascii.Error as error:
        raise MalformedCertificateError(f"not {what} in PEM: {error}") from None


def _certificate(text: str) -> Certificate:
    return Certificate.from_der(_octets(text, "a certificate"))


def _certificates(texts: list[str]) -> tuple[list[Certificate], int]:
    """What can be read, in order, and how many could not."""
    found, lost = [], 0
    for text in texts:
        try:
            found.append(_certificate(text))
        except MalformedCertificateError:
            lost += 1
    return found, lost


def _crl(text: str) -> bytes:
    try:
        return _octets(text, "a revocation list")
    except MalformedCertificateError as error:
        # An unreadable list is evidence that says nothing; the check then misses it and says so.
        return str(error).encode()


def _policies(request: PolicyRequest | None) -> PolicySettings | None:
    if request is None:
        return None
    settings: dict[str, Any] = {"initial": frozenset(request.initial)} if request.initial else {}
    return PolicySettings(
        **settings,
        require_explicit=request.require_explicit,
        inhibit_mapping=request.inhibit_mapping,
        inhibit_any=request.inhibit_any,
    )


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_KEY_USAGES = {_folded(name): name for name in KEY_USAGES} | {"contentcommitment": "nonRepudiation"}
_EXTENDED = {
    "serverauth": SERVER_AUTH,
    "clientauth": CLIENT_AUTH,
    "codesigning": "1.3.6.1.5.5.7.3.3",
    "emailprotection": "1.3.6.1.5.5.7.3.4",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocspsigning": "1.3.6.1.5.5.7.3.9",
    "anyextendedkeyusage": "2.5.29.37.0",
}
_DOTTED = re.compile(r"[0-2](\.\d+)+\Z")


def _key_usage(name: str) -> str:
    known = _KEY_USAGES.get(_folded(name))
    if known is None:
        raise _CannotHonourError(f"no key usage is called {name!r}")
    return known


def _extended_key_usage(name: str) -> str:
    if _DOTTED.match(name):
        return name
    known = _EXTENDED.get(_folded(name))
    if known is None:
        raise _CannotHonourError(f"no extended key usage is known as {name!r}; give its object identifier")
    return known


def _algorithm_names() -> dict[str, list[str]]:
    """OIDs by every name in use: RFC 5280's ("sha256WithRSAEncryption") and "RSA_WITH_SHA256"."""
    names: dict[str, list[str]] = {}
    for oid, (name, kind, digest) in SIGNATURES.items():
        spellings = {name, kind if digest is None else f"{kind}with{digest}"}
        if kind == "ec":
            spellings.add(f"ecdsawith{digest}")
        if kind == "rsa-pss":
            spellings |= {"rsassapss", *(f"rsapsswith{each}" for each in ("sha256", "sha384", "sha512"))}
        for spelling in spellings:
            names.setdefault(_folded(spelling), []).append(oid)
    return names


_ALGORITHMS = _algorithm_names()


def _signature_algorithm(name: str) -> list[str]:
    if _DOTTED.match(name):
        return [name]
    known = _ALGORITHMS.get(_folded(name))
    if known is None:
        raise _CannotHonourError(f"no signature algorithm is known as {name!r}")
    return known
