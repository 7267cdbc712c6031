"""How a given client decides, as one record with every axis explicit.

A profile holds a *client's* rules. Rules for *issuers* (what a CA should have put into a certificate) are
the lint rules of `rfc5280-strict` and `cabf`; they serve test vectors and must never judge a device: they
would refuse QuoVadis Root CA 2, the cure of the very failure this project started from.

An axis that nobody has proven for a device is *unknown*: the profile then lists the values it might have,
the judge decides under each combination, and where they disagree the answer names the axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import product

from anchorwatch.pki.constraint import ConstraintRule
from anchorwatch.pki.name import RFC9525, NameRule


class AnchorKind(StrEnum):
    """Which certificates of a store may end a path."""

    SELF_SIGNED = "self-signed"
    """Only roots: a trusted intermediate is a stepping stone, not an end (OpenSSL without PARTIAL_CHAIN)."""
    ANY_CA = "any-ca"
    """Any trusted authority, intermediates too (RFC 5280 section 6.1: an anchor is a name and a key)."""
    ANY = "any"
    """Also a trusted leaf that is itself the one presented."""


class PurposeRule(StrEnum):
    """What a leaf must say about its purpose."""

    IF_PRESENT = "if-present"
    """Extended key usage binds where it stands (RFC 5280 section 4.2.1.12)."""
    REQUIRED = "required"
    """Extended key usage must stand there and name the purpose."""


class BuilderKind(StrEnum):
    """How the client looks for a path."""

    EXHAUSTIVE = "exhaustive"
    """Tries everything (RFC 4158): finds a path whenever there is one."""
    OPENSSL_1_1 = "openssl-1.1"
    """OpenSSL 1.1.0 to 3.x: store first, one candidate each step, never back."""
    OPENSSL_1_0_2 = "openssl-1.0.2"
    """OpenSSL 1.0.2: presented certificates first, then the store, alternatives from the top down."""
    SENT_ORDER = "sent-order"
    """Follows the chain exactly in the order it was sent, then asks the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much work one question may cause; the numbers are for hostile input, real ones stay far below."""

    paths: int = 256
    """Candidate paths looked at, complete and dead ones together."""
    signatures: int = 512
    """Signature checks, remembered ones counted too, so that the answer does not depend on a cache."""
    depth: int = 64
    """Certificates in one path. RFC 5280 has no bound; OpenSSL's default is 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownAxis:
    """An axis without proof: what it is called and the settings it may stand for."""

    name: str
    question: str
    choices: tuple[tuple[str, tuple[tuple[str, object], ...]], ...]
    """(label, (field, value)…) for each setting."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """One client's rules. Sizes in bits. Two profiles are the same only if they are the same object."""

    name: str
    title: str
    anchors: AnchorKind
    anchor_expiry: bool
    """Whether an anchor past its dates, or before them, still vouches."""
    anchor_basic_constraints: bool
    """Whether a version 3 anchor must say that it is an authority."""
    anchor_constraints: bool
    """Whether the anchor's own name constraints and path length bind."""
    refused_digests: frozenset[str]
    """Digests refused in the signatures of leaf and intermediates; an anchor's own signature never counts."""
    minimum_rsa: int
    minimum_anchor_rsa: int
    rsa_whole_octets: bool
    """Whether an RSA modulus must be a whole number of octets."""
    curves: frozenset[str] | None
    """Elliptic curves accepted, None for any named one."""
    other_keys: bool
    """Whether DSA and Edwards keys are accepted."""
    names: NameRule
    purpose: PurposeRule
    any_purpose: bool
    """Whether anyExtendedKeyUsage stands for the purpose asked for."""
    step_up: bool
    """Whether the step-up purposes of the 1990s (Microsoft's, Netscape's) stand for TLS servers."""
    leaf_key_usage: frozenset[str]
    """Key usages of which a leaf must have one where it states any; empty for no such rule."""
    ca_purpose: bool
    """Whether an intermediate's extended key usage binds what stands below it."""
    anchor_purpose: bool
    """Whether an anchor's extended key usage does."""
    ca_by_key_usage: bool
    """Whether keyCertSign alone, without basicConstraints, makes an authority."""
    stored_extensions: bool
    """Whether the extensions of certificates that came from the store are looked at, beyond name constraints."""
    end_inclusive: bool
    """Whether a certificate still holds in the very second of its notAfter."""
    anchor_critical_extensions: bool
    """Whether an unknown critical extension in an anchor refuses the path."""
    strict_encoding: bool
    """Whether leaf and intermediates must be well-formed DER of RFC 5280."""
    builder: BuilderKind
    constraints: ConstraintRule
    """How name constraints are applied."""
    lint: frozenset[str] = frozenset()
    """Issuer rules by name, from `anchorwatch.pki.lint`; empty for every client."""
    strict_crls: bool = True
    """Whether a CRL must keep every rule of RFC 5280 section 5 (number present and not critical)."""
    limits: Limits = field(default_factory=Limits)
    unknown: tuple[UnknownAxis, ...] = ()

    def variants(self) -> Iterator[tuple[tuple[tuple[str, str], ...], Profile]]:
        """Every way the unknown axes could turn out: ((axis, label)…) and a profile without unknowns."""
        if not self.unknown:
            yield (), self
            return
        for picked in product(*(axis.choices for axis in self.unknown)):
            labels = tuple((axis.name, label) for axis, (label, _) in zip(self.unknown, picked, strict=True))
            changes = {name: value for _, settings in picked for name, value in settings}
            yield labels, replace(self, unknown=(), **changes)  # type: ignore[arg-type]  # names are fields


MD_BROKEN = frozenset({"md2", "md4", "md5"})
SHA1_AND_BROKEN = MD_BROKEN | {"sha1"}
OPENSSL_NAMES = NameRule(common_name=True, partial_wildcard=True)
NIST_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})

STRICT_LINT = frozenset(
    {
        "aki-critical",
        "aki-missing",
        "ski-critical",
        "ski-missing",
        "serial-not-positive",
        "serial-too-long",
        "empty-issuer",
        "ca-empty-subject",
        "basic-constraints-not-critical",
        "key-usage-without-cert-sign",
        "cert-sign-without-ca",
        "aia-critical",
        "policy-constraints-not-critical",
        "name-constraints-not-critical",
        "name-constraints-in-leaf",
        "san-not-critical-with-empty-subject",
        "empty-extended-key-usage",
    }
)
CABF_LINT = STRICT_LINT | {
    "root-aki-form",
    "root-aki-not-ski",
    "root-has-eku",
    "critical-eku",
    "any-eku",
    "leaf-is-ca",
    "not-version-3",
    "cn-not-in-san",
    "san-critical-with-subject",
}

RFC5280 = Profile(
    name="rfc5280",
    title="RFC 5280 path validation, RFC 9525 names",
    anchors=AnchorKind.ANY_CA,
    anchor_expiry=True,
    anchor_basic_constraints=True,
    anchor_constraints=True,
    refused_digests=MD_BROKEN,
    minimum_rsa=0,
    minimum_anchor_rsa=0,
    rsa_whole_octets=False,
    curves=None,
    other_keys=True,
    names=RFC9525,
    purpose=PurposeRule.IF_PRESENT,
    any_purpose=True,
    step_up=False,
    leaf_key_usage=frozenset(),
    ca_purpose=True,
    anchor_purpose=False,
    ca_by_key_usage=False,
    stored_extensions=True,
    end_inclusive=True,
    anchor_critical_extensions=True,
    strict_encoding=True,
    builder=BuilderKind.EXHAUSTIVE,
    constraints=ConstraintRule(common_name="without-san"),
)

WEBPKI = replace(
    RFC5280,
    name="webpki",
    title="a careful TLS client of the public web",
    refused_digests=SHA1_AND_BROKEN,
    minimum_rsa=2048,
    minimum_anchor_rsa=2048,
    rsa_whole_octets=True,
    curves=NIST_CURVES,
    other_keys=False,
)

OPENSSL_3 = replace(
    RFC5280,
    name="openssl-3",
    title="OpenSSL 3 as its TLS client verifies, security level 1",
    any_purpose=False,
    step_up=True,
    leaf_key_usage=frozenset({"digitalSignature", "keyEncipherment", "keyAgreement"}),
    anchor_purpose=True,
    end_inclusive=False,
    constraints=ConstraintRule(common_name="without-host-names", comparisons=1 << 20),
    anchors=AnchorKind.SELF_SIGNED,
    refused_digests=SHA1_AND_BROKEN,
    minimum_rsa=1024,
    minimum_anchor_rsa=1024,
    curves=None,
    names=OPENSSL_NAMES,
    anchor_basic_constraints=True,
    anchor_critical_extensions=True,
    strict_encoding=False,
    builder=BuilderKind.OPENSSL_1_1,
)

OPENSSL_1_0_2 = replace(
    OPENSSL_3,
    name="openssl-1.0.2",
    title="OpenSSL 1.0.2 as its TLS client verifies",
    constraints=ConstraintRule(common_name="never", comparisons=1 << 20),
    ca_by_key_usage=True,
    stored_extensions=False,
    refused_digests=frozenset({"md2", "md4"}),
    minimum_rsa=0,
    minimum_anchor_rsa=0,
    builder=BuilderKind.OPENSSL_1_0_2,
)

RFC5280_STRICT = replace(
    RFC5280,
    name="rfc5280-strict",
    title="RFC 5280 with its rules for issuers (test vectors and lint only)",
    names=NameRule(underscore=False),
    constraints=ConstraintRule(common_name="without-san", leading_dot=False),
    lint=STRICT_LINT,
)

CABF = replace(
    WEBPKI,
    name="cabf",
    title="CA/Browser Forum server certificates (test vectors and lint only)",
    purpose=PurposeRule.REQUIRED,
    any_purpose=False,
    names=NameRule(underscore=False, public_suffix_wildcard=False),
    lint=CABF_LINT,
)

CISCO = replace(
    RFC5280,
    name="cisco",
    title="the call-home client of ASA, Firepower and FXOS, as far as it is proven",
    refused_digests=MD_BROKEN,
    anchor_basic_constraints=False,
    anchor_constraints=False,
    anchor_critical_extensions=False,
    strict_encoding=False,
    names=replace(RFC9525, common_name=True),
    unknown=(
        UnknownAxis(
            name="anchor-expiry",
            question="does an expired trustpoint still vouch?",
            choices=(
                ("expired anchors refused", (("anchor_expiry", True),)),
                ("expired anchors accepted", (("anchor_expiry", False),)),
            ),
        ),
        UnknownAxis(
            name="weak-crypto",
            question="are SHA-1 signatures and short RSA keys refused (9.16 and later are said to)?",
            choices=(
                ("accepted", (("refused_digests", MD_BROKEN), ("minimum_rsa", 0), ("minimum_anchor_rsa", 0))),
                (
                    "refused",
                    (
                        ("refused_digests", SHA1_AND_BROKEN),
                        ("minimum_rsa", 2048),
                        ("minimum_anchor_rsa", 2048),
                    ),
                ),
            ),
        ),
        UnknownAxis(
            name="names",
            question="does a common name count where there is no dNSName?",
            choices=(
                ("counts", (("names", replace(RFC9525, common_name=True)),)),
                ("never counts", (("names", RFC9525),)),
            ),
        ),
        UnknownAxis(
            name="builder",
            question="does it try every path or only the chain as it was sent?",
            choices=(
                ("every path", (("builder", BuilderKind.EXHAUSTIVE),)),
                ("as sent", (("builder", BuilderKind.SENT_ORDER),)),
            ),
        ),
    ),
)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (RFC5280, WEBPKI, OPENSSL_3, OPENSSL_1_0_2, CISCO, RFC5280_STRICT, CABF)
}
"""Every profile by name; the last two judge test vectors and certificates, never devices."""
