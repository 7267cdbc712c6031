from datetime import UTC, datetime, timedelta, timezone

import pytest

from anchorwatch.base.clock import Clock, SystemClock, TurnableClock

SPRING = datetime(2016, 3, 22, 9, 0, tzinfo=UTC)


def test_stands_still() -> None:
    """A turnable clock shows the same moment until it is turned."""
    clock: Clock = TurnableClock(SPRING)

    assert clock.now() == SPRING
    assert clock.now() == SPRING


def test_turns_both_ways() -> None:
    """It can be advanced, put back and set."""
    clock = TurnableClock(SPRING)

    assert clock.advance(timedelta(days=365)) == datetime(2017, 3, 22, 9, 0, tzinfo=UTC)
    assert clock.advance(timedelta(days=-365)) == SPRING
    assert clock.turn_to(datetime(2022, 2, 4, tzinfo=UTC)) == clock.now()


def test_shows_utc() -> None:
    """Whatever zone it was set in, it shows UTC."""
    tokyo = timezone(timedelta(hours=9))

    clock = TurnableClock(datetime(2016, 3, 22, 18, 0, tzinfo=tokyo))

    assert clock.now() == SPRING
    assert clock.now().tzinfo is UTC


def test_refuses_a_moment_without_a_zone() -> None:
    """A moment that does not say its zone cannot be set."""
    naive = SPRING.replace(tzinfo=None)

    with pytest.raises(ValueError, match="time zone"):
        TurnableClock(naive)
    with pytest.raises(ValueError, match="time zone"):
        TurnableClock(SPRING).turn_to(naive)


def test_the_machines_clock_is_aware() -> None:
    """The machine's clock gives aware moments that do not run backwards here."""
    clock: Clock = SystemClock()

    first, second = clock.now(), clock.now()

    assert first.tzinfo is UTC
    assert first <= second
