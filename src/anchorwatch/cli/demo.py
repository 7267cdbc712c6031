"""`anchorwatch demo`: a story played on this machine, told as it happens."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from anchorwatch.base.schema import Schema, write
from anchorwatch.cli.terminal import printable
from anchorwatch.devices import printed_name
from anchorwatch.lab import story_file as stories
from anchorwatch.lab.play import Exchange, Scene, play
from anchorwatch.pki.certificate import Certificate

SCHEMA = Schema("demo", 1)

# A page of text is read best at this width; a wider terminal is not filled.
_WIDEST = 110


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of the tale.")] = False,
) -> None:
    """Play the incident of 2016 on this machine: a portal changes its CA, a firewall loses it, and gets it back.

    \b
    Examples:
      anchorwatch demo
      anchorwatch demo --json

    Real parts on loopback: a TLS portal, a signed bundle served over HTTP, a virtual firewall, the doctor, the
    judge. Exit status 0 when every step was seen to happen, 1 otherwise.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    told = stories.load("2016")
    began = time.monotonic()
    scenes: list[Scene] = []
    page = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not as_json:
        _tell(page, f"anchorwatch · {told.title}", "bold")
    for scene in play(told):
        scenes.append(scene)
        if not as_json:
            _show(page, len(scenes), scene)
    observed = all(scene.observed for scene in scenes)
    if as_json:
        typer.echo(
            write(
                SCHEMA,
                {"story": told.code, "observed": observed, "scenes": [_plain(scene) for scene in scenes]},
            ),
            nl=False,
        )
    else:
        seen = sum(scene.observed for scene in scenes)
        verdict = "all observed" if observed else "NOT all observed"
        page.print()
        _tell(
            page,
            f"{seen} of {len(scenes)} scenes, {verdict}, in {time.monotonic() - began:.1f} s.",
            "bold green" if observed else "bold red",
        )
    raise typer.Exit(0 if observed else 1)


def _show(page: Console, number: int, scene: Scene) -> None:
    page.print()
    _tell(page, f"{number}  {scene.title}  ({scene.date})", "bold cyan")
    _tell(page, scene.said, indent="   ")
    for line in _chain(scene.chain):
        _tell(page, line, "dim", indent="   ")
    for exchange in scene.exchanges:
        _console(page, exchange)
    for note in scene.notes:
        _tell(page, note, indent="   · ")
    for missed in scene.missed:
        _tell(page, f"not observed: {missed}", "bold red", indent="   ")
    if scene.observed:
        _tell(page, "✓ observed", "green", indent="   ")


def _chain(chain: tuple[Certificate, ...]) -> Iterator[str]:
    if chain:
        yield "the portal presents:"
    for depth, certificate in enumerate(chain):
        issuer = printed_name.from_attributes(certificate.issuer.attributes).label
        yield f"{'  ' * depth}  {certificate.title}, issued by {issuer}"


def _console(page: Console, exchange: Exchange) -> None:
    _tell(page, f"{exchange.prompt}{exchange.command}", "bold", indent="   │ ")
    for line in exchange.output.splitlines():
        _tell(page, line, "yellow" if "ERROR" in line or "%ASA" in line else "", indent="   │ ")


def _tell(page: Console, words: str, style: str = "", *, indent: str = "") -> None:
    """Print words, folded to the page where it is a terminal; a pipe gets each on one line."""
    hanging = indent if "│" in indent else " " * len(indent)
    lead = len(words) - len(words.lstrip(" "))
    lines = [words]
    if page.is_terminal:
        width = max(40, min(page.width, _WIDEST)) - len(indent)
        lines = textwrap.wrap(words, width, subsequent_indent=" " * lead, break_on_hyphens=False) or [""]
    for place, line in enumerate(lines):
        shown = (indent if place == 0 else hanging) + printable(line)
        # A pipe on Windows may take fewer characters than a terminal.
        page.print(Text(shown.encode(page.encoding, "replace").decode(page.encoding), style=style))


def _plain(scene: Scene) -> dict[str, Any]:
    return {
        "code": scene.code,
        "title": scene.title,
        "date": scene.date,
        "observed": scene.observed,
        "missed": scene.missed,
        "presented": [
            {"subject": each.subject.text, "issuer": each.issuer.text, "sha256": each.sha256}
            for each in scene.chain
        ],
        "console": [
            {"command": each.command, "output": each.output.splitlines()} for each in scene.exchanges
        ],
        "notes": scene.notes,
    }
