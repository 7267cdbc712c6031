"""A chassis behind a real SSH server, before a real portal over TLS whose chain can move, and somebody who types."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import asyncssh

from anchorwatch.base.secret import Secret
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.devices.version_number import parse as parse_version
from anchorwatch.lab.asa import settings
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.fxos.application import Application
from anchorwatch.lab.fxos.machine import Chassis, factory
from anchorwatch.lab.fxos.shell import PAGER, FxosShell
from anchorwatch.lab.machine import Hardware
from anchorwatch.lab.network import Directory, Network
from anchorwatch.lab.ssh import Door
from anchorwatch.lab.terminal import Terminal
from anchorwatch.licensing.seat import Mode
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.portal import management
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.server import Front, Server
from builders.certs import CA, Issued, bundle
from lab.yard import LOGIN, Yard

HOST = "FP4110-A"
PORTAL = "tools.cisco.com"
ADDRESS = "198.51.100.38"
BEGIN = datetime(2018, 7, 1, 18, 37, 30, tzinfo=UTC)
G5 = r"CN=VeriSign Class 3 Public Primary Certification Authority - G5,O=VeriSign\, Inc.,C=US"
QUOVADIS = "CN=QuoVadis Root CA 2,O=QuoVadis Limited,C=BM"
_PROMPT = re.compile(
    r"(?:^|[\r\n])(?:[\w.-]+(?:\([\w-]+\))?(?: /[\w/-]+)?\*? ?[#>] |>|[^\r\n]*(?:Password|telnet>|\(y/n\)|\]:|\(yes/no\)):? ?)$"
)


def chain(root: CA) -> list[Issued]:
    """A leaf for the portal and its issuing authority."""
    middle = root.issue_ca("Issuing CA")
    return [middle.issue_leaf(PORTAL, san=[PORTAL]), middle]


class World:
    """A portal that listens, with seats for what an ASA on a 4110 asks for, and the town's tables."""

    def __init__(self, folder: Path, clock: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.clock = folder, clock
        self.old, self.new = CA.root(G5), CA.root(QUOVADIS)
        self.portal = management.initialise(folder / "portal", PORTAL, clock)
        account, self.place = management.add_account(self.portal, "tac.example", "TAC Example")
        tag = "FPR4110-ASA-STD"
        made = EntitlementTag(
            id=account.id, account_id=account.id, tag=tag, name=tag, mode=Mode.LIMIT, restricted=False
        )
        management.add_tag(self.portal, account, made)
        management.add_lot(self.portal, self.place, tag, 10)
        self.front = Front(*self._files(chain(self.old)))
        self.server = Server(self.portal, front=self.front)
        self.directory = Directory(clock)
        self.directory.name(PORTAL, ADDRESS)
        self.directory.lead(PORTAL, 443, Endpoint("127.0.0.1", self.server.port))
        self.network = Network(self.directory)

    def _files(self, presented: Sequence[Issued]) -> tuple[Path, Path]:
        files = self.folder / "front.chain.pem", self.folder / "front.key.pem"
        files[0].write_text(bundle(presented))
        files[1].write_text(presented[0].key_pem)
        return files

    def move(self, root: CA) -> None:
        """Present a chain from another root from the next handshake on."""
        self.front.change(*self._files(chain(root)))

    def token(self) -> Secret:
        """A registration token, as a person pastes it."""
        _, text = management.make_token(self.portal, self.place, TokenTerms(export=True))
        return text


def install(chassis: Chassis, *built_in: CA) -> Application:
    """Put an ASA on the chassis, whose image brings these CAs."""
    software = parse_version("9.8(2)")
    return Application(
        chassis,
        name="fp4110-asa",
        hardware=Hardware(model="FPR4110", pid="FPR4110", serial="FLM00000002"),
        software=software,
        built=datetime(2017, 9, 1, tzinfo=UTC),
        login=LOGIN,
        factory=settings.factory("asa-app", software, trustpoints={}, virtual=False),
        built_in=TrustStore.of([Certificate.from_der(each.der) for each in built_in], "built-in"),
        portal=PORTAL,
    )


class ChassisYard(Yard):
    """A yard with one chassis and its world."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock.turn_to(BEGIN)
        self.world = World(folder / "world", self.clock)
        self.chassis = self.switch_on()
        self.application = install(self.chassis, self.world.new)
        self.address = "127.1.0.1"
        self.visitors: list[Visitor] = []

    def switch_on(self) -> Chassis:
        """The chassis, on its folder."""
        return Chassis(
            name="fp4110",
            hardware=Hardware(model="FPR4110", pid="FPR4110", serial="FLM00000001"),
            software=parse_version("2.2(2.19)"),
            built=datetime(2017, 9, 1, tzinfo=UTC),
            login=LOGIN,
            folder=self.folder / "fp4110",
            clock=DeviceClock(self.clock),
            network=self.world.network,
            pins=frozenset(),
            objects=factory(HOST, pem=self.world.old.pem),
            portal=PORTAL,
        )

    def __enter__(self) -> Self:
        self.world.server.__enter__()
        self.doors[self.address] = Door(
            login=LOGIN, host_key=asyncssh.generate_private_key("ssh-ed25519"), opens=self._opened
        )
        return super().__enter__()

    def __exit__(self, *reason: object) -> None:
        for visitor in self.visitors:
            visitor.leave()
        super().__exit__(*reason)
        self.world.server.__exit__(*reason)
        self.chassis.close()
        self.world.portal.database.close()

    def _opened(self, send: Any, pause: Any, resume: Any, user: str) -> tuple[Terminal, FxosShell]:
        terminal = Terminal(send, pager=PAGER, pause=pause, resume=resume)
        return terminal, FxosShell(self.chassis, terminal, user=user)

    def visit(self) -> Visitor:
        """Somebody who has logged in, with the pager off."""
        visitor = Visitor(self)
        self.visitors.append(visitor)
        visitor.ask("terminal length 0")
        return visitor

    def turn_to(self, moment: datetime) -> None:
        """Let time pass, waking the chassis whenever it wants."""
        while (due := self.chassis.next_wakeup()) is not None and due <= moment:
            self.clock.turn_to(max(due, self.clock.now()))
            self.chassis.wake()
        self.clock.turn_to(moment)

    def registered(self) -> None:
        """Register over the command line, and wait for it."""
        visitor = self.visit()
        visitor.ask("scope license")
        visitor.ask(f"register idtoken {self.world.token().reveal()}")
        visitor.until("show license all", "Status: AUTHORIZED on")
        visitor.leave()


@dataclass
class Visitor:
    """One session: what is typed, what came back, and all of it."""

    yard: ChassisYard
    transcript: str = ""
    _connection: Any = field(init=False, default=None)
    _process: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.yard.run(self._come_in()).result(20)

    async def _come_in(self) -> None:
        self._connection = await asyncssh.connect(
            self.yard.address,
            self.yard.port,
            username=LOGIN.user,
            password=LOGIN.password.reveal(),
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
        )
        self._process = await self._connection.create_process(term_type="vt100", encoding=None)
        await self._until_prompt()

    async def _until_prompt(self) -> str:
        said = ""
        async with asyncio.timeout(15):
            while not _PROMPT.search(said):
                octets = await self._process.stdout.read(65536)
                if not octets:
                    break
                said += octets.decode()
        self.transcript += said
        return said

    async def _ask(self, typed: bytes) -> str:
        self._process.stdin.write(typed)
        return await self._until_prompt()

    def ask(self, line: str) -> str:
        """What comes back for a line, until the next prompt or question."""
        return str(self.yard.run(self._ask(line.encode() + b"\n")).result(20))

    def key(self, keys: bytes) -> str:
        """What comes back for keys."""
        return str(self.yard.run(self._ask(keys)).result(20))

    def all(self, *typed: str) -> str:
        """What comes back for some lines, typed one after the other."""
        return "".join(self.ask(line) for line in typed)

    def paste(self, text: str, end: str = "ENDOFBUF") -> str:
        """Type the lines of a text and what ends them."""
        return self.all(*text.strip().splitlines(), end)

    def until(self, line: str, words: str) -> str:
        """Ask again and again, in real time, until the answer holds the words."""
        for _ in range(100):
            said = self.ask(line)
            if words in said:
                return said
            self.yard.run(asyncio.sleep(0.05)).result(5)
        raise AssertionError(f"{words!r} did not come:\n{said}")

    def leave(self) -> None:
        """Hang up."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self.yard.run(self._hang_up(connection)).result(10)

    @staticmethod
    async def _hang_up(connection: Any) -> None:
        connection.close()
        await connection.wait_closed()
