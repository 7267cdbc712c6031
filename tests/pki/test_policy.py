"""Certificate policies along one path, RFC 5280 section 6.1 and RFC 9618."""

from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.policy import ANY_POLICY, PolicySettings, check
from anchorwatch.pki.reason import Reason
from builders.certs import CA, Extra, Issued

GOLD, SILVER, BRONZE = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2", "1.3.6.1.4.1.99999.3"
EXPLICIT = PolicySettings(require_explicit=True)


def policies(*oids: str) -> Extra:
    """The extension that asserts these policies."""
    return x509.CertificatePolicies(
        [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in oids]
    ), False


def mappings(*pairs: tuple[str, str]) -> Extra:
    """The extension that renames policies; the library has no writer for it, so the octets are ours."""
    body = b"".join(_sequence(_oid(issuer) + _oid(subject)) for issuer, subject in pairs)
    return x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.33"), _sequence(body)), True


def constraints(explicit: int | None = None, mapping: int | None = None) -> Extra:
    """The extension that asks for policies, or forbids mappings, so many certificates further down."""
    return x509.PolicyConstraints(explicit, mapping), True


def _sequence(content: bytes) -> bytes:
    # Two octets of length serve every size these tests need.
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def _oid(dotted: str) -> bytes:
    arcs = [int(arc) for arc in dotted.split(".")]
    body = bytes([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(groups))
    return bytes([6, len(body)]) + body


def made(*rows: Sequence[Extra]) -> tuple[Certificate, ...]:
    """A path from what each certificate below the root says, from the top down."""
    root = CA.root("Harbour Root")
    above, issued = root, list[Issued]([root])
    for place, extra in enumerate(rows[:-1]):
        above = above.issue_ca(f"Harbour {place}", extra=extra)
        issued.append(above)
    issued.append(above.issue_leaf("portal.example", extra=rows[-1]))
    return tuple(Certificate.from_der(item.der) for item in reversed(issued))


def holds(path: tuple[Certificate, ...], settings: PolicySettings) -> bool:
    """Whether the check finds no fault, and if it does, only the one it may find."""
    faults = check(path, settings)
    assert {fault.reason for fault in faults} <= {Reason.POLICY}
    return not faults


def test_without_a_demand_a_path_needs_no_policy() -> None:
    """Nothing is asked, nothing is refused."""
    assert holds(made([], []), PolicySettings())


def test_a_required_policy_must_run_through_the_whole_path() -> None:
    """One certificate without it, or with another, breaks it."""
    assert holds(made([policies(GOLD)], [policies(GOLD)]), EXPLICIT)
    assert not holds(made([], [policies(GOLD)]), EXPLICIT)
    assert not holds(made([policies(GOLD)], [policies(SILVER)]), EXPLICIT)


def test_only_the_policies_asked_for_count() -> None:
    """A path that holds gold does not hold for who wants silver."""
    path = made([policies(GOLD, BRONZE)], [policies(GOLD)])
    assert holds(path, PolicySettings(initial=frozenset({GOLD}), require_explicit=True))
    assert not holds(path, PolicySettings(initial=frozenset({SILVER}), require_explicit=True))
    assert holds(path, PolicySettings(initial=frozenset({SILVER})))


def test_any_policy_stands_for_each_until_it_is_inhibited() -> None:
    """An anyPolicy in an authority lets the policies below it through; the demand or a certificate can end that."""
    path = made([policies(ANY_POLICY)], [policies(GOLD)])
    gold = PolicySettings(initial=frozenset({GOLD}), require_explicit=True)
    assert holds(path, gold)
    assert not holds(path, PolicySettings(require_explicit=True, inhibit_any=True))
    inhibited = made([policies(GOLD), (x509.InhibitAnyPolicy(0), True)], [policies(ANY_POLICY)])
    assert not holds(inhibited, gold)


def test_a_mapping_renames_a_policy_for_those_below() -> None:
    """Who asks for gold accepts silver below an authority that maps gold to silver, unless mapping is off."""
    path = made([policies(GOLD), mappings((GOLD, SILVER))], [policies(SILVER)])
    gold = frozenset({GOLD})
    assert holds(path, PolicySettings(initial=gold, require_explicit=True))
    assert not holds(path, PolicySettings(initial=frozenset({SILVER}), require_explicit=True))
    assert not holds(path, PolicySettings(initial=gold, require_explicit=True, inhibit_mapping=True))


def test_a_certificate_can_ask_for_policies_itself() -> None:
    """A requireExplicitPolicy binds the certificates below, counted from the one that says so."""
    assert not holds(made([constraints(explicit=0)], []), PolicySettings())
    assert holds(made([constraints(explicit=5)], []), PolicySettings())
    assert holds(made([policies(GOLD), constraints(explicit=0)], [policies(GOLD)]), PolicySettings())
    no_mapping = made(
        [policies(GOLD), constraints(mapping=0)],
        [policies(GOLD), mappings((GOLD, SILVER))],
        [policies(SILVER)],
    )
    assert not holds(no_mapping, EXPLICIT)


@pytest.mark.parametrize(
    "broken",
    [
        policies(GOLD, GOLD),
        (x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.32"), b"\x30\x05junk"), False),
        (x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.33"), b"\x30\x02\x30\x00"), False),
        mappings((ANY_POLICY, GOLD)),
    ],
    ids=["twice", "cut off", "no pair", "anyPolicy mapped"],
)
def test_what_cannot_be_followed_is_a_fault_and_not_an_error(broken: Extra) -> None:
    """A policy extension that says what it must not refuses the path."""
    assert not holds(made([broken], []), PolicySettings())


def test_a_path_of_one_certificate_has_nothing_to_ask() -> None:
    """The anchor's own policies do not count."""
    assert holds(made([policies(GOLD)], [])[-1:], EXPLICIT)


def test_mappings_that_multiply_stay_cheap() -> None:
    """Ten rows that each map every one of 30 policies to all 30 would be 30^10 branches of a tree."""
    many = [f"1.3.6.1.4.1.99999.7.{number}" for number in range(30)]
    row = [policies(*many), mappings(*[(one, other) for one in many for other in many])]
    path = made(*[row] * 10, [policies(many[0])])
    assert holds(path, PolicySettings(initial=frozenset({many[7]}), require_explicit=True))
    assert not holds(path, PolicySettings(initial=frozenset({GOLD}), require_explicit=True))
