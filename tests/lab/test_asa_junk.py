"""Whatever is typed at a virtual ASA, it answers and goes on."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anchorwatch.lab.asa as package
from anchorwatch.lab.asa import settings as configuration
from anchorwatch.lab.network import Fault
from lab.stage import Stage, typed

_TOKEN = re.compile(r"<[^>]+>|[^\s\[\]{}|<>]+")
_LEAVES = ("exit", "quit", "logout", "reload", "end", "disable")
VALUES = (
    "", "0", "-1", "1", "9" * 30, "x", "..", "a/b", "10.0.0.1", "255.0.0.0", "255.0.255.0", "::1", "tools.cisco.com", "https://[::1",
    "http://x:99999/", "disk0:/x", "disk0:", "outside", "License", "y", "n", "no", "12:00:00", "29", "Feb", "717009", "\u00e9", "%s{}",
    "quit", "GigabitEthernet0/0", "-----BEGIN CERTIFICATE-----", "b" * 300, "1.0", "*", "?", "|", "| include x",
)  # fmt: skip


def patterns() -> tuple[str, ...]:
    """Every command that a module of the ASA teaches."""
    found = []
    for each in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{each.name}")
        found += [taught.pattern for taught in getattr(getattr(module, "COMMANDS", None), "taught", ())]
    return tuple(pattern for pattern in found if not pattern.startswith(_LEAVES))


PATTERNS = patterns()


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A line that begins like a command, or is anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(
            st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=80)
        ).lstrip()
    said = []
    for token in _TOKEN.findall(draw(st.sampled_from(PATTERNS))):
        keep = draw(st.integers(0, 9))
        if token.startswith("<"):
            said.append(draw(st.sampled_from(VALUES)))
        elif keep > 1:
            said.append(token if keep > 2 else token[: draw(st.integers(1, len(token)))])
    line = " ".join(said)
    return "" if line.startswith(_LEAVES) else line


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    at = datetime(2016, 3, 22, 13, 25, 46, tzinfo=UTC)
    made = Stage.of("2016", tmp_path_factory.mktemp("stage"), at=at, chain="new")
    made.house.directory.hurried = True
    yield made
    made.close()


def test_there_is_something_to_type() -> None:
    """The commands of every subject are there to be mistyped."""
    assert len(PATTERNS) > 150


@given(said=st.lists(lines(), max_size=25), software=st.sampled_from(["9.4(1)", "9.5(2)", "9.16(4)"]))
def test_a_session_goes_on_whatever_is_typed(stage: Stage, said: list[str], software: str) -> None:
    """No line ends a session or a device, and what is configured afterwards can be saved, restored and shown."""
    machine = stage.asa(software, faults=[Fault.PORT443_REFUSED])
    typed(machine, "configure terminal", *said)
    machine.wake()
    kept = json.loads(json.dumps(machine.snapshot()))
    assert configuration.read(kept["running"]) == machine.running
    after = typed(
        machine, "", "end", "show running-config all", "show route", "show call-home", "show license all", "show logging", "show version",
        "show crypto ca trustpool policy", "show history",
    )  # fmt: skip
    assert after.count("#") >= 5
