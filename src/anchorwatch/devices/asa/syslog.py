r"""Syslog of the ASA and of its kin, read and written.

A message is known by its six digits; its severity can be changed by the operator and is never looked at.
It may stand anywhere: in a syslog file behind a priority, a time and a host, in ``show logging``, in the middle of a
line of a web page, wrapped by a terminal or a mail.
The licensing agent wraps its own messages into a handful of ASA numbers: ``%ASA-3-444303: %SMART_LIC-3-COMM_FAILED:``,
so there the mnemonic behind the second ``%`` tells what happened.
IOS, IOS-XE, IOS-XR and NX-OS log the same agent's messages directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from anchorwatch.devices import moment
from anchorwatch.devices.asa import message
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import LogMessage
from anchorwatch.devices.log_detail import AgentEvent, LogDetail, ValidationFailed
from anchorwatch.devices.span import Span

AGENT = frozenset({"444302", "444303", "444304", "444305", "444306", "444307"})

_HEADER = re.compile(
    r"%(?P<facility>[A-Z][A-Z0-9_]{1,40})(?:-(?P<class>[A-Za-z0-9_-]{1,60}?))?-(?P<severity>[0-7])"
    r"-(?P<code>[A-Z0-9_]{2,60})\s?:\s?"
)
_AGENT = re.compile(r"%?SMART_LIC-(?P<severity>[0-7])-(?P<mnemonic>[A-Z0-9_]{2,60})\s?:\s?(?P<text>.*)$")
_ZONE = re.compile(r"[A-Z]{1,5}(?:[+-]\d{1,2})?")
_HOST = re.compile(r"(?:^|[\s,;|])([A-Za-z0-9][\w.-]{0,62}(?:/[\w.-]{1,40})?)\s*(?::\s*)?$")
# RFC 5424: host, application, process, message, then structured data or none.
_FIELDS = re.compile(
    r"^ (?P<host>[A-Za-z0-9][\w.:-]{0,62}) [\x21-\x7e]{1,48} [\x21-\x7e]{1,128} [\x21-\x7e]{1,32} (?:-|\[.{0,150}\])\s*$"
)
_NAMED = re.compile(
    r"(?:\"(?:host|hostname|device|source|fromhost)\"\s{0,3}:\s{0,3}\"|\b(?:host|hostname|device)=\"?)"
    r"([A-Za-z0-9][\w.:-]{0,62})"
)


def parse(lines: Sequence[Line]) -> tuple[LogMessage, ...]:
    """Read the messages of one logged line, or of the lines it was wrapped into.

    Several messages may share a line. A terminal folds a message at a fixed width, in the middle of words; a mail
    folds it at blanks; the reading that is understood wins. Text without a header gives nothing.
    """
    if not lines:
        return ()
    if len(lines) == 1:
        return tuple(_messages(lines, folded=False))
    widths = {len(line.text) for line in lines[:-1]}
    folded = tuple(_messages(lines, folded=len(widths) == 1))
    other = tuple(_messages(lines, folded=len(widths) > 1))
    return max(folded, other, key=_understood)


def _understood(messages: tuple[LogMessage, ...]) -> int:
    """How much of a reading makes sense: structured reasons count most, then anything of known form."""
    return sum(
        0 if m.detail is None else 1 if isinstance(m.detail, ValidationFailed) else 2 for m in messages
    )


def _messages(lines: Sequence[Line], *, folded: bool) -> Iterator[LogMessage]:
    text = ""
    starts: list[
        tuple[int, Line, int]
    ] = []  # where in the text a line begins, and how much was cut on its left
    for line in lines:
        indent = len(line.text) - len(line.text.lstrip()) if text and not folded else 0
        text += " " if text and not folded else ""
        starts.append((len(text), line, indent))
        text += line.text if folded else line.text[indent:].rstrip()
    headers = [
        header
        for header in _HEADER.finditer(text)
        # The agent's own header inside an ASA message is part of that message.
        if not ("SMART_LIC" in (header["facility"], header["class"]) and _wraps_agent(text[: header.start()]))
    ]
    for index, header in enumerate(headers):
        end = headers[index + 1].start() if index + 1 < len(headers) else len(text)
        body = text[header.end() : end]
        if index + 1 < len(headers):
            body = _without_prefix_of_next(body)
        place, line, indent = next(start for start in reversed(starts) if start[0] <= header.start())
        yield _message(
            header,
            body.strip(),
            prefix=text[: header.start()] if index == 0 else "",
            span=Span(
                source=line.source,
                line=line.number,
                column=line.offset + indent + header.start() - place + 1,
                text=text[header.start() : header.end()] + body.strip(),
            ),
        )


def _wraps_agent(before: str) -> bool:
    return bool(re.search(r"-4443\d\d\s?:\s?$", before))


def _without_prefix_of_next(body: str) -> str:
    """Cut the time and host of the message that follows on the same line."""
    found = moment.find(body[-80:])
    if found and not re.search(r"[a-z]{3}", body[-80:][found[2] :]):
        return body[: len(body) - len(body[-80:]) + found[1]].rstrip(" <>0123456789")
    return body


def _message(header: re.Match[str], text: str, *, prefix: str, span: Span) -> LogMessage:
    time, host = _prefix(prefix)
    if not host and '"' in prefix:
        host = _named(text[-300:])
    return LogMessage(
        facility=header["facility"],
        message_class=header["class"] or "",
        severity=int(header["severity"]),
        code=header["code"],
        text=text,
        detail=understand(
            header["class"] or header["facility"], int(header["severity"]), header["code"], text
        ),
        time=time,
        host=host,
        span=span,
    )


def _prefix(prefix: str) -> tuple[moment.DeviceTime | None, str]:
    """Read what stands before a header: priority, sequence number, time, host; of a collector's and of the device's own.

    Where both wrote a time, the device's own counts, unless only the collector's has its year.
    """
    prefix = prefix[-200:]
    found = moment.find(prefix)
    if found is None:
        return None, _named(prefix)
    time, _start, end = found
    rest = prefix[end:]
    own = moment.find(rest)
    if own is None:
        host = _host(rest)
        if time.zone and not host and (not _ZONE.fullmatch(time.zone) or prefix.rstrip().endswith(" :")):
            return replace(time, zone=""), time.zone  # what looked like a zone label is the host
        return time, host or _named(prefix)
    host = _host(rest[own[2] :]) or _host(rest[: own[1]]) or _named(prefix)
    if own[0].has_year or not time.has_year:
        time = own[0]
    return time, host


def _host(rest: str) -> str:
    """The host behind a time: by RFC 5424 the first of its fields, else the last word."""
    fields = _FIELDS.match(rest)
    if fields:
        return fields["host"]
    found = _HOST.search(rest.strip().rstrip(": ,;|\"'").lstrip(": "))
    return found[1] if found else ""


def _named(prefix: str) -> str:
    """The host where a collector wrote it under a name, as JSON or as key and value."""
    found = _NAMED.search(prefix)
    return found[1] if found else ""


def understand(speaker: str, severity: int, code: str, text: str) -> LogDetail | None:
    """Read the text of a message whose form is known, else None. `speaker` is the facility or its class."""
    if code in AGENT:
        return _agent(text)
    if speaker == "SMART_LIC":
        return AgentEvent(severity=severity, mnemonic=code, text=text)
    return message.understand(code, text)


def _agent(text: str) -> AgentEvent | None:
    match = _AGENT.search(text)
    if match is None:
        return None
    return AgentEvent(severity=int(match["severity"]), mnemonic=match["mnemonic"], text=match["text"])


def express(detail: LogDetail, code: str) -> str:
    """Write what a message says, as the device words it; the opposite of `understand`."""
    if isinstance(detail, AgentEvent):
        if code == detail.mnemonic:
            return detail.text
        return f"%SMART_LIC-{detail.severity}-{detail.mnemonic}: {detail.text}"
    return message.express(code, detail)


def say(
    code: str, detail: LogDetail, *, severity: int, time: moment.DeviceTime | None = None, host: str = ""
) -> LogMessage:
    """The message a device logs when something happened; its text follows from the detail."""
    return LogMessage(
        facility="ASA",
        severity=severity,
        code=code,
        text=express(detail, code),
        detail=detail,
        time=time,
        host=host,
    )


def render(logged: LogMessage) -> str:
    """Print a message as it is logged, on one line."""
    kind = f"-{logged.message_class}" if logged.message_class else ""
    header = f"%{logged.facility}{kind}-{logged.severity}-{logged.code}: "
    if logged.time is None:
        return header + logged.text
    host = f" {logged.host} :" if logged.host else ":"
    return f"{moment.render(logged.time)}{host} {header}{logged.text}"
