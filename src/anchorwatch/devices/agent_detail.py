"""``show license tech support``: what the agent knows about itself and nobody else prints.

Four lines of its footer tell much: whether the clock follows NTP, whether the server's name is checked, the agent's
state, and whether it talks to the production portal.
The communication statistics above tell, for each kind of exchange, how many attempts failed and with which words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.license_fact import Attempt
from anchorwatch.devices.screen import Found, Label, label
from anchorwatch.devices.span import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDetail:
    """The footer's four lines; each None where it was not shown."""

    clock_synchronized: Seen[bool] | None = None
    server_identity_check: Seen[bool] | None = None
    agent_state: Seen[str] | None = None
    production_certificate: Seen[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunicationRecord:
    """One kind of exchange: attempts made, and the last answer with its reason where it failed."""

    kind: str
    total: Seen[int]
    success: int
    fail: int
    last_response: Attempt | None = None


_FOOTER = {
    "clocksyncedwithntp": "clock_synchronized",
    "serveridentitycheck": "server_identity_check",
    "agentstate": "agent_state",
    "productioncert": "production_certificate",
}
_TITLES = (
    ("clock_synchronized", "Clock sync-ed with NTP"),
    ("server_identity_check", "Server Identity Check"),
    ("agent_state", "Agent State"),
    ("production_certificate", "Production Cert"),
)
_ATTEMPTS = re.compile(
    r"^\s*Attempts\s?:\s?Total\s?=\s?(?P<total>\d{1,9})\s?,\s?Success\s?=\s?(?P<success>\d{1,9})\s?,\s?Fail\s?=\s?(?P<fail>\d{1,9})",
    re.IGNORECASE,
)
_ON = re.compile(r"^(?P<outcome>.{1,200}?)\s+on\s+(?P<time>.*)$")
# A record is five lines; its footer of four stands among others that are not read.
_RECORD = 8
_FOOTER_REACH = 60


def parse(lines: Sequence[Line]) -> tuple[Found[AgentDetail | CommunicationRecord], ...]:
    """Find every record of attempts, and each footer."""
    found: list[Found[AgentDetail | CommunicationRecord]] = []
    values: dict[str, Any] = {}
    used: list[int] = []
    for index, line in enumerate(lines):
        attempts = _ATTEMPTS.match(line.text) if "ttempts" in line.text else None
        if attempts:
            found.append(_record(lines, index, attempts))
            continue
        part = label(line) if ":" in line.text[:80] else None
        name = _FOOTER.get(part.key) if part else None
        if part is None or name is None or not part.value:
            continue
        if used and (name in values or index - used[-1] > _FOOTER_REACH):
            found.append(Found(fact=AgentDetail(**values), lines=tuple(used)))
            values, used = {}, []
        values[name] = _value(name, part)
        used.append(index)
    if values:
        found.append(Found(fact=AgentDetail(**values), lines=tuple(used)))
    return tuple(found)


def _value(name: str, part: Label) -> object:
    if name == "agent_state":
        return Seen(part.value, part.line.whole)
    return Seen(part.value.strip().lower().startswith("true"), part.line.whole)


def _record(
    lines: Sequence[Line], index: int, attempts: re.Match[str]
) -> Found[AgentDetail | CommunicationRecord]:
    kind, used = "", [index]
    above = next(
        (each for each in range(index - 1, max(-1, index - 4), -1) if lines[each].text.strip()), None
    )
    if above is not None:
        part = label(lines[above])
        if part is not None and not part.value:
            kind = lines[above].text.strip().rstrip(":").strip()
            used.insert(0, above)
    response: Attempt | None = None
    for later in range(index + 1, min(index + _RECORD, len(lines))):
        part = label(lines[later])
        if part is None:
            continue
        if _ATTEMPTS.match(lines[later].text):
            break
        if part.key == "lastresponse":
            response = _response(part)
            used.append(later)
        elif part.key == "failurereason" and response is not None:
            if part.value and part.value != "<none>":
                response = Attempt(
                    outcome=response.outcome, time=response.time, reason=Seen(part.value, part.line.whole)
                )
            used.append(later)
            break
    fact = CommunicationRecord(
        kind=kind,
        total=Seen(int(attempts["total"]), lines[index].whole),
        success=int(attempts["success"]),
        fail=int(attempts["fail"]),
        last_response=response,
    )
    return Found(fact=fact, lines=tuple(used))


def _response(part: Label) -> Attempt | None:
    if part.value == "<none>" or not part.value:
        return None
    match = _ON.match(part.value)
    time = moment.parse(match["time"]) if match else None
    if match and time:
        return Attempt(outcome=Seen(match["outcome"], part.line.whole), time=time)
    return Attempt(outcome=Seen(part.value, part.line.whole))


def render(fact: AgentDetail | CommunicationRecord) -> str:
    """Print a footer's lines, or a record."""
    lines: list[str] = []
    match fact:
        case AgentDetail():
            for name, title in _TITLES:
                value = getattr(fact, name)
                if value is not None:
                    lines.append(f"{title}: {value}")
        case CommunicationRecord():
            if fact.kind:
                lines.append(f"{fact.kind}:")
            lines.append(f"  Attempts: Total={fact.total}, Success={fact.success}, Fail={fact.fail}")
            last, reason = "<none>", "<none>"
            if fact.last_response:
                time = fact.last_response.time
                last = str(fact.last_response.outcome) + (f" on {moment.render(time)}" if time else "")
                reason = str(fact.last_response.reason) if fact.last_response.reason else "<none>"
            lines += [f"  Last Response: {last}", f"    Failure Reason: {reason}"]
    return "\n".join(lines)
