"""The reference page of the licensing machines and messages, written from their own tables and types."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from enum import StrEnum
from typing import Any, get_args, get_origin

from anchorwatch.licensing import (
    account,
    authorization,
    claim,
    clock,
    deadline,
    message,
    problem,
    registration,
    trust,
)
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.machine import Ignored, Table
from anchorwatch.licensing.wire import Key, members

TABLES: tuple[tuple[str, str, Table[Any, Any]], ...] = (
    (
        "Registration",
        "The agent's identity certificate: obtained with a token, renewed, lost.",
        registration.TABLE,
    ),
    ("Authorization", "What the agent's entitlements come to over all.", authorization.TABLE),
    ("Trust: the bundle", "What the agent holds to believe the portal by.", trust.BUNDLE_TABLE),
    ("Trust: the server", "What the agent last thought of the server it met.", trust.PEER_TABLE),
    ("Clock", "What the agent thinks of its own clock.", clock.TABLE),
    ("Device, at the portal", "The life of a device as the portal sees it.", account.TABLE),
)
CLAIMS = {
    Kind.TRUST: claim.TrustBundle,
    Kind.TIME: claim.TimeClaim,
    Kind.GRANT: claim.Grant,
    Kind.RECEIPT: claim.Receipt,
    Kind.REVOKE: claim.Revocation,
}
PERIODS = {
    "authorization is renewed after": deadline.AUTHORIZATION_RENEWAL,
    "out of compliance, after": deadline.OUT_OF_COMPLIANCE_RENEWAL,
    "authorization expires without contact after": deadline.COMMUNICATION_DEADLINE,
    "its grace ends after another": deadline.GRACE,
    "the ID certificate is renewed after": deadline.ID_RENEWAL,
    "the ID certificate ends after": deadline.ID_LIFETIME,
    "a moved clock may stand outside it for": deadline.CLOCK_GRACE,
    "the portal dates back by": deadline.BACKDATING,
    "a device is overdue at the portal after": deadline.OVERDUE,
}


def states_page(written: str) -> str:
    """docs/reference/licensing-states.md."""
    parts = [
        "# Licensing states",
        written,
        (
            "The machines of the agent and of the portal, drawn from the tables by which they run.\n"
            "A pair of state and event without an arrow changes nothing, unless the list below it says that it is refused."
        ),
        "## Periods",
        "| period | length |\n| --- | --- |\n"
        + "\n".join(f"| {name} | {_length(span)} |" for name, span in PERIODS.items()),
    ]
    for title, sentence, table in TABLES:
        parts += [f"## {title}", sentence, _diagram(table), _arrows(table)]
        refused = [
            f"- `{event}`: {meaning}."
            for event, meaning in table.otherwise.items()
            if not isinstance(meaning, Ignored)
        ]
        if refused:
            parts += ["Refused where no arrow starts:", "\n".join(refused)]
    return "\n\n".join(parts) + "\n"


def messages_page(written: str) -> str:
    """docs/reference/licensing-messages.md."""
    parts = [
        "# Licensing messages",
        written,
        (
            "What the agent and the portal say to each other, from the types that read and write it.\n"
            "Unknown members are ignored; moments are RFC 3339, inside signed objects whole seconds since 1970; octets are base64url."
        ),
        "## Bodies",
    ]
    for endpoint, kinds in message.MESSAGES.items():
        parts += [_message(f"{endpoint}: {_words(kind.__name__)}", kind) for kind in kinds]
    parts.append("## Signed objects")
    parts += [_message(f"`{kind}`", claims) for kind, claims in CLAIMS.items()]
    parts += [
        "## Problems",
        "| type | status | try again | title |\n| --- | --- | --- | --- |\n"
        + "\n".join(
            f"| `{kind}` | {meaning.status} | {meaning.retry} | {meaning.title} |"
            for kind, meaning in problem.MEANINGS.items()
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _length(span: timedelta) -> str:
    if span >= timedelta(days=1):
        return f"{span.days} days"
    return (
        f"{span // timedelta(minutes=1)} minutes"
        if span < timedelta(hours=2)
        else f"{span // timedelta(hours=1)} hours"
    )


def _diagram(table: Table[Any, Any]) -> str:
    def name(state: StrEnum) -> str:
        return state.replace("-", "_")

    grouped: dict[tuple[str, str], list[str]] = {}
    for arrow in table.arrows:
        if arrow.source is not arrow.target:
            grouped.setdefault((name(arrow.source), name(arrow.target)), []).append(str(arrow.event))
    lines = [f"    [*] --> {name(table.initial)}"]
    lines += [
        f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in grouped.items()
    ]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```"


def _arrows(table: Table[Any, Any]) -> str:
    rows = "\n".join(
        f"| `{arrow.source}` | `{arrow.event}` | `{arrow.target}` | {arrow.doing} |" for arrow in table.arrows
    )
    return f"| from | event | to | what happens |\n| --- | --- | --- | --- |\n{rows}"


def _message(title: str, kind: type) -> str:
    doc = (kind.__doc__ or "").strip().splitlines()[0]
    rows = "\n".join(
        f"| `{name}` | {_kind(hint)} | {'yes' if required else 'no'} |"
        for name, (_, hint, required) in members(kind).items()
    )
    return f"### {title}\n\n{doc}\n\n| member | type | required |\n| --- | --- | --- |\n{rows}"


def _kind(hint: Any) -> str:
    """A type in the words of JSON; nested objects with their members."""
    marks = get_args(hint)[1:] if hasattr(hint, "__metadata__") else ()
    plain = get_args(hint)[0] if marks else hint
    if any(isinstance(mark, Key) for mark in marks) and not dataclasses.is_dataclass(plain):
        return _kind(plain)
    if get_origin(plain) is tuple:
        return f"list of {_kind(get_args(plain)[0])}"
    options = [each for each in get_args(plain) if each is not type(None)]
    if options:
        return _kind(options[0])
    if dataclasses.is_dataclass(plain):
        inner = ", ".join(f"`{name}`" for name in members(plain))  # type: ignore[arg-type]  # a class
        return f"object ({inner})"
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return "one of " + ", ".join(f"`{each}`" for each in plain)
    names = {
        "str": "string",
        "int": "number",
        "bool": "true or false",
        "bytes": "octets",
        "datetime": "moment",
    }
    return names.get(getattr(plain, "__name__", ""), "seconds")


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
