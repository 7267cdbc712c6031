"""2016, 2018, 2022: the licensing portal moves to another CA, and devices are left behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchorwatch.pki import (
    PROFILES,
    Catalogue,
    PeerName,
    Question,
    Reason,
    Refused,
    Trusted,
    TrustStore,
    judge,
)
from anchorwatch.pki.verdict import Change
from history.shelf import Shelf, on, titles

G3_INTERMEDIATE = "64903546a58058d1"
G5_ROOT = "9acfab7e43c8d880"
SENT_IN_2016 = ("2927942a5ef4f05e", "eae72eb454bf6c39", "8420dfbe376f414b")
QUOVADIS_2 = "85a0dd7dd720adb7"
IDENTRUST_1 = "5d56499be4d2e08b"
# No leaf of those years' portals is on the shelf; the intermediates they were issued by stand in for them.
HYDRANT_G2 = "9c6d08933201407f"
HYDRANT_O1 = "8bb2f6883fed289a"


@pytest.fixture
def march_2016(shelf: Shelf) -> Question:
    """A device with the G3 intermediate only, asked about a G4 chain as it was sent."""
    return Question(
        presented=shelf.certificates(*SENT_IN_2016),
        store=TrustStore.of(shelf.certificates(G3_INTERMEDIATE), "factory"),
        at=on("2016-03-22"),
        peer=PeerName("dns", "www.netflix.com"),
        profile=PROFILES["cisco"],
        catalogue=shelf.catalogue(),
    )


def test_2016_is_refused_and_says_what_would_do(march_2016: Question) -> None:
    """2016: refused, and any one of G4, G5 and the old Class 3 root would do."""
    verdict = judge(march_2016)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.ISSUER_UNKNOWN
    assert [missing.subject.text.partition(",")[0] for missing in verdict.missing] == [
        "CN=Symantec Class 3 Secure Server CA - G4",
        "CN=VeriSign Class 3 Public Primary Certification Authority - G5",
        "OU=Class 3 Public Primary Certification Authority",
    ]


def test_2016_shows_the_nearest_name_as_a_difference(march_2016: Question) -> None:
    """2016: the nearest name the device has is G3, and two words differ."""
    verdict = judge(march_2016)
    assert isinstance(verdict, Refused)
    first = verdict.missing[0]
    assert first.nearest is not None
    assert first.nearest.common_name == "VeriSign Class 3 Secure Server CA - G3"
    assert first.difference is not None
    assert first.difference.startswith(
        'two words differ: "Symantec" instead of "VeriSign", "G4" instead of "G3"'
    )


def test_2016_recommends_g5(shelf: Shelf, march_2016: Question) -> None:
    """2016: of all fixes the G5 root is recommended, and with it the device accepts."""
    verdict = judge(march_2016)
    assert isinstance(verdict, Refused)
    recommended = [fix for fix in verdict.fixes if fix.recommended]
    assert [fix.change for fix in recommended] == [Change.ADD_ANCHOR]
    root = shelf.certificate(G5_ROOT)
    assert recommended[0].certificate == root
    mended = judge(replace(march_2016, store=march_2016.store.with_anchor(root)))
    assert isinstance(mended, Trusted)
    assert mended.path.anchor.certificate == root


@pytest.mark.parametrize("anchor", ["eae72eb454bf6c39", G5_ROOT, "8420dfbe376f414b"])
def test_2016_any_one_would_have_done(shelf: Shelf, march_2016: Question, anchor: str) -> None:
    """2016: G4 or G5, the latter in whichever of its certificates, mends the device by itself."""
    store = march_2016.store.with_anchor(shelf.certificate(anchor))
    assert isinstance(judge(replace(march_2016, store=store)), Trusted)


@pytest.mark.parametrize("anchor", ["e7685634efacf69a", "a4b6b3996fc2f306"])
def test_2016_the_oldest_root_would_have_done_on_old_devices(
    shelf: Shelf, march_2016: Question, anchor: str
) -> None:
    """2016: so does either Class 3 root, but the way to it is signed with SHA-1, which later devices refuse."""
    question = replace(march_2016, store=march_2016.store.with_anchor(shelf.certificate(anchor)))
    verdict = judge(question)
    assert isinstance(verdict, Refused)
    assert verdict.axes == ("weak-crypto",)
    assert isinstance(judge(replace(question, profile=PROFILES["rfc5280"])), Trusted)


def test_2016_an_anchor_only_from_the_session_is_no_proposal(march_2016: Question) -> None:
    """2016: without a catalogue the certificates of the failing session explain, and every one is under caution."""
    verdict = judge(replace(march_2016, catalogue=Catalogue()))
    assert isinstance(verdict, Refused)
    added = [fix for fix in verdict.fixes if fix.change is Change.ADD_ANCHOR]
    assert added
    assert all(fix.caution and not fix.recommended for fix in added)


@pytest.mark.parametrize(
    ("day", "sent", "before", "after", "cure"),
    [
        (
            "2018-10-10",
            HYDRANT_G2,
            ("factory", (G3_INTERMEDIATE, G5_ROOT)),
            ("cisco", "2017-01-11"),
            QUOVADIS_2,
        ),
        (
            "2022-02-07",
            HYDRANT_O1,
            ("2018's cure", (QUOVADIS_2, G5_ROOT)),
            ("cisco", "2021-09-01"),
            IDENTRUST_1,
        ),
    ],
    ids=["2018", "2022"],
)
def test_the_next_moves(
    shelf: Shelf,
    day: str,
    sent: str,
    before: tuple[str, tuple[str, ...]],
    after: tuple[str, str],
    cure: str,
) -> None:
    """2018 and 2022: refused by the store of before, mended by one root, accepted by the bundle that came after."""
    name, anchors = before
    question = Question(
        presented=shelf.certificates(sent),
        store=TrustStore.of(shelf.certificates(*anchors), name),
        at=on(day),
        profile=PROFILES["cisco"],
        catalogue=shelf.catalogue(),
    )
    verdict = judge(question)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.ISSUER_UNKNOWN
    root = shelf.certificate(cure)
    assert [missing.subject for missing in verdict.missing] == [root.subject]
    recommended = [fix.certificate for fix in verdict.fixes if fix.recommended]
    assert recommended == [root], titles([each for each in recommended if each])
    assert isinstance(judge(replace(question, store=shelf.store(*after))), Trusted)


def test_a_bundle_of_2017_mends_2018_and_not_2022(shelf: Shelf) -> None:
    """An old copy of the core bundle has QuoVadis and no IdenTrust, whatever its file is called."""
    core = shelf.store("cisco", "2017-01-11")
    assert core.anchor(shelf.certificate(QUOVADIS_2)) is not None
    for sent, day, answer in ((HYDRANT_G2, "2018-10-10", Trusted), (HYDRANT_O1, "2022-02-07", Refused)):
        verdict = judge(
            Question(presented=shelf.certificates(sent), store=core, at=on(day), profile=PROFILES["cisco"])
        )
        assert isinstance(verdict, answer)


def test_a_sha1_intermediate_depends_on_the_device(shelf: Shelf) -> None:
    """An intermediate signed with SHA-1 is accepted or not as the device is, which nobody has proven."""
    verdict = judge(
        Question(
            presented=shelf.certificates("b145dcfac8986818"),
            store=shelf.store("cisco", "2017-01-11"),
            at=on("2018-10-10"),
            profile=PROFILES["cisco"],
        )
    )
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.DEPENDS_ON_UNKNOWN_AXIS
    assert verdict.axes == ("weak-crypto",)
