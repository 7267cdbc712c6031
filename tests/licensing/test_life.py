"""A device's whole life on a turned clock, and what clones, backups and the portal's wishes do to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.licensing import deadline, instance, seat, settle, state
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.licensing.event import Deregister, RenewAuthorization, Send, Tick, Want
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.message import (
    ENTITLEMENTS,
    RENEWAL_INFO,
    RenewalInfo,
    Span,
    TrustCheck,
    Wanted,
)
from anchorwatch.licensing.policy import SL1, AgentPolicy, Generation, cisco
from anchorwatch.licensing.problem import Type
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


def test_a_device_restored_from_the_day_before_adopts_too(box: Box) -> None:
    """One grant behind is not taken for a twin: whoever starts asks for the last grant before it wants another."""
    registered(box)
    box.run(timedelta(days=29))
    old = box.disk
    box.run(timedelta(days=2))
    assert box.state.seq == 2
    box.crash(old)
    box.run(timedelta(hours=1))
    assert (box.state.seq, box.state.adoptions) == (2, 1)
    box.feed(RenewAuthorization())
    assert box.state.seq == 3
    assert device_state(box.cable.desk) is DeviceState.ACTIVE
    assert box.cable.desk.pool.in_use == 1


def test_after_a_conflict_was_resolved_the_one_that_lives_goes_on(box: Box) -> None:
    """The operator ends the twin; the other takes up the last grant, whoever it was given to, and asks again."""
    registered(box)
    twin = box.clone()
    twin.feed(RenewAuthorization())
    twin.run(timedelta(minutes=1))
    box.feed(RenewAuthorization())
    device = box.cable.desk.devices["device-1"]
    assert device.state is DeviceState.CONFLICT
    box.run(timedelta(hours=1))
    assert box.state.failure is not None
    assert box.state.failure.evidence.problem == "sequence-fork"
    device.state = DeviceState.ACTIVE
    box.run(timedelta(hours=13))
    later = box.state
    assert device.state is DeviceState.ACTIVE
    assert later.failure is None
    assert later.seq == 3
    assert box.cable.desk.pool.in_use == 1


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


# --- when the portal would like to be called


def windows(box: Box, start: timedelta, end: timedelta) -> RenewalInfo:
    now = box.cable.world.now
    span = Span(start=now + start, end=now + end)
    return RenewalInfo(id=span, authorization=span, trust=TrustCheck(check_after=now + timedelta(days=7)))


def test_a_portal_may_call_its_devices_earlier(box: Box) -> None:
    """What L3 suggests moves the renewals, and the bundle is asked for when the portal would like."""
    registered(box)
    day = timedelta(days=1)
    box.cable.desk.windows = windows(box, 10 * day, 12 * day)
    box.run(40 * day, until=lambda: box.state.seq == 2)
    assert START + 10 * day <= box.cable.world.now <= START + 12 * day
    box.run(40 * day, until=lambda: len(box.cable.desk.devices["device-1"].certificates) == 2)
    assert START + 10 * day <= box.cable.world.now <= START + 12 * day


@pytest.mark.parametrize("days", [-3000, 3000])
def test_an_unsigned_window_ends_and_delays_nothing(box: Box, days: int) -> None:
    """However far off the suggestion is, the renewal falls between the grant and its own refresh, once a day at most."""
    registered(box)
    day = timedelta(days=1)
    box.cable.desk.windows = windows(box, days * day, days * day)
    box.run(31 * day)
    grant = box.state.granted()
    assert grant is not None
    assert box.state.seq >= 2
    assert box.state.seq <= 33
    assert box.authorization() is AuthorizationState.AUTHORIZED
    assert box.state.renew_authorization_at is not None
    assert grant.iat <= box.state.renew_authorization_at <= grant.ref


def test_a_portal_that_suggests_nothing_is_no_trouble(box: Box) -> None:
    """Where L3 is not offered the agent is as well as before."""
    registered(box)
    box.run(timedelta(days=2))
    assert [each.path for each in box.sent].count(RENEWAL_INFO) == 1
    assert box.state.failure is None
    assert box.state.incidents == ()


def test_a_herd_is_spread_over_its_window() -> None:
    """Devices that were registered in one moment choose different moments of the same window, each always its own."""
    places = [settle.position(f"device-{number}", 1) for number in range(400)]
    assert places == [settle.position(f"device-{number}", 1) for number in range(400)]
    assert all(0 <= place < 1 for place in places)
    for tenth in range(10):
        assert 15 <= sum(tenth <= place * 10 < tenth + 1 for place in places) <= 70


def test_what_the_portal_refused_stays_said_until_it_is_granted(box: Box) -> None:
    """That another exchange works does not make a refused entitlement well."""
    box.cable.desk.pool = replace(box.cable.desk.pool, mode=seat.Mode.HARD)
    box.intercept = lambda send, reply: (
        box.cable.desk.refuse(Type.INSUFFICIENT_LICENSES)
        if send.path == ENTITLEMENTS and send.method == "PUT"
        else reply
    )
    box.feed(Want(STANDARD))
    box.register(box.cable.desk.issue_token())
    box.cable.desk.windows = windows(box, timedelta(days=20), timedelta(days=20))
    box.run(timedelta(hours=26))
    assert any(each.path == RENEWAL_INFO for each in box.sent)
    assert box.state.failure is not None
    assert box.state.failure.evidence.problem == "insufficient-licenses"
    box.intercept = lambda _, reply: reply
    box.run(timedelta(hours=12))
    later = box.state
    assert later.failure is None
    assert box.authorization() is AuthorizationState.AUTHORIZED


# --- evaluation


def test_an_evaluation_counts_use_and_not_the_calendar(box: Box) -> None:
    """Ninety days of use without a registration: what is not used, and what the device slept, does not count."""
    box.feed(Want(STANDARD))
    assert box.authorization() is AuthorizationState.EVALUATION
    box.run(timedelta(days=30))
    box.feed(Want(()))
    assert box.authorization() is AuthorizationState.NOTHING_REQUESTED
    box.run(timedelta(days=300))
    box.feed(Want(STANDARD))
    box.crash()
    box.run(timedelta(days=60) - timedelta(seconds=1))
    assert box.authorization() is AuthorizationState.EVALUATION
    box.run(timedelta(seconds=2))
    assert box.authorization() is AuthorizationState.EVALUATION_EXPIRED
    assert box.state.evaluation_used == deadline.EVALUATION
    box.feed(Want(()))
    box.feed(Want(STANDARD))
    assert box.authorization() is AuthorizationState.EVALUATION_EXPIRED
    box.register(box.cable.desk.issue_token())
    assert box.authorization() is AuthorizationState.AUTHORIZED


@pytest.mark.parametrize(
    ("policy", "then"),
    [
        (SL1, AuthorizationState.NOT_AUTHORIZED),
        (cisco(Generation.ASA), AuthorizationState.EVALUATION),
    ],
    ids=["sl1", "cisco"],
)
def test_what_is_left_of_an_evaluation(box: Box, policy: AgentPolicy, then: AuthorizationState) -> None:
    """A device of the document goes back to what is left when it loses its registration; ours evaluates once."""
    box.policy = policy
    box.feed(Want(STANDARD))
    box.run(timedelta(days=30))
    box.register(box.cable.desk.issue_token())
    box.run(timedelta(days=10))
    box.feed(Deregister())
    assert box.registration() is RegistrationState.NOT_REGISTERED
    assert box.authorization() is then
    assert box.state.evaluation_used == timedelta(days=30)


def test_a_revoked_device_is_not_evaluated(box: Box) -> None:
    """What the portal took away is not given back by way of an evaluation."""
    box.policy = cisco(Generation.ASA)
    registered(box)
    box.cable.desk.devices["device-1"].state = DeviceState.REVOKED
    box.feed(RenewAuthorization())
    box.run(timedelta(days=1))
    assert box.authorization() is AuthorizationState.NOT_AUTHORIZED


@pytest.mark.parametrize("end", ["deadline", "grace", "identity"])
def test_what_ends_now_is_due_now(box: Box, end: str) -> None:
    """Whoever asks at the very instant of an end is told that there is something to do, until it was done."""
    box.policy = cisco(Generation.ASA)
    registered(box)
    box.cable.up = False
    grant = box.state.granted()
    assert grant is not None
    assert box.state.identity is not None
    at = {"deadline": grant.exp, "grace": grant.grace, "identity": box.state.identity.not_after}[end]
    before = at - timedelta(seconds=1)
    box.run(before - box.cable.world.now)
    box.cable.world.now = at
    assert instance.next_wakeup(box.policy, box.state, box.reading()) == timedelta(0)
    told = len(box.told)
    box.feed(Tick())
    assert len(box.told) > told
    assert instance.next_wakeup(box.policy, box.state, box.reading()) > timedelta(0)


def test_a_wake_up_is_not_late_for_having_been_asked_late(box: Box) -> None:
    """However long after the last look it is asked, the machine wants to wake at the deadline itself."""
    registered(box)
    box.cable.up = False
    grant = box.state.granted()
    assert grant is not None
    box.run(grant.exp - START - timedelta(hours=5))
    box.cable.world.now += timedelta(hours=1) - timedelta(seconds=30)
    wait = instance.next_wakeup(box.policy, box.state, box.reading())
    box.state = replace(box.state, timers=())
    assert wait <= timedelta(hours=4, seconds=30)
    box.cable.world.now = grant.exp - timedelta(seconds=2)
    assert instance.next_wakeup(box.policy, box.state, box.reading()) <= timedelta(seconds=3)


@pytest.mark.parametrize(
    "wants", [(*STANDARD, *STANDARD), tuple(Wanted(tag=f"tag-{number}") for number in range(129))]
)
def test_what_no_request_can_carry_is_refused_before_it_is_kept(box: Box, wants: tuple[Wanted, ...]) -> None:
    """Twice the same, or more than a message holds: the wish is refused, and the agent is as it was."""
    with pytest.raises(EventRefusedError, match="can be wanted once"):
        box.feed(Want(wants))
    assert box.state.wanted == ()


def test_a_portal_too_busy_for_the_lesser_things_is_no_failure(box: Box) -> None:
    """Where only what no right depends on is put off, nobody has to look."""
    registered(box)
    box.intercept = lambda send, reply: (
        box.cable.desk.refuse(Type.RATE_LIMITED) if send.path == RENEWAL_INFO else reply
    )
    box.run(timedelta(days=40))
    assert box.state.failure is None
    assert box.state.seq == 2
