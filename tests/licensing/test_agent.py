"""The agent under anything in any order: operators, clocks, crashes, cut cables and lying middlemen."""

from __future__ import annotations

import contextlib
import random
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from anchorwatch.licensing import problem, seat, state
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.licensing.event import (
    Broke,
    BundleGiven,
    Deregister,
    LocalChange,
    RenewAuthorization,
    RenewIdentity,
    Send,
    Want,
)
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.cable import Box, Cable, World
from licensing.desk import Desk, Reply

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RIGHTS = (AuthorizationState.AUTHORIZED, AuthorizationState.OUT_OF_COMPLIANCE, AuthorizationState.OVERAGE)


class AgentLife(RuleBasedStateMachine):
    """One device, one portal, and everything that can come between them."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(START)
        self.desk.max_uses = 10_000
        self.box = Box(Cable(self.desk, World(START)))
        self.tokens = 0
        self.bundle_seq = 1
        self.dice = random.Random(0)

    @rule()
    def register(self) -> None:
        self.tokens += 1
        with contextlib.suppress(EventRefusedError):
            self.box.register(self.desk.issue_token(self.tokens))

    @rule(count=st.integers(0, 3))
    def want(self, count: int) -> None:
        self.box.feed(Want((Wanted(tag="standard", count=count),) if count else ()))

    @rule(event=st.sampled_from([RenewAuthorization(), RenewIdentity(), Deregister(), LocalChange("up")]))
    def ask(self, event: RenewAuthorization | RenewIdentity | Deregister | LocalChange) -> None:
        with contextlib.suppress(EventRefusedError):
            self.box.feed(event)

    @rule(hours=st.sampled_from([1, 13, 24 * 7, 24 * 40, 24 * 200]))
    def time_passes(self, hours: int) -> None:
        self.box.run(timedelta(hours=hours))

    @rule(off=st.sampled_from([0, 4, -3 * 60, 60 * 24 * 400, -60 * 24 * 400]))
    def clock_is_set(self, off: int) -> None:
        self.box.off = timedelta(minutes=off)

    @rule()
    def crash(self) -> None:
        self.box.crash()

    @rule(up=st.booleans())
    def cable(self, up: bool) -> None:
        self.box.cable.up = up

    @rule(older=st.booleans())
    def bundle_comes(self, older: bool) -> None:
        now = self.box.cable.world.now
        if not older:
            self.bundle_seq += 1
            self.desk.bundle = self.desk.make_bundle(now, seq=self.bundle_seq)
        if self.box.state.bundle is not None:
            self.box.feed(BundleGiven(self.desk.bundle if not older else "e30.e30.e30"))

    @rule(
        lie=st.sampled_from(
            [
                Reply(200, b"<html>"),
                Reply(200, b""),
                Reply(204),
                Reply(302),
                Reply(500, b"{}"),
                Reply(
                    401, problem.write(problem.problem(problem.Type.IDENTITY_REVOKED, signed="e30.e30.e30"))
                ),
                Reply(403, problem.write(problem.problem(problem.Type.TOKEN_EXHAUSTED))),
                Reply(409, problem.write(problem.problem(problem.Type.STALE_SEQUENCE, signed="e30.e30.e30"))),
                Reply(409, problem.write(problem.problem(problem.Type.HISTORY_LOST))),
                Failure(kind=FailureClass.UNKNOWN_ROOT, sentence="no anchor"),
                Failure(kind=FailureClass.LEAF_EXPIRED, sentence="expired"),
            ]
        ),
        step=st.sampled_from([each for each in state.Step if each is not state.Step.REMOVE]),
    )
    def somebody_lies(self, lie: Reply | Failure, step: state.Step) -> None:
        before = self.box.state
        self.box.intercept = lambda send, reply: lie if send.step is step else reply
        try:
            with contextlib.suppress(EventRefusedError):
                self.box.feed(RenewAuthorization())
            self.box.run(timedelta(minutes=30))
        finally:
            self.box.intercept = lambda _, reply: reply
        if before.registration is RegistrationState.REGISTERED and before.identity is not None:
            ended = self.box.state.time.high_water
            if ended is not None and ended < before.identity.not_after:
                assert self.box.registration() is RegistrationState.REGISTERED

    @rule()
    def late_answer(self) -> None:
        stale = Failure(kind=FailureClass.DNS, sentence="late")
        before = self.box.state
        self.box.feed(Broke(number=999_999_999, failure=stale))
        assert self.box.state.failure is None or self.box.state.failure.kind is not FailureClass.DNS
        assert self.box.registration() in (before.registration, *RegistrationState)

    @invariant()
    def rights_are_signed(self) -> None:
        held = self.box.state
        if held.authorization in RIGHTS:
            grant = held.granted()
            assert grant is not None
            assert held.time.high_water is not None
            assert held.time.high_water < grant.exp
            assert held.identity is not None

    @invariant()
    def the_portal_is_sound(self) -> None:
        assert seat.total(self.desk.pool, self.desk.ledger) == self.desk.pool
        held = sum(sum(device.held.values()) for device in self.desk.devices.values())
        assert self.desk.pool.in_use == held

    @invariant()
    def time_is_never_ahead(self) -> None:
        high = self.box.state.time.high_water
        assert high is None or high <= self.box.cable.world.now + timedelta(seconds=1)

    @invariant()
    def the_document_is_whole(self) -> None:
        assert state.read(self.box.disk) == self.box.written


AgentLife.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestAgentLife = AgentLife.TestCase
TestAgentLife.runTest.__doc__ = (
    "Whatever happens, rights are signed, in time, bound to an identity, and counted once."
)


def test_nothing_is_sent_before_the_intent_is_written() -> None:
    """Every request is on disk before it leaves, the first one too."""
    box = Box(Cable(Desk(START), World(START)))
    seen: list[bool] = []

    def look(send: Send, reply: Reply | None) -> Reply | None:
        seen.append(box.written.in_flight == send.number)
        return reply

    box.intercept = look
    box.feed(Want((Wanted(tag="standard"),)))
    box.register(box.cable.desk.issue_token())
    assert len(seen) >= 5
    assert all(seen)
