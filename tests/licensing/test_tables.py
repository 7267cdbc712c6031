"""The tables of all machines: complete, reachable, and what the portal's part of them promises."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from anchorwatch.licensing import account, authorization, clock, deadline, registration, seat, sequence, trust
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.licensing.machine import STAYS, Arrow, Table
from anchorwatch.licensing.sequence import Claimed, Known, Once, Record, Ruling
from anchorwatch.licensing.status import AuthorizationState, RegistrationState

TABLES: tuple[Table[Any, Any], ...] = (
    registration.TABLE,
    authorization.TABLE,
    trust.BUNDLE_TABLE,
    trust.PEER_TABLE,
    clock.TABLE,
    account.TABLE,
)
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_state_meets_every_event(table: Table[Any, Any]) -> None:
    """Each pair of state and event leads somewhere, changes nothing, or is refused in a sentence."""
    for state in table.states:
        for event in table.events:
            if table.allows(state, event):
                assert table.target(state, event) in table.states
            else:
                with pytest.raises(EventRefusedError, match=r"\w+ \w+ \w+"):
                    table.target(state, event)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_state_is_reached_from_the_first(table: Table[Any, Any]) -> None:
    """From its first state a machine can come to every other one."""
    seen = {table.initial}
    while True:
        more = {arrow.target for arrow in table.arrows if arrow.source in seen} - seen
        if not more:
            break
        seen |= more
    assert seen == set(table.states)


def test_a_table_with_a_gap_is_not_made() -> None:
    """A table that says nothing about a pair is refused at birth."""
    with pytest.raises(ValueError, match="left open"):
        Table(
            name="gap",
            states=(trust.PeerState.UNKNOWN, trust.PeerState.OK),
            events=(trust.PeerEvent.ANSWERED,),
            initial=trust.PeerState.UNKNOWN,
            arrows=(Arrow(trust.PeerState.UNKNOWN, trust.PeerEvent.ANSWERED, trust.PeerState.OK),),
            otherwise={},
        )


def test_a_table_with_two_arrows_for_one_pair_is_not_made() -> None:
    """One state and one event have one answer."""
    arrow = Arrow(trust.PeerState.UNKNOWN, trust.PeerEvent.ANSWERED, trust.PeerState.UNKNOWN)
    with pytest.raises(ValueError, match="two arrows"):
        Table(
            name="twice",
            states=(trust.PeerState.UNKNOWN,),
            events=(trust.PeerEvent.ANSWERED,),
            initial=trust.PeerState.UNKNOWN,
            arrows=(arrow, arrow),
            otherwise={trust.PeerEvent.ANSWERED: STAYS},
        )


def test_only_three_ways_lead_out_of_a_registration() -> None:
    """A registration ends by the operator, by its end in time, or by a signed revocation, and by nothing else."""
    ends = {
        arrow.event
        for arrow in registration.TABLE.arrows
        if arrow.source is RegistrationState.REGISTERED and arrow.target is not RegistrationState.REGISTERED
    }
    assert {str(each) for each in ends} == {
        "register", "deregister", "id-ended", "clock-lost", "signed-revocation"
    }  # fmt: skip


def test_a_rollback_stays_an_alarm() -> None:
    """A suspected rollback is cleared by the operator only."""
    state = trust.BundleState.ROLLBACK_SUSPECTED
    assert trust.BUNDLE_TABLE.target(state, trust.BundleEvent.ACCEPTED) is state
    assert trust.BUNDLE_TABLE.target(state, trust.BundleEvent.AGED) is state


class DeviceLife(RuleBasedStateMachine):
    """Any events in any order, against the portal's promises."""

    def __init__(self) -> None:
        super().__init__()
        self.state = DeviceState.PENDING
        self.pool = seat.Pool(mode=seat.Mode.HARD, purchased=3)
        self.held = 0

    @rule(event=st.sampled_from(DeviceEvent), asked=st.integers(0, 5))
    def happens(self, event: DeviceEvent, asked: int) -> None:
        try:
            after = account.TABLE.target(self.state, event)
        except EventRefusedError:
            return
        if account.gives_seats_back(self.state, after) and self.held:
            self.pool = seat.applied(self.pool, seat.Entry(kind=seat.EntryKind.RELEASE, delta=-self.held))
            self.held = 0
        if event is DeviceEvent.CONTACT and self.state in account.LIVE:
            decided = seat.decide(self.pool, held=self.held, asked=asked)
            if decided.entry is not None:
                self.pool = seat.applied(self.pool, decided.entry)
            self.held = decided.granted
        if self.state is DeviceState.REMOVED:
            assert after is DeviceState.REMOVED
        self.state = after

    @invariant()
    def seats_are_where_they_belong(self) -> None:
        assert self.pool.sound
        assert self.pool.in_use == self.held
        if self.state not in account.HOLDS_SEATS:
            assert self.held == 0


TestDeviceLife = DeviceLife.TestCase
TestDeviceLife.runTest.__doc__ = "Whatever happens to a device, its seats are counted once and returned once."


def test_silence_moves_a_device_through_its_life() -> None:
    """33 days, the deadline, the end of the certificate: each state on its date."""
    dates = account.Dates(
        last_contact=T0,
        grant_deadline=deadline.grant_dates(T0).deadline,
        id_end=deadline.identity_dates(T0).not_after,
    )
    assert account.due(DeviceState.ACTIVE, dates) == (DeviceEvent.SILENT, T0 + timedelta(days=33))
    assert account.moved_by_time(DeviceState.ACTIVE, dates, T0 + timedelta(days=400)) == (
        DeviceState.OVERDUE,
        DeviceState.AUTH_EXPIRED,
        DeviceState.ID_EXPIRED,
    )
    assert account.due(DeviceState.ID_EXPIRED, dates) is None


@pytest.mark.parametrize(
    ("known", "claimed", "ruling"),
    [
        (Known(), Claimed(seq=1, last_jti=None, request_sha256=b"a"), Ruling.PROCESS),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=6, last_jti="j", request_sha256=b"b"), Ruling.PROCESS),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=6, last_jti=None, request_sha256=b"b"), Ruling.PROCESS),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=5, last_jti="i", request_sha256=b"a"), Ruling.REPEAT),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=5, last_jti="i", request_sha256=b"b"), Ruling.FORK),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=4, last_jti="h", request_sha256=b"b"), Ruling.STALE),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=6, last_jti="x", request_sha256=b"b"), Ruling.FORK),
        (Known(seq=5, jti="j", request_sha256=b"a"), Claimed(seq=9, last_jti="x", request_sha256=b"b"), Ruling.SHOW),
        (
            Known(seq=5, jti="j", request_sha256=b"a"),
            Claimed(seq=9, last_jti="x", request_sha256=b"b", proven_seq=8),
            Ruling.RECOVER,
        ),
        (
            Known(seq=5, jti="j", request_sha256=b"a"),
            Claimed(seq=9, last_jti="x", request_sha256=b"b", proven_seq=7),
            Ruling.SHOW,
        ),
        (Known(), Claimed(seq=1, last_jti="x", request_sha256=b"b"), Ruling.SHOW),
    ],
)  # fmt: skip
def test_the_sequence_rules(known: Known, claimed: Claimed, ruling: Ruling) -> None:
    """Every line of the table of sequence rules."""
    assert sequence.rule(known, claimed) is ruling


def test_the_idempotency_rules() -> None:
    """A missing key, a new one, a stored answer, another body, and a request under way are told apart."""
    assert sequence.once(None, None, None, b"a") is Once.MISSING
    assert sequence.once("k", None, None, b"a") is Once.PROCESS
    assert sequence.once("k", Record.DONE, b"a", b"a") is Once.REPEAT
    assert sequence.once("k", Record.DONE, b"a", b"b") is Once.REUSED
    assert sequence.once("k", Record.IN_FLIGHT, b"a", b"a") is Once.WAIT
    assert sequence.once("k", Record.IN_FLIGHT, b"a", b"b") is Once.REUSED


@given(
    st.sampled_from(seat.Mode),
    st.integers(0, 20),
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), max_size=30),
)
def test_the_ledger_adds_up(mode: seat.Mode, bought: int, overage: int, asked: list[tuple[int, int]]) -> None:
    """Whatever devices ask for, the ledger gives the pool, and a hard pool never gives more than it has."""
    pool = seat.Pool(mode=mode, overage_pct=overage)
    ledger = []
    if bought:
        ledger.append(seat.Entry(kind=seat.EntryKind.BUY, delta=bought))
        pool = seat.applied(pool, ledger[-1])
    held: dict[int, int] = {}
    for device, count in asked:
        decided = seat.decide(pool, held=held.get(device, 0), asked=count)
        if decided.entry is not None:
            pool = seat.applied(pool, decided.entry)
            ledger.append(decided.entry)
        held[device] = decided.granted
        assert decided.refused == (decided.granted != count)
        assert pool.sound
    assert pool.in_use == sum(held.values())
    assert seat.total(pool, ledger) == pool


def test_a_pool_beyond_its_limit_is_out_of_compliance_not_refused() -> None:
    """Only a hard tag refuses; it says what would fit."""
    limit = seat.Pool(mode=seat.Mode.LIMIT, purchased=10, in_use=10)
    assert seat.decide(limit, held=0, asked=1).status is AuthorizationState.OUT_OF_COMPLIANCE
    hard = seat.Pool(mode=seat.Mode.HARD, purchased=10, in_use=8)
    refused = seat.decide(hard, held=1, asked=4)
    assert (refused.refused, refused.granted, refused.fits) == (True, 1, 3)
