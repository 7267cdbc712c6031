"""The clock matrix: ten years behind to ten years ahead, at every moment that matters, under both policies.

The real agent at the real portal over real TLS, whose certificate is good for sixty days before and after the day. Each
row of the table says what becomes of a device and by which rule; it is run for each of its offsets.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.harbour import DAY, HOUR, Harbour, Way, a_harbour, chain, clocks_of
from anchorwatch.agent.agent import Agent
from anchorwatch.licensing.clock import ClockState
from anchorwatch.licensing.event import LocalChange, RenewAuthorization
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.policy import SL1, AgentPolicy, Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.cable import PRODUCT
from portal.office import Office

CISCO = cisco(Generation.ASA)
MINUTE = timedelta(minutes=1)
YEAR = 365 * DAY
SMALL = (-MINUTE, timedelta(0), MINUTE)
MINUTES = (-10 * MINUTE, 10 * MINUTE)
HOURS = (-DAY, -2 * HOUR, 2 * HOUR, DAY)
YEARS = (-10 * YEAR, -YEAR, YEAR, 10 * YEAR)
UNSET = datetime(2000, 1, 1, tzinfo=UTC)
"""What a device without a battery shows, in the world of `portal.office.START`."""
NUMBERS = itertools.count(1)

OK, SKEWED = ClockState.OK, ClockState.SKEWED
REGISTERED, RETRYING = RegistrationState.REGISTERED, RegistrationState.RETRYING
LOST, ENDED = RegistrationState.NOT_REGISTERED, RegistrationState.EXPIRED
BEHIND, AHEAD = FailureClass.LEAF_NOT_YET_VALID, FailureClass.LEAF_EXPIRED


@dataclass(frozen=True, kw_only=True)
class Row:
    """A rule, the offsets it is for, and what it makes of the device: at once, and after the clock was set right."""

    rule: str
    policy: AgentPolicy
    offsets: tuple[timedelta, ...]
    clock: ClockState | None = None
    registration: RegistrationState = REGISTERED
    kinds: tuple[FailureClass, FailureClass] | None = None
    """Behind and ahead, where the portal is not believed; else nothing fails."""


AT_REGISTRATION = (
    Row(rule="b.6.2: five minutes are no skew", policy=SL1, offsets=SMALL, clock=OK),
    Row(rule="b.6.2: to an hour, corrected inside and reported", policy=SL1, offsets=MINUTES, clock=SKEWED),
    Row(
        rule="b.6.2: beyond an hour signed time counts, for the chain too, since the bundle names its root",
        policy=SL1,
        offsets=(*HOURS, *YEARS),
        clock=SKEWED,
    ),
    Row(
        rule="domain 1.3: an hour off or a day, a device of the document is served, and its dates show it",
        policy=CISCO,
        offsets=(*SMALL, *MINUTES, *HOURS),
    ),
    Row(
        rule="domain 1.5: its TLS client judges by the wall clock, and stays in retry until that is set",
        policy=CISCO,
        offsets=YEARS,
        registration=RETRYING,
        kinds=(BEHIND, AHEAD),
    ),
)
WHILE_REGISTERED = (
    Row(rule="b.6.2: five minutes are no skew", policy=SL1, offsets=SMALL, clock=OK),
    Row(
        rule="b.6.3: the device's clock moves no deadline and no renewal",
        policy=SL1,
        offsets=(*MINUTES, *HOURS, *YEARS),
        clock=SKEWED,
    ),
    Row(
        rule="domain 1.2: within the certificate's dates nothing is lost",
        policy=CISCO,
        offsets=(*SMALL, *MINUTES, *HOURS),
    ),
    Row(
        rule="domain 1.2: beyond its dates, sixty minutes to move it back, then UNREGISTERED",
        policy=CISCO,
        offsets=YEARS,
        registration=LOST,
    ),
)
COLD_BOOT = (
    Row(rule="b.6.2: a clock that was never set asks for signed time", policy=SL1, offsets=(), clock=SKEWED),
    Row(
        rule="b.6.3: nor does a clock that went wrong while the device was off",
        policy=SL1,
        offsets=(-YEAR, YEAR, 10 * YEAR),
        clock=SKEWED,
    ),
    Row(
        rule="domain 1.2: a clock that was never set is not one that was moved; nothing is renewed until it is set",
        policy=CISCO,
        offsets=(),
        kinds=(BEHIND, AHEAD),
    ),
    Row(
        rule="domain 1.1: by its wall clock the certificate has ended",
        policy=CISCO,
        offsets=(10 * YEAR,),
        registration=ENDED,
    ),
)


def cases(rows: tuple[Row, ...]) -> list[object]:
    return [
        pytest.param(row, offset, id=f"{row.policy.name}{_shown(offset)}")
        for row in rows
        for offset in row.offsets or (None,)
    ]


def _shown(offset: timedelta | None) -> str:
    if offset is None:
        return "-unset"
    for unit, name in ((YEAR, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if offset and offset % unit == timedelta(0):
            return f"{offset // unit:+d}{name}"
    return "+0"


@pytest.fixture(scope="module")
def one_harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    folder = tmp_path_factory.mktemp("clocks")
    office = Office(folder / "portal", seats=1000)
    with a_harbour(office, folder / "device") as made:
        yield made
    office.close()


@pytest.fixture
def harbour(one_harbour: Harbour) -> Harbour:
    """The same portal for all rows, and a device of its own for each, on a chain that is good for these days."""
    number = next(NUMBERS)
    one_harbour.folder = one_harbour.folder.parent / f"agent-{number}"
    one_harbour.product = replace(PRODUCT, udi=replace(PRODUCT.udi, sn=f"9A{number}"))
    one_harbour.way, one_harbour.meanwhile = Way.OPEN, lambda: None
    now = one_harbour.office.clock.now()
    one_harbour.show(chain(one_harbour.old, not_before=now - 60 * DAY, not_after=now + 60 * DAY))
    one_harbour.own(one_harbour.old)
    one_harbour.told.clear()
    return one_harbour


def set_clock(agent: Agent, off: timedelta) -> None:
    """Somebody sets the device's clock, and the agent hears of it."""
    clocks_of(agent).off = off
    agent.take(LocalChange("clock"))


def registration(agent: Agent) -> RegistrationState:
    return agent.state.registration


def is_as(row: Row, agent: Agent, offset: timedelta) -> None:
    state = agent.state
    assert state.registration is row.registration
    if row.clock is not None:
        assert state.time.state is row.clock
    if row.kinds is None:
        assert state.failure is None
    else:
        assert state.failure is not None
        assert state.failure.kind is row.kinds[offset > timedelta(0)]


def is_renewed(harbour: Harbour, agent: Agent, seq: int = 2) -> None:
    assert agent.state.seq >= seq
    assert agent.state.authorization is AuthorizationState.AUTHORIZED
    assert agent.state.failure is None
    (row,) = (each for each in harbour.office.devices() if each.sn == harbour.product.udi.sn)
    assert row.grant_seq == agent.state.seq


@pytest.mark.parametrize(("row", "offset"), cases(AT_REGISTRATION))
def test_at_registration(harbour: Harbour, row: Row, offset: timedelta) -> None:
    """A device whose clock is wrong before it ever spoke."""
    if row.policy is SL1:
        harbour.own()
    with harbour.registering(row.policy, off=offset) as agent:
        is_as(row, agent, offset)
        if row.registration is REGISTERED:
            assert agent.state.authorization is AuthorizationState.AUTHORIZED
            return
        harbour.turn(agent, DAY)
        is_as(row, agent, offset)
        set_clock(agent, timedelta(0))
        harbour.turn(agent, 7 * HOUR)
        is_renewed(harbour, agent, 1)


@pytest.mark.parametrize("during", [False, True], ids=["between", "during-renewal"])
@pytest.mark.parametrize(("row", "offset"), cases(WHILE_REGISTERED))
def test_while_registered(harbour: Harbour, row: Row, offset: timedelta, during: bool) -> None:
    """A clock that is moved on a day of a registered device, or between the two messages of a renewal."""
    with harbour.registering(row.policy) as agent:
        harbour.turn(agent, DAY)
        before = agent.state.seq
        if during:

            def jump() -> None:
                clocks_of(agent).off = offset

            harbour.meanwhile = jump
            agent.take(RenewAuthorization())
            assert agent.state.seq >= before + 1
            before = agent.state.seq
        set_clock(agent, offset)
        if row.registration is LOST:
            harbour.turn(agent, 59 * MINUTE)
            assert registration(agent) is REGISTERED
            harbour.turn(agent, 2 * MINUTE)
            assert registration(agent) is LOST
            return
        is_as(row, agent, offset)
        granted = agent.state.granted()
        assert granted is not None
        span = granted.ref - harbour.office.clock.now() + MINUTE
        harbour.doze(agent, span if row.policy is SL1 else 32 * DAY)
        is_as(row, agent, offset)
        is_renewed(harbour, agent, before + 1)
        renewed = agent.state.granted()
        assert renewed is not None
        if row.policy is SL1:
            assert timedelta(0) <= renewed.iat - granted.ref <= 5 * MINUTE


@pytest.mark.parametrize("policy", [SL1, CISCO], ids=["sl1", "cisco"])
@pytest.mark.parametrize("offset", [-10 * YEAR, -YEAR, -DAY, DAY, YEAR, 10 * YEAR], ids=_shown)
def test_forward_and_back(harbour: Harbour, policy: AgentPolicy, offset: timedelta) -> None:
    """b.6.2 and domain 1.2: moved and moved back within the hour, nothing has happened."""
    with harbour.registering(policy) as agent:
        harbour.turn(agent, DAY)
        set_clock(agent, offset)
        harbour.turn(agent, 30 * MINUTE)
        set_clock(agent, timedelta(0))
        harbour.doze(agent, 33 * DAY)
        assert agent.state.registration is REGISTERED
        is_renewed(harbour, agent)
        if policy is SL1:
            assert agent.state.time.state is OK


@pytest.mark.parametrize(("row", "offset"), cases(COLD_BOOT))
def test_cold_boot(harbour: Harbour, row: Row, offset: timedelta | None) -> None:
    """A registered device that starts with a clock that is wrong, and is asked to renew."""
    off = UNSET - harbour.office.clock.now() if offset is None else offset
    if row.policy is SL1:
        harbour.own()
    with harbour.registering(row.policy):
        harbour.office.clock.advance(DAY)
    with harbour.agent(row.policy, off=off) as agent:
        if row.registration is REGISTERED:
            agent.take(RenewAuthorization())
        harbour.turn(agent, HOUR)
        is_as(row, agent, off)
        if row.registration is not REGISTERED:
            return
        if row.kinds is not None:
            assert agent.state.authorization is AuthorizationState.AUTHORIZED
            set_clock(agent, timedelta(0))
            harbour.turn(agent, 7 * HOUR)
        is_renewed(harbour, agent)


@pytest.mark.parametrize("offset", YEARS, ids=_shown)
def test_rights_end_on_their_day(harbour: Harbour, offset: timedelta) -> None:
    """b.6.3: with the portal out of reach and the clock years off, the authorization ends at the grant's deadline."""
    with harbour.registering() as agent:
        harbour.way = Way.CUT
        set_clock(agent, offset)
        granted = agent.state.granted()
        assert granted is not None
        harbour.doze(agent, granted.exp - harbour.office.clock.now() - MINUTE)
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        harbour.turn(agent, 2 * MINUTE)
        ended: AuthorizationState = agent.state.authorization
        assert ended is AuthorizationState.EXPIRED
