"""What wrong clocks do to an agent, at its machine: rights by signed time, the wall only for planning."""

from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.licensing.clock import ClockState
from anchorwatch.licensing.event import RenewAuthorization, Send, Want
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.message import TIME, Wanted
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.cable import Box, Cable, World
from licensing.desk import Desk, Reply

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STANDARD = (Wanted(tag="standard", count=1),)


@pytest.fixture
def box() -> Box:
    return Box(Cable(Desk(START), World(START)))


def registered(box: Box) -> Box:
    box.feed(Want(STANDARD))
    box.register(box.cable.desk.issue_token())
    assert box.registration() is RegistrationState.REGISTERED
    assert box.authorization() is AuthorizationState.AUTHORIZED
    return box


def asked_the_time(box: Box) -> int:
    return [each.path for each in box.sent].count(TIME)


@pytest.mark.parametrize("years", [-10, -1, 1, 10])
def test_a_clock_that_is_years_wrong_at_registration(box: Box, years: int) -> None:
    """A device whose clock is years off registers, by signed time."""
    box.off = timedelta(days=365 * years)
    registered(box)
    assert box.state.time.high_water == START
    assert box.state.time.state is ClockState.SKEWED


@pytest.mark.parametrize("span", [timedelta(days=365 * years) for years in (-10, -1, 1, 10)]
                         + [timedelta(hours=-2), timedelta(minutes=10), timedelta(minutes=4)])  # fmt: skip
@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_that_jumps_ends_and_extends_nothing(box: Box, span: timedelta, restart: bool) -> None:
    """However the device's clock jumps, with or without a restart, rights end on their day by signed time."""
    registered(box)
    grant = box.state.granted()
    assert grant is not None
    box.cable.up = False
    box.run(timedelta(days=1))
    box.off = span
    if restart:
        box.crash()
    box.run(timedelta(days=1))
    assert box.authorization() is AuthorizationState.AUTHORIZED
    assert box.registration() is RegistrationState.REGISTERED
    box.run(grant.exp - box.cable.world.now + timedelta(seconds=1))
    assert box.authorization() is AuthorizationState.EXPIRED
    box.cable.up = True
    box.run(timedelta(hours=7))
    assert box.authorization() is AuthorizationState.AUTHORIZED


def test_the_other_policy_loses_its_registration_to_a_clock(box: Box) -> None:
    """Under the policy cisco a clock moved beyond the certificate's dates has an hour to be moved back."""
    box.policy = cisco(Generation.ASA)
    registered(box)
    box.run(timedelta(days=1))
    box.off = timedelta(days=4000)
    box.run(timedelta(minutes=59))
    assert box.registration() is RegistrationState.REGISTERED
    box.run(timedelta(minutes=2))
    assert box.registration() is RegistrationState.NOT_REGISTERED


def test_a_clock_moved_back_in_time_keeps_the_registration(box: Box) -> None:
    """Moved back within the hour, nothing happened."""
    box.policy = cisco(Generation.ASA)
    registered(box)
    box.run(timedelta(days=1))
    box.off = timedelta(days=4000)
    box.run(timedelta(minutes=30))
    box.off = timedelta(0)
    box.run(timedelta(hours=2))
    assert box.registration() is RegistrationState.REGISTERED


def test_a_clock_that_was_never_set_asks_for_the_time_once(box: Box) -> None:
    """A device without a battery shows the year its chip knows; once it is known how wrong, nobody asks each day."""
    box.off = datetime(2000, 1, 1, tzinfo=UTC) - START
    registered(box)
    before = asked_the_time(box)
    box.run(timedelta(days=25))
    assert asked_the_time(box) == before
    assert box.state.time.state is ClockState.SKEWED
    box.crash()
    box.run(timedelta(days=10))
    assert asked_the_time(box) <= before + 2
    assert box.state.seq == 2


def judged_by(box: Box, send: Send, reply: Reply | None) -> Reply | Failure | None:
    """A TLS client that believes its wall clock until it knows better, before a chain that is good for a month."""
    known = box.state.time.skew or timedelta(0)
    if send.plain_http or abs(box.off - known) < timedelta(days=30):
        return reply
    late = box.off > known
    kind = FailureClass.LEAF_EXPIRED if late else FailureClass.LEAF_NOT_YET_VALID
    return Failure(kind=kind, sentence="the dates do not fit")


@pytest.mark.parametrize("years", [-10, 10])
def test_a_restart_with_another_clock_is_noticed_by_the_servers_dates(box: Box, years: int) -> None:
    """Nothing tells a clock that went wrong while the device was off, until a chain looks ended: then time is asked for."""
    registered(box)
    box.run(timedelta(days=2))
    box.intercept = lambda send, reply: judged_by(box, send, reply)
    box.off = timedelta(days=365 * years)
    box.crash()
    box.feed(RenewAuthorization())
    box.run(timedelta(hours=1))
    assert box.state.time.state is ClockState.SKEWED
    assert box.state.failure is None
    assert box.authorization() is AuthorizationState.AUTHORIZED
    assert box.state.seq >= 2


def test_a_chain_that_has_really_ended_is_no_matter_of_the_clock(box: Box) -> None:
    """Where the server's certificate is over by the right time too, the clock is found right and the class stays."""
    registered(box)
    ended = Failure(kind=FailureClass.LEAF_EXPIRED, sentence="it has ended")
    box.intercept = lambda send, reply: reply if send.plain_http else ended
    before = asked_the_time(box)
    box.feed(RenewAuthorization())
    box.run(timedelta(days=1))
    assert box.state.time.state is ClockState.OK
    assert box.state.failure is not None
    assert box.state.failure.kind is FailureClass.LEAF_EXPIRED
    assert asked_the_time(box) - before < 25


def test_a_restored_device_does_not_take_an_old_grant_for_the_time(box: Box) -> None:
    """A grant of weeks ago that is taken up again says nothing of how wrong the clock is."""
    registered(box)
    old = box.disk
    box.run(timedelta(days=75))
    box.crash(old)
    box.run(timedelta(hours=2))
    assert box.state.adoptions == 1
    assert box.state.time.state is ClockState.OK
    skew = box.state.time.skew
    assert skew is not None
    assert abs(skew) < timedelta(minutes=1)


@pytest.mark.parametrize("minutes", [-59, -10, 10, 54])
def test_a_device_of_the_document_is_served_with_a_clock_that_is_minutes_wrong(
    box: Box, minutes: int
) -> None:
    """The portal tells it the time of the wire; its plans go by its own clock, so the screen shows how wrong that is."""
    box.policy = cisco(Generation.ASA)
    box.off = timedelta(minutes=minutes)
    registered(box)
    box.run(timedelta(days=31))
    assert box.state.seq == 2
    identity = box.state.identity
    assert identity is not None
    assert box.state.registered_at is not None
    shown = (identity.not_after - timedelta(days=365)) - box.state.registered_at
    assert shown == -timedelta(minutes=minutes) - timedelta(minutes=5)


def test_incidents_say_what_the_clock_was(box: Box) -> None:
    """The evidence of a failure holds the state of the clock and how far it was off, for whoever reads it later."""
    registered(box)
    box.off = timedelta(minutes=40)
    box.cable.up = False
    box.feed(RenewAuthorization())
    box.run(timedelta(hours=1))
    box.cable.up = True
    box.run(timedelta(hours=7))
    box.cable.up = False
    box.feed(RenewAuthorization())
    assert box.state.failure is not None
    assert box.state.failure.evidence.clock == "skewed"
    skew = box.state.failure.evidence.skew
    assert skew is not None
    assert abs(skew - timedelta(minutes=40)) < timedelta(seconds=2)
