"""Both machines on a cable that loses, repeats, reorders, delays and cuts."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.licensing import seat
from anchorwatch.licensing.event import Deregister, RenewAuthorization, Want
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.cable import Box, Cable, World
from licensing.desk import Desk

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAULTS = ("lose", "lose-answer", "twice", "hold", "late", "cut", "cut-answer")


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_wish_has_exactly_one_effect(seed: int) -> None:
    """Every second message lost, repeated, held back or cut, the power failing between any two actions: one effect."""
    dice = random.Random(seed)
    world = World(START)
    desk = Desk(START)
    cable = Cable(desk, world, faults=lambda: dice.choice(FAULTS) if dice.random() < 0.5 else "")
    box = Box(cable, seed=seed)
    box.power_fails = lambda: dice.random() < 0.02
    box.feed(Want((Wanted(tag="standard", count=2),)))
    box.register(desk.issue_token())
    for _ in range(200):
        if box.authorization() is AuthorizationState.AUTHORIZED:
            break
        box.run(timedelta(hours=6), until=lambda: box.authorization() is AuthorizationState.AUTHORIZED)
    assert box.authorization() is AuthorizationState.AUTHORIZED
    assert desk.effects.count("enrolled device-1") == 1
    assert desk.uses == dict.fromkeys(desk.uses, 1)
    assert desk.effects.count("granted device-1 1") == 1
    assert desk.pool.in_use == 2

    box.feed(RenewAuthorization())
    box.run(timedelta(days=3), until=lambda: box.state.seq >= 2)
    assert box.state.seq == 2
    assert desk.effects.count("granted device-1 2") == 1
    assert desk.pool.in_use == 2

    box.feed(Deregister())
    box.run(timedelta(days=5), until=lambda: box.registration() is RegistrationState.NOT_REGISTERED)
    assert box.registration() is RegistrationState.NOT_REGISTERED
    assert desk.effects.count("removed device-1") == 1
    assert desk.pool.in_use == 0
    assert seat.total(desk.pool, desk.ledger) == desk.pool
