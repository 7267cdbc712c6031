"""What the judge refused, as a class of failure with its evidence."""

from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.licensing import failure
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.policy import TEXTS, Generation, cisco
from anchorwatch.pki import PROFILES, PeerName, Question, Refused, TrustStore, judge
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA, Issued

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PEER = "portal.example"


def refusal(chain: list[Issued], *trusted: CA, peer: str = PEER, newest: bool = False) -> Failure:
    certificates = tuple(Certificate.from_der(each.der) for each in chain)
    store = TrustStore.of([Certificate.from_der(each.der) for each in trusted])
    question = Question(
        presented=certificates, store=store, at=T0, peer=PeerName.parse(peer), profile=PROFILES["webpki"]
    )
    verdict = judge(question)
    assert isinstance(verdict, Refused)
    presented = tuple(each.sha256 for each in certificates)
    return failure.of_refusal(
        verdict, peer=peer, presented=presented, newest_bundle=newest, sent_issuers=len(chain) - 1
    )


def test_an_unknown_root_names_who_is_missing() -> None:
    """The evidence holds what was presented and the issuers any of which would do."""
    root = CA.root("New Root")
    middle = root.issue_ca("New Issuing")
    found = refusal([middle.issue_leaf(PEER), middle], CA.root("Old Root"))
    assert found.kind is FailureClass.UNKNOWN_ROOT
    assert any("New Root" in each for each in found.evidence.missing)
    assert len(found.evidence.presented) == 2


def test_a_chain_that_even_the_newest_bundle_does_not_know_is_interception() -> None:
    """The same chain, once the portal's newest bundle was fetched, is somebody between."""
    proxy = CA.root("Inspecting Proxy")
    assert refusal([proxy.issue_leaf(PEER)], CA.root("Old Root"), newest=True).kind is (
        FailureClass.TLS_INTERCEPTED
    )


@pytest.mark.parametrize(
    ("options", "peer", "kind"),
    [
        ({"not_after": T0 - timedelta(days=1)}, PEER, FailureClass.LEAF_EXPIRED),
        ({"not_before": T0 + timedelta(days=1)}, PEER, FailureClass.LEAF_NOT_YET_VALID),
        ({}, "other.example", FailureClass.NAME_MISMATCH),
        ({"digest": "sha1"}, PEER, FailureClass.WEAK_ALGORITHM),
    ],
)
def test_a_known_root_with_a_bad_leaf(options: dict[str, object], peer: str, kind: FailureClass) -> None:
    """Dates, names and weak digests are told from trust."""
    root = CA.root("Root")
    leaf = root.issue_leaf(PEER, **options)  # type: ignore[arg-type]  # options of the builder
    assert refusal([leaf], root, peer=peer).kind is kind


def test_incidents_are_counted_and_bounded() -> None:
    """One class is one incident with a count, until it is repaired; the oldest go beyond the limit."""
    trouble = Failure(kind=FailureClass.DNS, sentence="no such name")
    incidents = failure.noted((), trouble, T0, "i1")
    incidents = failure.noted(incidents, trouble, T0 + timedelta(hours=1), "i2")
    assert [(each.id, each.count) for each in incidents] == [("i1", 2)]
    incidents = failure.noted(failure.repaired(incidents, "grant"), trouble, T0, "i3")
    assert [(each.id, each.repaired_by) for each in incidents] == [("i1", "grant"), ("i3", None)]
    assert (
        len(failure.noted(incidents, Failure(kind=FailureClass.REVOKED, sentence="x"), T0, "i4", limit=2))
        == 2
    )


@pytest.mark.parametrize("generation", list(Generation))
def test_every_failure_has_the_devices_words(generation: Generation) -> None:
    """A device of each generation has a text for each class; for what the portal said, the portal's own words."""
    assert set(TEXTS[generation]) == set(FailureClass) - {FailureClass.LICENCE_ERROR}
    told = Failure(kind=FailureClass.LICENCE_ERROR, sentence="The ID token has expired")
    assert cisco(generation).text(told) == "The ID token has expired"
