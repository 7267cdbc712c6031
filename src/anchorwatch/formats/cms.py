"""Signed trust bundles: who signed what, and whether that leads to someone we pinned.

A signed bundle is two messages, one inside the other (RFC 5652). The outer SignedData has one signer,
the signer's own certificates, and as content the octets of the inner one, a certs-only list:

    SignedData                        signed by "Trusted Root Store Signer"
      certificates: signer, its CA      sent along; they prove nothing by being there
      signed attributes                 content type, digest, time, bundle version, bundle name
      content: octets of
        SignedData                      signed by no one
          certificates: the bundle

Reading and verifying are two steps. `SignedBundle` is what the message *claims*; `verify` decides at a
given time, against pins that are configuration, and answers with what may be relied on or with every
reason not to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from asn1crypto.core import GeneralizedTime, UTCTime

from anchorwatch.formats import tlv
from anchorwatch.formats.pkcs7 import SignedData
from anchorwatch.formats.tlv import Element, TlvError
from anchorwatch.pki import der
from anchorwatch.pki.certificate import HASHES, Certificate

__all__ = ["BUNDLE_NAME", "BUNDLE_VERSION", "SignedBundle", "Signer", "read_signed"]

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
BUNDLE_VERSION = "1.3.6.1.4.1.9.21.2.3.1"
"""Cisco's private attribute with the version of a bundle, text such as `04` or `010`."""
BUNDLE_NAME = "1.3.6.1.4.1.9.21.2.3.2"
"""Cisco's private attribute with the name of a bundle, text."""

_STRINGS: Mapping[int, str] = MappingProxyType(
    {
        0x0C: "utf-8",
        0x12: "ascii",
        0x13: "latin-1",
        0x14: "latin-1",
        0x16: "latin-1",
        0x1A: "latin-1",
        0x1E: "utf-16-be",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A SignerInfo cut into its parts (RFC 5652 section 5.3), nothing of it checked.

    The signer is named by issuer and serial, or by `key_id`. `attributes` are the signed attributes by OID,
    each the list of its values as elements; `attributes_der` are the octets the signature is over,
    None where there are no signed attributes.
    """

    issuer: bytes | None
    serial: int | None
    key_id: bytes | None
    digest: str | None
    algorithm: str
    parameters: bytes
    signature: bytes
    attributes: Mapping[str, tuple[Element, ...]]
    attributes_der: bytes | None

    def is_made_by(self, certificate: Certificate) -> bool:
        """Whether this names that certificate; RFC 5652 section 5.3 compares the issuer's octets."""
        if self.key_id is not None:
            return certificate.subject_key_id == self.key_id
        return certificate.serial == self.serial and certificate.issuer.der == self.issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBundle:
    """What a signed message claims about itself; `verification.verify` says how much of it is true.

    `version` is the number that `version_text` spells, None where there is none or it is no number.
    `sent` are the certificates of the outer message, the signer's among them when it was sent along.
    `signing_time` is aware UTC and the signer's own word.
    """

    name: str | None
    version_text: str | None
    version: int | None
    signing_time: datetime | None
    signers: tuple[Signer, ...] = field(repr=False)
    sent: tuple[Certificate, ...] = field(repr=False)
    content_type: str = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def signer(self) -> Certificate | None:
        """The certificate that the message names as its signer's, None when it is not sent along."""
        return next(
            (found for found in self.sent if self.signers and self.signers[0].is_made_by(found)), None
        )

    @property
    def digest(self) -> str | None:
        """The digest of the first signer by lower-case name, None where it has none or we do not know it."""
        return self.signers[0].digest if self.signers else None


def read_signed(signed: SignedData, sent: Iterable[Certificate], *, nesting: int) -> SignedBundle:
    """Read what a message with signers claims; raises TlvError with one sentence and the offset."""
    if signed.signers is None or signed.content is None:
        raise TlvError("a signed message needs a content and a signer", signed.message.start)
    signers = tuple(_signer(element, nesting) for element in tlv.children(signed.signers))
    attributes: Mapping[str, tuple[Element, ...]] = signers[0].attributes if signers else {}
    version_text = _text(attributes, BUNDLE_VERSION)
    return SignedBundle(
        name=_text(attributes, BUNDLE_NAME),
        version_text=version_text,
        version=_number(version_text),
        signing_time=_time(attributes),
        signers=signers,
        sent=tuple(sent),
        content_type=signed.content_type,
        content=signed.content,
    )


def _signer(element: Element, nesting: int) -> Signer:
    parts = list(tlv.children(element))
    if len(parts) < 5:
        raise TlvError("a signer has at least five parts", element.start)
    _, named, digest, *rest = parts
    issuer: bytes | None = None
    serial: int | None = None
    key_id: bytes | None = None
    if named.tag == der.SEQUENCE:
        pair = list(tlv.children(named))
        if len(pair) != 2:
            raise TlvError("a signer is named by issuer and serial number", named.start)
        issuer, serial = pair[0].raw, der.integer(pair[1].value)
    else:
        key_id = tlv.octets(named, nesting=nesting)
    attributes: dict[str, tuple[Element, ...]] = {}
    attributes_der: bytes | None = None
    if rest[0].tag == 0xA0:
        attributes, attributes_der = _attributes(rest.pop(0))
    if len(rest) < 2:
        raise TlvError("a signer has an algorithm and a signature", element.start)
    algorithm, parameters = _algorithm(rest[0])
    return Signer(
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        digest=HASHES.get(_algorithm(digest)[0]),
        algorithm=algorithm,
        parameters=parameters,
        signature=tlv.octets(rest[1], nesting=nesting),
        attributes=MappingProxyType(attributes),
        attributes_der=attributes_der,
    )


def _attributes(element: Element) -> tuple[dict[str, tuple[Element, ...]], bytes]:
    """Attributes by OID, and the octets that are signed: the same list, tagged and sorted as DER's SET OF.

    RFC 5652 section 5.4: the signature is over "a separate encoding" with the tag of a SET instead of [0].
    """
    found: dict[str, tuple[Element, ...]] = {}
    members = list(tlv.children(element))
    for member in members:
        pair = list(tlv.children(member))
        if len(pair) != 2 or pair[1].tag != der.SET:
            raise TlvError("a signed attribute has a type and a set of values", member.start)
        kind = tlv.oid(pair[0])
        if kind in found:
            raise TlvError(f"the signed attribute {kind} is there twice", member.start)
        found[kind] = tuple(tlv.children(pair[1]))
    return found, tlv.encode(der.SET, *sorted(member.raw for member in members))


def _algorithm(element: Element) -> tuple[str, bytes]:
    parts = list(tlv.children(element))
    if not parts:
        raise TlvError("an algorithm has no identifier", element.start)
    return tlv.oid(parts[0]), parts[1].raw if len(parts) > 1 else b""


def _text(attributes: Mapping[str, tuple[Element, ...]], kind: str) -> str | None:
    values = attributes.get(kind, ())
    if len(values) != 1 or values[0].tag not in _STRINGS:
        return None
    return values[0].value.decode(_STRINGS[values[0].tag], errors="replace")


def _number(text: str | None) -> int | None:
    # A bundle's version has two or three digits; the bound keeps `int` from working on megabytes.
    if text is None or len(text) > 18 or not text.isascii() or not text.isdigit():
        return None
    return int(text)


def _time(attributes: Mapping[str, tuple[Element, ...]]) -> datetime | None:
    values = attributes.get(SIGNING_TIME, ())
    if len(values) != 1:
        return None
    kinds = {der.UTC_TIME: UTCTime, der.GENERALIZED_TIME: GeneralizedTime}
    kind = kinds.get(values[0].tag)
    try:
        moment = None if kind is None else kind.load(values[0].raw).native
    except (ValueError, TypeError):
        return None
    return moment if isinstance(moment, datetime) and moment.tzinfo else None


def digest_of(name: str, content: bytes) -> bytes:
    """The digest of `content` by lower-case name."""
    return hashlib.new(name, content, usedforsecurity=False).digest()
