"""`anchorwatch demo`: the document's two incidents on this machine, told as they happen."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from anchorwatch.base.schema import Schema, write
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, TROUBLE, fail, hint, printable

__all__ = ["SCHEMA", "demo"]

SCHEMA = Schema("demo", 2)
STORIES = ("2016", "2018")
# A page of text is read best at this width; a wider terminal is not filled.
_WIDEST = 110
_SLOW_LINE, _SLOW_SCENE = 0.12, 4.0
_SHOWN = 48
"""Lines shown of what one command printed."""


def demo(
    story: Annotated[
        str | None,
        typer.Argument(metavar="[2016|2018]", help="One of the two; both without.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of the tale.")] = False,
    slow: Annotated[bool, typer.Option("--slow", help="At the pace of a talk.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the labs up afterwards, and say how to go on.")
    ] = False,
) -> None:
    """Play the two incidents of the document on this machine: a portal changes its CA, firewalls lose it, and get it back.

    \b
    Examples:
      anchorwatch demo
      anchorwatch demo 2016 --slow
      anchorwatch demo 2018 --keep
      anchorwatch demo --json

    Real parts on loopback: firewalls behind SSH with a licensing agent each, a portal over TLS whose chain moves, a
    signed bundle over HTTP, the doctor, and a plan that is carried out. Exit status 0 when every claim was seen to
    hold, 1 otherwise, 3 where the lab could not be started.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    if story is not None and story not in STORIES:
        fail(f"the demonstration knows {' and '.join(STORIES)}, not {printable(story)}", ASKED_WRONGLY)
    if sys.platform == "win32":
        fail("the lab of the demonstration needs Linux or macOS", COULD_NOT_LOOK)
    page = Page(quiet=as_json, pace=_paced if slow else _at_once)
    folder = Path(tempfile.mkdtemp(prefix="anchorwatch-demo-"))
    began = time.monotonic()
    # So that whoever is told to end takes the labs along.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        asyncio.run(_play((story,) if story else STORIES, folder, page, keep=keep))
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    observed = bool(page.scenes) and all(scene.observed for scene in page.scenes)
    if as_json:
        scenes = [scene.plain() for scene in page.scenes]
        typer.echo(write(SCHEMA, {"observed": observed, "scenes": scenes}), nl=False)
    else:
        page.end(time.monotonic() - began)
        if keep:
            for each in (story,) if story else STORIES:
                hint(
                    f"anchorwatch lab status --folder {folder / each} (the folder that is called town above)"
                )
    raise typer.Exit(0 if observed else TROUBLE)


async def _play(stories: tuple[str, ...], folder: Path, page: Page, *, keep: bool) -> None:
    # Here, because SSH and the lab are slow to import and most commands need neither.
    from anchorwatch.cli import demo_scenes
    from anchorwatch.cli.demo_stage import Stage, StageError
    from anchorwatch.fleet.error import FleetError
    from anchorwatch.lab.control import ControlError
    from anchorwatch.lab.lodging import LodgingError
    from anchorwatch.net.errors import NoConversation

    told = {"2016": demo_scenes.of_2016, "2018": demo_scenes.of_2018}
    stages = {story: Stage(story, folder / story, page) for story in stories}
    try:
        # The second lab comes up while the first one plays.
        for stage in stages.values():
            stage.start()
        for story, stage in stages.items():
            async with stage:
                await told[story](stage, page)
    except (StageError, LodgingError, ControlError, NoConversation, FleetError) as error:
        page.broken(str(error))
        raise typer.Exit(COULD_NOT_LOOK) from None
    finally:
        if not keep:
            for stage in stages.values():
                stage.stop()


def _at_once(_: float) -> None:
    return


def _paced(seconds: float) -> None:
    time.sleep(seconds)


@dataclass(slots=True)
class Scene:
    """What one scene told: the console, the remarks, and what was checked."""

    code: str
    title: str
    console: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    claims: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def observed(self) -> bool:
        """Whether something was claimed, and all of it was seen."""
        return bool(self.claims) and all(holds for _, holds in self.claims)

    def plain(self) -> dict[str, Any]:
        """The scene as JSON can hold it."""
        return {
            "code": self.code,
            "title": self.title,
            "observed": self.observed,
            "console": [
                {"prompt": prompt, "command": line, "output": list(output)}
                for prompt, line, output in self.console
            ],
            "claims": [{"sentence": said, "holds": holds} for said, holds in self.claims],
        }


class Page:
    """The teller on a terminal; quiet where the tale becomes a document."""

    def __init__(self, *, quiet: bool, pace: Callable[[float], None]) -> None:
        self.scenes: list[Scene] = []
        self._quiet = quiet
        self._pace = pace
        self._out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def scene(self, code: str, title: str, said: str) -> None:
        """A new scene begins."""
        if self.scenes:
            self._pace(_SLOW_SCENE)
        self.scenes.append(Scene(code, title))
        self._say()
        self._say(f"{len(self.scenes)}  {title}", "bold cyan")
        self._say(said, indent="   ")

    def typed(self, prompt: str, line: str) -> None:
        """Somebody types a line."""
        self.scenes[-1].console.append((prompt, line, ()))
        self._pace(_SLOW_LINE * 8)
        self._say(f"{prompt}{line}", "bold", indent="   │ ")

    def printed(self, lines: tuple[str, ...]) -> None:
        """What was printed after the last line that was typed."""
        console = self.scenes[-1].console
        if console:
            prompt, line, before = console[-1]
            console[-1] = (prompt, line, (*before, *lines))
        for line in lines[:_SHOWN]:
            trouble = any(word in line for word in ("ERROR", "%ASA-3", "FAILED", "Retry In", "Failed to"))
            self._pace(_SLOW_LINE)
            self._say(line, "yellow" if trouble else "", indent="   │ ")
        if len(lines) > _SHOWN:
            self._say(f"… and {len(lines) - _SHOWN} lines more", "dim", indent="   │ ")

    def note(self, said: str) -> None:
        """A remark."""
        self._say(said, "italic", indent="   · ")

    def claim(self, said: str, holds: bool) -> None:
        """Something that was checked."""
        self.scenes[-1].claims.append((said, holds))
        mark, style = ("✓", "green") if holds else ("✗ not observed:", "bold red")
        self._say(f"{mark} {said}", style, indent="   ")

    def waiting(self, said: str) -> None:
        """What takes a moment."""
        if not self._quiet and sys.stderr.isatty():
            typer.echo(f"\r\033[K… {printable(said)}\r", nl=False, err=True)

    def broken(self, said: str) -> None:
        """The tale cannot go on."""
        typer.echo(f"error: {printable(said)}", err=True)

    def end(self, seconds: float) -> None:
        """The last line."""
        claims = [holds for scene in self.scenes for _, holds in scene.claims]
        observed = bool(claims) and all(claims)
        self._say()
        self._say(
            f"{sum(claims)} of {len(claims)} claims in {len(self.scenes)} scenes observed, in {seconds:.0f} s.",
            "bold green" if observed else "bold red",
        )

    def _say(self, words: str = "", style: str = "", *, indent: str = "") -> None:
        """Print words, folded to the page where it is a terminal; a pipe gets each on one line."""
        if self._quiet:
            return
        hanging = indent if "│" in indent else " " * len(indent)
        lead = len(words) - len(words.lstrip(" "))
        lines = [words]
        if self._out.is_terminal:
            width = max(40, min(self._out.width, _WIDEST)) - len(indent)
            lines = textwrap.wrap(words, width, subsequent_indent=" " * lead, break_on_hyphens=False) or [""]
        for place, line in enumerate(lines):
            shown = (indent if place == 0 else hanging) + printable(line)
            # A pipe may take fewer characters than a terminal.
            self._out.print(
                Text(shown.encode(self._out.encoding, "replace").decode(self._out.encoding), style=style)
            )
