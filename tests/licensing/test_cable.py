"""Both machines on a cable that loses, repeats, reorders, delays and cuts: every wish has exactly one effect."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.licensing import seat
from anchorwatch.licensing.event import Deregister, RenewAuthorization, RenewIdentity, Want
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.cable import Box, Cable, World
from licensing.desk import Desk

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAULTS = ("lose", "lose-answer", "twice", "hold", "late", "cut", "cut-answer")
"""A request or an answer that is lost, a request that comes twice, one that is held back and comes after later ones
(`hold`, then `late`), a request or an answer of which half arrives."""


def badly(seed: int, share: float = 0.5) -> Callable[[], str]:
    """What happens to each message: with this probability one of the faults."""
    dice = random.Random(seed)
    return lambda: dice.choice(FAULTS) if dice.random() < share else ""


def until(box: Box, done: Callable[[], bool], *, days: int = 60) -> None:
    """Let time pass until it is done, and no longer than that."""
    box.run(timedelta(days=days), until=done)
    assert done()


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_wish_has_exactly_one_effect(seed: int) -> None:
    """Half of all messages go wrong, the power fails between any two actions: one of each, and the seats are right."""
    dice = random.Random(seed)
    desk = Desk(START)
    box = Box(Cable(desk, World(START), faults=badly(seed)), seed=seed)
    box.power_fails = lambda: dice.random() < 0.02
    box.feed(Want((Wanted(tag="standard", count=2),)))
    box.register(desk.issue_token())
    until(box, lambda: box.authorization() is AuthorizationState.AUTHORIZED)
    assert desk.effects.count("enrolled device-1") == 1
    assert desk.uses == dict.fromkeys(desk.uses, 1)
    assert desk.effects.count("granted device-1 1") == 1
    assert desk.pool.in_use == 2

    box.feed(RenewAuthorization())
    until(box, lambda: box.state.seq >= 2)
    assert box.state.seq == 2
    assert desk.effects.count("granted device-1 2") == 1
    assert desk.pool.in_use == 2

    # A new key: one more certificate, whoever heard of it how often, and the old one only until the new one was used.
    if not box.state.rekeying and not box.state.successor:
        box.feed(RenewIdentity())
    until(box, lambda: box.state.rekeying is None and box.state.successor is None)
    certificates = desk.devices["device-1"].certificates
    assert len(certificates) == 2
    assert box.state.identity is not None
    assert box.state.identity.certificate == certificates[-1]

    # A newer bundle is taken once, and what it brings is announced.
    desk.bundle = desk.make_bundle(box.cable.world.now, seq=2)
    until(box, lambda: box.state.announced_seq == 2)

    # All that went wrong on the way is told in the end; told again, it is the same incident.
    known = {each.id for each in box.state.incidents}
    box.cable.faults = lambda: ""
    until(box, lambda: not box.state.incidents)
    assert known <= desk.told
    assert len(desk.incidents) == len(desk.told)

    box.cable.faults = badly(seed + 1)
    box.feed(Deregister())
    until(box, lambda: box.registration() is RegistrationState.NOT_REGISTERED)
    assert desk.effects.count("removed device-1") == 1
    assert len(desk.devices) == 1
    assert desk.pool.in_use == 0
    assert seat.total(desk.pool, desk.ledger) == desk.pool


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone(fault: str) -> None:
    """Every second message meets the same fault: still one device, one grant, one seat."""
    turn = iter(range(10**6))
    desk = Desk(START)
    box = Box(Cable(desk, World(START), faults=lambda: fault if next(turn) % 2 else ""))
    box.feed(Want((Wanted(tag="standard", count=1),)))
    box.register(desk.issue_token())
    until(box, lambda: box.authorization() is AuthorizationState.AUTHORIZED)
    assert desk.effects == ["enrolled device-1", "granted device-1 1"]
    assert desk.pool.in_use == 1
