"""The conversation without the wire: streams as devices send them, cut anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import dialect
from anchorwatch.devices.capture import LONGEST_LINE
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.session import (
    Asked,
    Echoed,
    Event,
    Logged,
    Paged,
    Pasting,
    Printed,
    Ready,
    Session,
    Stalled,
)

NAG = b"Warning: ASAv platform license state is Unlicensed.\r\nInstall ASAv platform license for full functionality.\r\n"
SYSLOG = b"%ASA-5-111008: User 'enable_15' executed the 'show clock' command.\r\n"
CLOCK = b"09:15:45.123 UTC Mon Oct 8 2018\r\n"


@dataclass(frozen=True)
class Types:
    """Something typed: a command, an answer, a pasted line or its end."""

    kind: str
    text: str


Act = bytes | Types | str
"""Octets that come, something typed, or "quiet" and "expired"."""


def play(acts: Sequence[Act], platform: Platform = Platform.ASA, cut: int = 0) -> list[Event]:
    """Hold a conversation; with `cut`, octets come in pieces of that size."""
    session = Session(dialect.of(platform))
    events: list[Event] = []
    for act in acts:
        match act:
            case bytes():
                size = cut or max(1, len(act))
                for start in range(0, len(act), size):
                    events += session.feed(act[start : start + size])
            case Types(kind="command"):
                session.command(act.text)
            case Types(kind="paste"):
                session.pasted(act.text)
            case Types(kind="end"):
                session.pasted(act.text, last=True)
            case Types():
                session.answer(act.text, one_key=act.kind == "key")
            case "quiet":
                events += session.quiet()
            case _:
                events += session.expired()
    return events


def command(text: str) -> Types:
    return Types("command", text)


LOGIN: tuple[Act, ...] = (
    b"User admin logged in to asa-3\r\nType help or '?' for a list of available commands.\r\nasa-3> ",
    "quiet",
)


def kinds(events: Sequence[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def said(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Printed)]


def modes(events: Sequence[Event]) -> list[str]:
    return [event.at.mode.name if event.at.mode else "?" for event in events if isinstance(event, Ready)]


def test_a_command_is_its_echo_its_output_and_the_prompt() -> None:
    """The simplest exchange: what was typed comes back, the output follows, then the device is ready."""
    events = play((*LOGIN, command("show clock"), b"show clock\r\n" + CLOCK + b"asa-3> ", "quiet"))
    assert kinds(events[-3:]) == [Echoed, Printed, Ready]
    assert events[-3] == Echoed(before="asa-3> ", typed="show clock")
    assert said(events)[-1] == CLOCK.decode().strip()
    assert modes(events) == ["user", "user"]


def test_nothing_is_ready_while_the_line_goes_on() -> None:
    """A prompt is one only when nothing follows it, and that is said from outside."""
    session = Session(dialect.of(Platform.ASA))
    assert session.feed(b"asa-3# ") == ()
    assert kinds(session.feed(b"is what its prompt looks like\r\n")) == [Printed]
    assert session.quiet() == ()


def test_a_prompt_inside_the_output_ends_nothing() -> None:
    """A configuration that quotes the device's own prompt, or another's, is output."""
    events = play(
        (
            *LOGIN,
            command("more disk0:/notes"),
            b"more disk0:/notes\r\nasa-3# show clock\r\nasa-9# ",
            "quiet",
            b"reload\r\nasa-3> ",
            "quiet",
        )
    )
    assert said(events)[-2:] == ["asa-3# show clock", "asa-9# reload"]
    assert modes(events) == ["user", "user"]


def test_the_prompt_before_the_echo_does_not_end_the_command() -> None:
    """A device that is slow to echo still shows its old prompt; the command is not done."""
    events = play((*LOGIN, command("show clock"), b"", "quiet", b"show", "quiet", b" clock\r\n", "quiet"))
    assert kinds(events[2:]) == [Ready, Echoed]
    assert modes(events) == ["user"]


def test_late_output_says_so() -> None:
    """Lines that come after a prompt that was none belong to the command before."""
    events = play(
        (
            *LOGIN,
            command("show a"),
            b"show a\r\nasa-3> ",
            "quiet",
            command("show b"),
            b"\r\nmore of a\r\nasa-3> show b\r\nof b\r\nasa-3> ",
            "quiet",
        )
    )
    late = [(event.text, event.late) for event in events if isinstance(event, Printed)][-2:]
    assert late == [("more of a", True), ("of b", False)]
    assert modes(events) == ["user"] * 3


@pytest.mark.parametrize(
    "broken",
    [
        b"show cl\r\n" + NAG + b"asa-3> show clock\r\n",
        b"show cl" + NAG + b"asa-3> show clock\r\n",
        b"show cl\r\n" + NAG + b"ock\r\n",
        b"show cl" + NAG + b"ock\r\n",
        b"\r\n" + NAG + b"asa-3> show clock\r\n",
        b"\r\n" + NAG + b"show clock\r\n",
        b"show cl" + SYSLOG + b"ock\r\n",
        b"\r\n" + SYSLOG + b"asa-3> show clock\r\n",
        b"Oct 08 2018 09:15:44: " + SYSLOG + b"show clock\r\n",
        b"s\r\n" + NAG + b"asa-3> show clo\r\n" + NAG + b"asa-3> show clock\r\n",
    ],
)
def test_what_is_thrown_into_an_echo_does_not_hide_it(broken: bytes) -> None:
    """The two lines of an unlicensed ASAv, and log lines, may stand anywhere, even between two typed letters."""
    events = play((*LOGIN, command("show clock"), broken + CLOCK + b"asa-3> ", "quiet"))
    assert Echoed(before="asa-3> ", typed="show clock") in events
    assert said(events)[2:] == [CLOCK.decode().strip()]
    assert sum(isinstance(event, Logged) for event in events) >= 1
    assert modes(events) == ["user", "user"]


@pytest.mark.parametrize("thrown", [NAG, SYSLOG, b"\r\n" + NAG, b"\r\n" + SYSLOG])
def test_what_is_thrown_behind_the_prompt_does_not_hide_it(thrown: bytes) -> None:
    """A device that says something while it waits does not always print its prompt again."""
    events = play((*LOGIN, command("show clock"), b"show clock\r\n" + CLOCK + b"asa-3> " + thrown, "quiet"))
    assert modes(events) == ["user", "user"]
    assert said(events)[-1] == CLOCK.decode().strip()


def test_a_bare_prompt_in_the_output_with_a_pause_behind_it_is_no_prompt() -> None:
    """Only what was thrown in pushes a prompt up."""
    events = play(
        (*LOGIN, command("more x"), b"more x\r\nasa-3>\r\n", "quiet", b"end of x\r\nasa-3> ", "quiet")
    )
    assert modes(events) == ["user", "user"]
    assert said(events)[-1] == "end of x"


def test_a_narrow_screen_scrolls_what_is_typed() -> None:
    """Behind 80 columns an ASA shows the end of what is typed behind a dollar sign; it is the echo all the same."""
    url = "crypto ca trustpool import url http://www.example.com/security/pki/trs/ios_core.p7b noconfirm"
    scrolled = url[:72].encode() + b"\rasa-3> $" + url[-60:].encode() + b" " * 12
    events = play((*LOGIN, command(url), scrolled + b"\r\nasa-3> ", "quiet"))
    assert Echoed(before="asa-3> ", typed=url) in events
    assert modes(events) == ["user", "user"]


def test_a_device_that_does_not_echo_is_believed_when_time_is_up() -> None:
    """Without an echo the prompt counts only when one is not willing to wait longer, and that is told."""
    acts = (*LOGIN, command("show clock"), b"\r\n" + CLOCK + b"asa-3> ", "quiet", "expired")
    events = play(acts)
    assert kinds(events)[-1] is Ready
    assert isinstance(events[-1], Ready)
    assert not events[-1].echoed


def test_a_host_name_that_changes_is_believed_when_time_is_up() -> None:
    """Another name at the end of a command is first taken for output."""
    acts = (*LOGIN, command("hostname new"), b"hostname new\r\nnew> ", "quiet")
    assert modes(play(acts)) == ["user"]
    events = play((*acts, "expired", command("show clock"), b"show clock\r\n" + CLOCK + b"new> ", "quiet"))
    assert modes(events) == ["user"] * 3


@pytest.mark.parametrize("prompt", [b"asa-3/admin# ", b"asa-3/pri/act# ", b"asa-3/sec/stby(config)# "])
def test_contexts_and_units_are_parts_of_the_prompt(prompt: bytes) -> None:
    """Changing the context or the role changes no name."""
    events = play((*LOGIN, command("changeto system"), b"changeto system\r\n" + prompt, "quiet"))
    assert kinds(events)[-1] is Ready


def test_the_way_to_another_command_line_and_back_is_known_at_once() -> None:
    """A chassis leads to its module and to the ASA on it, whose names are their own; nobody waits for time to be up."""
    events = play(
        (
            b"fp9300# ",
            "quiet",
            command("connect module 1 console"),
            b"connect module 1 console\r\nCISCO Serial Over LAN:\r\nFirepower-module1> ",
            "quiet",
            command("connect asa"),
            b"connect asa\r\nConnecting to asa console...\r\nedge-asa> ",
            "quiet",
            command("exit"),
            b"exit\r\n\r\nLogoff\r\n\r\nFirepower-module1> ",
            "quiet",
            command("exit"),
            b"exit\r\nfp9300# ",
            "quiet",
        ),
        Platform.FXOS,
    )
    assert modes(events) == ["top", "module", "application", "module", "top"]


def test_the_pager_waits_for_a_key_and_is_wiped() -> None:
    """The mark of a full screen is an event, and leaves nothing in the line that takes its place."""
    events = play(
        (
            *LOGIN,
            command("show version"),
            b"show version\r\nline 1\r\n<--- More --->",
            "quiet",
            Types("key", " "),
            b"\r              \rline 2\r\nasa-3> ",
            "quiet",
        )
    )
    assert kinds(events)[-4:] == [Printed, Paged, Printed, Ready]
    assert said(events)[-2:] == ["line 1", "line 2"]


def test_a_question_is_asked_once_until_something_new_comes() -> None:
    """While a device works on an answer its question still stands there; it is not a second question."""
    events = play(
        (
            *LOGIN,
            command("crypto ca trustpool import default"),
            b"crypto ca trustpool import default\r\nDo you want to continue? (y/n)",
            "quiet",
            Types("key", "y"),
            "quiet",
            b"y",
            "quiet",
            b"\r\nTrustpool import:\r\n  attempted: 17\r\nasa-3> ",
            "quiet",
        )
    )
    asked = [event for event in events if isinstance(event, Asked)]
    assert len(asked) == 1
    assert asked[0].dialog is not None
    assert asked[0].dialog.one_key
    assert "Trustpool import:" in said(events)
    assert modes(events) == ["user", "user"]


def test_a_label_is_no_question() -> None:
    """A line that ends with a colon is output, also when the device pauses in it."""
    events = play((*LOGIN, command("show x"), b"show x\r\nTrustpool import:", "quiet", b" done\r\n", "quiet"))
    assert not any(isinstance(event, Asked) for event in events)


def test_a_question_nobody_knows_is_a_question() -> None:
    """Its form tells that somebody waits for an answer."""
    events = play((*LOGIN, command("x"), b"x\r\nReally remove the moon? [yes/no]: ", "quiet"))
    assert events[-1] == Asked(text="Really remove the moon? [yes/no]:", dialog=None)


PASTED = ("-----BEGIN CERTIFICATE-----", "MIIBszCCAVmgAwIBAgIUd2", "-----END CERTIFICATE-----")


def test_a_paste_on_an_asa_goes_line_by_line_until_quit() -> None:
    """The device waits on an empty line; it is told from a pause by the introduction that came before."""
    acts: list[Act] = [
        b"asa-3(config)# ",
        "quiet",
        command("crypto ca authenticate anchor-1"),
        b"crypto ca authenticate anchor-1\r\n",
        "quiet",
        b'Enter the base 64 encoded CA certificate.\r\nEnd with the word "quit" on a line by itself\r\n\r\n',
        "quiet",
    ]
    for line in PASTED:
        acts += [Types("paste", line), line.encode() + b"\r\n", "quiet"]
    acts += [
        Types("end", "quit"),
        b"quit\r\n\r\nFingerprint: 1\r\nDo you accept this certificate? [yes/no]: ",
        "quiet",
    ]
    events = play(acts)
    assert [type(event) for event in events if isinstance(event, Pasting | Asked)] == [Pasting] * 4 + [Asked]
    assert [event.typed for event in events if isinstance(event, Echoed)][1:] == [*PASTED, "quit"]


def test_a_paste_on_fxos_is_prompted_line_by_line() -> None:
    """Each line has a prompt of its own, which is no prompt for commands."""
    acts: list[Act] = [
        b"FP9300-A /security/trustpoint* # ",
        "quiet",
        command("set certchain"),
        b"set certchain\r\nEnter lines one at a time. Enter ENDOFBUF to finish.\r\nTrustpoint Certificate Chain:\r\n>",
        "quiet",
    ]
    for line in PASTED:
        acts += [Types("paste", line), line.encode() + b"\r\n>", "quiet"]
    acts += [Types("end", "ENDOFBUF"), b"ENDOFBUF\r\nFP9300-A /security/trustpoint* # ", "quiet"]
    events = play(acts, Platform.FXOS)
    assert sum(isinstance(event, Pasting) for event in events) == 4
    assert [event for event in events if isinstance(event, Echoed)][1] == Echoed(before=">", typed=PASTED[0])
    assert modes(events) == ["trustpoint", "trustpoint"]
    assert isinstance(events[-1], Ready)
    assert events[-1].at.prompt.scope.endswith("*")


def test_a_paste_that_the_device_ends_is_seen() -> None:
    """A device that goes back to its prompt in the middle of a paste is ready, so nothing more is pasted."""
    events = play(
        (
            b"asa-3(config)# ",
            "quiet",
            command("crypto ca authenticate anchor-1"),
            b'crypto ca authenticate anchor-1\r\nEnd with the word "quit" on a line by itself\r\n',
            "quiet",
            Types("paste", PASTED[0]),
            b"-----BEGIN CERTIFICATE-----\r\nERROR: memory\r\nasa-3(config)# ",
            "quiet",
        )
    )
    assert kinds(events)[-2:] == [Printed, Ready]


def test_typing_ahead_keeps_the_order() -> None:
    """Several lines sent at once come back one after the other."""
    events = play(
        (
            *LOGIN,
            command("show a"),
            command("show b"),
            b"show a\r\nof a\r\nasa-3> show b\r\nof b\r\nasa-3> ",
            "quiet",
        )
    )
    assert [event.typed for event in events if isinstance(event, Echoed)] == ["show a", "show b"]
    assert modes(events) == ["user", "user"]


def test_a_secret_is_shown_as_it_was_given_to_be_shown() -> None:
    """What was typed is compared with what comes back, and never told."""
    session = Session(dialect.of(Platform.ASA))
    session.feed(b"asa-3# ")
    session.quiet()
    assert session.command("license smart register idtoken Zm9v", shown="license smart register idtoken ••••")
    assert "Zm9v" not in repr(session._due)
    events = session.feed(b"license smart register idtoken Zm9v\r\n")
    assert events == (Echoed(before="asa-3# ", typed="license smart register idtoken ••••"),)


def test_an_endless_line_is_cut() -> None:
    """Ten megabytes without a line end become lines, and nothing of them is kept."""
    session = Session(dialect.of(Platform.ASA))
    printed = 0
    for _ in range(160):
        events = session.feed(b"x" * 65_000)
        assert all(isinstance(event, Printed) and len(event.text) <= LONGEST_LINE for event in events)
        printed += len(events)
        assert session._size <= LONGEST_LINE
    assert printed >= 150


def test_silence_is_told_with_what_stands_there() -> None:
    """Neither prompt nor question: who waits learns what the device printed last."""
    assert play((*LOGIN, command("x"), b"x\r\nworking", "expired"))[-1] == Stalled(text="working")


def test_escapes_and_bells_do_not_reach_anybody() -> None:
    """Titles, colours and erasing are the terminal's business."""
    events = play((b"\x1b]0;owned\x07\x1b[31mred\x1b[0m\x07\r\nabc\b\b\bxyz\x1b[K\r\nasa-3> ", "quiet"))
    assert said(events) == ["red", "xyz"]


LINES = st.sampled_from(
    [
        CLOCK,
        NAG,
        SYSLOG,
        b"asa-3# show clock\r\n",
        b"asa-3>\r\n",
        b"\r\n",
        b"<--- More --->\r              \rmore\r\n",
        b"caf\xc3\xa9 \xff\r\n",
        b"\x1b[2Kerased\x1b[31m\r\n",
        b"Do you want to continue? (y/n)",
        b"asa-3> ",
        b"asa-3(config)# ",
        b"Password: ",
        b"half a line",
        b"show clock\r\n",
        b"show cl",
        b"ock\r\n",
        b"\0\0",
        b">",
    ]
)
ACTS = st.lists(
    LINES
    | st.sampled_from(
        [
            "quiet",
            "expired",
            command("show clock"),
            command("crypto ca authenticate x"),
            Types("paste", "MIIB"),
        ]
    )
    | st.binary(max_size=12),
    max_size=24,
)


@given(ACTS, st.integers(1, 9))
def test_any_cut_of_the_octets_gives_the_same_events(acts: list[Act], cut: int) -> None:
    """However a stream arrives in pieces, the same things happened in the same order."""
    assert play(acts, cut=cut) == play(acts)
