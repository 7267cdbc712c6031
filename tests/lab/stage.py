"""ASAs among the servers of a story, and somebody who types at them, for tests."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from anchorwatch.base.clock import TurnableClock
from anchorwatch.base.secret import Secret
from anchorwatch.devices.step import Question
from anchorwatch.devices.version_number import parse as parse_version
from anchorwatch.lab import story_file
from anchorwatch.lab.asa import entitlement
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings, factory
from anchorwatch.lab.asa.shell import DIALECT, PAGER, AsaShell
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.household import Household
from anchorwatch.lab.machine import Hardware, Login
from anchorwatch.lab.network import Fault, Network
from anchorwatch.lab.terminal import Terminal
from anchorwatch.licensing.status import RegistrationState

LOGIN = Login(user="admin", password=Secret("first-word"), enable=Secret("second-word"))
_PATIENCE = 15.0


@dataclass
class Stage:
    """The servers of a story on a clock that is turned by hand, and the devices among them."""

    house: Household
    clock: TurnableClock
    folder: Path
    machines: list[Asa] = field(default_factory=list)

    @classmethod
    def of(cls, code: str, folder: Path, *, at: datetime, chain: str) -> Stage:
        """The servers of a story at a moment; `chain` is what the portal shows."""
        story = story_file.load(code)
        clock = TurnableClock(at)
        return cls(
            house=Household(story, folder, clock, chain=chain, bundle=story.serves),
            clock=clock,
            folder=folder,
        )

    def close(self) -> None:
        """Switch everything off."""
        for machine in self.machines:
            machine.close()
        self.house.close()

    def asa(
        self,
        software: str = "9.5(2)",
        *,
        model: str = "ASAv",
        trustpoints: dict[str, str] | None = None,
        pool: str = "",
        faults: Iterable[Fault] = (),
        alter: Callable[[AsaSettings], None] = lambda _: None,
        off: timedelta = timedelta(0),
        **more: Any,
    ) -> Asa:
        """Switch an ASA on; `trustpoints` are codes of the story's certificates by trustpoint."""
        version = parse_version(software)
        held = trustpoints if trustpoints is not None else {"_SmartCallHome_ServerCA": "g3"}
        virtual = model == "ASAv"
        settings = factory(
            "ASAv" if virtual else "firepower",
            version,
            trustpoints={name: self.house.minted[code].certificate.pem for name, code in held.items()},
            virtual=virtual,
        )
        alter(settings)
        self.house.offer(each.tag for each in entitlement.wanted(settings.licence, model))
        number = len(self.machines) + 1
        machine = Asa(
            name=f"asa{number}",
            hardware=Hardware(model=model, pid=model, serial=f"9AJ{number:08}"),
            software=version,
            built=datetime(2015, 1, 1, tzinfo=UTC),
            login=LOGIN,
            folder=self.folder / f"asa{number}",
            clock=DeviceClock(self.clock, off=off, synchronized=not off),
            network=Network(self.house.directory, faults=faults),
            pins=self.house.pins,
            factory=settings,
            built_in=self.house.store(pool or self.house.story.serves, "built-in"),
            portal=self.house.story.host,
            **more,
        )
        if pool:
            machine.pool = self.house.store(pool, "Trustpool")
        self.machines.append(machine)
        return machine

    def token(self, **terms: Any) -> str:
        """A new ID token as a person pastes it."""
        return self.house.token(**terms)[1].reveal()

    def registered(self, machine: Asa) -> Asa:
        """Register it, which has to work."""
        token, _ = self.house.token()
        machine.licence.register(token)
        assert machine.licence.state.registration is RegistrationState.REGISTERED
        return machine

    def pass_time(self, machine: Asa, span: timedelta) -> None:
        """Let time pass, waking the device whenever it wants."""
        end = self.clock.now() + span
        while (due := machine.next_wakeup()) is not None and due <= end:
            self.clock.turn_to(max(due, self.clock.now()))
            machine.wake()
        self.clock.turn_to(end)


Said = str | Question | Callable[[], object]


def typed(machine: Asa, *lines: Said, enabled: bool = True, user: str = "admin") -> str:
    """What a session prints whose lines are typed one after the other, each when it is awaited; without the login.

    Work in the background ends before the next line is typed. A question is answered where it is asked. What is neither
    is something that happens meanwhile.
    """
    return asyncio.run(_session(machine, lines, enabled=enabled, user=user))


async def _session(machine: Asa, lines: Iterable[Said], *, enabled: bool, user: str) -> str:
    said: list[bytes] = []
    terminal = Terminal(said.append, pager=PAGER)
    shell = AsaShell(machine, terminal, user=user)
    if enabled:
        shell.enter("privileged")
    terminal.page = 0
    running = asyncio.get_running_loop().create_task(shell.run())
    await _settled(terminal, running)
    start = sum(map(len, said))
    since = len(said)
    for line in lines:
        if running.done():
            break
        if isinstance(line, Question):
            answer = _answer(line, b"".join(said[since:]).decode())
            if answer is None:
                continue
            line = answer
        elif not isinstance(line, str):
            await asyncio.to_thread(line)
            continue
        else:
            since = len(said)
        # A lone key answers a question of one key, and has no line end behind it.
        terminal.feed(line.encode() + (b"" if line in ("y", "n") and _asks_key(said) else b"\n"))
        await _settled(terminal, running)
        await _background()
    terminal.hang_up()
    await asyncio.wait_for(running, _PATIENCE)
    return b"".join(said)[start:].decode().replace("\r\n", "\n")


def _answer(question: Question, said: str) -> str | None:
    """What to answer, None where it was not asked. Raises `AssertionError` for one that had to come."""
    if not said.rstrip().endswith(question.text):
        assert question.may_be_absent, said
        return None
    return question.reply if question.only_after in said else question.otherwise


def _asks_key(said: list[bytes]) -> bool:
    tail = b"".join(said[-3:]).decode().rstrip()
    return any(tail.endswith(dialog.text) for dialog in DIALECT.dialogs if dialog.one_key)


async def _settled(terminal: Terminal, running: asyncio.Task[None]) -> None:
    """Until all that was typed is read and the device waits for more."""
    for _ in range(int(_PATIENCE / 0.002)):
        await asyncio.sleep(0.002)
        if running.done() or (not terminal._ahead and not terminal._wanted.is_set()):
            return
    raise TimeoutError("the device did not come back")


async def _background() -> None:
    from anchorwatch.lab import shell

    going = tuple(shell._GOING_ON)
    if going:
        await asyncio.wait(going, timeout=_PATIENCE)
        await asyncio.sleep(0)


# ----------------------------------------------------------------------------------------- whole sessions

_CHANCE = (
    (re.compile(r"(?:^ {4}(?:[0-9a-f]{2,8} ?)+\n)+(?=  quit)", re.MULTILINE), "    <certificate>\n"),
    (re.compile(r"SL1-[a-z2-7]{16}-\S+"), "<ID token>"),
    (re.compile(r"(serial number: )[0-9A-F]{37,40}(, subject name: cn=tools)"), r"\1<serial>\2"),
    (re.compile(r"\b(?:[0-9a-f]{8} ){3}[0-9a-f]{8}\b"), "<MD5>"),
    (re.compile(r"\b(?<=Fingerprint: )[0-9a-f]{32}\b"), "<MD5>"),
    (re.compile(r"with the \d+ byte file"), "with the <size> byte file"),
    (re.compile(r"\d+ bytes copied in \S+ secs"), "<size> bytes copied in <time> secs"),
    (re.compile(r"(?<=Cryptochecksum:)[0-9a-f]{32}"), "<checksum>"),
    (re.compile(r"(?:^[A-Za-z0-9+/=]{64}\r?\n)+[A-Za-z0-9+/=]{1,64}\n", re.MULTILINE), "<base64>\n"),
)
"""What differs from run to run, because keys and tokens are new each time."""


def matches(golden: Path, text: str) -> bool:
    """Whether a session is the one on file; `ANCHORWATCH_WRITE_GOLDEN` writes it anew for somebody to read."""
    for pattern, shown in _CHANCE:
        text = pattern.sub(shown, text)
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("ANCHORWATCH_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    kept = golden.read_text(encoding="utf-8")
    diff = difflib.unified_diff(kept.splitlines(), text.splitlines(), "on file", "now", lineterm="")
    assert kept == text, "\n".join(diff)
    return True
