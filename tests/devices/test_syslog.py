from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import transcript
from anchorwatch.devices.asa import syslog
from anchorwatch.devices.capture import clean
from anchorwatch.devices.fact import AgentEvent, Handshake, LogMessage, NoTrustpoint
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.screen import to_lines

SUBJECT = PrintedName((("cn", "Symantec G4"), ("o", "Symantec, Corp"), ("c", "US")))
ISSUER = PrintedName((("cn", "VeriSign G5"), ("o", "VeriSign, Inc."), ("c", "US")))
REFUSED = NoTrustpoint(serial="513FB9", subject=SUBJECT, issuer=ISSUER)

words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,9}( [A-Za-z0-9-]{1,9}){0,3}", fullmatch=True)
values = st.lists(words, min_size=1, max_size=2).map(", ".join)
names = st.lists(st.tuples(st.sampled_from(["cn", "ou", "o", "l"]), values), min_size=1, max_size=5).map(
    lambda attributes: PrintedName(tuple(attributes))
)
serials = st.integers(1, 2**127).map(lambda number: f"{number:X}")
refusals = st.builds(NoTrustpoint, serial=serials, subject=names, issuer=names)


def one(text: str) -> LogMessage:
    (message,) = syslog.parse(clean(text))
    return message


@given(refusals)
def test_a_refusal_is_read_as_it_was_logged(refused: NoTrustpoint) -> None:
    """What the device says about a certificate without anchor reads back as the same serial and names."""
    message = syslog.say("717009", refused, severity=3)
    assert syslog.parse(to_lines(syslog.render(message))) == (message,)


@given(refusals, st.integers(40, 200))
def test_a_message_wrapped_by_a_terminal_is_read(refused: NoTrustpoint, width: int) -> None:
    """Cut hard at any width, the message gives the same serial and names."""
    text = syslog.render(syslog.say("717009", refused, severity=3))
    wrapped = "\n".join(text[start : start + width] for start in range(0, len(text), width))
    (message,) = [m for logged in transcript.read(wrapped).logged for m in syslog.parse(logged.lines)]
    detail = message.detail
    assert isinstance(detail, NoTrustpoint)
    assert (detail.serial, detail.subject.key, detail.issuer.key) == (
        refused.serial,
        refused.subject.key,
        refused.issuer.key,
    )


@pytest.mark.parametrize("severity", range(8))
def test_the_severity_is_no_key(severity: int) -> None:
    """An operator may move a message to any severity; its meaning stays."""
    message = one(syslog.render(syslog.say("717009", REFUSED, severity=severity)))
    assert (message.detail, message.severity) == (REFUSED, severity)


def test_priority_time_and_host_are_read() -> None:
    """A line of a syslog server gives the time and the host that sent it."""
    message = one(
        "<163>Mar 22 2016 13:26:32 asav1 : " + syslog.render(syslog.say("717009", REFUSED, severity=3))
    )
    assert message.host == "asav1"
    assert message.time is not None
    assert message.time.wall.isoformat() == "2016-03-22T13:26:32"


def test_the_agent_speaks_inside_an_asa_number() -> None:
    """The mnemonic behind the second per cent sign tells what happened."""
    message = one("%ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with the CSSM : No answer")
    assert message.detail == AgentEvent(
        severity=3, mnemonic="COMM_FAILED", text="Communications failure with the CSSM : No answer"
    )
    assert message.code == "444303"


def test_ios_speaks_for_itself() -> None:
    """IOS-XE and IOS-XR log the agent's messages directly, with a blank before the colon or without."""
    for text in (
        "*Mar 22 13:26:32.123 UTC: %SMART_LIC-3-COMM_FAILED: Communications failure",
        "CPU0:Mar 22 13:26:32.123 UTC: smartlicserver[342]: %LICENSE-SMART_LIC-3-COMM_FAILED : Communications failure",
    ):
        assert one(text).detail == AgentEvent(
            severity=3, mnemonic="COMM_FAILED", text="Communications failure"
        )


def test_a_handshake_says_who_is_the_client() -> None:
    """`with server` is the device's own connection, `with client` somebody's to it."""
    message = one(
        "%ASA-6-725001: Starting SSL handshake with server outside:192.0.2.5/44321 to 198.51.100.7/443 for TLS session."
    )
    assert isinstance(message.detail, Handshake)
    assert (message.detail.peer, message.detail.to_port) == ("server", 443)


def test_the_document_says_its_two_refusals(shared: Path) -> None:
    """The two messages that share one line of the published document are both read, the second one bold."""
    text = transcript.read((shared / "tac-213932.zh.txt").read_bytes(), "document")
    details = [message.detail for message in syslog.parse(text.logged[0].lines)]
    assert [d.serial for d in details if isinstance(d, NoTrustpoint)] == [
        "250CE8E030612E9F2B89F7058FD",
        "513FB9743870B73440418699FF",
    ]
    assert [d.subject.label for d in details if isinstance(d, NoTrustpoint)] == [
        "VeriSign Class 3 Public Primary Certification Authority - G5",
        "Symantec Class 3 Secure Server CA - G4",
    ]


@pytest.mark.parametrize("end", [" . For details run these debugs.", ". 欲知详情", " 欲知详情", " .", ""])
def test_prose_behind_a_message_is_not_part_of_its_name(end: str) -> None:
    """A page that joins its own sentence to the message does not change the issuer."""
    text = syslog.render(syslog.say("717009", REFUSED, severity=3)).removesuffix(" .")
    assert one(text + end).detail == REFUSED


@given(st.text())
def test_any_line_may_come(text: str) -> None:
    """No text makes the reader fail."""
    syslog.parse(clean("%ASA-3-717009: " + text))
    syslog.parse(clean(text))


@pytest.mark.parametrize(
    "prefix",
    [
        "<163>1 2022-03-03T14:00:00.120Z edge-a ASA - - - ",
        "<163>1 2022-03-03T14:00:00Z edge-a - - - - ",
        '<163>1 2022-03-03T14:00:00Z edge-a asa 12 ID47 [origin@9 x="1"] ',
        "Mar  3 14:00:00 edge-a Mar 03 2022 14:00:00: ",
        "2022-03-03 14:00:00\tLocal4.Error\tedge-a\tMar 03 2022 14:00:00: ",
        "2022-03-03 14:00:00\tLocal4.Error\tedge-a\t",
        '2022-03-03 14:00:00,edge-a,"',
        '{"@timestamp":"2022-03-03T14:00:00Z","host":"edge-a","message":"',
        "2022-03-03T14:00:00.123456+00:00 edge-a : ",
        "Mar  3 14:00:00 edge-a : Mar 03 2022 14:00:00 edge-a : ",
    ],
)
def test_the_host_is_found_in_the_header_of_any_collector(prefix: str) -> None:
    """Two devices in one file are kept apart only by the host in a header, wherever a collector puts it."""
    message = one(prefix + "%ASA-6-120007: Call-Home License message to https://a.example/x was delivered.")
    assert message.host == "edge-a"
    assert message.time is not None
    assert (message.time.has_year, message.time.wall.hour) == (True, 14)


def test_a_collectors_fields_may_follow_the_message() -> None:
    """JSON has no order: the host may stand behind the message."""
    message = one('{"message":"%ASA-6-120007: Call-Home License message was delivered.","host":"edge-b"}')
    assert message.host == "edge-b"
