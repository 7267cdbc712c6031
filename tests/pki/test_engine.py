"""OpenSSL and pyhanko-certvalidator, each asked about one path."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509 import BasicConstraints, UnrecognizedExtension
from cryptography.x509.oid import ObjectIdentifier
from OpenSSL._util import lib

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.certvalidator import ask_certvalidator
from anchorwatch.pki.engine import confirm
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.openssl import ask_openssl
from anchorwatch.pki.policy import PolicySettings
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import Anchor, TrustStore
from builders.certs import CA, Issued, with_broken_signature
from builders.lists import entry, revocation_list, scope

AT = datetime(2020, 1, 15, tzinfo=UTC)
HOST = PeerName(kind="dns", value="portal.example")

ROOT = CA.root("Harbour Root")
MIDDLE = ROOT.issue_ca("Harbour Issuing 1")
LEAF = MIDDLE.issue_leaf("portal.example", san=["portal.example", "192.0.2.7"])


def path(*issued: Issued) -> tuple[Certificate, ...]:
    return tuple(Certificate.from_der(item.der) for item in issued)


GOOD = path(LEAF, MIDDLE, ROOT)


def test_a_good_path_is_accepted_and_the_engine_says_which_it_is() -> None:
    """OpenSSL accepts a good path and names itself with its version."""
    answer = ask_openssl(GOOD, at=AT, peer=HOST)
    assert answer.accepted
    assert answer.engine.startswith("OpenSSL ")
    assert answer.engine.split()[1][0].isdigit()


@pytest.mark.parametrize(
    ("peer", "accepted"),
    [
        (None, True),
        (PeerName(kind="dns", value="other.example"), False),
        (PeerName(kind="ip", value="192.0.2.7"), True),
        (PeerName(kind="ip", value="192.0.2.8"), False),
    ],
)
def test_the_peer_is_asked_of_the_engine_too(peer: PeerName | None, accepted: bool) -> None:
    """A host or an address that the leaf does not carry is refused by the engine itself."""
    assert ask_openssl(GOOD, at=AT, peer=peer).accepted is accepted


def test_the_subject_counts_as_a_host_only_where_the_client_says_so() -> None:
    """A leaf without DNS names is known by its common name with `common_name`, and never without."""
    bare = path(MIDDLE.issue_leaf("portal.example", san=[]), MIDDLE, ROOT)
    assert not ask_openssl(bare, at=AT, peer=HOST).accepted
    assert ask_openssl(bare, at=AT, peer=HOST, common_name=True).accepted


def test_a_trusted_intermediate_ends_a_path() -> None:
    """The anchor may be an intermediate, or the leaf itself."""
    assert ask_openssl(GOOD[:2], at=AT).accepted
    assert ask_openssl(GOOD[:1], at=AT).accepted


def test_the_time_is_the_question_s() -> None:
    """A path is judged at the time asked, both ends included, and not at the machine's."""
    begins, ends = datetime(2010, 1, 1, tzinfo=UTC), datetime(2010, 12, 31, tzinfo=UTC)
    short = path(MIDDLE.issue_leaf("portal.example", not_before=begins, not_after=ends), MIDDLE, ROOT)
    second = timedelta(seconds=1)
    asked = (begins - second, begins, ends + timedelta(milliseconds=999), ends + second)
    assert [ask_openssl(short, at=at).accepted for at in asked] == [False, True, True, False]
    assert ask_openssl(short, at=ends + second, dates=False).accepted


def test_a_refusal_carries_the_engine_s_own_words() -> None:
    """The words say what went wrong and at which depth."""
    broken = (Certificate.from_der(with_broken_signature(LEAF.der)), *GOOD[1:])
    answer = ask_openssl(broken, at=AT)
    assert not answer.accepted
    assert "signature failure (error 7 at depth 0)" in answer.words


def test_one_question_leaves_nothing_behind_for_the_next() -> None:
    """A host or a time asked once does not stick to certificates that are kept."""
    assert not ask_openssl(GOOD, at=datetime(1999, 1, 1, tzinfo=UTC), peer=HOST).accepted
    assert ask_openssl(GOOD, at=AT).accepted


def test_a_refusal_leaves_no_error_for_the_next_connection() -> None:
    """After a refused signature OpenSSL's error queue is empty, as TLS on the same thread needs it."""
    broken = (Certificate.from_der(with_broken_signature(LEAF.der)), *GOOD[1:])
    assert not ask_openssl(broken, at=AT).accepted
    assert lib.ERR_peek_error() == 0


def test_certvalidator_runs_without_an_event_loop() -> None:
    """The second engine answers synchronously, with lists or without."""
    lists = (revocation_list(ROOT), revocation_list(MIDDLE))
    assert ask_certvalidator(GOOD, at=AT).accepted
    assert ask_certvalidator(GOOD, at=AT, crls=lists).accepted
    assert not ask_certvalidator(GOOD, at=AT, crls=()).accepted


def test_certvalidator_turns_what_it_cannot_read_into_a_refusal() -> None:
    """Octets that are no list refuse; they do not raise."""
    answer = ask_certvalidator(GOOD, at=AT, crls=(b"junk",))
    assert not answer.accepted
    assert answer.words


def _question(**more: object) -> Question:
    store = TrustStore((Anchor(GOOD[-1]),), "store")
    return Question(presented=GOOD[:-1], store=store, at=AT, peer=HOST, **more)  # type: ignore[arg-type]


def test_a_plain_question_asks_openssl_alone() -> None:
    """Without lists and policies one engine confirms."""
    assert confirm(GOOD, _question()).engine.startswith("OpenSSL ")
    assert "certvalidator" not in confirm(GOOD, _question()).engine


def test_lists_are_confirmed_by_both_engines() -> None:
    """With good lists both engines accept, and a revoked leaf is refused."""
    good = (revocation_list(ROOT), revocation_list(MIDDLE))
    answer = confirm(GOOD, _question(revocation="crl", crls=good))
    assert answer.accepted
    assert "OpenSSL" in answer.engine
    assert "certvalidator" in answer.engine
    revoked = (revocation_list(ROOT), revocation_list(MIDDLE, [entry(LEAF)]))
    refused = confirm(GOOD, _question(revocation="crl", crls=revoked))
    assert not refused.accepted
    assert "revoked" in refused.words


def test_a_damaged_list_beside_good_ones_changes_nothing() -> None:
    """What is no list is not shown to an engine."""
    lists = (b"junk", revocation_list(ROOT), revocation_list(MIDDLE))
    answer = confirm(GOOD, _question(revocation="crl", crls=lists))
    assert answer.accepted, answer.words


def test_an_indirect_list_is_left_to_the_engine_that_reads_it() -> None:
    """OpenSSL is not asked about a list it cannot find; the other engine is."""
    lists = (revocation_list(ROOT), revocation_list(MIDDLE, scope=scope(indirect=True)))
    answer = confirm(GOOD, _question(revocation="crl", crls=lists))
    assert answer.accepted, answer.words


def test_policies_are_left_to_the_engine_that_reads_them() -> None:
    """A policy that is required and absent is refused by certvalidator."""
    answer = confirm(GOOD, _question(policies=PolicySettings(require_explicit=True)))
    assert not answer.accepted
    assert "certvalidator" in answer.engine
    assert confirm(GOOD, _question(policies=PolicySettings())).accepted


def test_unknown_critical_extensions_and_missing_authority_are_refused() -> None:
    """The engine refuses on its own what the checks refuse, should they ever forget."""
    odd = UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert not ask_openssl(
        path(MIDDLE.issue_leaf("a.example", extra=[(odd, True)]), MIDDLE, ROOT), at=AT
    ).accepted
    no_ca = ROOT.issue_ca("Clerk", extra=[(BasicConstraints(ca=False, path_length=None), True)])
    assert not ask_openssl(path(no_ca.issue_leaf("a.example"), no_ca, ROOT), at=AT).accepted
