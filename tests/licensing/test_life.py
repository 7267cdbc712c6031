"""A device's whole life on a turned clock, and what clocks, clones and backups do to it."""

from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.licensing import deadline, seat, state
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.clock import ClockState
from anchorwatch.licensing.event import Deregister, RenewAuthorization, Send, Want
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.cable import Box, Cable, World
from licensing.desk import Desk, Reply

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STANDARD = (Wanted(tag="standard", count=1),)


@pytest.fixture
def box() -> Box:
    world = World(START)
    return Box(Cable(Desk(START), world))


def registered(box: Box) -> Box:
    box.feed(Want(STANDARD))
    box.register(box.cable.desk.issue_token())
    assert box.registration() is RegistrationState.REGISTERED
    assert box.authorization() is AuthorizationState.AUTHORIZED
    return box


def device_state(desk: Desk) -> DeviceState:
    return desk.devices["device-1"].state


def test_a_whole_life(box: Box) -> None:
    """Token, registration, renewals, a year of silence, and registration again, each on its date."""
    registered(box)
    desk, world = box.cable.desk, box.cable.world
    identity = box.state.identity
    grant = box.state.granted()
    assert identity is not None
    assert grant is not None
    dates = deadline.identity_dates(START)
    assert (identity.not_before, identity.not_after) == (dates.not_before, dates.not_after)
    assert box.state.renew_identity_at == dates.renew
    granted = deadline.grant_dates(START)
    assert (grant.nbf, grant.ref, grant.exp, grant.grace) == (
        granted.not_before, granted.refresh, granted.deadline, granted.grace_end
    )  # fmt: skip

    box.run(timedelta(days=179))
    numbers = [effect for effect in desk.effects if effect.startswith("granted")]
    assert len(numbers) == 1 + 179 // 30
    assert box.state.identity == identity

    box.run(timedelta(days=2))
    renewed = box.state.identity
    assert renewed is not None
    assert renewed != identity
    assert renewed.not_after == deadline.identity_dates(dates.renew).not_after
    assert box.state.successor is None

    last = box.state.granted()
    assert last is not None
    box.cable.up = False
    box.run(last.exp - world.now - timedelta(seconds=1))
    assert box.authorization() is AuthorizationState.AUTHORIZED
    assert desk.pool.in_use == 1
    box.run(timedelta(seconds=2))
    assert box.authorization() is AuthorizationState.EXPIRED
    desk.tick(world.now)
    assert device_state(desk) is DeviceState.AUTH_EXPIRED
    assert desk.pool.in_use == 0

    box.run(renewed.not_after - world.now - timedelta(seconds=1))
    assert box.registration() is RegistrationState.REGISTERED
    assert box.authorization() is AuthorizationState.GRACE_EXPIRED
    box.run(timedelta(seconds=2))
    assert box.registration() is RegistrationState.EXPIRED
    assert not box.keys
    desk.tick(world.now)
    assert device_state(desk) is DeviceState.ID_EXPIRED

    box.cable.up = True
    box.register(desk.issue_token(2))
    assert box.authorization() is AuthorizationState.AUTHORIZED
    assert seat.total(desk.pool, desk.ledger) == desk.pool


def test_out_of_compliance_asks_again_after_twelve_hours(box: Box) -> None:
    """A grant that is short is asked for again after 12 hours, and heals when seats are bought."""
    box.feed(Want((Wanted(tag="standard", count=11),)))
    box.register(box.cable.desk.issue_token())
    assert box.authorization() is AuthorizationState.OUT_OF_COMPLIANCE
    box.run(timedelta(hours=12, seconds=1))
    assert box.state.seq == 2
    box.cable.desk.enter(seat.Entry(kind=seat.EntryKind.BUY, delta=1))
    box.run(timedelta(hours=12, seconds=1))
    assert box.authorization() is AuthorizationState.AUTHORIZED


def test_giving_back(box: Box) -> None:
    """Deregistering goes on until the portal has forgotten the device, then wipes the keys."""
    registered(box)
    box.cable.up = False
    box.feed(Deregister())
    assert box.registration() is RegistrationState.DEREGISTERING
    box.cable.up = True
    box.run(timedelta(hours=1))
    assert box.registration() is RegistrationState.NOT_REGISTERED
    assert not box.keys
    assert box.cable.desk.pool.in_use == 0


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


def test_a_restored_device_adopts_the_portals_grant(box: Box) -> None:
    """A device restored from a backup takes the current grant, and no seat is counted twice."""
    registered(box)
    old = box.disk
    box.run(timedelta(days=61))
    assert box.state.seq == 3
    box.crash(old)
    box.run(timedelta(days=1))
    assert box.state.seq >= 3
    assert box.state.adoptions == 1
    assert box.cable.desk.pool.in_use == 1


def test_a_restored_portal_is_told_its_lost_history(box: Box) -> None:
    """A portal restored from a backup asks for the last grant, believes its own signature and goes on."""
    registered(box)
    kept = box.cable.desk.snapshot()
    box.run(timedelta(days=61))
    box.cable.desk.restore(kept)
    box.feed(RenewAuthorization())
    box.run(timedelta(minutes=1))
    assert box.state.seq == 4
    assert box.cable.desk.devices["device-1"].known.seq == 4


def test_two_clones_end_in_conflict_without_losing_a_seat(box: Box) -> None:
    """Two agents with one identity are told, and no seat is removed."""
    registered(box)
    twin = box.clone()
    twin.feed(RenewAuthorization())
    twin.run(timedelta(minutes=1))
    box.feed(RenewAuthorization())
    box.run(timedelta(minutes=1))
    assert box.cable.desk.devices["device-1"].state is DeviceState.CONFLICT
    assert box.cable.desk.pool.in_use == 1
    assert box.authorization() is AuthorizationState.AUTHORIZED


def test_a_refused_token_stops(box: Box) -> None:
    """A signed refusal of the token ends in failed, with the reason; no timer stays armed."""
    made = box.cable.desk.issue_token()
    box.cable.desk.tokens.clear()
    box.register(made)
    assert box.registration() is RegistrationState.FAILED
    assert box.state.reason == "The ID token is not valid"
    assert box.token is None


def test_a_captive_portal_only_delays(box: Box) -> None:
    """An unsigned 401 takes nothing away, neither from a registration under way nor from one that stands."""
    box.intercept = lambda send, reply: Reply(401, b"<html>") if send.token else reply
    box.feed(Want(STANDARD))
    box.register(box.cable.desk.issue_token())
    assert box.registration() is RegistrationState.RETRYING
    box.intercept = lambda _, reply: reply
    box.run(timedelta(hours=3))
    assert box.registration() is RegistrationState.REGISTERED
    box.intercept = lambda _, __: Reply(401, b"{}")
    box.run(timedelta(days=31))
    assert box.registration() is RegistrationState.REGISTERED


def test_a_signed_revocation_ends_the_registration(box: Box) -> None:
    """Revoked by the portal's signature for this very request, the device is not registered."""
    registered(box)
    box.cable.desk.devices["device-1"].state = DeviceState.REVOKED
    box.feed(RenewAuthorization())
    assert box.registration() is RegistrationState.NOT_REGISTERED
    assert box.state.reason == "revoked"


def test_approval_is_waited_for(box: Box) -> None:
    """202 is no failure: the same request is sent again when the portal said."""
    box.cable.desk.approve = False
    box.feed(Want(STANDARD))
    box.register(box.cable.desk.issue_token())
    assert box.registration() is RegistrationState.IN_PROGRESS
    box.cable.desk.approve = True
    box.run(timedelta(minutes=10, seconds=1))
    assert box.registration() is RegistrationState.REGISTERED


def test_the_new_key_is_proven_before_the_old_one_goes(box: Box) -> None:
    """The answer with the new certificate is lost, the device crashes: nothing is lost and one renewal happened."""
    registered(box)
    box.run(timedelta(days=179, hours=23))
    box.intercept = lambda send, reply: None if "simplereenroll" in send.path else reply
    box.run(timedelta(hours=2))
    box.intercept = lambda _, reply: reply
    box.crash()
    box.run(timedelta(days=1))
    assert box.state.successor is None
    assert len(box.cable.desk.devices["device-1"].certificates) == 2
    assert box.state.identity is not None
    assert box.state.identity.certificate == box.cable.desk.devices["device-1"].certificates[-1]


def test_an_unknown_root_heals_through_the_bundle(box: Box) -> None:
    """The server moved to an unknown root: the newer signed bundle comes over plain HTTP, and the renewal follows."""
    registered(box)
    desk = box.cable.desk
    moved = Failure(kind=FailureClass.UNKNOWN_ROOT, sentence="nothing presented leads to an anchor")
    box.intercept = lambda send, reply: (
        moved if not send.plain_http and (box.state.trust() or desk.claims).seq == 1 else reply
    )
    desk.bundle = desk.make_bundle(box.cable.world.now, seq=2)
    box.feed(RenewAuthorization())
    box.run(timedelta(minutes=2))
    assert box.state.seq == 2
    assert box.authorization() is AuthorizationState.AUTHORIZED
    box.run(timedelta(hours=1))
    assert desk.incidents == ["unknown_root"]


def test_interception_is_named_and_never_healed(box: Box) -> None:
    """Where even the newest bundle does not lead to what is presented, it is interception, told when it is over."""
    registered(box)
    desk = box.cable.desk

    def proxy(send: Send, reply: Reply | None) -> Reply | Failure | None:
        if send.plain_http:
            return reply
        kind = FailureClass.TLS_INTERCEPTED if box.state.bundle_is_newest else FailureClass.UNKNOWN_ROOT
        return Failure(kind=kind, sentence="nothing presented leads to an anchor")

    box.intercept = proxy
    box.feed(RenewAuthorization())
    box.run(timedelta(days=2))
    assert box.state.failure is not None
    assert box.state.failure.kind is FailureClass.TLS_INTERCEPTED
    assert box.state.seq == 1
    box.intercept = lambda _, reply: reply
    box.run(timedelta(hours=8))
    assert box.state.seq == 2
    assert set(desk.incidents) == {"unknown_root", "tls_intercepted"}


def test_the_other_policy_stays_in_retry_until_its_pool_is_repaired(box: Box) -> None:
    """The policy cisco never heals itself, and says the text of its generation."""
    from anchorwatch.licensing import instance

    box.policy = cisco(Generation.ASA)
    moved = Failure(kind=FailureClass.UNKNOWN_ROOT, sentence="nothing presented leads to an anchor")
    box.intercept = lambda _, __: moved
    box.register(box.cable.desk.issue_token())
    box.run(timedelta(days=30))
    assert box.registration() is RegistrationState.RETRYING
    assert instance.describe(box.policy, box.state) == "Communication message send response error"
    box.intercept = lambda _, reply: reply
    box.run(timedelta(hours=7))
    assert box.registration() is RegistrationState.REGISTERED


def test_the_document_comes_back_whole(box: Box) -> None:
    """What is written to disk is read as the same state."""
    registered(box)
    assert state.read(state.write(box.state)) == box.state
