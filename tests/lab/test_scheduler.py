"""Time in a town: in order, at the right instants, quickly."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.lab.scheduler import Scheduler, Turn
from anchorwatch.lab.town_clock import TownClock

NOW = datetime(2018, 10, 4, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Steady:
    """Real time, as a test lets it pass."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Sleeper:
    """Somebody who wants to be woken at given moments, and writes down when he was."""

    def __init__(
        self, name: str, clock: TownClock, moments: list[datetime], diary: list[tuple[datetime, str]]
    ) -> None:
        self.name, self.clock, self.diary = name, clock, diary
        self.moments = sorted(moments)

    def due(self) -> datetime | None:
        return self.moments[0] if self.moments else None

    def wake(self) -> None:
        now = self.clock.now()
        self.diary.append((now, self.name))
        while self.moments and self.moments[0] <= now:
            self.moments.pop(0)


@pytest.fixture
def clock() -> TownClock:
    return TownClock(NOW, steady=Steady())


@pytest.fixture
def scheduler(clock: TownClock) -> Iterator[Scheduler]:
    made = Scheduler(clock)
    yield made
    made.close()


def test_a_clock_goes_with_real_time_and_stands_when_it_is_held() -> None:
    """Time passes only while the clock goes, and turning it loses none of it."""
    steady = Steady()
    clock = TownClock(NOW, steady=steady)
    steady.seconds += 10
    assert clock.now() == NOW
    clock.go()
    steady.seconds += 10
    assert clock.now() == NOW + timedelta(seconds=10)
    clock.turn_to(NOW + HOUR)
    steady.seconds += 5
    clock.hold()
    steady.seconds += 5
    assert clock.now() == NOW + HOUR + timedelta(seconds=5)


def test_a_clock_does_not_go_back() -> None:
    """An earlier moment than the present one is not shown."""
    clock = TownClock(NOW, steady=Steady())
    clock.turn_to(NOW - HOUR)
    assert clock.now() == NOW


@given(
    st.lists(
        st.lists(st.integers(min_value=1, max_value=10_000_000), max_size=8, unique=True),
        min_size=1,
        max_size=5,
    )
)
def test_everything_is_done_at_its_moment_and_in_order(days: list[list[int]]) -> None:
    """However many sleep, each is woken exactly at each of his moments, nobody before somebody who was due earlier."""
    clock = TownClock(NOW, steady=Steady())
    scheduler = Scheduler(clock)
    diary: list[tuple[datetime, str]] = []
    wanted: list[tuple[datetime, str]] = []
    for number, seconds in enumerate(days):
        moments = [NOW + timedelta(seconds=each) for each in seconds]
        wanted += [(moment, str(number)) for moment in moments]
        sleeper = Sleeper(str(number), clock, moments, diary)
        scheduler.add(str(number), Turn.DEVICE, sleeper.due, sleeper.wake)
    end = NOW + timedelta(seconds=10_000_000)
    scheduler.run_until(end)
    scheduler.close()
    assert sorted(diary) == sorted(wanted)
    assert [at for at, _ in diary] == sorted(at for at, _ in diary)
    assert clock.now() == end


def test_at_one_moment_the_town_comes_before_its_devices(clock: TownClock, scheduler: Scheduler) -> None:
    """What happens to the town at a moment has happened when the devices of that moment wake."""
    diary: list[tuple[datetime, str]] = []
    at = NOW + HOUR
    for name, turn in (("device", Turn.DEVICE), ("sweep", Turn.TOWN), ("event", Turn.EVENT)):
        sleeper = Sleeper(name, clock, [at], diary)
        scheduler.add(name, turn, sleeper.due, sleeper.wake)
    scheduler.run_until(at)
    assert diary == [(at, "event"), (at, "sweep"), (at, "device")]


def test_who_is_touched_is_asked_anew(clock: TownClock, scheduler: Scheduler) -> None:
    """A device that changed its mind between two wakes is woken when it wants now."""
    diary: list[tuple[datetime, str]] = []
    sleeper = Sleeper("asav", clock, [NOW + 9 * HOUR], diary)
    scheduler.add("asav", Turn.DEVICE, sleeper.due, sleeper.wake)
    sleeper.moments.insert(0, NOW + HOUR)
    scheduler.touch("asav")
    scheduler.run_until(NOW + 2 * HOUR)
    assert diary == [(NOW + HOUR, "asav")]
    scheduler.remove("asav")
    scheduler.run_until(NOW + 20 * HOUR)
    assert len(diary) == 1


def test_somebody_restless_does_not_stop_the_time(clock: TownClock, scheduler: Scheduler) -> None:
    """A device that is always due is woken again and again, and the others come to their turn."""
    diary: list[tuple[datetime, str]] = []
    wakes = 0

    def wake() -> None:
        nonlocal wakes
        wakes += 1

    scheduler.add("restless", Turn.DEVICE, lambda: NOW, wake)
    sleeper = Sleeper("asav", clock, [NOW + timedelta(seconds=5)], diary)
    scheduler.add("asav", Turn.DEVICE, sleeper.due, sleeper.wake)
    scheduler.run_until(NOW + timedelta(seconds=10))
    assert diary == [(NOW + timedelta(seconds=5), "asav")]
    assert 10 <= wakes < 1_000


def test_one_that_fails_does_not_take_the_others_with_him(clock: TownClock, scheduler: Scheduler) -> None:
    """Whatever is raised in one device, the next is woken, and the failing one again at his next moment."""
    diary: list[tuple[datetime, str]] = []
    moments = [NOW + HOUR, NOW + 2 * HOUR]

    def fail() -> None:
        moments.pop(0)
        raise RuntimeError("broken")

    scheduler.add("bad", Turn.DEVICE, lambda: moments[0] if moments else None, fail)
    sleeper = Sleeper("good", clock, [NOW + HOUR, NOW + 3 * HOUR], diary)
    scheduler.add("good", Turn.DEVICE, sleeper.due, sleeper.wake)
    scheduler.run_until(NOW + 4 * HOUR)
    assert [name for _, name in diary] == ["good", "good"]
    assert moments == []


def test_time_that_passes_by_itself_starts_what_is_due(clock: TownClock, scheduler: Scheduler) -> None:
    """As real time goes, what became due is started, and what is under way is not started twice."""
    going, done = threading.Event(), threading.Event()
    moments = [NOW + timedelta(seconds=1)]
    wakes = 0

    def wake() -> None:
        nonlocal wakes
        wakes += 1
        done.wait(5)
        moments.clear()
        going.set()

    scheduler.add("slow", Turn.DEVICE, lambda: moments[0] if moments else None, wake)
    scheduler.start_due()
    assert wakes == 0
    clock.turn_to(NOW + timedelta(seconds=2))
    scheduler.start_due()
    scheduler.touch("slow")
    scheduler.start_due()
    done.set()
    assert going.wait(5)
    assert wakes == 1


def test_turning_can_be_ended_early(clock: TownClock, scheduler: Scheduler) -> None:
    """Who asks for the end while the clock is turned gets it after the moment under way."""
    stop = threading.Event()
    diary: list[tuple[datetime, str]] = []
    sleeper = Sleeper("asav", clock, [NOW + HOUR, NOW + 2 * HOUR], diary)
    scheduler.add("asav", Turn.DEVICE, sleeper.due, sleeper.wake)
    scheduler.run_until(NOW + 5 * HOUR, told=lambda _: stop.set(), stop=stop)
    assert diary == [(NOW + HOUR, "asav")]
    assert clock.now() == NOW + HOUR
