"""Towns in which something is wrong with every device, for tests: what is wrong is data, and is brought about for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from anchorwatch.lab.network import Fault
from anchorwatch.licensing.status import RegistrationState
from builders.harbour import MOVE
from lab.quarter import Quarter

HEAD = (
    """
story = 1
code = "proof"
title = "One thing is wrong with each"
world = "cisco"
starts = 2018-10-06T06:00:00Z
shows = "old"
serves = "2017"
"""
    + MOVE
    + """
[[events]]
at = 2018-10-05T07:00:00Z
said = "the portal moves"
chain = "new"
"""
)
KINDS = {
    "asav941": 'model = "ASAv"\nversion = "9.4(1)"',
    "asav952": 'model = "ASAv"\nversion = "9.5(2)"',
    "asav962": 'model = "ASAv"\nversion = "9.6(2)"',
    "asav982": 'model = "ASAv"\nversion = "9.8(2)"',
    "asav916": 'model = "ASAv"\nversion = "9.16(4)"',
    "fpr2110": 'model = "FPR-2110"\nversion = "9.8(2)"',
    "fp4110": 'model = "FPR4110"\nversion = "2.2(2.19)"\napplication = "9.8(2)"',
}
ASAS = tuple(kind for kind in KINDS if kind != "fp4110")
IMPORTING = tuple(kind for kind in ASAS if kind != "asav941")
CHASSIS = ("fp4110",)
ALL = (*ASAS, *CHASSIS)
STATES = {
    "communication-failing", "registration-retrying", "unregistered", "version-inferred", "clock-skew",
    "authorization-expired", "id-certificate-expired",
}  # fmt: skip
"""What is said of the state beside any cause."""
BEFORE, AFTER = "2018-10-04T10:00:00Z", "2018-10-05T08:00:00Z"
"""When a device comes: while the old chain is shown, or after the move."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Something wrong, the codes of which one must be named, and others that are true beside it.

    `trusts` is whether the device holds the CA of today; `came` when it was switched on; `registered` whether it was
    registered then, and renews now, or registers now. `config` are more lines of its plan; `breaks` is broken around it
    now, `always` since it is there; `typed` is typed before, `staged` done before.
    """

    named: tuple[str, ...]
    beside: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ALL
    trusts: bool = True
    registered: bool = True
    came: str = AFTER
    config: str = ""
    always: tuple[Fault, ...] = ()
    breaks: tuple[Fault, ...] = ()
    typed: tuple[str, ...] = ()
    staged: Callable[[Quarter, str], None] = lambda _quarter, _name: None
    token: Callable[[Quarter], str] = lambda quarter: quarter.token().reveal()
    typed_read: bool = False
    """Whether the doctor reads what was typed before too, as in a console that somebody kept."""
    dated: bool = False
    """Whether the doctor is told what day it is."""
    point: str = ""
    """The trustpoint that holds the CA, in place of the factory's."""
    works: bool = False
    """Whether licensing works in spite of it."""


SPARES = 12


def text(causes: Mapping[str, Cause], pairs: Iterable[tuple[str, str]]) -> str:
    """The story of all of them."""
    parts = [HEAD]
    for name, kind in pairs:
        cause = causes[name]
        point = cause.point or ("CHdefault" if kind in CHASSIS else "_SmartCallHome_ServerCA")
        held = "quovadis-2" if cause.trusts else "g5"
        parts += [
            "[[devices]]", f'name = "{name}-{kind}"', KINDS[kind], f"since = {cause.came}",
            f"registered = {str(cause.registered).lower()}", f'trustpoints = {{ {point} = "{held}" }}',
            cause.config, f"faults = {[fault.value for fault in cause.always]}", "",
        ]  # fmt: skip
    for number in range(SPARES):
        parts += [
            "[[devices]]", f'name = "spare-{number}"', KINDS["asav982"], f"since = {AFTER}",
            'trustpoints = { _SmartCallHome_ServerCA = "quovadis-2" }', "",
        ]  # fmt: skip
    return "\n".join(parts)


def wait(quarter: Quarter, devices: Mapping[str, Cause | None], seconds: float = 90) -> None:
    """Until the agent of each has heard from the portal, or has given up for now."""
    end = time.monotonic() + seconds
    waiting = list(devices)
    while waiting and time.monotonic() < end:
        waiting = [name for name in waiting if not _settled(quarter, name, devices[name])]
        time.sleep(0.1)
    assert not waiting


def _settled(quarter: Quarter, name: str, cause: Cause | None) -> bool:
    licence = quarter.machine(name).licence
    new = cause is None or not cause.registered
    if cause is not None and cause.typed_read:
        return True  # refused where it was typed
    return bool(licence.reason) or (new and licence.state.registration is RegistrationState.REGISTERED)


def stage(quarter: Quarter, causes: Mapping[str, Cause], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Let everything go wrong, and let each device notice; what was said at its console."""
    asking: dict[str, Cause | None] = {}
    lines: dict[str, list[str]] = {}
    for name, kind in pairs:
        cause, device = causes[name], f"{name}-{kind}"
        quarter.break_(device, *cause.breaks)
        cause.staged(quarter, device)
        typed = list(cause.typed)
        if not cause.registered:
            token = cause.token(quarter)
            typed += (
                ["scope license", f"register idtoken {token}", "top"]
                if kind in CHASSIS
                else [f"license smart register idtoken {token}"]
            )
        elif not cause.works:
            typed += (
                ["scope license", "scope licdebug", "renew", "top"]
                if kind in CHASSIS
                else ["license smart renew auth"]
            )
        if not cause.registered or not cause.works:
            asking[device] = cause
        lines[device] = typed
    consoles = quarter.each(lines, lambda device: quarter.type(device, lines[device]))
    wait(quarter, asking)
    return consoles
