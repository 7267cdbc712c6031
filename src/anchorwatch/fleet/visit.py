"""A visit to one device: its command line found out, its privileged mode entered, its pager off, its words kept.

Which platform it is, it is asked (`show version`, which every one of them answers before anything else is allowed);
nobody guesses by trying commands. What it prints is kept as the transcript that the doctor reads, as if a person had
saved his console, with every secret masked.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from anchorwatch.base.secret import Secret
from anchorwatch.devices import dialect as dialects
from anchorwatch.devices.dialect import At, Dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.redaction import redact
from anchorwatch.devices.session import Asked
from anchorwatch.fleet.error import NotPrivileged, NotSpoken
from anchorwatch.net import ssh
from anchorwatch.net.console import Answer, Console, Reply, Said
from anchorwatch.net.target import Access, Patience, Target

# A test message to a portal that does not answer, and a ping, are silent for longer than a screen.
_SLOW = ("call-home", "ping", "crypto", "license", "copy", "write", "commit-buffer", "register", "renew")
_SLOW_SECONDS = 180.0
_SAYS: tuple[tuple[re.Pattern[str], Platform], ...] = (
    # The ASA on a Firepower names the FXOS below it too, so it comes first.
    (re.compile(r"Adaptive Security Appliance Software"), Platform.ASA),
    (re.compile(r"Cisco IOS[ -]XE|IOS-XE Software|Cisco IOS Software"), Platform.IOSXE),
    (
        re.compile(
            r"\(FX-?OS\)|FXOS|Extensible Operating System|^\s*(?:Startup-Vers|Package-Vers):", re.MULTILINE
        ),
        Platform.FXOS,
    ),
)
_MANAGED = re.compile(r"Firepower Threat Defense|Secure Firewall Threat Defense", re.IGNORECASE)


class Visit:
    """One device, logged in and at its ground; made by `visiting`."""

    def __init__(self, target: Target, console: Console, words: list[str]) -> None:
        self.target = target
        self.console = console
        self.at: At | None = None
        """Where the device waits for a command; None where it waits for something else, or nothing was said yet."""
        self.pasting = False
        """Whether it waits for the lines of a paste."""
        self._device = target.host
        self._words = words

    @property
    def speaks(self) -> Dialect:
        return self.console.speaks

    @property
    def device(self) -> str:
        """The name the device shows: host, context and unit behind slashes; the target's before it has shown one."""
        return self._device

    @property
    def at_ground(self) -> bool:
        """Whether the device waits where steps begin and end, with nothing uncommitted."""
        at = self.at
        return (
            at is not None
            and at.mode is not None
            and at.mode.name == self.speaks.ground
            and not at.prompt.scope.endswith("*")
        )

    def mark(self) -> int:
        """A place in the transcript, for `transcript`."""
        return len(self._words)

    def transcript(self, since: int = 0) -> str:
        """What was said since a place, secrets masked, as a saved console would show it."""
        return redact("".join(f"{line}\n" for line in self._words[since:])).text

    async def say(self, text: str, *, reply: Reply | None = None, secrets: Iterable[Secret] = ()) -> Said:
        """Type a line and wait until the device waits again, for something or for somebody."""
        silence = _SLOW_SECONDS if text.startswith(_SLOW) else None
        return self._kept(await self.console.say(text, reply=reply, secrets=secrets, silence=silence))

    async def paste(self, lines: Sequence[str], terminator: str, *, reply: Reply | None = None) -> Said:
        """Give the lines a device waits for."""
        return self._kept(await self.console.paste(lines, terminator, reply=reply))

    async def give_up(self) -> bool:
        """Ctrl-C out of whatever the device waits for; whether it waits for a command then."""
        return self._kept(await self.console.interrupt()).at is not None

    def _kept(self, said: Said) -> Said:
        self.at = said.at
        self.pasting = said.pasting is not None
        if said.at is not None:
            self._device = said.at.prompt.device
        return said


@contextlib.asynccontextmanager
async def visiting(
    target: Target,
    access: Access,
    *,
    platform: Platform | None = None,
    patience: Patience | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Visit]:
    """Log in and come to the ground; `platform` is what somebody said the device is, `tell` is given the progress.

    Raises `NoConversation` (of `net`), `NotSpoken` and `NotPrivileged`.
    """
    words: list[str] = []
    speaks = _dialect(platform or Platform.ASA)
    tell("connecting")
    console = await ssh.connect(target, access, speaks, patience=patience, hear=words.append)
    async with console:
        visit = Visit(target, console, words)
        tell("logged in")
        await _arrive(visit, platform)
        await _enter(visit, access)
        yield visit


def _dialect(platform: Platform) -> Dialect:
    try:
        return dialects.of(platform)
    except KeyError:
        names = ", ".join(each.value for each in dialects.platforms())
        raise NotSpoken(
            f"the command line of {platform.value} is not spoken here, only those of {names}",
            "save what the device prints, and give the file to `anchorwatch diagnose`",
        ) from None


async def _arrive(visit: Visit, platform: Platform | None) -> None:
    """Read the greeting and find out who speaks."""
    said = visit._kept(await visit.console.greeting())  # noqa: SLF001 - the maker of a visit
    if said.at is None:
        waits = said.asked.text if said.asked is not None else said.stalled or "nothing"
        raise NotSpoken(
            f"{visit.target} is logged in and shows no prompt that we know, but “{waits}”",
            "is it a firewall? A terminal server, a menu or a banner that wants a key stands between",
        )
    if platform is not None:
        return
    greeting = "\n".join(said.lines)
    found = Platform.FXOS if said.at.prompt.scope else _told(greeting)
    if found is None:
        said = await visit.say("show version")
        text = "\n".join(said.lines)
        found = _told(text)
        if found is None and _MANAGED.search(text):
            raise NotSpoken(
                f"{visit.device} runs Threat Defense, whose manager owns the licence", "diagnose the manager"
            )
    if found is None:
        raise NotSpoken(
            f"{visit.device} does not say what it is in its greeting or in `show version`",
            "say it: --platform asa, fxos or ios-xe",
        )
    visit.console.speaks = _dialect(found)
    # The prompt once more, to be read in the right words.
    await visit.say("")


def _told(text: str) -> Platform | None:
    return next((platform for pattern, platform in _SAYS if pattern.search(text)), None)


async def _enter(visit: Visit, access: Access) -> None:
    """Into the privileged mode, where the platform has one, and the pager off for this session."""
    ground = visit.speaks.mode(visit.speaks.ground)
    if ground.parent and visit.at is not None and not visit.at.prompt.privileged:
        await _enable(visit, access, ground.enter[0])
    if not visit.at_ground:
        raise NotPrivileged(f"{visit.device} does not stand at a prompt where its state can be read")
    await visit.say(visit.speaks.pager.off)


async def _enable(visit: Visit, access: Access, command: str) -> None:
    word = await asyncio.to_thread(access.enable)
    asked = 0

    def reply(question: Asked, _: Sequence[str]) -> Answer | None:
        nonlocal asked
        asked += 1
        # Once: a wrong word is not tried again.
        return (
            Answer(word or Secret("")) if asked == 1 and question.dialog and question.dialog.secret else None
        )

    said = await visit.say(command, reply=reply)
    if said.at is None:
        # It asks again; a line end gives up.
        await visit.give_up()
    if said.at is None or not said.at.prompt.privileged:
        raise NotPrivileged(
            f"{visit.device} did not accept the enable password",
            "it comes from a prompt, ANCHORWATCH_ENABLE_PASSWORD, --enable-file or --keyring; it is tried once",
        )
