"""The judge: cases by name, and laws on worlds built to be trusted and filled with noise."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.pki.catalogue import Catalogue, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import signature_good
from anchorwatch.pki.fix import applied
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.profile import CISCO, OPENSSL_1_0_2, OPENSSL_3, RFC5280, WEBPKI
from anchorwatch.pki.reason import MEANINGS, Position, Reason
from anchorwatch.pki.truststore import Anchor, TrustStore
from anchorwatch.pki.verdict import Change, NotTrustedError, Refused, Trusted, require_trusted
from builders.certs import CA, with_broken_signature
from pki.worlds import DAY, NOW, PEER, World, read, worlds


def ask(world: World, **changes: object) -> Trusted | Refused:
    verdict = judge(world.question(**changes))
    assert isinstance(verdict, Trusted | Refused)
    return verdict


# --- laws --------------------------------------------------------------------------------------------


@given(worlds(), st.data())
def test_a_good_spine_is_found_in_any_noise(world: World, data: st.DataObject) -> None:
    """Whatever else is sent or trusted, a chain that leads to the root is found by the complete builder."""
    rest = data.draw(st.permutations([*world.spine[1:], *world.noise]))
    extra = data.draw(st.lists(st.sampled_from([*world.noise, *world.strangers, world.spine[0]]), max_size=5))
    verdict = ask(world, presented=(world.leaf, *rest), store=TrustStore.of([*extra, world.spine[0]]))
    assert isinstance(verdict, Trusted)


@given(worlds(), st.data())
def test_more_anchors_never_take_trust_away(world: World, data: st.DataObject) -> None:
    """Under the exhaustive builder an added anchor can only help."""
    everything = [*world.spine, *world.noise, *world.strangers]
    few = data.draw(st.lists(st.sampled_from(everything), max_size=4))
    more = data.draw(st.lists(st.sampled_from(everything), max_size=4))
    before = ask(world, store=TrustStore.of(few))
    after = ask(world, store=TrustStore.of([*more, *few]))
    assert not isinstance(before, Trusted) or isinstance(after, Trusted)


@given(worlds(), st.data())
def test_every_trusted_path_links_leaf_to_anchor(world: World, data: st.DataObject) -> None:
    """A trusted path starts at the leaf, ends in the store, and each signature on it is good."""
    anchors = data.draw(st.lists(st.sampled_from([*world.spine, *world.noise]), min_size=1, max_size=5))
    rest = data.draw(st.permutations([*world.spine[1:], *world.noise]))
    verdict = ask(world, presented=(world.leaf, *rest), store=TrustStore.of(anchors))
    if isinstance(verdict, Trusted):
        path = verdict.path.certificates
        assert path[0] == world.leaf
        assert path[-1] in anchors
        for child, parent in pairwise(path):
            assert child.issuer.key == parent.subject.key
            assert signature_good(child, parent)
        assert all(certificate.not_after >= verdict.valid_until >= NOW for certificate in path)


@given(worlds(), st.data(), st.sampled_from([RFC5280, WEBPKI, OPENSSL_3, OPENSSL_1_0_2, CISCO]))
def test_a_fix_applied_is_accepted(world: World, data: st.DataObject, profile: object) -> None:
    """Every fix offered turns the very question into a trusted one."""
    anchors = (
        data.draw(st.lists(st.sampled_from([*world.noise, *world.strangers]), max_size=3))
        if (world.noise or world.strangers)
        else []
    )
    question = world.question(store=TrustStore.of(anchors), profile=profile)
    verdict = judge(question)
    if isinstance(verdict, Refused):
        for fix in verdict.fixes:
            assert isinstance(judge(applied(question, fix)), Trusted), fix
        assert sum(fix.recommended for fix in verdict.fixes) <= 1


@given(worlds(), st.data())
def test_what_only_the_session_taught_is_never_proposed(world: World, data: st.DataObject) -> None:
    """With an empty catalogue no anchor is proposed, whatever the peer sends along."""
    sent = data.draw(st.permutations([*world.spine, *world.noise]))
    verdict = ask(world, presented=(world.leaf, *sent), store=TrustStore.of([]), catalogue=Catalogue())
    assert isinstance(verdict, Refused)
    for fix in verdict.fixes:
        assert fix.change not in (Change.ADD_ANCHOR, Change.REPLACE_ANCHOR) or fix.caution
        assert not (fix.recommended and fix.caution)


@given(worlds(), st.data())
def test_the_same_question_gets_the_same_answer(world: World, data: st.DataObject) -> None:
    """Neither caches nor the order of questions show in an answer."""
    anchors = data.draw(st.lists(st.sampled_from([*world.spine, *world.noise]), max_size=4))
    question = world.question(store=TrustStore.of(anchors))
    assert judge(question) == judge(question)


# --- the three kinds of no ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def harbour() -> tuple[CA, CA]:
    root = CA.root("Harbour Root")
    return root, root.issue_ca("Harbour Issuing 1")


def test_no_path_exists(harbour: tuple[CA, CA]) -> None:
    """A store without the root refuses with `issuer-unknown` and names each issuer that would do."""
    root, middle = harbour
    leaf = middle.issue_leaf("portal.example")
    world = World(spine=(read(root), read(middle)), leaf=read(leaf), noise=(), strangers=())
    verdict = ask(world, store=TrustStore.of([]))
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.ISSUER_UNKNOWN
    assert [issuer.subject.common_name for issuer in verdict.missing] == ["Harbour Issuing 1", "Harbour Root"]
    assert all(issuer.known for issuer in verdict.missing)


def test_a_rule_refuses_a_good_path(harbour: tuple[CA, CA]) -> None:
    """A path that is whole and too old is refused for its date, and the clock is offered as one fix."""
    root, middle = harbour
    leaf = middle.issue_leaf("portal.example", not_after=NOW - DAY)
    world = World(spine=(read(root), read(middle)), leaf=read(leaf), noise=(), strangers=())
    verdict = ask(world)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.EXPIRED
    assert verdict.attempts[0].faults[0].position is Position.LEAF
    assert [fix.change for fix in verdict.fixes] == [Change.SET_CLOCK]


def test_a_good_path_exists_and_this_builder_misses_it() -> None:
    """The story of AddTrust: an ended anchor beside a good one, and a client that only follows the old line."""
    old = CA.root("Old Root", not_after=NOW - DAY)
    new = CA.root("New Root")
    crossed = old.cross_sign(new, not_after=NOW - DAY)
    leaf = new.issue_leaf("portal.example")
    store = TrustStore.of([read(old), read(new)])
    world = World(spine=(read(new),), leaf=read(leaf), noise=(), strangers=())
    presented = (read(leaf), read(crossed))
    assert isinstance(ask(world, presented=presented, store=store, profile=OPENSSL_3), Trusted)
    verdict = ask(world, presented=presented, store=store, profile=OPENSSL_1_0_2)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.NOT_FOUND_BY_THIS_BUILDER
    assert {fix.change for fix in verdict.fixes} >= {Change.DROP_ANCHOR, Change.SERVER_DROPS}


# --- reasons -----------------------------------------------------------------------------------------


def test_every_reason_has_a_sentence() -> None:
    """The list of reasons is closed and each of them is explained."""
    assert set(MEANINGS) == set(Reason)


def test_a_wrong_key_under_a_known_name_is_told_apart(harbour: tuple[CA, CA]) -> None:
    """An anchor with the issuer's name and another key is `bad-signature`, not `issuer-unknown`."""
    root, middle = harbour
    leaf = middle.issue_leaf("portal.example")
    impostor = read(CA.root("Harbour Root"))
    world = World(spine=(read(root), read(middle)), leaf=read(leaf), noise=(), strangers=())
    verdict = ask(world, store=TrustStore.of([impostor]))
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.BAD_SIGNATURE
    assert "another key" in verdict.sentence


def test_distrust_after_looks_at_the_leaf(harbour: tuple[CA, CA]) -> None:
    """An anchor with a distrust date refuses what was issued later and keeps what was issued before."""
    root, middle = harbour
    store = TrustStore((Anchor(read(root), NOW - 100 * DAY),))
    for issued, outcome in ((NOW - 200 * DAY, Trusted), (NOW - 50 * DAY, Refused)):
        leaf = middle.issue_leaf("portal.example", not_before=issued)
        world = World(spine=(read(root), read(middle)), leaf=read(leaf), noise=(), strangers=())
        assert isinstance(ask(world, store=store), outcome)


def test_an_unknown_axis_that_decides_is_named() -> None:
    """For a device whose rule on expired anchors nobody has proven, the answer says so."""
    root = CA.root("Harbour Root", not_after=NOW - DAY)
    leaf = root.issue_leaf("portal.example")
    world = World(spine=(read(root),), leaf=read(leaf), noise=(), strangers=())
    verdict = ask(world, profile=CISCO)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.DEPENDS_ON_UNKNOWN_AXIS
    assert verdict.axes == ("anchor-expiry",)


def test_a_trusted_intermediate_ends_a_path_for_the_device(harbour: tuple[CA, CA]) -> None:
    """The one proven axis: the factory trustpoint of 2016 holds an intermediate."""
    root, middle = harbour
    leaf = middle.issue_leaf("portal.example")
    world = World(spine=(read(root), read(middle)), leaf=read(leaf), noise=(), strangers=())
    store = TrustStore.of([read(middle)])
    assert isinstance(ask(world, store=store, profile=CISCO), Trusted)
    assert isinstance(ask(world, store=store, profile=OPENSSL_3), Refused)


def test_an_intercepting_proxy_is_explained_and_never_proposed() -> None:
    """Behind a TLS-inspecting proxy the only anchor that would do came with the session."""
    proxy = CA.root("Office Proxy CA")
    leaf = proxy.issue_leaf("portal.example")
    world = World(spine=(read(proxy),), leaf=read(leaf), noise=(), strangers=())
    verdict = ask(world, presented=(read(leaf), read(proxy)), store=TrustStore.of([]), catalogue=Catalogue())
    assert isinstance(verdict, Refused)
    (fix,) = verdict.fixes
    assert fix.caution is not None
    assert not fix.recommended
    named = replace(world.question(), catalogue=Catalogue.of([read(proxy)], Origin.SESSION))
    retold = judge(replace(named, store=TrustStore.of([])))
    assert isinstance(retold, Refused)
    assert all(fix.caution for fix in retold.fixes)


def test_a_broken_signature_is_cut_before_it_is_expanded() -> None:
    """A hundred authorities that share a name and sign badly cost a hundred checks, not their factorial."""
    root = CA.root("Harbour Root")
    good = root.issue_ca("Harbour Issuing 1")
    leaf = good.issue_leaf("portal.example")
    key = good.key
    crowd = [
        read_broken(root.issue_ca("Harbour Issuing 1", key=key, serial=number + 2)) for number in range(100)
    ]
    world = World(spine=(read(root), read(good)), leaf=read(leaf), noise=(), strangers=())
    verdict = ask(world, presented=(read(leaf), *crowd, read(good)), store=TrustStore.of([]))
    assert isinstance(verdict, Refused)
    assert len(verdict.attempts) <= 101


def read_broken(authority: CA) -> Certificate:
    """A certificate whose signature was spoilt."""
    return Certificate.from_der(with_broken_signature(authority.der))


def test_a_verdict_is_not_a_boolean(harbour: tuple[CA, CA]) -> None:
    """No answer can be mistaken for yes or no; requiring trust raises with the sentence."""
    root, middle = harbour
    leaf = middle.issue_leaf("portal.example")
    world = World(spine=(read(root), read(middle)), leaf=read(leaf), noise=(), strangers=())
    good = ask(world)
    with pytest.raises(TypeError, match="not a boolean"):
        bool(good)
    assert require_trusted(good) is good
    bad = ask(world, peer=PeerName("dns", "elsewhere.example"))
    with pytest.raises(NotTrustedError, match=r"elsewhere\.example"):
        require_trusted(bad)
    assert world.question().peer == PEER
