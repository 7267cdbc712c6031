"""What a person fills in before a step can be typed: addresses, names, and secrets by name.

In the lines of a step a blank is written ``<ID token>``. A plan never holds the value: it is asked for, or looked
up, when the line is typed, and a secret one is shown as dots from then on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANK = re.compile(r"<([A-Za-z][A-Za-z0-9 -]{0,40})>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """A place in a line: its name, one sentence on what belongs there, and whether it is a secret.

    `seen_there` says that the device itself shows the value when the step is carried out.
    """

    name: str
    sentence: str
    secret: bool = False
    seen_there: bool = False


_KNOWN = (
    Blank(
        name="ID token",
        sentence="A registration token of the virtual account this device belongs to, on one line, not quoted.",
        secret=True,
    ),
    Blank(name="DNS server", sentence="The address of a name server that the device can reach."),
    Blank(name="NTP server", sentence="The address of a time server that the device can reach."),
    Blank(name="interface", sentence="The name of the interface through which the portal is reached."),
    Blank(name="network", sentence="The destination of the missing route."),
    Blank(name="mask", sentence="The mask of that destination."),
    Blank(name="gateway", sentence="The next hop on that interface."),
    Blank(name="proxy host", sentence="The name or address of the HTTP proxy."),
    Blank(name="proxy port", sentence="The port of the HTTP proxy."),
    Blank(name="portal URL", sentence="The portal's address by a name that its certificate carries."),
    Blank(
        name="bundle URL",
        sentence="Where an unchanged copy of Cisco's signed bundle is served inside your network.",
    ),
    Blank(name="throughput", sentence="The throughput level this ASAv is entitled to, such as 1G."),
    Blank(
        name="certificate",
        sentence=(
            "The PEM text of the certificate this step names, obtained from a source of your own, never from a document "
            "or the failing connection; its SHA-256 must be the one the step names."
        ),
    ),
    Blank(
        name="fingerprint",
        sentence="The fingerprint of a certificate that the listing after the import has and the one before has not.",
        seen_there=True,
    ),
)
BLANKS: dict[str, Blank] = {blank.name: blank for blank in _KNOWN}
"""Every blank a line may hold, by name."""


def blanks(text: str) -> tuple[Blank, ...]:
    """The blanks of a line in order; `KeyError` for one that nobody defined."""
    return tuple(BLANKS[name] for name in dict.fromkeys(_BLANK.findall(text)))
