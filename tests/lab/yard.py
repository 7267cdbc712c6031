"""Virtual devices behind a real SSH server on loopback, in a thread of their own, for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import asyncssh

from anchorwatch.base.clock import TurnableClock
from anchorwatch.base.secret import Secret
from anchorwatch.devices.version_number import parse as parse_version
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import factory
from anchorwatch.lab.asa.shell import PAGER, AsaShell
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.machine import Hardware, Login, Network
from anchorwatch.lab.ssh import Door, Gate
from anchorwatch.lab.terminal import Terminal
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.pki.truststore import TrustStore

START = datetime(2016, 3, 22, 13, 0, tzinfo=UTC)
LOGIN = Login(user="admin", password=Secret("first-word"), enable=Secret("second-word"))


class NoNetwork:
    """A world in which no name server answers."""

    def __init__(self) -> None:
        self.local: Callable[[str], bool] = lambda _: False

    def routed(self, address: str) -> bool:  # noqa: ARG002 - as `Network` has it
        """A route leads everywhere."""
        return True

    def find(self, host: str, port: int) -> Endpoint | Unreachable:  # noqa: ARG002 - as `Network` has it
        """Nothing is found."""
        return Unreachable(stage="resolve", words=f"{host} has no address")

    def look_up(self, name: str) -> str | None:  # noqa: ARG002 - as `Network` has it
        """No name has an address."""
        return None

    def time(self) -> datetime | None:
        """Nobody tells the time."""
        return None

    def echo(self, host: str) -> str | None:  # noqa: ARG002 - as `Network` has it
        """Nobody answers."""
        return "timeout"


class Yard:
    """Devices one can ssh to, from its making until the end of its `with`; `port` is the one of all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = TurnableClock(START)
        self.doors: dict[str, Door] = {}
        self.gate = Gate(self.doors)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.machines: list[Asa] = []
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self.run(self._open()).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.gate.close()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for machine in self.machines:
            machine.close()

    def run(self, work: Any) -> Future[Any]:
        """Run a coroutine where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> int:
        return self.gate.open(port=0)

    def asa(
        self,
        software: str = "9.5(2)",
        *,
        hostname: str = "ASAv",
        network: Network | None = None,
        alter: Callable[[Asa], None] = lambda _: None,
    ) -> str:
        """Add an ASA; its address."""
        number = len(self.machines) + 1
        version = parse_version(software)
        machine = Asa(
            name=f"asa{number}",
            hardware=Hardware(model="ASAv", pid="ASAv", serial=f"9AAAAAAAA{number:02}"),
            software=version,
            built=datetime(2015, 1, 1, tzinfo=UTC),
            login=LOGIN,
            folder=self.folder / f"asa{number}",
            clock=DeviceClock(self.clock),
            network=network or NoNetwork(),
            pins=frozenset(),
            factory=factory(hostname, version, trustpoints={}),
            built_in=TrustStore((), "built-in"),
            portal="tools.cisco.com",
        )
        alter(machine)
        self.machines.append(machine)
        address = f"127.1.{number // 250}.{number % 250 + 1}"
        self.doors[address] = Door(
            login=machine.login,
            host_key=asyncssh.generate_private_key("ssh-ed25519"),
            opens=_opens(machine),
        )
        return address


def _opens(machine: Asa) -> Callable[..., tuple[Terminal, AsaShell]]:
    def opens(
        send: Callable[[bytes], None], pause: Callable[[], None], resume: Callable[[], None], user: str
    ) -> tuple[Terminal, AsaShell]:
        terminal = Terminal(send, pager=PAGER, pause=pause, resume=resume)
        return terminal, AsaShell(machine, terminal, user=user)

    return opens
