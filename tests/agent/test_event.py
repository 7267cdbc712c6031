"""The document's event as a table: the portal's TLS root moves, under the policies of ours and of the document's devices.

Each row is run with the real agent at the real portal over real TLS. A device that is registered has its grant and is
asked to renew; one that is not registers. Then a day passes in which nobody does anything, then what mends it is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent.harbour import DAY, HOUR, Harbour, Way, a_harbour, chain
from anchorwatch.agent.agent import Agent
from anchorwatch.licensing.event import BundleGiven, RenewAuthorization
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.message import TIME, TRUST
from anchorwatch.licensing.policy import SL1, AgentPolicy, Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from portal.office import Office

ASA, FXOS, IOS_XE = (cisco(each) for each in Generation)
SAYS = {
    "asa": "Communication message send response error",
    "fxos": "Failed to authenticate server",
    "ios-xe": "Fail to send out Call Home HTTP message.",
}
"""Domain 2.13: what an agent of each generation says where the server's chain is not trusted."""

Change = Callable[[Harbour], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What happens to whom, how it is classified at first and after a day, and what mends it (None: nobody has to)."""

    name: str
    policy: AgentPolicy
    registered: bool = True
    happens: Change
    kind: FailureClass | None
    missing: tuple[str, ...] = ("CN=New Issuing", "CN=New")
    after_a_day: FailureClass | None = None
    meanwhile: Change | None = None
    mends: Change | None = None
    file: bool = False
    """Whether what mends it is the signed bundle from a file."""


def moved(harbour: Harbour) -> None:
    harbour.show(chain(harbour.new))


def moved_and_removed(harbour: Harbour) -> None:
    """The new one in, the old one out, the chain moved, in one night."""
    harbour.publish(harbour.new)
    harbour.withdraw(harbour.old)
    harbour.own()
    harbour.show(chain(harbour.new))


def cross_signed(harbour: Harbour) -> None:
    harbour.show(chain(harbour.new, cross=harbour.old.cross_sign(harbour.new)))


def inspected(harbour: Harbour) -> None:
    harbour.way = Way.INSPECTED


def closed(harbour: Harbour) -> None:
    harbour.way = Way.CLOSED
    harbour.show(chain(harbour.new))


def closed_as_it_was(harbour: Harbour) -> None:
    harbour.way = Way.CLOSED


def pool_lost(harbour: Harbour) -> None:
    """An update of the pool takes the old root out while the portal still uses it."""
    harbour.own()


def published(harbour: Harbour) -> None:
    harbour.publish(harbour.new)


def repaired(harbour: Harbour) -> None:
    """A person puts the new root into the pool."""
    harbour.own(harbour.new)


def put_back(harbour: Harbour) -> None:
    harbour.own(harbour.old)


def box_gone(harbour: Harbour) -> None:
    harbour.way = Way.OPEN


def box_believed(harbour: Harbour) -> None:
    """The operator wants the box to look into it, and says so."""
    harbour.own(harbour.old, harbour.box_root)


UNKNOWN, SPIED = FailureClass.UNKNOWN_ROOT, FailureClass.TLS_INTERCEPTED
BOX = ("CN=Inspecting Box Issuing", "CN=Inspecting Box")
OURS = (
    Row(
        name="sl1 moved by surprise",
        policy=SL1,
        happens=moved,
        kind=UNKNOWN,
        # The newest bundle that can be had still does not lead there: for the agent, somebody stands between.
        after_a_day=SPIED,
        mends=published,
    ),
    Row(
        name="sl1 moved by surprise before registration",
        policy=SL1,
        registered=False,
        happens=moved,
        kind=UNKNOWN,
        after_a_day=SPIED,
        mends=published,
    ),
    Row(name="sl1 moved, the old root removed", policy=SL1, happens=moved_and_removed, kind=UNKNOWN),
    Row(name="sl1 cross-signed", policy=SL1, happens=cross_signed, kind=None),
    Row(
        name="sl1 cross-signed before registration",
        policy=SL1,
        registered=False,
        happens=cross_signed,
        kind=None,
    ),
    Row(
        name="sl1 inspected",
        policy=SL1,
        happens=inspected,
        kind=UNKNOWN,
        missing=BOX,
        after_a_day=SPIED,
        meanwhile=published,
        mends=box_gone,
    ),
    Row(
        name="sl1 inspected before registration",
        policy=SL1,
        registered=False,
        happens=inspected,
        kind=UNKNOWN,
        missing=BOX,
        after_a_day=SPIED,
        meanwhile=published,
        mends=box_gone,
    ),
    Row(
        name="sl1 in a closed network, with a file",
        policy=SL1,
        happens=closed,
        kind=UNKNOWN,
        meanwhile=published,
        mends=published,
        file=True,
    ),
    Row(
        name="sl1 in a closed network, registering with a file",
        policy=SL1,
        registered=False,
        happens=closed_as_it_was,
        kind=FailureClass.HTTP_ERROR,
        missing=(),
        mends=published,
        file=True,
    ),
)
THEIRS = (
    *(
        Row(
            name=f"{title} moved by surprise" + ("" if registered else " before registration"),
            policy=policy,
            registered=registered,
            happens=moved,
            kind=UNKNOWN,
            meanwhile=published,
            mends=repaired,
        )
        for title, policy in (("asa", ASA), ("fxos", FXOS), ("ios-xe", IOS_XE))
        for registered in (True, False)
    ),
    Row(
        name="asa moved, the old root removed",
        policy=ASA,
        happens=moved_and_removed,
        kind=UNKNOWN,
        mends=repaired,
    ),
    Row(
        name="fxos its pool lost the old root",
        policy=FXOS,
        happens=pool_lost,
        kind=UNKNOWN,
        missing=("CN=Old Issuing", "CN=Old"),
        mends=put_back,
    ),
    Row(name="ios-xe cross-signed", policy=IOS_XE, happens=cross_signed, kind=None),
    Row(name="asa inspected", policy=ASA, happens=inspected, kind=UNKNOWN, missing=BOX, mends=box_gone),
    Row(
        name="fxos inspected before registration, and the box believed",
        policy=FXOS,
        registered=False,
        happens=inspected,
        kind=UNKNOWN,
        missing=BOX,
        mends=box_believed,
    ),
    Row(
        name="ios-xe in a closed network, with a file",
        policy=IOS_XE,
        happens=closed,
        kind=UNKNOWN,
        mends=repaired,
    ),
)


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    office = Office(tmp_path / "portal")
    with a_harbour(office, tmp_path / "device") as made:
        made.own(made.old)
        yield made
    office.close()


def refused(agent: Agent, harbour: Harbour, row: Row, kind: FailureClass | None) -> None:
    """What a person reads while it does not work, and what is kept for later."""
    failure = agent.state.failure
    assert failure is not None
    assert failure.kind is kind
    assert failure.evidence.missing == row.missing
    if row.missing:
        presented = tuple(hashlib.sha256(each).hexdigest() for each in harbour.met[-1].presented)
        assert failure.evidence.presented == presented
    if row.policy is not SL1:
        assert agent.describe() == SAYS[row.name.split()[0]]
    if row.registered:
        assert agent.state.registration is RegistrationState.REGISTERED
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        assert agent.state.seq == 1
    else:
        assert agent.state.registration is RegistrationState.RETRYING
        assert harbour.office.devices() == ()


def well(agent: Agent, harbour: Harbour, row: Row) -> None:
    """Registered, granted anew where there was a grant, and nothing left to say."""
    assert agent.state.failure is None
    assert agent.state.registration is RegistrationState.REGISTERED
    assert agent.state.authorization is AuthorizationState.AUTHORIZED
    assert agent.state.seq >= (2 if row.registered else 1)
    assert harbour.office.in_use() == 1


@pytest.mark.parametrize("row", [*OURS, *THEIRS], ids=lambda row: row.name.replace(" ", "-"))
def test_the_event(harbour: Harbour, row: Row) -> None:
    """A row of the table: how it is named, that nothing heals what must not heal, and what mends it."""
    if row.policy is SL1:
        harbour.own()
    if not row.registered:
        row.happens(harbour)
    with harbour.registering(row.policy) as agent:
        if row.registered:
            assert agent.state.seq == 1
            row.happens(harbour)
            agent.take(RenewAuthorization())
        if row.mends is not None:
            refused(agent, harbour, row, row.kind)
            if row.meanwhile is not None:
                row.meanwhile(harbour)
            harbour.turn(agent, DAY)
            refused(agent, harbour, row, row.after_a_day or row.kind)
            row.mends(harbour)
        if row.file:
            agent.take(BundleGiven(harbour.bundle()[:-6] + "AAAAAA"))
            assert harbour.told[-1].code == "bundle-signature"
            agent.take(BundleGiven(harbour.bundle()))
        harbour.turn(agent, 7 * HOUR)
        well(agent, harbour, row)
    if row.mends is not box_believed:
        # Whoever looks into it sees what is signed or open to all, and no request of a device.
        assert {path for _, path in harbour.passed} <= {TRUST, TIME}
    if row.policy.delivers_incidents and row.registered and row.kind is not None:
        told = {each.failure: each for each in harbour.incidents()}
        assert {row.kind, row.after_a_day or row.kind} <= set(told)
        kept = told[row.kind].evidence["evidence"]
        assert tuple(kept["missing"]) == row.missing
        assert (len(kept["presented"]), kept["clock"]) == (2, "ok")


def test_a_planned_move_needs_no_hands(harbour: Harbour) -> None:
    """A root that is announced before it is used is with the agent when the chain moves: nothing fails at any time."""
    harbour.own()
    with harbour.registering() as agent:
        harbour.publish(harbour.new)
        harbour.plan(harbour.new, 15 * DAY)
        harbour.turn(agent, 15 * DAY)
        harbour.show(chain(harbour.new))
        harbour.turn(agent, 25 * DAY)
        well(agent, harbour, OURS[0])
        assert agent.state.incidents == ()
    assert harbour.incidents() == ()
    assert harbour.office.devices()[0].trust_seq >= 4


@pytest.mark.parametrize(
    ("policy", "words"), list(zip((ASA, FXOS, IOS_XE), SAYS.values(), strict=True)), ids=SAYS
)
def test_a_planned_move_is_a_surprise_to_whoever_reads_no_bundle(
    harbour: Harbour, policy: AgentPolicy, words: str
) -> None:
    """The same announcement does nothing for a device of the document: it fails to renew, and keeps its seat."""
    with harbour.registering(policy) as agent:
        harbour.publish(harbour.new)
        harbour.plan(harbour.new, 15 * DAY)
        harbour.turn(agent, 15 * DAY)
        harbour.show(chain(harbour.new))
        harbour.doze(agent, 20 * DAY)
        assert agent.describe() == words
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        assert agent.state.seq == 1
        harbour.own(harbour.new)
        harbour.turn(agent, 7 * HOUR)
        assert agent.state.failure is None
        assert agent.state.seq == 2


def test_an_operator_may_let_the_box_look_on(harbour: Harbour) -> None:
    """With the policy `tolerate` the agent is licensed through the box, and the portal hears of it once a day."""
    harbour.own()
    harbour.way = Way.INSPECTED
    policy = replace(SL1, tolerates_interception=True)
    with harbour.registering(policy) as agent:
        refused(agent, harbour, OURS[6], UNKNOWN)
        harbour.turn(agent, HOUR)
        assert agent.state.registration is RegistrationState.REGISTERED
        harbour.turn(agent, 31 * DAY)
        assert agent.state.seq == 2
        assert agent.state.failure is None
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
    told = [each for each in harbour.incidents() if each.failure == SPIED]
    assert 20 <= len(told) <= 33
    assert {tuple(each.evidence["evidence"]["missing"]) for each in told} == {BOX}


def test_a_box_that_is_let_cannot_change_what_is_signed(harbour: Harbour) -> None:
    """A box that forges an answer on its way gains nothing: the signature is the portal's, or it does not count."""
    harbour.own()
    policy = replace(SL1, tolerates_interception=True)
    with harbour.registering(policy) as agent:
        harbour.way = Way.INSPECTED
        harbour.forges = lambda body: body.replace(b".", b".A", 1)
        agent.take(RenewAuthorization())
        harbour.turn(agent, HOUR)
        assert agent.state.seq == 1
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.BODY_SIGNATURE
        harbour.forges = lambda body: body
        harbour.turn(agent, 7 * HOUR)
        assert agent.state.seq == 2
    assert harbour.office.in_use() == 1
