"""Small worlds in which OpenSSL 1.0.2 and OpenSSL 3 decide differently, or alike against expectation.

Each case is one rule of how they look for a path or what they ask of it: what a server sends, what the store
holds in its order, and the error number each engine answers (0 accepts). The numbers were measured on 1.0.2e,
1.0.2r, 1.1.1w, 3.0 and 4.0; the tests beside this file measure them again.

The cast: "Old Root" is retired, "New Root" replaces it and is cross-certified by it; "Issuing" stands under
New Root. That is AddTrust and USERTrust in 2020, DST Root CA X3 and ISRG Root X1 in 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from builders.certs import CA, LEAF_USAGE, Issued, with_broken_signature

# X509_V_ERR numbers (x509_vfy.h). INVALID_CA is 24 until 1.1.1 and 79 in 3.
OK = 0
ISSUER_MISSING = 2
SIGNATURE = 7
NOT_YET = 9
EXPIRED = 10
SELF_SIGNED_LEAF = 18
SELF_SIGNED_IN_CHAIN = 19
ISSUER_MISSING_LOCALLY = 20
INVALID_CA_OLD = 24
PATH_LENGTH = 25
PURPOSE = 26
CRITICAL = 34
NAME_CONSTRAINT = 47
INVALID_CA = 79

NOW = datetime.now(UTC).replace(microsecond=0)
GONE = NOW - timedelta(days=1)
SOON = NOW + timedelta(days=100)
HOST = "portal.example"

AKI = ExtensionOID.AUTHORITY_KEY_IDENTIFIER
SKI = ExtensionOID.SUBJECT_KEY_IDENTIFIER
BASIC = ExtensionOID.BASIC_CONSTRAINTS
USAGE = ExtensionOID.KEY_USAGE
NOT_A_CA = (x509.BasicConstraints(ca=False, path_length=None), True)
CLIENTS_ONLY = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
# The step-up of the 1990s: strong cryptography for exported browsers, by Microsoft and by Netscape.
STEP_UP = (x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"), x509.ObjectIdentifier("2.16.840.1.113730.4.1"))
UNKNOWN_CRITICAL = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpensslCase:
    """One rule: its sentence, what is sent and stored, and the answers of 1.0.2 and 3."""

    rule: str
    sent: tuple[Issued, ...]
    store: tuple[Issued, ...]
    old: int
    new: int


old_gone = CA.root("Old Root", not_after=GONE)
old_valid = CA.root("Old Root", key=old_gone.key, not_after=SOON)
new = CA.root("New Root")
new_gone = CA.root("New Root", key=new.key, not_after=GONE)
cross_gone = old_gone.cross_sign(new, not_after=GONE)
cross = old_gone.cross_sign(new, not_after=SOON)
issuing = new.issue_ca("Issuing")
issuing_gone = new.issue_ca("Issuing", key=issuing.key, not_after=GONE)
issuing_future = new.issue_ca("Issuing", key=issuing.key, not_before=SOON)
leaf = issuing.issue_leaf(HOST)

# One authority, certified by two roots.
root_a = CA.root("Root A")
root_b = CA.root("Root B")
under_a = root_a.issue_ca("Twice Certified", not_after=SOON)
under_b = root_b.issue_ca("Twice Certified", key=under_a.key)
leaf_twice = under_a.issue_leaf(HOST)

# Two authorities of one name, and nothing but the signature to tell them apart.
twin_wrong = new.issue_ca("Twin", without=[SKI])
twin_right = new.issue_ca("Twin", without=[SKI])
leaf_twin = twin_right.issue_leaf(HOST, without=[AKI])
impostor = CA.root("New Root", without=[SKI])
cross_plain = old_gone.issue_ca("New Root", key=new.key, without=[SKI])
issuing_plain = new.issue_ca("Issuing", key=issuing.key, without=[AKI])

stranger = CA.root("Stranger")


def under(authority: CA) -> Issued:
    """A leaf of this authority."""
    return authority.issue_leaf(HOST)


def odd_ca(name: str, **options: object) -> CA:
    """An intermediate under New Root with something odd about it."""
    return new.issue_ca(name, **options)  # type: ignore[arg-type]  # passed on as they are


no_basic = odd_ca("No Basic Constraints", without=[BASIC])
no_marks = odd_ca("No Marks Of A CA", without=[BASIC, USAGE])
denied = odd_ca("Denied", extra=[NOT_A_CA])
no_signing = odd_ca("No Signing", usage=("crl_sign",))
for_clients = odd_ca("For Clients", extra=[CLIENTS_ONLY])
for_anything = odd_ca("For Anything", extra=[(x509.ExtendedKeyUsage([ANY_PURPOSE]), False)])
for_step_up = odd_ca("For Step-Up", extra=[(x509.ExtendedKeyUsage(list(STEP_UP)), False)])
narrow = odd_ca("Narrow", extra=[(x509.NameConstraints([x509.DNSName("elsewhere.example")], None), True)])
short = odd_ca("Short", path_length=0)
short_again = short.issue_ca("Short")
below_short = short.issue_ca("Below Short")
root_no_marks = CA.root("Root Without Marks", without=[BASIC, USAGE])
root_denied = CA.root("Root Denied", extra=[NOT_A_CA])
root_no_signing = CA.root("Root No Signing", usage=("crl_sign",))
root_for_clients = CA.root("Root For Clients", extra=[CLIENTS_ONLY])
root_short = CA.root("Root Short", path_length=0)
below_root_short = root_short.issue_ca("Below Root Short")
root_critical = CA.root("Root Critical", extra=[UNKNOWN_CRITICAL])
root_narrow = CA.root(
    "Root Narrow", extra=[(x509.NameConstraints([x509.DNSName("elsewhere.example")], None), True)]
)
root_miscarved = CA(
    certificate=x509.load_der_x509_certificate(with_broken_signature(new.der)),
    key=new.key,
)
alone = CA.root(
    HOST, usage=LEAF_USAGE, extra=[NOT_A_CA, (x509.SubjectAlternativeName([x509.DNSName(HOST)]), False)]
)
alone_free = CA.root(
    HOST, usage=None, extra=[NOT_A_CA, (x509.SubjectAlternativeName([x509.DNSName(HOST)]), False)]
)


def _case(rule: str, sent: Sequence[Issued], store: Sequence[Issued], old: int, new: int) -> OpensslCase:
    return OpensslCase(rule=rule, sent=tuple(sent), store=tuple(store), old=old, new=new)


def wrong_issuer_and_serial() -> Issued:
    """A leaf whose authority key identifier names another certificate by issuer and serial."""
    identifier = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(new.subject)], 12345)
    return issuing.issue_leaf(HOST, extra=[(identifier, False)])


def wrong_key_id() -> Issued:
    """A leaf whose authority key identifier names another key."""
    return issuing.issue_leaf(HOST, extra=[(x509.AuthorityKeyIdentifier(b"\1" * 20, None, None), False)])


CASES: dict[str, OpensslCase] = {
    # -- the two events
    "addtrust": _case(
        "1.0.2 follows the expired cross-certificate to the expired root that the store still holds; 3 stops at"
        " the new root, because it asks the store first",
        (leaf, issuing, cross_gone),
        (old_gone, new),
        EXPIRED,
        OK,
    ),
    "addtrust-store-order": _case(
        "the order of the two roots in the store changes nothing",
        (leaf, issuing, cross_gone),
        (new, old_gone),
        EXPIRED,
        OK,
    ),
    "addtrust-old-root-removed": _case(
        "with the expired root out of the store 1.0.2 finds the alternative chain",
        (leaf, issuing, cross_gone),
        (new,),
        OK,
        OK,
    ),
    "addtrust-old-root-sent": _case(
        "an expired root that is sent but not stored does no harm: 1.0.2 drops it and looks for an alternative",
        (leaf, issuing, cross_gone, old_gone),
        (new,),
        OK,
        OK,
    ),
    "addtrust-cross-not-sent": _case(
        "without the cross-certificate both find the new root",
        (leaf, issuing),
        (old_gone, new),
        OK,
        OK,
    ),
    "dst-x3": _case(
        "a cross-certificate that outlives its root fails in 1.0.2 just so, by the root's date",
        (leaf, issuing, cross),
        (old_gone, new),
        EXPIRED,
        OK,
    ),
    "dst-x3-old-root-removed": _case(
        "removing the expired root mends it: the alternative chain ends in the new one",
        (leaf, issuing, cross),
        (new,),
        OK,
        OK,
    ),
    "dst-x3-only-old-root": _case(
        "with only the expired root both refuse: an anchor's own dates count",
        (leaf, issuing, cross),
        (old_gone,),
        EXPIRED,
        EXPIRED,
    ),
    # -- trusted first has its own trap
    "stale-root-hides-cross": _case(
        "3 stops at a stale certificate of the new root in its store and never looks at the good"
        " cross-certificate that was sent; 1.0.2 does",
        (leaf, issuing, cross),
        (new_gone, old_valid),
        OK,
        EXPIRED,
    ),
    "stale-root-hides-sent-root": _case(
        "a good root that is sent does not help over its stale twin in the store",
        (leaf, issuing, new),
        (new_gone,),
        EXPIRED,
        EXPIRED,
    ),
    "stale-intermediate-hides-sent-one": _case(
        "3 prefers a stale intermediate in its store to the good one sent",
        (leaf, issuing),
        (new, issuing_gone),
        OK,
        EXPIRED,
    ),
    "impostor-hides-cross": _case(
        "a root of the same name with another key, and no key identifiers, stops 3 at its signature",
        (leaf, issuing_plain, cross_plain),
        (impostor, old_valid),
        OK,
        SIGNATURE,
    ),
    # -- which candidate
    "first-sent-wins": _case(
        "among certificates sent 1.0.2 takes the first that fits, expired or not; 3 prefers a current one",
        (leaf, issuing_gone, issuing),
        (new,),
        EXPIRED,
        OK,
    ),
    "first-sent-wins-current": _case(
        "with the current one first both accept",
        (leaf, issuing, issuing_gone),
        (new,),
        OK,
        OK,
    ),
    "first-sent-wins-future": _case(
        "the same holds for a certificate that is not valid yet",
        (leaf, issuing_future, issuing),
        (new,),
        NOT_YET,
        OK,
    ),
    "first-stored-wins": _case(
        "among roots of one name and key in the store 1.0.2 takes the first; 3 prefers a current one",
        (leaf, issuing),
        (new_gone, new),
        EXPIRED,
        OK,
    ),
    "first-stored-wins-current": _case(
        "with the current root first both accept",
        (leaf, issuing),
        (new, new_gone),
        OK,
        OK,
    ),
    "stored-intermediate-is-no-help": _case(
        "1.0.2 does not replace an expired intermediate that was sent by a current one of the store; 3 does",
        (leaf, issuing_gone),
        (issuing, new),
        EXPIRED,
        OK,
    ),
    "order-sent": _case(
        "the order in which intermediates are sent does not matter to either",
        (leaf, new, issuing),
        (new,),
        OK,
        OK,
    ),
    # -- neither goes back
    "dead-end": _case(
        "of two certificates for one authority both take the first sent, and do not go back when it leads nowhere",
        (leaf_twice, under_a, under_b),
        (root_b,),
        ISSUER_MISSING_LOCALLY,
        ISSUER_MISSING_LOCALLY,
    ),
    "dead-end-other-order": _case(
        "sent the other way round both accept",
        (leaf_twice, under_b, under_a),
        (root_b,),
        OK,
        OK,
    ),
    "dead-end-alternative-in-store": _case(
        "if the store holds the other certificate, both leave the one sent for it",
        (leaf_twice, under_a),
        (under_b, root_b),
        OK,
        OK,
    ),
    "signature-never-goes-back": _case(
        "signatures are checked after the path is built, and a bad one is not a reason to look further",
        (leaf_twin, twin_wrong, twin_right),
        (new,),
        SIGNATURE,
        SIGNATURE,
    ),
    "signature-right-first": _case(
        "with the right one first both accept",
        (leaf_twin, twin_right, twin_wrong),
        (new,),
        OK,
        OK,
    ),
    # -- what makes a candidate
    "key-id-mismatch": _case(
        "another key identifier disqualifies an issuer of the right name and key",
        (wrong_key_id(), issuing),
        (new,),
        ISSUER_MISSING_LOCALLY,
        ISSUER_MISSING_LOCALLY,
    ),
    "issuer-and-serial-mismatch": _case(
        "so does another issuer and serial in the authority key identifier",
        (wrong_issuer_and_serial(), issuing),
        (new,),
        ISSUER_MISSING_LOCALLY,
        ISSUER_MISSING_LOCALLY,
    ),
    "no-cert-sign": _case(
        "without keyCertSign 1.0.2 does not take it for an issuer at all; 3 does, and then refuses it",
        (under(no_signing), no_signing),
        (new,),
        ISSUER_MISSING_LOCALLY,
        INVALID_CA,
    ),
    "root-no-cert-sign": _case(
        "the same for a root of the store",
        (under(root_no_signing),),
        (root_no_signing,),
        ISSUER_MISSING_LOCALLY,
        INVALID_CA,
    ),
    # -- what may end a path
    "intermediate-as-anchor": _case(
        "an intermediate alone in the store ends no path by default",
        (leaf, issuing),
        (issuing,),
        ISSUER_MISSING,
        ISSUER_MISSING,
    ),
    "intermediate-in-store-as-step": _case(
        "an intermediate in the store is a step on the way to a root",
        (leaf,),
        (issuing, new),
        OK,
        OK,
    ),
    "leaf-as-anchor": _case(
        "a leaf that was issued by another ends no path by default",
        (leaf,),
        (leaf,),
        ISSUER_MISSING_LOCALLY,
        ISSUER_MISSING_LOCALLY,
    ),
    "self-signed-leaf": _case(
        "a self-signed leaf in the store is its own path",
        (alone_free,),
        (alone_free,),
        OK,
        OK,
    ),
    "self-signed-leaf-no-cert-sign": _case(
        "1.0.2 does not count it as self-signed if its key usage lacks keyCertSign",
        (alone,),
        (alone,),
        ISSUER_MISSING_LOCALLY,
        OK,
    ),
    "self-signed-leaf-unknown": _case(
        "one that the store does not hold is refused",
        (alone_free,),
        (new,),
        SELF_SIGNED_LEAF,
        SELF_SIGNED_LEAF,
    ),
    "root-sent-unknown": _case(
        "a root that is sent and not stored does not vouch",
        (leaf, issuing, new),
        (stranger,),
        SELF_SIGNED_IN_CHAIN,
        SELF_SIGNED_IN_CHAIN,
    ),
    # -- what is asked of the anchor: 1.0.2 checks extensions of what was sent only
    "anchor-own-signature": _case(
        "a root's own signature is not checked",
        (leaf, issuing),
        (root_miscarved,),
        OK,
        OK,
    ),
    "anchor-without-marks": _case(
        "1.0.2 takes a version 3 root without basic constraints; 3 does not",
        (under(root_no_marks),),
        (root_no_marks,),
        OK,
        INVALID_CA,
    ),
    "anchor-denied": _case(
        "1.0.2 even takes a root that says it is no authority",
        (under(root_denied),),
        (root_denied,),
        OK,
        INVALID_CA,
    ),
    "anchor-path-length": _case(
        "a root's path length binds in 3 only",
        (under(below_root_short), below_root_short),
        (root_short,),
        OK,
        PATH_LENGTH,
    ),
    "anchor-purpose": _case(
        "a root's extended key usage binds in 3 only",
        (under(root_for_clients),),
        (root_for_clients,),
        OK,
        PURPOSE,
    ),
    "anchor-critical-extension": _case(
        "an unknown critical extension of a root refuses the path in 3 only",
        (under(root_critical),),
        (root_critical,),
        OK,
        CRITICAL,
    ),
    "anchor-name-constraint": _case(
        "a root's name constraints bind in both",
        (under(root_narrow),),
        (root_narrow,),
        NAME_CONSTRAINT,
        NAME_CONSTRAINT,
    ),
    "stored-intermediate-denied": _case(
        "1.0.2 leaves every certificate of the store unchecked, not only roots: one that denies being a CA",
        (under(denied),),
        (denied, new),
        OK,
        INVALID_CA,
    ),
    "stored-intermediate-purpose": _case(
        "one that is for clients only",
        (under(for_clients),),
        (for_clients, new),
        OK,
        PURPOSE,
    ),
    "stored-intermediate-path-length": _case(
        "and one whose path length is exceeded",
        (under(below_short), below_short),
        (short, new),
        OK,
        PATH_LENGTH,
    ),
    # -- what is asked of an intermediate that was sent
    "intermediate-without-basic-constraints": _case(
        "with keyCertSign alone an intermediate passes in 1.0.2, not in 3",
        (under(no_basic), no_basic),
        (new,),
        OK,
        INVALID_CA,
    ),
    "intermediate-without-marks": _case(
        "with neither basic constraints nor key usage it passes in none",
        (under(no_marks), no_marks),
        (new,),
        INVALID_CA_OLD,
        INVALID_CA,
    ),
    "intermediate-denied": _case(
        "one that says it is no authority passes in none",
        (under(denied), denied),
        (new,),
        INVALID_CA_OLD,
        INVALID_CA,
    ),
    "intermediate-purpose": _case(
        "an intermediate's extended key usage binds in both",
        (under(for_clients), for_clients),
        (new,),
        PURPOSE,
        PURPOSE,
    ),
    "intermediate-path-length": _case(
        "an intermediate's path length binds in both",
        (under(below_short), below_short, short),
        (new,),
        PATH_LENGTH,
        PATH_LENGTH,
    ),
    "intermediate-any-purpose": _case(
        "anyExtendedKeyUsage alone does not make an intermediate one for servers",
        (under(for_anything), for_anything),
        (new,),
        PURPOSE,
        PURPOSE,
    ),
    "intermediate-step-up": _case(
        "the step-up purposes of the 1990s count as for servers",
        (under(for_step_up), for_step_up),
        (new,),
        OK,
        OK,
    ),
    "intermediate-self-issued": _case(
        "a self-issued intermediate does not count against the path length",
        (under(short_again), short_again, short),
        (new,),
        OK,
        OK,
    ),
    "intermediate-name-constraint": _case(
        "an intermediate's name constraints bind in both",
        (under(narrow), narrow),
        (new,),
        NAME_CONSTRAINT,
        NAME_CONSTRAINT,
    ),
    "name-constraint-common-name": _case(
        "they bind the common name of a leaf without a subjectAltName in 3 only",
        (narrow.issue_leaf(HOST, san=[]), narrow),
        (new,),
        OK,
        NAME_CONSTRAINT,
    ),
    # -- the leaf
    "leaf-any-purpose": _case(
        "anyExtendedKeyUsage alone does not make a leaf one for servers either",
        (new.issue_leaf(HOST, eku=[ANY_PURPOSE]),),
        (new,),
        PURPOSE,
        PURPOSE,
    ),
    "leaf-step-up": _case(
        "nor is anything else needed beside the step-up purposes",
        (new.issue_leaf(HOST, eku=list(STEP_UP)),),
        (new,),
        OK,
        OK,
    ),
    "leaf-key-usage": _case(
        "a leaf whose key usage has none of digitalSignature, keyEncipherment and keyAgreement is refused",
        (new.issue_leaf(HOST, usage=("content_commitment",)),),
        (new,),
        PURPOSE,
        PURPOSE,
    ),
    "leaf-key-usage-encipherment": _case(
        "one of them suffices, whatever the key could do with it",
        (new.issue_leaf(HOST, usage=("key_encipherment",)),),
        (new,),
        OK,
        OK,
    ),
    "leaf-is-a-ca": _case(
        "an authority's certificate serves nobody unless its key usage says so",
        (issuing,),
        (new,),
        PURPOSE,
        PURPOSE,
    ),
    "issuer-in-other-case": _case(
        "names are compared without regard to case",
        (issuing.issue_leaf(HOST, issuer="ISSUING"), issuing),
        (new,),
        OK,
        OK,
    ),
    "leaf-purpose": _case(
        "a leaf for clients is refused by both",
        (issuing.issue_leaf(HOST, eku=[ExtendedKeyUsageOID.CLIENT_AUTH]), issuing),
        (new,),
        PURPOSE,
        PURPOSE,
    ),
    "leaf-without-purpose": _case(
        "a leaf without extended key usage is accepted by both",
        (issuing.issue_leaf(HOST, eku=None), issuing),
        (new,),
        OK,
        OK,
    ),
    "leaf-critical-extension": _case(
        "an unknown critical extension of a leaf is refused by both",
        (issuing.issue_leaf(HOST, extra=[UNKNOWN_CRITICAL]), issuing),
        (new,),
        CRITICAL,
        CRITICAL,
    ),
}
