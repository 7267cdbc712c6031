"""What an undo types, told by the configuration before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import recorded
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.iosxe import step as iosxe
from anchorwatch.devices.recorded import CannotRestore
from anchorwatch.devices.step import AsRecorded, BadStep, Place, Step, Typed, Undo, lines

PLACE = Place(platform=Platform.IOSXE)
VALUES = {
    "<DNS server>": "192.0.2.53",
    "<NTP server>": "192.0.2.123",
    "<interface>": "Gi1",
    "<proxy host>": "proxy.corp.example",
    "<proxy port>": "8080",
    "<portal URL>": "https://portal.example/its",
}


def filled(line: Typed) -> Typed:
    text = line.text
    for blank, value in VALUES.items():
        text = text.replace(blank, value)
    return Typed(text=text)


def taking_back(undo: Undo, configuration: str) -> list[str]:
    return [line.text for line in recorded.lines_of(undo, configuration.splitlines(), filled)]


def inner(step: Step, configuration: str) -> list[str]:
    """What is typed between entering the configuration and leaving it."""
    assert isinstance(step.undo, Undo)
    return taking_back(step.undo, configuration)[1:-1]


def test_a_server_among_several_of_one_line_stays() -> None:
    """IOS-XE lists its name servers on one line; what was there is not taken away, what stood otherwise is put back."""
    before = "ip domain lookup source-interface Gi7\nip name-server 192.0.2.9 192.0.2.53\n"
    assert inner(iosxe.name_server(PLACE), before) == ["ip domain lookup source-interface Gi7"]
    assert inner(iosxe.name_server(PLACE), "ip name-server 192.0.2.5\n") == [
        "no ip domain lookup source-interface Gi1",
        "no ip name-server 192.0.2.53",
    ]


def test_call_home_of_ios_xe_returns_to_what_it_was() -> None:
    """The service, the profile and what it reports, each by itself."""
    profile = ["call-home", "profile CiscoTAC-1"]
    off = 'call-home\n profile "CiscoTAC-1"\n  no reporting smart-licensing-data\n  destination transport-method email\n'
    assert inner(iosxe.transport_on(PLACE), off) == [
        "no service call-home", *profile, "no reporting smart-licensing-data", "destination transport-method email",
        "no active",
    ]  # fmt: skip
    on = 'service call-home\ncall-home\n profile "CiscoTAC-1"\n  active\n  reporting smart-licensing-data\n'
    assert inner(iosxe.transport_on(PLACE), on) == profile
    another = 'service call-home\ncall-home\n profile "Mine"\n  active\n'
    assert inner(iosxe.transport_on(PLACE), another) == [*profile, "no active"]


def test_a_value_that_was_replaced_is_put_back_as_it_stood() -> None:
    """With all that stood behind it, from its own block."""
    before = 'ntp server 192.0.2.123 prefer\ncall-home\n http-proxy "other.example" port 3128\n'
    assert inner(iosxe.proxy(PLACE), before) == ["call-home", 'http-proxy "other.example" port 3128']
    assert inner(iosxe.time_server(PLACE), before) == ["ntp server 192.0.2.123 prefer"]
    assert inner(iosxe.proxy(PLACE), "http-proxy other.example port 3128\n") == ["call-home", "no http-proxy"]


@pytest.mark.parametrize(
    "line",
    [
        "http-proxy other.example password hunter2",
        f"http-proxy {'x' * 600}",
        "http-proxy what?",
        "http-proxy é",
    ],
)
def test_what_cannot_be_put_back_is_said(line: str) -> None:
    """A secret belongs in no record, and what cannot be typed is not typed; the secret is not told either."""
    step = iosxe.proxy(PLACE)
    with pytest.raises(CannotRestore, match="http-proxy") as caught:
        inner(step, f"call-home\n {line}\n")
    assert "hunter2" not in str(caught.value)


def test_what_no_step_types_is_not_put_back() -> None:
    """A device that prints a command we never type in place of a setting does not make us type it."""
    undo = Undo(
        sentence="x",
        lines=(AsRecorded(setting="crypto key", otherwise="end"),),
        shown=lines("show running-config"),
    )
    with pytest.raises(CannotRestore):
        taking_back(undo, "crypto key zeroize rsa\n")


def test_an_undo_that_depends_says_on_what() -> None:
    """And what prints it only looks."""
    line = AsRecorded(setting="active")
    with pytest.raises(BadStep):
        Undo(sentence="x", lines=(line,))
    with pytest.raises(BadStep):
        Undo(sentence="x", lines=(line,), shown=lines("no ntp server 192.0.2.1"))
    with pytest.raises(BadStep):
        AsRecorded(setting="")


@given(st.text(max_size=400))
def test_whatever_a_device_prints_only_what_was_planned_is_named(text: str) -> None:
    """No configuration makes an undo type a line that begins with other words than its setting."""
    try:
        typed = inner(iosxe.proxy(PLACE), text)
    except CannotRestore:
        return
    assert typed[0] == "call-home"
    assert all(line.startswith(("http-proxy ", "no http-proxy")) for line in typed[1:])
