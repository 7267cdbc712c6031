"""Rules for issuers: what an authority should have put into a certificate, or left out.

They serve test vectors and people who check their own certificates. They never judge a device: a client
that refused whatever an issuer did imperfectly would refuse QuoVadis Root CA 2. A rule is a name, the
section it comes from and a predicate; `findings` runs those a profile names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anchorwatch.pki import certificate as x509
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import is_self_signed
from anchorwatch.pki.name import unlisted_common_names
from anchorwatch.pki.reason import Position, Reason

MAX_SERIAL_OCTETS = 20
"""RFC 5280 section 4.1.2.2."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: its name, the reason it counts as and a sentence with its section."""

    rule: str
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`broken(certificate, position)` says whether; `reason` how a path with such a certificate is refused."""

    section: str
    sentence: str
    broken: Callable[[Certificate, Position], bool]
    reason: Reason = Reason.MALFORMED


def findings(certificate: Certificate, position: Position, rules: frozenset[str]) -> Iterator[Finding]:
    """The named rules that `certificate` breaks where it stands, in the order of `RULES`."""
    if not rules:
        return
    for name, rule in RULES.items():
        if name in rules and rule.broken(certificate, position):
            yield Finding(name, rule.reason, f"“{certificate.title}” {rule.sentence} ({rule.section})")


def _is_ca(certificate: Certificate, position: Position) -> bool:
    return certificate.is_ca or position is not Position.LEAF


def _aki_missing(certificate: Certificate, position: Position) -> bool:
    if certificate.authority_key_id is not None and certificate.authority_key_id.key_id is not None:
        return False
    return not is_self_signed(certificate)


def _serial_too_long(certificate: Certificate, position: Position) -> bool:
    # The sign bit of a 160-bit number needs a twenty-first octet.
    return certificate.serial.bit_length() > 8 * MAX_SERIAL_OCTETS - 1


def _critical(oid: str) -> Callable[[Certificate, Position], bool]:
    return lambda certificate, position: oid in certificate.critical


def _present_not_critical(oid: str) -> Callable[[Certificate, Position], bool]:
    return lambda certificate, position: (
        certificate.extension(oid) is not None and oid not in certificate.critical
    )


def _root_aki_form(certificate: Certificate, position: Position) -> bool:
    identifier = certificate.authority_key_id
    if identifier is None or not is_self_signed(certificate):
        return False
    return identifier.key_id is None or identifier.issuer is not None or identifier.serial is not None


def _root_aki_not_ski(certificate: Certificate, position: Position) -> bool:
    identifier = certificate.authority_key_id
    if identifier is None or identifier.key_id is None or not is_self_signed(certificate):
        return False
    return identifier.key_id != certificate.subject_key_id


def _usages(certificate: Certificate) -> tuple[str, ...]:
    return certificate.extended_key_usage or ()


def _san_not_critical(certificate: Certificate, position: Position) -> bool:
    return (
        certificate.subject.is_empty
        and certificate.san is not None
        and x509.SUBJECT_ALT_NAME not in certificate.critical
    )


def _san_critical(certificate: Certificate, position: Position) -> bool:
    return x509.SUBJECT_ALT_NAME in certificate.critical and not certificate.subject.is_empty


def _cert_sign_without_ca(certificate: Certificate, position: Position) -> bool:
    return "keyCertSign" in (certificate.key_usage or ()) and not certificate.is_ca


def _ca_without_cert_sign(certificate: Certificate, position: Position) -> bool:
    return (
        certificate.is_ca and certificate.key_usage is not None and "keyCertSign" not in certificate.key_usage
    )


RULES: dict[str, Rule] = {
    "aki-critical": Rule(
        "RFC 5280 section 4.2.1.1",
        "marks its authority key identifier critical",
        _critical(x509.AUTHORITY_KEY_ID),
    ),
    "aki-missing": Rule("RFC 5280 section 4.2.1.1", "does not identify its issuer's key", _aki_missing),
    "ski-critical": Rule(
        "RFC 5280 section 4.2.1.2",
        "marks its subject key identifier critical",
        _critical(x509.SUBJECT_KEY_ID),
    ),
    "ski-missing": Rule(
        "RFC 5280 section 4.2.1.2",
        "is an authority and does not identify its key",
        lambda c, p: _is_ca(c, p) and c.subject_key_id is None,
    ),
    "serial-not-positive": Rule(
        "RFC 5280 section 4.1.2.2", "has a serial number that is not positive", lambda c, p: c.serial <= 0
    ),
    "serial-too-long": Rule(
        "RFC 5280 section 4.1.2.2", "has a serial number of more than 20 octets", _serial_too_long
    ),
    "empty-issuer": Rule("RFC 5280 section 4.1.2.4", "has an empty issuer", lambda c, p: c.issuer.is_empty),
    "ca-empty-subject": Rule(
        "RFC 5280 section 4.1.2.6",
        "is an authority with an empty subject",
        lambda c, p: _is_ca(c, p) and c.subject.is_empty,
    ),
    "basic-constraints-not-critical": Rule(
        "RFC 5280 section 4.2.1.9",
        "is an authority whose basicConstraints is not critical",
        lambda c, p: c.is_ca and x509.BASIC_CONSTRAINTS not in c.critical,
    ),
    "key-usage-without-cert-sign": Rule(
        "RFC 5280 section 4.2.1.9", "is an authority whose keyUsage lacks keyCertSign", _ca_without_cert_sign
    ),
    "cert-sign-without-ca": Rule(
        "RFC 5280 section 4.2.1.9", "claims keyCertSign without being an authority", _cert_sign_without_ca
    ),
    "aia-critical": Rule(
        "RFC 5280 section 4.2.2.1",
        "marks its authority information access critical",
        _critical(x509.AUTHORITY_INFO_ACCESS),
    ),
    "policy-constraints-not-critical": Rule(
        "RFC 5280 section 4.2.1.11",
        "has policy constraints that are not critical",
        _present_not_critical(x509.POLICY_CONSTRAINTS),
    ),
    "name-constraints-not-critical": Rule(
        "RFC 5280 section 4.2.1.10",
        "has name constraints that are not critical",
        _present_not_critical(x509.NAME_CONSTRAINTS),
    ),
    "name-constraints-in-leaf": Rule(
        "RFC 5280 section 4.2.1.10",
        "has name constraints without being an authority",
        lambda c, p: c.extension(x509.NAME_CONSTRAINTS) is not None and not _is_ca(c, p),
    ),
    "san-not-critical-with-empty-subject": Rule(
        "RFC 5280 section 4.2.1.6", "has an empty subject and names that are not critical", _san_not_critical
    ),
    "empty-extended-key-usage": Rule(
        "RFC 5280 section 4.2.1.12",
        "has an extendedKeyUsage without usages",
        lambda c, p: c.extended_key_usage == (),
    ),
    "root-aki-form": Rule(
        "CA/Browser Forum 7.1.2.1.3",
        "is a root whose authority key identifier is more or less than a key identifier",
        _root_aki_form,
    ),
    "root-aki-not-ski": Rule(
        "CA/Browser Forum 7.1.2.1.3",
        "is a root whose authority and subject key identifiers differ",
        _root_aki_not_ski,
    ),
    "root-has-eku": Rule(
        "CA/Browser Forum 7.1.2.1.2",
        "is a root with an extendedKeyUsage",
        lambda c, p: c.is_ca and is_self_signed(c) and c.extended_key_usage is not None,
        Reason.WRONG_PURPOSE,
    ),
    "critical-eku": Rule(
        "CA/Browser Forum 7.1.2.7.6",
        "marks its extendedKeyUsage critical",
        _critical(x509.EXTENDED_KEY_USAGE),
    ),
    "any-eku": Rule(
        "CA/Browser Forum 7.1.2.7.10",
        "is an end entity for any purpose (anyExtendedKeyUsage)",
        lambda c, p: p is Position.LEAF and x509.ANY_EXTENDED_KEY_USAGE in _usages(c),
        Reason.WRONG_PURPOSE,
    ),
    "leaf-is-ca": Rule(
        "CA/Browser Forum 7.1.2.7.8",
        "is presented as a server and is an authority",
        lambda c, p: p is Position.LEAF and c.is_ca,
    ),
    "not-version-3": Rule(
        "CA/Browser Forum 7.1.1",
        "is not of version 3",
        lambda c, p: p is not Position.ANCHOR and c.version != 3,
    ),
    "cn-not-in-san": Rule(
        "CA/Browser Forum 7.1.4.3",
        "has a common name that is none of its names",
        lambda c, p: p is Position.LEAF and bool(unlisted_common_names(c.subject, c.san)),
    ),
    "san-critical-with-subject": Rule(
        "CA/Browser Forum 7.1.2.7.12", "marks its names critical although it has a subject", _san_critical
    ),
}
"""Every rule by name."""
