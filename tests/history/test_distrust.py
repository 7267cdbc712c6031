"""Roots that a programme stops trusting: for what is issued later, or altogether."""

from __future__ import annotations

from datetime import date

import pytest

from anchorwatch.pki import PROFILES, Question, Reason, Refused, Trusted, judge
from history.engine import openssl_alone
from history.shelf import Shelf, on

QUOVADIS_2 = "85a0dd7dd720adb7"


@pytest.mark.parametrize(
    ("sent", "anchor", "issued", "vouched"),
    [
        (("55bcc17ac3e3bb43", "59f8cb7d7e9e13cb"), "9acfab7e43c8d880", "2017-07-31", True),
        (("2d4fad3455ab6139",), "9acfab7e43c8d880", "2017-11-06", True),
        (("0ba8c0d459b76abc",), "2399561127a57125", "2021-03-04", False),
    ],
    ids=["leaf of 2017", "authority of 2017", "authority of 2021"],
)
def test_symantec_after_its_distrust(
    shelf: Shelf, sent: tuple[str, ...], anchor: str, issued: str, vouched: bool
) -> None:
    """Mozilla's store of June 2020 vouches for what Symantec's roots issued until April 2019, and for nothing later."""
    store = shelf.store("nss", "2020-06-12")
    entry = store.anchor(shelf.certificate(anchor))
    assert entry is not None
    assert entry.distrust_after is not None
    at = on("2020-06-13") if issued < "2020" else on("2021-03-10")
    question = Question(presented=shelf.certificates(*sent), store=store, at=at, profile=PROFILES["rfc5280"])
    verdict = judge(question)
    assert f"{question.leaf.not_before:%Y-%m-%d}" == issued
    if vouched:
        assert isinstance(verdict, Trusted)
        assert verdict.path.anchor == entry
    else:
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason.DISTRUSTED_AFTER
        assert issued in verdict.sentence
        # The rule belongs to the store: OpenSSL, which reads only certificates, does not know it.
        assert openssl_alone(question.presented, store, at) is None


def test_entrust_before_its_distrust(shelf: Shelf) -> None:
    """A leaf that Entrust issued in June 2024 stays trusted to its end although its root is distrusted since."""
    store = shelf.store("nss", date(2025, 6, 26))
    verdict = judge(
        Question(
            presented=shelf.certificates("a41bdbef35d38a99", "75c5b3f01fd1f51a"),
            store=store,
            at=on("2025-06-27"),
        )
    )
    assert isinstance(verdict, Trusted)
    assert verdict.path.anchor.distrust_after == on("2024-11-30", "23:59:59")


def test_quovadis_is_removed_in_2026(shelf: Shelf) -> None:
    """In April 2026 Mozilla stops trusting QuoVadis Root CA 2; the document's own cure of 2018 ends for browsers."""
    for day, answer in ((date(2025, 10, 23), Trusted), (date(2026, 4, 9), Refused)):
        question = Question(
            presented=shelf.certificates("aa57f482cbc516b4"),
            store=shelf.store("nss", day),
            at=on("2026-05-01"),
            catalogue=shelf.catalogue(QUOVADIS_2),
        )
        verdict = judge(question)
        assert isinstance(verdict, answer)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.ISSUER_UNKNOWN
    assert [known[:16] for missing in verdict.missing for known in missing.known] == [QUOVADIS_2]
