"""The sections and fields of the licence screens, each named once: reading and printing both walk this table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from anchorwatch.devices import moment
from anchorwatch.devices.license_fact import (
    Attempt,
    Authorization,
    Privacy,
    Registration,
    Transport,
    UsageReporting,
)
from anchorwatch.devices.screen import Label, integer, key
from anchorwatch.devices.span import Seen

Read = Callable[[Label], object]


def as_text(part: Label) -> object:
    """The value as it was printed, with its place."""
    return Seen(part.value, part.line.whole)


def _time(part: Label) -> object:
    time = moment.parse(part.value)
    return Seen(time, part.line.whole) if time else None


def _number(part: Label) -> object:
    number = integer(part.value)
    return None if number is None else Seen(number, part.line.whole)


_DOTS = "••••••••"


def _masked(part: Label) -> object:
    """Keep of a password only whether there is one."""
    empty = part.value.lower() in {"", "<empty>", "<none>", "not configured"}
    if empty:
        return as_text(part)
    return Seen(_DOTS, replace(part.line.whole, text=f"Password: {_DOTS}"))


_ON = re.compile(r"^(?P<outcome>.{0,200}?)\s+on\s+(?P<time>.*)$")


def _attempt(part: Label) -> object:
    """Read ``SUCCEEDED on <time>``, or the outcome alone."""
    match = _ON.match(part.value)
    time = moment.parse(match["time"]) if match else None
    if match and time:
        return Attempt(outcome=Seen(match["outcome"], part.line.whole), time=time)
    return Attempt(outcome=Seen(part.value, part.line.whole))


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a section: the attribute of the fact, the label as printed, how the value is read."""

    attribute: str
    title: str
    read: Read = as_text
    indent: int = 2


@dataclass(frozen=True, slots=True)
class Section:
    """One section: the attribute of the report, its heading as printed, its fields in printing order."""

    attribute: str
    heading: str
    fields: tuple[Field, ...]
    make: type[Any]
    blank: str = ""


REGISTRATION = Section(
    "registration",
    "Registration",
    (
        Field("status", "Status"),
        Field("smart_account", "Smart Account"),
        Field("virtual_account", "Virtual Account"),
        Field("export_controlled", "Export-Controlled Functionality"),
        Field("initial", "Initial Registration", _attempt),
        Field("last_renewal", "Last Renewal Attempt", _attempt),
        Field("next_renewal", "Next Renewal Attempt", _time),
        Field("expires", "Registration Expires", _time),
    ),
    Registration,
)
# Printed in the deadline's place once it is over.
EXCEEDED = Field("deadline_exceeded", "Communication Deadline")
AUTHORIZATION = Section(
    "authorization",
    "License Authorization",
    (
        Field("status", "Status", _attempt),
        Field("evaluation_remaining", "Evaluation Period Remaining"),
        Field("last_communication", "Last Communication Attempt", _attempt),
        Field("next_communication", "Next Communication Attempt", _time),
        Field("deadline", "Communication Deadline", _time),
        EXCEEDED,
    ),
    Authorization,
    blank=" ",
)
PRIVACY = Section(
    "privacy",
    "Data Privacy",
    (
        Field("sending_hostname", "Sending Hostname"),
        Field("call_home_hostname", "Callhome hostname privacy", indent=4),
        Field("smart_hostname", "Smart Licensing hostname privacy", indent=4),
        Field("version", "Version privacy"),
    ),
    Privacy,
)
PROXY = Field("proxy", "Proxy")
TRANSPORT = Section(
    "transport",
    "Transport",
    (
        Field("kind", "Type"),
        Field("url", "URL"),
        Field("cslu_address", "Cslu address"),
        PROXY,
        Field("proxy_address", "Address", indent=4),
        Field("proxy_port", "Port", indent=4),
        Field("proxy_username", "Username", indent=4),
        Field("proxy_password", "Password", _masked, indent=4),
        Field("identity_check", "Server Identity Check"),
        Field("vrf", "VRF"),
    ),
    Transport,
)
REPORTING = Section(
    "reporting",
    "Usage Reporting",
    (
        Field("last_ack", "Last ACK received"),
        Field("next_ack_deadline", "Next ACK deadline"),
        Field("push_interval", "Reporting push interval"),
        Field("next_ack_check", "Next ACK push check"),
        Field("next_push", "Next report push"),
        Field("last_push", "Last report push"),
        Field("last_file_write", "Last report file write"),
    ),
    UsageReporting,
)
ENTITLEMENT_FIELDS = (
    Field("description", "Description"),
    Field("count", "Count", _number),
    Field("version", "Version"),
    Field("status", "Status"),
    Field("export_status", "Export status"),
)
TABLES = {
    key(section.heading): section for section in (REGISTRATION, AUTHORIZATION, PRIVACY, TRANSPORT, REPORTING)
}
FIELDS = {
    section.attribute: {key(each.title): each for each in section.fields if each is not EXCEEDED}
    for section in TABLES.values()
}
ENTITLEMENT_KEYS = {key(each.title): each for each in ENTITLEMENT_FIELDS}
# Headings without fields of their own in the table above.
OTHER_SECTIONS = {
    "utility": "utility",
    "exportauthorizationkey": "export",
    "smartlicensingusingpolicy": "using_policy",
    "accountinformation": "account",
    "policy": "policy",
    "miscellaneous": "miscellaneous",
    "customidinformation": "miscellaneous",
    "licenseconversion": "miscellaneous",
    "hauilist": "miscellaneous",
    "haudilist": "miscellaneous",
    "purchasedlicenses": "policy",
    "derivedlicenses": "policy",
    "overlappingpids": "policy",
}
# Titles that stand on a line of their own above a rule of equal signs.
TITLES = {
    "smartlicensingstatus": "title",
    "licenseusage": "usage",
    "productinformation": "product",
    "agentversion": "agent",
    "reservationinfo": "reservation",
    "licensereservation": "reservation",
    "licenseauthorizations": "policy",
    "smartlicensingusagereport": "policy",
    "usagereportsummary": "policy",
    "licensecertificateinformation": "policy",
}
