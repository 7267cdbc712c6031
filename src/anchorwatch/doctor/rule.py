"""What a rule is: one cause, everything that is known about it, and the function that recognises it.

A rule is a record. The words in it are what a report prints and what the rule's page in the documentation is made
of; the function says whether the cause holds for a case, and quotes the lines. Two texts prove it: one where
it holds, and a look-alike where it must stay silent.

Rules do not know each other. Which finding is the consequence of which is said by `explains`, and applied
afterwards by `anchorwatch.doctor.diagnosis`. Confidence is capped here, not in the function: a rule that
rests on anything unconfirmed has `cap` CANDIDATE, whatever its function believes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity


class Rung(StrEnum):
    """The rungs of the ladder, lowest first: the first that fails is the cause, those above are unknown."""

    CLOCK = "clock"
    DNS = "dns"
    ROUTE = "route"
    TLS = "tls"
    TRUST = "trust"
    HTTP = "http"
    PORTAL = "portal"
    ENTITLEMENT = "entitlement"

    @property
    def height(self) -> int:
        """Place on the ladder, 0 lowest."""
        return list(Rung).index(self)


FAILED_EXCHANGE = ("communication-failing", "registration-retrying", "authorization-expired")
"""What any cause that keeps a device from the portal explains: to be named in its `explains`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """Another cause with similar lines, and what separates the two."""

    cause: str
    difference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text a device printed, and what it proves: `title` says why the cause holds there, or why it must not."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One cause.

    `rung` is the rung of the ladder that fails, None for what stands beside it. `evidence` are the lines it wants, in
    words. `remedy` says per platform what mends it, `verification` how to prove it. `explains` are codes of
    findings that are mere consequences while this one stands. `sources` names where the knowledge comes from.
    """

    code: str
    severity: Severity
    rung: Rung | None
    sentence: str
    evidence: tuple[str, ...]
    look_alikes: tuple[LookAlike, ...]
    remedy: tuple[tuple[Platform, str], ...]
    verification: str
    find: Callable[[Case], tuple[Finding, ...]]
    cap: Confidence = Confidence.CONFIRMED
    explains: tuple[str, ...] = ()
    holds: Example | None = None
    silent: Example | None = None
    sources: tuple[str, ...] = ()
