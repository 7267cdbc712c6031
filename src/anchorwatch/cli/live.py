"""Devices read over SSH for `anchorwatch diagnose`: what they print becomes an input like any file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from anchorwatch.cli.login import Doors, target_of
from anchorwatch.cli.terminal import console, hint, printable, say
from anchorwatch.devices.fact import Platform
from anchorwatch.pki.catalogue import Catalogue

if TYPE_CHECKING:
    from anchorwatch.net.target import Target

__all__ = ["SCHEME", "Collected", "collect", "progress"]

SCHEME = "ssh://"
_AT_ONCE = 8
# New connections a second: bursts are reset by devices and locked out by the servers that know the passwords.
_APART = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """(name, transcript) of every device that could be read, and how many could not."""

    inputs: tuple[tuple[str, str], ...]
    missed: int


def collect(
    names: Sequence[str],
    doors: Doors,
    *,
    at: datetime | None,
    catalogue: Catalogue,
    platform: Platform | None,
) -> Collected:
    """Read every device named, a few at a time; what went wrong is told on standard error.

    Where one refuses the login the others are not tried with the same password: nobody is locked out everywhere.
    """
    # Whoever diagnoses files needs no event loop.
    import asyncio

    targets = tuple(dict.fromkeys(target_of(name) for name in names))
    found = asyncio.run(_all(targets, doors, at, catalogue, platform))
    inputs = tuple(
        (f"{SCHEME}{target}", text) for target, text in zip(targets, found, strict=True) if text is not None
    )
    return Collected(inputs=inputs, missed=len(targets) - len(inputs))


async def _all(
    targets: Sequence[Target],
    doors: Doors,
    at: datetime | None,
    catalogue: Catalogue,
    platform: Platform | None,
) -> list[str | None]:
    import asyncio

    from anchorwatch.fleet.error import FleetError
    from anchorwatch.fleet.gathering import gather
    from anchorwatch.fleet.visit import visiting
    from anchorwatch.net.errors import LoginRefused, NoConversation

    seats = asyncio.Semaphore(_AT_ONCE)
    refused_by: list[str] = []

    async def one(target: Target, tell: Callable[[str], None]) -> str | None:
        try:
            async with visiting(target, doors.access(target), platform=platform, tell=tell) as visit:
                found = await gather(visit, at=at, catalogue=catalogue, platform=platform, tell=tell)
            tell("")
        except (NoConversation, FleetError) as error:
            tell("")
            if isinstance(error, LoginRefused):
                refused_by.append(str(target))
            say(f"error: {printable(str(error))}", err=True, style="red")
            for line in error.hints:
                hint(printable(line))
            return None
        return found.transcript

    async def seated(number: int, target: Target) -> str | None:
        await asyncio.sleep(number * _APART)
        async with seats:
            if refused_by:
                say(
                    f"error: {printable(str(target))} was not tried: {printable(refused_by[0])} refused the login",
                    err=True,
                    style="red",
                )
                return None
            return await one(target, progress(str(target)))

    # The first alone: it shows whether the password is right.
    first = await seated(0, targets[0])
    return [first, *await asyncio.gather(*(seated(*each) for each in enumerate(targets[1:])))]


def progress(name: str) -> Callable[[str], None]:
    """What tells how far a device is: a line for each part, and on a terminal one that changes for each command read."""
    out = console(err=True)
    shown = printable(name)
    told: set[str] = set()

    def tell(word: str) -> None:
        command = word[:1].isdigit() or word.startswith("more:")
        part = ("reading more" if word.startswith("more:") else "reading") if command else word
        if out.is_terminal:
            out.file.write("\r\x1b[K" + (f"{shown}: {printable(word)[:100]}" if command else ""))
            out.file.flush()
        if part and part not in told and not (command and out.is_terminal):
            told.add(part)
            say(f"{shown}: {printable(part)}", err=True)

    return tell
