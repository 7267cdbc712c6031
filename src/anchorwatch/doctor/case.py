"""All that is known about one device at one moment.

Inputs are sorted twice. First by device: a prompt, a host in a log line or the one device there is. Then by
moment: when a device prints its licence state a second time and it says something newer, a second case
begins, and what was typed in between belongs to it, because that is what led there. Facts that do not change
by the hour (version, hardware) are seen from every moment of their device.

A prompt under which nothing but configuration was typed is no device of its own: captures are merged from
several boxes, and a procedure is shown on whichever was at hand. It joins the state that follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from anchorwatch.devices.fact import AgentEvent, LogMessage
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.reading import Item, Reading

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The facts of one device at one moment, in the order in which they were printed.

    `device` is host, context and unit joined by slashes, empty where nothing named it. `whole` are the facts
    of the device from all its moments, one tuple for all its cases. `earlier` is the case of the moment before, if any. `asked_at`
    is when the question is asked (aware UTC) where somebody said so, None where the input's own dates must do.
    """

    device: str
    items: tuple[Item, ...]
    whole: tuple[Item, ...] = field(default=(), repr=False)
    earlier: Case | None = field(default=None, repr=False)
    asked_at: datetime | None = None
    memory: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `once` has computed."""

    def once(self, question: Callable[[Case], F]) -> F:
        """The answer to a question about this case, computed the first time only: many rules ask the same of long logs."""
        if question not in self.memory:
            self.memory[question] = question(self)
        return cast("F", self.memory[question])

    def facts(self, kind: type[F]) -> tuple[F, ...]:
        """The facts of one type of this moment, in order."""
        return tuple(item.fact for item in self.items if isinstance(item.fact, kind))

    @property
    def background(self) -> tuple[Item, ...]:
        """The facts of the device from its other moments, in order; computed anew each time."""
        here = {id(item) for item in self.items}
        return tuple(item for item in self.whole if id(item) not in here)

    def lasting(self, kind: type[F]) -> tuple[F, ...]:
        """The facts of one type from every moment of the device, this moment's first."""
        others = (item.fact for item in self.background)
        return self.facts(kind) + tuple(fact for fact in others if isinstance(fact, kind))

    def last(self, kind: type[F]) -> F | None:
        """The newest fact of one type of this moment, or None."""
        found = self.facts(kind)
        return found[-1] if found else None

    def logged(self, *codes: str) -> tuple[LogMessage, ...]:
        """Messages with one of these codes (six digits or a mnemonic), in order; all without codes."""
        return tuple(message for message in self.facts(LogMessage) if not codes or message.code in codes)

    def events(self, *mnemonics: str) -> tuple[LogMessage, ...]:
        """Messages of the licensing agent with one of these mnemonics, in order; all without mnemonics."""
        return tuple(
            message
            for message in self.facts(LogMessage)
            if isinstance(message.detail, AgentEvent)
            and (not mnemonics or message.detail.mnemonic in mnemonics)
        )

    def asked(self, *commands: str) -> bool:
        """Whether the output of one of these commands (in full words) is part of the case."""
        return any(item.command.startswith(command) for item in self.items for command in commands)

    @property
    def moment(self) -> DeviceTime | None:
        """The newest time this moment's licence state speaks of as past, else its newest log line's."""
        times = [time for fact in self.facts(LicenseReport) for time in state_times(fact)]
        times += [
            seen.value
            for progress in self.facts(RegistrationProgress)
            for seen in (progress.last_response_time, progress.last_retry, progress.started)
            if seen is not None
        ]
        if not times:
            times = [message.time for message in self.facts(LogMessage) if message.time is not None]
        dated = [time for time in times if time.has_year]
        return max(dated, key=lambda time: time.wall) if dated else None


def state_times(report: LicenseReport) -> tuple[DeviceTime, ...]:
    """The times of what has happened, as a licence screen prints them."""
    attempts = []
    if report.registration is not None:
        attempts += [report.registration.initial, report.registration.last_renewal]
    if report.authorization is not None:
        attempts += [report.authorization.status, report.authorization.last_communication]
    return tuple(attempt.time for attempt in attempts if attempt is not None and attempt.time is not None)


def split(reading: Reading, asked_at: datetime | None = None) -> tuple[Case, ...]:
    """Sort facts into cases, one for each device and moment, in order of appearance."""
    found: list[Case] = []
    for device, items in _by_device(reading.items).items():
        whole = tuple(items)
        earlier: Case | None = None
        for moment in _moments(items):
            earlier = Case(
                device=device,
                items=tuple(moment),
                whole=whole,
                earlier=earlier,
                asked_at=asked_at,
            )
            found.append(earlier)
    return tuple(found)


def _by_device(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Items by the device they belong to; what no prompt or host claims belongs to the one device there is."""
    items = list(items)
    named = list(dict.fromkeys(item.device for item in items if item.device))
    stateful = [name for name in named if any(_is_state(item) for item in items if item.device == name)]
    homes = _homes(items, stateful or named)
    found: dict[str, list[Item]] = {}
    for item, home in zip(items, homes, strict=True):
        found.setdefault(home, []).append(item)
    return found


def _homes(items: list[Item], named: list[str]) -> list[str]:
    """For each item the device it is counted to: its own, else that of the state next to it in its source."""
    known = set(named)
    only = named[0] if len(named) == 1 else ""
    after = list(reversed(_seen_before(reversed(items), known)))
    before = _seen_before(items, known)
    homes = []
    for item, following, preceding in zip(items, after, before, strict=True):
        if item.device in known:
            homes.append(item.device)
        elif item.device:
            homes.append(following or preceding or item.device)
        else:
            homes.append(only)
    return homes


def _seen_before(items: Iterable[Item], known: set[str]) -> list[str]:
    """For each item the device of state that was met last in its source; empty where none was."""
    last: dict[str, str] = {}
    found = []
    for item in items:
        if item.device in known:
            last[item.source] = item.device
        found.append(last.get(item.source, ""))
    return found


def _is_state(item: Item) -> bool:
    """Whether a fact tells the state of a device, rather than what somebody typed."""
    return not item.command.startswith(_TYPED)


_TYPED = ("enter", "set", "scope", "create", "commit-buffer", "configure", "crypto ca authenticate")


def _moments(items: list[Item]) -> list[list[Item]]:
    """Cut a device's facts where its licence state is printed anew and says something newer."""
    moments: list[list[Item]] = [[]]
    told: LicenseReport | None = None
    pending: list[Item] = []
    for item in items:
        fact = item.fact
        if isinstance(fact, LicenseReport) and state_times(fact):
            if told is not None and _is_newer(fact, told):
                moments.append([])
            moments[-1] += pending
            pending = []
            moments[-1].append(item)
            told = fact
        elif told is None:
            moments[-1].append(item)
        else:
            pending.append(item)
    moments[-1] += pending
    return [moment for moment in moments if moment]


def _is_newer(report: LicenseReport, told: LicenseReport) -> bool:
    """Whether a second screen tells of something that had not happened at the first."""
    now, then = state_times(report), state_times(told)
    return max(time.wall for time in now) > max(time.wall for time in then)
