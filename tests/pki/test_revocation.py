"""Revocation lists on one path, RFC 5280 sections 5 and 6.3."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.pki import revocation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.crl import Crl, MalformedCrlError, distribution_points
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.question import Question
from anchorwatch.pki.reason import Position, Reason
from anchorwatch.pki.truststore import Anchor, TrustStore
from anchorwatch.pki.verdict import Refused, Trusted
from builders.certs import CA, Extra, Issued
from builders.lists import ENDS, ISSUED, entry, points, revocation_list, scope

AT = datetime(2020, 1, 15, tzinfo=UTC)
ROOT = CA.root("Harbour Root")
MIDDLE = ROOT.issue_ca("Harbour Issuing 1")
LEAF = MIDDLE.issue_leaf("portal.example")
ROOT_LIST = revocation_list(ROOT)
UNKNOWN: Extra = (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)


POINTING = MIDDLE.issue_leaf("portal.example", extra=[points("http://lists.example/1")])
WHOLE = revocation_list(
    MIDDLE,
    [entry(9, reason=ReasonFlags.superseded, issuer=MIDDLE.subject), entry(10)],
    scope=scope(names=["http://lists.example/1"], indirect=True),
)


def read(*issued: Issued) -> tuple[Certificate, ...]:
    return tuple(Certificate.from_der(item.der) for item in issued)


def reasons(
    *lists: bytes,
    leaf: Issued = LEAF,
    middle: CA = MIDDLE,
    known: tuple[Issued, ...] = (),
    strict: bool = True,
) -> list[Reason]:
    """What is wrong with the path leaf, middle, root under these lists and a good list of the root."""
    faults = revocation.check(
        read(leaf, middle, ROOT), (ROOT_LIST, *lists), at=AT, known=read(*known), strict=strict
    )
    return [fault.reason for fault in faults]


def test_every_certificate_but_the_anchor_needs_a_list() -> None:
    """Without any list each certificate below the anchor is unknown, each at its own place."""
    faults = revocation.check(read(LEAF, MIDDLE, ROOT), (), at=AT)
    assert [(fault.reason, fault.position) for fault in faults] == [
        (Reason.REVOCATION_UNKNOWN, Position.LEAF),
        (Reason.REVOCATION_UNKNOWN, Position.INTERMEDIATE),
    ]
    assert revocation.check(read(ROOT), (), at=AT) == ()


def test_a_list_without_the_certificate_is_good_standing() -> None:
    """Another certificate's line does not concern it."""
    assert reasons(revocation_list(MIDDLE, [entry(4711)])) == []


def test_a_revoked_certificate_is_told_with_date_and_reason() -> None:
    """The fault says since when, why, and whose list of which day says so."""
    told = revocation_list(MIDDLE, [entry(LEAF, reason=ReasonFlags.key_compromise)])
    (fault,) = revocation.check(read(LEAF, MIDDLE, ROOT), (ROOT_LIST, told), at=AT)
    assert fault.reason is Reason.REVOKED
    assert fault.certificate == Certificate.from_der(LEAF.der)
    assert "2019-12-24 00:00:00Z (keyCompromise)" in fault.sentence
    assert "“CN=Harbour Issuing 1” of 2020-01-01" in fault.sentence


def test_the_list_of_another_authority_says_nothing() -> None:
    """A serial number on the list of another issuer is another certificate."""
    assert reasons(revocation_list(CA.root("Elsewhere"), [entry(LEAF)])) == [Reason.REVOCATION_UNKNOWN]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"this_update": datetime(2020, 1, 16, tzinfo=UTC)}, "begins on 2020-01-16"),
        ({"this_update": datetime(2019, 1, 1, tzinfo=UTC), "next_update": datetime(2020, 1, 14, tzinfo=UTC)},
         "ended on 2020-01-14"),
        ({"number": None}, "has no number"),
        ({"number_critical": True}, "marks its number critical"),
        ({"extra": [UNKNOWN]}, "critical extensions that are not understood: 1.2.3.4"),
        ({"revoked": [entry(4711, extra=[UNKNOWN])]}, "critical extensions that are not understood: 1.2.3.4"),
    ],
    ids=["early", "late", "no number", "critical number", "unknown", "unknown in an entry"],
)  # fmt: skip
def test_a_list_that_may_not_be_used_is_named_with_its_defect(made: dict[str, object], words: str) -> None:
    """A list that covers the certificate but is out of date or not understood leaves it unknown, and says so."""
    unusable = revocation_list(MIDDLE, **made)  # type: ignore[arg-type]  # one table for five kinds of value
    (fault,) = revocation.check(read(LEAF, MIDDLE, ROOT), (ROOT_LIST, unusable), at=AT)
    assert fault.reason is Reason.REVOCATION_UNKNOWN
    assert words in fault.sentence


def test_the_dates_of_a_list_include_both_ends() -> None:
    """A list holds from its first to its last second."""
    lists = (ROOT_LIST, revocation_list(MIDDLE))
    for at in (ISSUED, ENDS):
        assert revocation.check(read(LEAF, MIDDLE, ROOT), lists, at=at) == ()


def test_a_missing_number_is_forgiven_where_the_client_forgives_it() -> None:
    """Without `strict` a list needs no number."""
    assert reasons(revocation_list(MIDDLE, number=None), strict=False) == []


@pytest.mark.parametrize(
    ("usage", "found"),
    [(("key_cert_sign",), [Reason.REVOCATION_UNKNOWN]), (("key_cert_sign", "crl_sign"), []), (None, [])],
    ids=["no cRLSign", "cRLSign", "no key usage"],
)
def test_who_signs_lists_needs_crlsign_where_key_usage_is_there(
    usage: tuple[str, ...] | None, found: list[Reason]
) -> None:
    """RFC 5280 section 6.3.3 (f): the bit is asked only where the extension stands."""
    middle = ROOT.issue_ca("Harbour Issuing 2", usage=usage)
    leaf = middle.issue_leaf("portal.example")
    assert reasons(revocation_list(middle), leaf=leaf, middle=middle) == found


def test_a_signature_by_another_key_is_not_believed() -> None:
    """A list in the issuer's name that somebody else signed leaves the certificate unknown."""
    stranger = CA.root("Stranger")
    forged = revocation_list(stranger, issuer=MIDDLE.subject)
    assert reasons(forged) == [Reason.REVOCATION_UNKNOWN]
    namesake = CA.root("Harbour Issuing 1")
    assert reasons(revocation_list(namesake), known=(namesake,)) == [Reason.REVOCATION_UNKNOWN]


def test_a_separate_key_may_sign_lists_if_an_authority_of_the_path_says_so() -> None:
    """A certificate with the issuer's name, issued on this path and in good standing itself, may sign."""
    clerk = ROOT.issue_ca("Harbour Issuing 1", usage=("crl_sign",))
    told = revocation_list(clerk)
    assert reasons(told) == [Reason.REVOCATION_UNKNOWN]
    assert reasons(told, known=(clerk,)) == []
    revoked = revocation_list(ROOT, [entry(clerk)], number=2)
    faults = revocation.check(read(LEAF, MIDDLE, ROOT), (revoked, told), at=AT, known=read(clerk))
    assert [fault.reason for fault in faults] == [Reason.REVOCATION_UNKNOWN]


def test_the_caller_s_checks_are_asked_about_a_signer_beside_the_path() -> None:
    """What `vouches` refuses does not sign."""
    clerk = ROOT.issue_ca("Harbour Issuing 1", usage=("crl_sign",))
    asked: list[tuple[Certificate, ...]] = []

    def vouches(branch: tuple[Certificate, ...]) -> bool:
        asked.append(branch)
        return False

    lists = (ROOT_LIST, revocation_list(clerk))
    faults = revocation.check(read(LEAF, MIDDLE, ROOT), lists, at=AT, known=read(clerk), vouches=vouches)
    assert [fault.reason for fault in faults] == [Reason.REVOCATION_UNKNOWN]
    assert asked == [read(clerk, ROOT)]


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ({"only_leaves": True}, []),
        ({"only_authorities": True}, [Reason.REVOCATION_UNKNOWN]),
        ({"only_attributes": True}, [Reason.REVOCATION_UNKNOWN]),
        ({"names": ["http://lists.example/1"]}, []),
        ({"names": ["http://lists.example/2"]}, [Reason.REVOCATION_UNKNOWN]),
        ({"reasons": [ReasonFlags.key_compromise]}, [Reason.REVOCATION_UNKNOWN]),
    ],
    ids=["leaves", "authorities", "attributes", "this point", "another point", "one reason"],
)
def test_a_list_covers_what_its_scope_says(about: dict[str, object], found: list[Reason]) -> None:
    """Kind, distribution point and reasons of the list decide whether it speaks of the certificate."""
    leaf = MIDDLE.issue_leaf("portal.example", extra=[points("http://lists.example/1")])
    told = revocation_list(MIDDLE, scope=scope(**about))  # type: ignore[arg-type]  # one table for several kinds
    assert reasons(told, leaf=leaf) == found


def test_lists_for_some_reasons_add_up() -> None:
    """Two lists that together cover every reason decide; either alone does not."""
    every = [
        flag for flag in ReasonFlags if flag not in (ReasonFlags.unspecified, ReasonFlags.remove_from_crl)
    ]
    first = revocation_list(MIDDLE, scope=scope(reasons=every[:3]))
    second = revocation_list(MIDDLE, scope=scope(reasons=every[3:]))
    assert reasons(first) == [Reason.REVOCATION_UNKNOWN]
    assert reasons(first, second) == []


def test_an_indirect_list_speaks_for_the_issuers_it_names() -> None:
    """Lines belong to the issuer named in them or before them; the certificate must point to the list."""
    clerk = ROOT.issue_ca("Harbour Lists", usage=("crl_sign",))
    leaf = MIDDLE.issue_leaf("portal.example", extra=[points(issuer=clerk.subject)])
    about = scope(indirect=True)
    own = revocation_list(clerk, [entry(leaf)], scope=about)
    named = revocation_list(clerk, [entry(9, issuer=MIDDLE.subject), entry(leaf)], scope=about)
    assert reasons(own, leaf=leaf, known=(clerk,)) == []
    assert reasons(named, leaf=leaf, known=(clerk,)) == [Reason.REVOKED]
    assert reasons(own, known=(clerk,)) == [Reason.REVOCATION_UNKNOWN]
    assert reasons(revocation_list(clerk), leaf=leaf, known=(clerk,)) == [Reason.REVOCATION_UNKNOWN]


def test_a_delta_completes_its_base_and_nothing_else() -> None:
    """A delta revokes and takes back, when it fits the list; alone it tells nothing."""
    base = revocation_list(MIDDLE, [entry(LEAF, reason=ReasonFlags.certificate_hold)], number=5)
    empty = revocation_list(MIDDLE, number=5)
    revokes = revocation_list(MIDDLE, [entry(LEAF)], number=6, base=5)
    takes_back = revocation_list(MIDDLE, [entry(LEAF, reason=ReasonFlags.remove_from_crl)], number=6, base=5)
    for_a_later_one = revocation_list(MIDDLE, [entry(LEAF)], number=9, base=8)
    assert reasons(empty, revokes) == [Reason.REVOKED]
    assert reasons(base, takes_back) == []
    assert reasons(empty, for_a_later_one) == []
    assert reasons(revokes) == [Reason.REVOCATION_UNKNOWN]


def test_a_revoked_intermediate_is_found_at_its_place() -> None:
    """The root's list refuses the intermediate, not the leaf."""
    lists = (revocation_list(ROOT, [entry(MIDDLE)]), revocation_list(MIDDLE))
    (fault,) = revocation.check(read(LEAF, MIDDLE, ROOT), lists, at=AT)
    assert (fault.reason, fault.position) == (Reason.REVOKED, Position.INTERMEDIATE)


@pytest.mark.parametrize("octets", [b"", b"junk", b"0\x80", ROOT_LIST[:-9], ROOT.der])
def test_what_is_no_list_is_told_and_not_raised(octets: bytes) -> None:
    """Damaged octets become a note in the sentence."""
    with pytest.raises(MalformedCrlError):
        Crl.from_der(octets)
    (fault,) = revocation.check(read(LEAF, MIDDLE, ROOT), (ROOT_LIST, octets), at=AT)
    assert fault.reason is Reason.REVOCATION_UNKNOWN
    assert "revocation list" in fault.sentence


def test_an_entry_that_cannot_be_read_makes_its_list_unusable() -> None:
    """A signed list with a broken reason leaves its certificates unknown, and says why."""
    broken: Extra = (x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.21"), b"\x0a"), False)
    (fault,) = revocation.check(
        read(LEAF, MIDDLE, ROOT), (ROOT_LIST, revocation_list(MIDDLE, [entry(LEAF, extra=[broken])])), at=AT
    )
    assert fault.reason is Reason.REVOCATION_UNKNOWN
    assert "an entry that cannot be read" in fault.sentence


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_whatever_octet_is_wrong_nothing_is_raised(place: int, octet: int) -> None:
    """A list with one octet changed is refused or told to be unusable: it never vouches and never raises."""
    damaged = bytearray(WHOLE)
    damaged[place % len(damaged)] = octet
    found = reasons(bytes(damaged), leaf=POINTING)
    assert found == ([] if bytes(damaged) == WHOLE else [Reason.REVOCATION_UNKNOWN])


@given(st.binary(max_size=60), st.integers(min_value=0))
def test_whatever_a_certificate_says_of_its_lists_nothing_is_raised(junk: bytes, place: int) -> None:
    """Distribution points that cannot be read leave the certificate unknown."""
    extension = points("http://lists.example/1", issuer=MIDDLE.subject)[0]
    value = bytearray(extension.public_bytes())
    start = place % len(value)
    value[start : start + len(junk)] = junk
    with suppress(ValueError):
        distribution_points(bytes(value), Certificate.from_der(MIDDLE.der).subject)


def test_many_lists_by_many_namesakes_stay_within_a_budget() -> None:
    """Lists and signers that multiply end in one clear fault."""
    namesakes = tuple(CA.root("Harbour Issuing 1") for _ in range(12))
    lists = [revocation_list(namesakes[0], number=number) for number in range(1, 30)]
    stranger = CA.root("Stranger")
    forged = [revocation_list(stranger, number=number, issuer=MIDDLE.subject) for number in range(30)]
    faults = revocation.check(
        read(LEAF, MIDDLE, ROOT), (ROOT_LIST, *forged, *lists), at=AT, known=read(*namesakes)
    )
    assert [fault.reason for fault in faults] == [Reason.BUDGET_EXHAUSTED]


def test_the_judge_holds_a_signer_beside_the_path_to_its_checks() -> None:
    """A signer with a critical extension nobody understands signs nothing, whatever its list says."""
    good = ROOT.issue_ca("Harbour Issuing 1", usage=("crl_sign",))
    odd = ROOT.issue_ca("Harbour Issuing 1", usage=("crl_sign",), extra=[UNKNOWN])
    store = TrustStore((Anchor(read(ROOT)[0]),), "store")
    verdicts = [
        judge(
            Question(
                presented=read(LEAF, MIDDLE, clerk),
                store=store,
                at=AT,
                revocation="crl",
                crls=(ROOT_LIST, revocation_list(clerk)),
            ),
            fixes=False,
        )
        for clerk in (good, odd)
    ]
    trusted, refused = verdicts
    assert isinstance(trusted, Trusted)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.REVOCATION_UNKNOWN
    assert "which this path does not vouch for" in refused.sentence
