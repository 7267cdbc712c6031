"""Whether a signed bundle may be believed: signature, attributes, signer's path to a pin, version.

Everything is looked at, so that a refusal names all its reasons. The certificates a bundle brings may
be links of the signer's path, and its end too, but only because the end's SHA-256 is pinned: what a
message says of itself proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from anchorwatch.formats.cms import CONTENT_TYPE, MESSAGE_DIGEST, SignedBundle, Signer, digest_of
from anchorwatch.formats.limits import DEFAULT
from anchorwatch.pki import der
from anchorwatch.pki.certificate import (
    BASIC_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    POLICIES,
    RSA_PSS,
    SIGNATURES,
    SUBJECT_ALT_NAME,
    Certificate,
    pss_digest,
)
from anchorwatch.pki.edge import Signature, names_fit, signature, verify_signature

__all__ = [
    "BUNDLE_SIGNING",
    "CISCO_PINS",
    "Held",
    "NotVerified",
    "Objection",
    "ObjectionCode",
    "Rule",
    "Verified",
    "verify",
]

CISCO_PINS = frozenset({"705eaafc3ff488030017d59832603eefad514171b583808675f45c190e6378f8"})
"""Cisco Root CA M1, serial 2ed20e7347d333834b4fdd0dd7b6967e, 2008-11-18 to 2033-11-18."""

BUNDLE_SIGNING = "1.3.6.1.3.1.9.21.2.3"
"""The purpose in the signer's certificate. Its arc (1.3.6.1.3.1.9) is not that of the attributes
(1.3.6.1.4.1.9), a slip in the published bundles that has to be expected as it is."""


# A signer's path has a handful of certificates; a bundle that sends hundreds along is not searched through.
_CANDIDATES = 64


# Critical extensions that are checked below or say nothing about signing bundles. Name constraints are not
# among them: a signer is known by its pin, and a path that needs them is refused (RFC 5280 section 4.2).
_UNDERSTOOD = frozenset(
    {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME, POLICIES, CRL_DISTRIBUTION_POINTS}
)


class ObjectionCode(StrEnum):
    """Why a bundle is not believed: the closed list, in the order in which objections are told."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> ObjectionCode:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    SIGNER_COUNT = "signer-count", "A bundle has exactly one signer."
    WEAK_DIGEST = "weak-digest", "The bundle was signed over a digest that the rule does not allow."
    CONTENT_CHANGED = "content-changed", "The content has another digest than the one that was signed."
    CONTENT_TYPE_DIFFERS = "content-type-differs", "The signed content type is not that of the content."
    SIGNER_ABSENT = "signer-absent", "The signer's certificate is neither sent along nor known."
    BAD_SIGNATURE = "bad-signature", "The signer's key did not make this signature."
    UNKNOWN_ALGORITHM = (
        "unknown-algorithm",
        "The signature uses an algorithm or key that we cannot compute with.",
    )
    NO_PATH_TO_PIN = "no-path-to-pin", "No certificate on the signer's path is pinned."
    PATH_EXPIRED = "path-expired", "A certificate on the signer's path is not valid at the time of the check."
    PATH_BROKEN = (
        "path-broken",
        "A certificate on the signer's path must not issue others, or asks for what is not checked.",
    )
    WRONG_PURPOSE = "wrong-purpose", "The signer's certificate is not meant for signing bundles."
    NO_VERSION = "no-version", "A version is asked for, and the bundle has none that is a number."
    OTHER_NAME = "other-name", "The bundle has another name than the one already held."
    OLDER = "older", "The bundle is older than the one already held."


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to believe a bundle."""

    code: ObjectionCode
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whom to believe, as configuration; the default is Cisco's signer.

    `pins` are SHA-256 in lower-case hex. `anchors` are certificates known from elsewhere, for bundles that
    do not bring their signer's issuer along; they count only when pinned. `purpose` is the OID of the
    extended key usage the signer must have, None to ask for none. `digests` are allowed for the bundle;
    for the certificates of the path every digest is that has not been broken for second preimages,
    because the pin and not the digest is what they rest on (Cisco's signer is signed with SHA-1).
    """

    pins: frozenset[str] = CISCO_PINS
    anchors: tuple[Certificate, ...] = ()
    purpose: str | None = BUNDLE_SIGNING
    digests: frozenset[str] = frozenset({"sha256", "sha384", "sha512"})
    path_digests: frozenset[str] = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})
    path_length: int = DEFAULT.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The bundle one has: versions compare as numbers, and only within one name (None: any name)."""

    version: int
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A bundle that may be believed: who signed, by which path (signer first, pin last), and when."""

    bundle: SignedBundle
    signer: Certificate
    path: tuple[Certificate, ...]
    pin: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotVerified:
    """A bundle that must not be believed, with every reason; `signer` and `path` as far as they were found."""

    bundle: SignedBundle
    objections: tuple[Objection, ...]
    signer: Certificate | None = None
    path: tuple[Certificate, ...] = field(default=())
    at: datetime | None = None


def verify(
    bundle: SignedBundle, *, at: datetime, rule: Rule | None = None, held: Held | None = None
) -> Verified | NotVerified:
    """Decide whether a signed bundle may be believed at `at` (aware); never raises for a bad bundle.

    RFC 5652 sections 5.4 and 5.6 for the signature. Equal versions are fine: a device may import again.
    """
    rule = rule or Rule()
    if len(bundle.signers) != 1:
        count = len(bundle.signers)
        objection = Objection(ObjectionCode.SIGNER_COUNT, f"the bundle has {count} signers, one is expected")
        return NotVerified(bundle=bundle, objections=(objection,), at=at)
    made = bundle.signers[0]
    objections = _content_objections(bundle, made, rule)
    known = (*rule.anchors, *bundle.sent)
    signer = next((certificate for certificate in known if made.is_made_by(certificate)), None)
    path: tuple[Certificate, ...] = ()
    if signer is None:
        wanted = f"serial {made.serial:x}" if made.serial is not None else "its key identifier"
        sentence = f"the signer's certificate ({wanted}) is not in the bundle"
        objections.append(Objection(ObjectionCode.SIGNER_ABSENT, sentence))
    else:
        objections += _signature_objections(bundle, made, signer)
        path = _path(signer, known, rule, at)
        objections += _path_objections(path, rule, at)
    objections += _version_objections(bundle, held)
    if objections or signer is None:
        order = list(ObjectionCode)
        objections.sort(key=lambda objection: order.index(objection.code))
        return NotVerified(bundle=bundle, objections=tuple(objections), signer=signer, path=path, at=at)
    return Verified(bundle=bundle, signer=signer, path=path, pin=path[-1].sha256, at=at)


def _content_objections(bundle: SignedBundle, made: Signer, rule: Rule) -> list[Objection]:
    objections = []
    if made.digest not in rule.digests:
        said = made.digest or "an unknown digest"
        objections.append(
            Objection(ObjectionCode.WEAK_DIGEST, f"the bundle is signed over {said}, which is not allowed")
        )
    if made.attributes_der is None:
        return objections
    digests = made.attributes.get(MESSAGE_DIGEST, ())
    if made.digest is not None and (
        len(digests) != 1
        or digests[0].tag != der.OCTET_STRING
        or digests[0].value != digest_of(made.digest, bundle.content)
    ):
        sentence = f"the content's {made.digest} is not the one that was signed: the content was changed"
        objections.append(Objection(ObjectionCode.CONTENT_CHANGED, sentence))
    types = made.attributes.get(CONTENT_TYPE, ())
    if len(types) != 1 or types[0].tag != der.OID or _dotted(types[0].value) != bundle.content_type:
        sentence = f"the signed content type is not {bundle.content_type}, the type of the content"
        objections.append(Objection(ObjectionCode.CONTENT_TYPE_DIFFERS, sentence))
    return objections


def _dotted(value: bytes) -> str | None:
    try:
        return der.oid_text(value)
    except der.DerError:
        return None


def _signature_objections(bundle: SignedBundle, made: Signer, signer: Certificate) -> list[Objection]:
    signed = bundle.content if made.attributes_der is None else made.attributes_der
    algorithm = _full_algorithm(made)
    if algorithm is None:
        result = Signature.UNCHECKABLE
    else:
        result = verify_signature(signer.spki, algorithm, made.parameters, made.signature, signed)
    match result:
        case Signature.GOOD:
            return []
        case Signature.BAD:
            sentence = f"the signature was not made by the key of {signer.title}"
            return [Objection(ObjectionCode.BAD_SIGNATURE, sentence)]
        case Signature.UNCHECKABLE:
            sentence = f"no signature of algorithm {made.algorithm} over {made.digest} can be checked here"
            return [Objection(ObjectionCode.UNKNOWN_ALGORITHM, sentence)]


def _full_algorithm(made: Signer) -> str | None:
    """The algorithm with its digest in it: CMS may name the key's algorithm alone (RFC 5754 section 3).

    None where the digest named beside it is another one: such a message contradicts itself.
    """
    if made.algorithm == RSA_PSS:
        return RSA_PSS if pss_digest(made.parameters) == made.digest else None
    bare = {"1.2.840.113549.1.1.1": "rsa", "1.2.840.10045.2.1": "ec"}.get(made.algorithm)
    for oid, (_, kind, digest) in SIGNATURES.items():
        if digest == made.digest and (oid == made.algorithm or kind == bare):
            return oid
    edwards = SIGNATURES.get(made.algorithm, ("", "", ""))[1] in {"ed25519", "ed448"}
    return made.algorithm if edwards else None


def _path(
    signer: Certificate, known: Iterable[Certificate], rule: Rule, at: datetime
) -> tuple[Certificate, ...]:
    """The shortest path from the signer to a pin whose signatures are good, those valid at `at` first.

    Empty when there is none. The pinned certificate ends the path, whatever stands above it.
    """
    candidates = list(dict.fromkeys(known))[:_CANDIDATES]
    level: list[tuple[Certificate, ...]] = [(signer,)]
    for _ in range(rule.path_length):
        level.sort(key=lambda path: sum(not _valid(certificate, at) for certificate in path))
        for path in level:
            if path[-1].sha256 in rule.pins:
                return path
        level = [
            (*path, parent)
            for path in level[: rule.path_length]
            for parent in candidates
            if parent not in path
            and names_fit(path[-1], parent)
            and path[-1].digest in {*rule.path_digests, None}
            and signature(path[-1], parent) is Signature.GOOD
        ]
    return ()


def _valid(certificate: Certificate, at: datetime) -> bool:
    return certificate.not_before <= at <= certificate.not_after


def _path_objections(path: tuple[Certificate, ...], rule: Rule, at: datetime) -> list[Objection]:
    if not path:
        return [
            Objection(ObjectionCode.NO_PATH_TO_PIN, "no certificate that is pinned vouches for the signer")
        ]
    objections = []
    for certificate in path:
        if not _valid(certificate, at):
            span = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
            sentence = f"{certificate.title} is valid {span}, not on {at:%Y-%m-%d}"
            objections.append(Objection(ObjectionCode.PATH_EXPIRED, sentence))
    for below, issuer in enumerate(path[1:]):
        limit = issuer.basic_constraints.path_length if issuer.basic_constraints else None
        may_sign = issuer.key_usage is None or "keyCertSign" in issuer.key_usage
        if not issuer.is_ca or not may_sign or (limit is not None and below > limit):
            sentence = f"{issuer.title} must not issue the certificate below it"
            objections.append(Objection(ObjectionCode.PATH_BROKEN, sentence))
    for certificate in path[:-1]:
        for extension in sorted(certificate.critical - _UNDERSTOOD):
            sentence = (
                f"{certificate.title} has a critical extension that is not looked at here ({extension})"
            )
            objections.append(Objection(ObjectionCode.PATH_BROKEN, sentence))
    purposes = path[0].extended_key_usage or ()
    if rule.purpose is not None and rule.purpose not in purposes:
        sentence = f"{path[0].title} does not have the purpose {rule.purpose}"
        objections.append(Objection(ObjectionCode.WRONG_PURPOSE, sentence))
    usage = path[0].key_usage
    if usage is not None and not usage & {"digitalSignature", "nonRepudiation"}:
        objections.append(
            Objection(ObjectionCode.WRONG_PURPOSE, f"the key of {path[0].title} is not for signing")
        )
    return objections


def _version_objections(bundle: SignedBundle, held: Held | None) -> list[Objection]:
    if held is None:
        return []
    if held.name is not None and bundle.name != held.name:
        sentence = f'this is "{bundle.name or ""}", the one held is "{held.name}"'
        return [Objection(ObjectionCode.OTHER_NAME, sentence)]
    if bundle.version is None:
        return [Objection(ObjectionCode.NO_VERSION, "the bundle has no version to compare with the one held")]
    if bundle.version < held.version:
        return [
            Objection(
                ObjectionCode.OLDER, f"version {bundle.version} is older than the {held.version} already held"
            )
        ]
    return []
