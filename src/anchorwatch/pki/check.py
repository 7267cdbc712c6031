"""One small function for each requirement a path must meet (RFC 5280 section 6.1).

Every fault of a path is told, not only the first. What depends on a certificate, its place and the profile
alone is computed once and remembered (`_standing`); what depends on the question (time, names, limits) is
computed each time. A check yields faults and never raises for a bad certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from anchorwatch.pki import certificate as x509
from anchorwatch.pki import constraint, lint, policy, revocation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import identify
from anchorwatch.pki.path import Path
from anchorwatch.pki.profile import Profile, PurposeRule
from anchorwatch.pki.question import Question
from anchorwatch.pki.reason import Fault, Position, Reason

UNDERSTOOD = frozenset(
    {
        x509.BASIC_CONSTRAINTS,
        x509.KEY_USAGE,
        x509.EXTENDED_KEY_USAGE,
        x509.SUBJECT_ALT_NAME,
        x509.NAME_CONSTRAINTS,
        x509.POLICIES,
        x509.POLICY_MAPPINGS,
        x509.POLICY_CONSTRAINTS,
        x509.INHIBIT_ANY_POLICY,
        x509.AUTHORITY_KEY_ID,
        x509.SUBJECT_KEY_ID,
        x509.ISSUER_ALT_NAME,
        x509.AUTHORITY_INFO_ACCESS,
        x509.CRL_DISTRIBUTION_POINTS,
        x509.FRESHEST_CRL,
    }
)
"""Extensions whose criticality binds us to a rule that is checked, or that cannot change the answer."""

PURPOSES = {"server_auth": x509.SERVER_AUTH, "client_auth": x509.CLIENT_AUTH}
STEP_UP = frozenset({"1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"})
"""Strong cryptography for the exported browsers of the 1990s, by Microsoft and by Netscape."""
PURPOSE_WORDS = {"server_auth": "a TLS server", "client_auth": "a TLS client"}


def faults(path: Path, question: Question, profile: Profile) -> list[Fault]:
    """Everything wrong with a path, leaf first; empty where every check passes."""
    found: list[Fault] = []
    certificates = path.certificates
    last = len(certificates) - 1
    at = question.at
    constrained = False
    for index, certificate in enumerate(certificates):
        position = _position(index, last)
        if not index or profile.stored_extensions or question.store.anchor(certificate) is None:
            found += _standing(certificate, position, profile, question.purpose)
        else:
            found += _without_extensions(certificate, position, profile)
        if not certificate.not_before <= at < certificate.not_after:
            found += _dates(certificate, position, at, profile)
        if certificate.name_constraints is not None:
            constrained = True
    found += _path_lengths(certificates, question, profile)
    found += _leaf(certificates[0], question, profile)
    if profile.ca_purpose and question.purpose in PURPOSES:
        found += _ca_purposes(certificates, question, profile)
    if constrained:
        found += _name_constraints(certificates, profile)
    if path.anchor.distrust_after is not None and certificates[0].not_before > path.anchor.distrust_after:
        found.append(_distrusted(path))
    if question.signature_algorithms:
        found += _signature_algorithms(certificates, question.signature_algorithms)
    if question.policies is not None:
        found += policy.check(certificates, question.policies)
    if question.revocation == "crl":
        found += revocation.check(
            certificates,
            question.crls,
            at=at,
            known=question.presented,
            strict=profile.strict_crls,
            vouches=lambda branch: not faults(Path(branch, path.anchor), _of_a_signer(question), profile),
        )
    return found


def _of_a_signer(question: Question) -> Question:
    """What is asked of whoever signed a revocation list: a good path, whatever its name and purpose."""
    return replace(
        question,
        peer=None,
        peer_names=(),
        purpose="any",
        revocation="none",
        max_path_length=None,
        policies=None,
        key_usage=(),
        extended_key_usage=(),
    )


def partial_faults(
    certificates: tuple[Certificate, ...], question: Question, profile: Profile
) -> list[Fault]:
    """What is already wrong with certificates that no anchor closes, leaf first."""
    found: list[Fault] = []
    for index, certificate in enumerate(certificates):
        position = Position.INTERMEDIATE if index else Position.LEAF
        found += _standing(certificate, position, profile, question.purpose)
        if not certificate.not_before <= question.at < certificate.not_after:
            found += _dates(certificate, position, question.at, profile)
    found += _leaf(certificates[0], question, profile)
    return found


def _position(index: int, last: int) -> Position:
    if index == 0:
        return Position.LEAF
    return Position.ANCHOR if index == last else Position.INTERMEDIATE


# One entry is a key and mostly an empty tuple.
@lru_cache(maxsize=65_536)
def _standing(
    certificate: Certificate, position: Position, profile: Profile, purpose: str
) -> tuple[Fault, ...]:
    """Faults that depend on nothing but the certificate, its place and the client."""
    return tuple(_standing_faults(certificate, position, profile, purpose))


@lru_cache(maxsize=4_096)
def _without_extensions(certificate: Certificate, position: Position, profile: Profile) -> tuple[Fault, ...]:
    """What a client that believes its store's extensions unseen still refuses: keys and digests."""
    found = list(_key(certificate, position, profile))
    if position is not Position.ANCHOR and certificate.digest in profile.refused_digests:
        found.append(_weak_digest(certificate, position, profile))
    return tuple(found)


def _weak_digest(certificate: Certificate, position: Position, profile: Profile) -> Fault:
    return Fault(
        reason=Reason.WEAK_DIGEST,
        position=position,
        sentence=f"{_the(certificate)} is signed with {certificate.signature_name}, which {profile.name} refuses",
        certificate=certificate,
    )


def _standing_faults(
    certificate: Certificate, position: Position, profile: Profile, purpose: str
) -> Iterator[Fault]:
    is_anchor = position is Position.ANCHOR

    def fault(reason: Reason, sentence: str) -> Fault:
        return Fault(reason=reason, position=position, sentence=sentence, certificate=certificate)

    if not is_anchor and profile.strict_encoding:
        for objection in certificate.irregularities:
            yield fault(Reason.MALFORMED, f"{_the(certificate)} is malformed: {objection}")
        if certificate.leniency is not None and not certificate.irregularities:
            yield fault(Reason.MALFORMED, f"{_the(certificate)} is malformed: {certificate.leniency}")
    if position is Position.LEAF and certificate.san is not None and certificate.san.malformed:
        yield fault(Reason.MALFORMED, f"{_the(certificate)} is malformed: {certificate.san.malformed}")
    if not is_anchor or profile.anchor_critical_extensions:
        for oid in sorted(certificate.critical - UNDERSTOOD):
            yield fault(
                Reason.UNSUPPORTED_CRITICAL_EXTENSION,
                f"{_the(certificate)} has the critical extension {oid}, which is not understood",
            )
    yield from _key(certificate, position, profile)
    if not is_anchor and certificate.digest in profile.refused_digests:
        yield _weak_digest(certificate, position, profile)
    if position is not Position.LEAF:
        yield from _authority(certificate, position, profile)
    for finding in lint.findings(certificate, position, profile.lint):
        yield fault(finding.reason, finding.sentence)
    if position is Position.LEAF and purpose in PURPOSES:
        yield from _leaf_purpose(certificate, purpose, profile)


def _the(certificate: Certificate) -> str:
    return f"“{certificate.title}”"


def _key(certificate: Certificate, position: Position, profile: Profile) -> Iterator[Fault]:
    """Kind and size of the key, by the profile's rule for this place."""
    key = certificate.key
    minimum = profile.minimum_anchor_rsa if position is Position.ANCHOR else profile.minimum_rsa
    objection = None
    if key.kind == "rsa":
        if key.bits < minimum:
            objection = f"an RSA key of {key.bits} bits; {profile.name} wants at least {minimum}"
        elif profile.rsa_whole_octets and key.bits % 8:
            objection = f"an RSA key of {key.bits} bits, which is no whole number of octets"
    elif key.kind == "ec":
        if key.curve == "explicit":
            objection = "an elliptic-curve key with spelled-out parameters (RFC 5480 section 2.1.1)"
        elif profile.curves is not None and key.curve not in profile.curves:
            objection = f"a key on the curve {key.curve}, which {profile.name} refuses"
    elif not profile.other_keys:
        objection = f"a key of kind {key.kind}, which {profile.name} refuses"
    if objection:
        yield Fault(
            reason=Reason.WEAK_KEY,
            position=position,
            sentence=f"{_the(certificate)} has {objection}",
            certificate=certificate,
        )


def _authority(certificate: Certificate, position: Position, profile: Profile) -> Iterator[Fault]:
    """RFC 5280 section 6.1.4 (k), (n): whoever issues is an authority and may sign certificates."""
    is_anchor = position is Position.ANCHOR

    def fault(sentence: str) -> Fault:
        return Fault(reason=Reason.NOT_A_CA, position=position, sentence=sentence, certificate=certificate)

    if is_anchor and not profile.anchor_basic_constraints:
        return
    may_sign = "keyCertSign" in (certificate.key_usage or ())
    if certificate.basic_constraints is None:
        # RFC 5280 section 6.1.4 (k): a version 1 authority is known by other means; a store entry is such.
        if not (is_anchor and certificate.version < 3) and not (may_sign and profile.ca_by_key_usage):
            yield fault(f"{_the(certificate)} does not say that it is an authority (no basicConstraints)")
    elif not certificate.basic_constraints.ca:
        yield fault(f"{_the(certificate)} says that it is not an authority")
    if certificate.key_usage is not None and not may_sign:
        yield fault(f"{_the(certificate)} may not sign certificates (keyUsage without keyCertSign)")


def _serves(usages: tuple[str, ...], purpose: str, profile: Profile) -> bool:
    """Whether an extendedKeyUsage covers a purpose for this client (RFC 5280 section 4.2.1.12)."""
    if PURPOSES[purpose] in usages or (profile.any_purpose and x509.ANY_EXTENDED_KEY_USAGE in usages):
        return True
    return profile.step_up and purpose == "server_auth" and not STEP_UP.isdisjoint(usages)


def _leaf_purpose(certificate: Certificate, purpose: str, profile: Profile) -> Iterator[Fault]:
    """What the leaf says about its purpose, in both key usages."""
    usages = certificate.extended_key_usage
    sentences = []
    if usages is None:
        if profile.purpose is PurposeRule.REQUIRED:
            sentences.append("does not say what it is for (no extendedKeyUsage)")
    elif not _serves(usages, purpose, profile):
        sentences.append(f"is not meant for {PURPOSE_WORDS[purpose]} (extendedKeyUsage)")
    wanted = profile.leaf_key_usage
    if wanted and certificate.key_usage is not None and wanted.isdisjoint(certificate.key_usage):
        sentences.append(f"has none of {', '.join(sorted(wanted))} in its keyUsage")
    for sentence in sentences:
        yield Fault(
            reason=Reason.WRONG_PURPOSE,
            position=Position.LEAF,
            sentence=f"{_the(certificate)} {sentence}",
            certificate=certificate,
        )


def _ca_purposes(
    certificates: tuple[Certificate, ...], question: Question, profile: Profile
) -> Iterator[Fault]:
    """An authority's extendedKeyUsage binds what stands below it (common practice, no RFC)."""
    last = len(certificates) - 1
    for index in range(1, last + 1 if profile.anchor_purpose else last):
        certificate = certificates[index]
        usages = certificate.extended_key_usage
        if usages is None or _serves(usages, question.purpose, profile):
            continue
        if not profile.stored_extensions and question.store.anchor(certificate) is not None:
            continue
        yield Fault(
            reason=Reason.WRONG_PURPOSE,
            position=_position(index, last),
            sentence=f"{_the(certificate)} may not issue for {PURPOSE_WORDS[question.purpose]} (extendedKeyUsage)",
            certificate=certificate,
            other=certificates[0],
        )


def _dates(certificate: Certificate, position: Position, at: datetime, profile: Profile) -> Iterator[Fault]:
    """RFC 5280 section 6.1.3 (a) (2); both ends are inclusive (section 4.1.2.5) unless the client says otherwise."""
    if position is Position.ANCHOR and not profile.anchor_expiry:
        return
    if at == certificate.not_after and profile.end_inclusive:
        return
    if at >= certificate.not_after:
        reason, words = (
            Reason.EXPIRED,
            f"ended {_day(certificate.not_after)}, {_span(at - certificate.not_after)} before",
        )
    else:
        reason, words = (
            Reason.NOT_YET_VALID,
            f"begins {_day(certificate.not_before)}, {_span(certificate.not_before - at)} after",
        )
    yield Fault(
        reason=reason,
        position=position,
        sentence=f"{_the(certificate)} {words} the time of the question",
        certificate=certificate,
    )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(delta: timedelta) -> str:
    seconds = int(delta.total_seconds())
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'s' if count != 1 else ''}"
    return "less than a second"


def _path_lengths(
    certificates: tuple[Certificate, ...], question: Question, profile: Profile
) -> Iterator[Fault]:
    """RFC 5280 section 6.1.4 (l), (m): intermediates that are not self-issued, counted from the leaf up."""
    below = 0
    last = len(certificates) - 1
    for index in range(1, last + 1):
        certificate = certificates[index]
        limit = certificate.basic_constraints.path_length if certificate.basic_constraints else None
        binding = (index < last or profile.anchor_constraints) and (
            profile.stored_extensions or question.store.anchor(certificate) is None
        )
        if limit is not None and binding and below > limit:
            yield Fault(
                reason=Reason.PATH_TOO_LONG,
                position=_position(index, last),
                sentence=f"{_the(certificate)} allows {limit} intermediates below it, the path has {below}",
                certificate=certificate,
            )
        if index < last and not certificate.self_issued:
            below += 1
    asked = question.max_path_length
    if asked is not None and below > asked:
        yield Fault(
            reason=Reason.PATH_TOO_LONG,
            position=Position.INTERMEDIATE,
            sentence=f"the question allows {asked} intermediates, the path has {below}",
        )


def _leaf(leaf: Certificate, question: Question, profile: Profile) -> Iterator[Fault]:
    """The names and usages asked of the leaf."""
    wanted = question.peer_names if question.peer is None else (question.peer, *question.peer_names)
    for peer in wanted:
        answer = identify(peer, leaf.san, leaf.subject, rule=profile.names)
        if not answer.matched:
            yield Fault(
                reason=Reason.NAME_MISMATCH,
                position=Position.LEAF,
                sentence=f"{_the(leaf)} is not made out to {peer}: {answer.sentence}",
                certificate=leaf,
            )
    if question.key_usage and leaf.key_usage is not None:
        absent = [usage for usage in question.key_usage if usage not in leaf.key_usage]
        if absent:
            yield _usage_fault(leaf, "keyUsage", absent)
    if question.extended_key_usage and leaf.extended_key_usage is not None:
        absent = [usage for usage in question.extended_key_usage if usage not in leaf.extended_key_usage]
        if absent and x509.ANY_EXTENDED_KEY_USAGE not in leaf.extended_key_usage:
            yield _usage_fault(leaf, "extendedKeyUsage", absent)


def _usage_fault(leaf: Certificate, extension: str, absent: list[str]) -> Fault:
    return Fault(
        reason=Reason.WRONG_PURPOSE,
        position=Position.LEAF,
        sentence=f"{_the(leaf)} lacks {', '.join(absent)} in its {extension}, which the question asks for",
        certificate=leaf,
    )


def _name_constraints(certificates: tuple[Certificate, ...], profile: Profile) -> Iterator[Fault]:
    """RFC 5280 section 6.1.3 (b), (c), by `anchorwatch.pki.constraint`."""
    last = len(certificates) - 1
    for broken in constraint.check(
        certificates, rule=profile.constraints, anchor_binds=profile.anchor_constraints
    ):
        certificate, authority = certificates[broken.index], certificates[broken.authority]
        yield Fault(
            reason=Reason(broken.kind),
            position=_position(broken.index, last),
            sentence=f"{_the(certificate)}: {broken.sentence}",
            certificate=certificate,
            other=authority if authority != certificate else None,
        )


def _distrusted(path: Path) -> Fault:
    leaf = path.certificates[0]
    return Fault(
        reason=Reason.DISTRUSTED_AFTER,
        position=Position.LEAF,
        sentence=(
            f"{_the(leaf)} was issued {leaf.not_before:%Y-%m-%d}; the store trusts "
            f"{_the(path.anchor.certificate)} only for what was issued until {path.anchor.distrust_after:%Y-%m-%d}"
        ),
        certificate=leaf,
        other=path.anchor.certificate,
    )


def _signature_algorithms(certificates: tuple[Certificate, ...], allowed: tuple[str, ...]) -> Iterator[Fault]:
    last = len(certificates) - 1
    for index, certificate in enumerate(certificates[:-1]):
        if certificate.signature_algorithm not in allowed and certificate.signature_name not in allowed:
            yield Fault(
                reason=Reason.WEAK_DIGEST,
                position=_position(index, last),
                sentence=f"{_the(certificate)} is signed with {certificate.signature_name}, "
                "which the question does not allow",
                certificate=certificate,
            )
