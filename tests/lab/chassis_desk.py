"""A chassis without a portal, and lines typed at it without a wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from anchorwatch.base.clock import TurnableClock
from anchorwatch.devices.version_number import parse as parse_version
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.fxos.machine import Chassis, factory
from anchorwatch.lab.fxos.shell import PAGER, FxosShell
from anchorwatch.lab.machine import Hardware
from anchorwatch.lab.network import Directory, Network
from anchorwatch.lab.terminal import Terminal
from builders.certs import CA
from lab.yard import LOGIN

HOST = "FP4110-A"
NOON = datetime(2018, 10, 9, 12, 0, tzinfo=UTC)
FACTORY_ROOT = CA.root("Factory Root")


@contextmanager
def a_chassis(folder: Path) -> Iterator[Chassis]:
    """A chassis in a town in which nobody listens, but names are answered and the time is told."""
    clock = TurnableClock(NOON)
    directory = Directory(clock)
    directory.name("tools.cisco.com", "198.51.100.38")
    made = Chassis(
        name="fp4110",
        hardware=Hardware(model="FPR4110", pid="FPR4110", serial="FLM00000001"),
        software=parse_version("2.2(2.19)"),
        built=datetime(2017, 9, 1, tzinfo=UTC),
        login=LOGIN,
        folder=folder / "chassis",
        clock=DeviceClock(clock),
        network=Network(directory),
        pins=frozenset(),
        objects=factory(HOST, pem=FACTORY_ROOT.pem),
        portal="tools.cisco.com",
    )
    try:
        yield made
    finally:
        made.close()


def typed(chassis: Chassis, *lines: str, keys: bytes = b"", page: int = 0) -> str:
    """What one session shows for some lines, and then for some keys; line ends are plain."""
    said: list[bytes] = []

    async def session() -> None:
        terminal = Terminal(said.append, pager=PAGER)
        shell = FxosShell(chassis, terminal, user="admin")
        terminal.page = page
        for line in lines:
            terminal.feed(line.encode() + b"\n")
        terminal.feed(keys)
        terminal.hang_up()
        await shell.run()

    asyncio.run(session())
    text = b"".join(said).decode().replace("\r\n", "\n")
    return text.partition("\n\n")[2]


def prompts(text: str) -> list[str]:
    """The prompts in what a session showed, the path of each with its star."""
    return [
        line.partition("#")[0].strip() for line in text.splitlines() if line.startswith(HOST) and "#" in line
    ]
