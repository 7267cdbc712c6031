"""Everything that a heap of text says: facts with their device, and what nobody understood.

Each block is given to every screen, because most files hold no prompt that would name the command.
A screen recognises its own lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from anchorwatch.devices import agent_detail, debug, pasted, repetition, transcript, typed
from anchorwatch.devices import license as license_screen
from anchorwatch.devices.asa import (
    authentication,
    call_home,
    call_home_settings,
    certificate,
    clock,
    configuration,
    failover,
    license_a,
    reachability,
    registration,
    routing,
    syslog,
    trustpool,
    trustpool_import,
    version,
)
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fxos import call_home as fxos_call_home
from anchorwatch.devices.fxos import reachability as fxos_reachability
from anchorwatch.devices.fxos import service as fxos_service
from anchorwatch.devices.fxos import trustpoint
from anchorwatch.devices.iosxe import trustpool as iosxe_trustpool
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Span
from anchorwatch.devices.transcript import Block, Transcript

Parse = Callable[[Sequence[Line]], tuple[Found[object], ...]]

SCREENS: tuple[Parse, ...] = (
    license_screen.parse,
    license_a.parse,
    registration.parse,
    certificate.parse,
    trustpool.parse,
    trustpool_import.parse,
    call_home.parse,
    version.parse,
    clock.parse_clock,
    clock.parse_ntp,
    reachability.parse,
    reachability.parse_refusal,
    routing.parse,
    configuration.parse,
    call_home_settings.parse,
    authentication.parse,
    failover.parse,
    agent_detail.parse,
    iosxe_trustpool.parse,
    trustpoint.parse_paste,
    trustpoint.parse,
    fxos_service.parse,
    fxos_call_home.parse,
    fxos_reachability.parse,
    debug.parse,
    pasted.parse,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One fact: what it says, of which device (empty where no prompt or host told), under which command.

    `scope` is the FXOS path that the prompt above it showed, empty on other platforms.
    """

    fact: object
    device: str
    command: str
    source: str
    order: int
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All facts of some inputs in the order in which they stood, and the places nobody understood."""

    items: tuple[Item, ...]
    not_understood: tuple[Span, ...]
    notices: tuple[Span, ...] = ()


Content = str | bytes | tuple[Line, ...]
"""What an input may be: text, octets, or lines that were selected from a log too large to be read whole."""


def read(inputs: Iterable[tuple[str, Content]]) -> Reading:
    """Read inputs given as (name, content); never fails, whatever they hold."""
    items: list[Item] = []
    strangers: list[Span] = []
    notices: list[Span] = []
    for source, data in inputs:
        text = transcript.split(data, source) if isinstance(data, tuple) else transcript.read(data, source)
        found, left = _of(text)
        items += found
        strangers += left
        notices += [line.whole for line in text.notices]
    return Reading(items=tuple(items), not_understood=tuple(strangers), notices=tuple(notices))


def _of(text: Transcript) -> tuple[list[Item], list[Span]]:
    items: list[Item] = []
    strangers: list[Span] = []
    read: set[int] = set()
    for block in text.blocks:
        used: set[int] = set()
        said = typed.of(block)
        if said is not None and block.echo is not None:
            items.append(_item(said, block, text.source, block.echo.number))
        for parse in SCREENS:
            for found in parse(block.lines):
                used.update(found.lines)
                number = block.lines[found.lines[0]].number
                items.append(_item(found.fact, block, text.source, number))
        strangers += _left_over(block, used)
        read.update(block.lines[index].number for index in used)
    for logged in text.logged:
        for found in debug.parse(logged.lines):
            number = logged.lines[found.lines[0]].number
            items.append(
                Item(fact=found.fact, device=logged.device, command="", source=text.source, order=number)
            )
        items += [
            Item(
                fact=message,
                device=message.host or logged.device,
                command="",
                source=text.source,
                order=message.span.line,
            )
            for message in syslog.parse(logged.lines)
        ]
    items += [
        Item(
            fact=again,
            device=again.device,
            command=again.command,
            source=text.source,
            order=again.again.span.line,
        )
        for again in repetition.find(text, read)
    ]
    items.sort(key=lambda item: item.order)
    return items, strangers


def _item(fact: object, block: Block, source: str, number: int) -> Item:
    return Item(
        fact=fact,
        device=block.device,
        command=block.command,
        source=source,
        order=number,
        scope=block.prompt.scope if block.prompt else "",
    )


def _left_over(block: Block, used: set[int]) -> list[Span]:
    return [line.whole for index, line in enumerate(block.lines) if index not in used and line.text.strip()]
