"""The ASA on the module of a chassis: an ASA in all but its licence, which the chassis asks for.

It has a trust pool and trustpoints of its own, and an import into them works; the agent that speaks to the portal
lives in the chassis and never looks at them. What the application uses is requested through that agent, so its
command line shows entitlements and nothing of a registration, and has no word for registering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from anchorwatch.devices.asa import version as version_screen
from anchorwatch.devices.fact import SoftwareVersion
from anchorwatch.devices.fxos import application as screen
from anchorwatch.devices.license_fact import Entitlement
from anchorwatch.devices.moment import Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa import entitlement, platform_screen
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.shell import DIALECT, PRIVILEGED, AsaShell, grammars
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.fxos.machine import Chassis
from anchorwatch.lab.grammar import Grammar
from anchorwatch.lab.licence import Licence
from anchorwatch.lab.shell import Says, Typed
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import Product
from anchorwatch.licensing.status import AUTHORIZATION_WORDS, AuthorizationState

_ABSENT = (
    "license smart register",
    "license smart deregister",
    "license smart renew",
    "show license registration",
    "show license summary",
    "show license status",
    "show license usage",
    "show license udi",
    "show license pool",
    "show tech-support license",
    "throughput",
)
"""What an ASA that owns its licence has, and one on a chassis has not."""


class FollowingClock(DeviceClock):
    """The clock of an application: what the chassis tells it."""

    def __init__(self, chassis: DeviceClock) -> None:
        self.chassis = chassis
        super().__init__(chassis.true)

    @property
    def off(self) -> timedelta:
        """How far ahead of the true time the chassis is."""
        return self.chassis.off

    @off.setter
    def off(self, _: timedelta) -> None:
        """Nobody sets it here."""

    @property
    def synchronized(self) -> bool:
        """Whether the chassis follows a time server."""
        return self.chassis.synchronized

    @synchronized.setter
    def synchronized(self, _: bool) -> None:
        """Nobody sets it here."""


class _Borrowed(Licence):
    """The chassis's agent in the hands of its application, which may use it and not end it."""

    def __init__(self, owner: Licence) -> None:
        self.__dict__.update(owner.__dict__)

    def close(self) -> None:
        """It goes on: it is another's."""


class Application(Asa):
    """The ASA installed on a chassis."""

    def __init__(self, chassis: Chassis, **common: Any) -> None:
        self._chassis = chassis
        super().__init__(
            clock=FollowingClock(chassis.clock),
            network=chassis.network,
            folder=chassis.folder / "application",
            pins=common.pop("pins", chassis.pins),
            **common,
        )
        chassis.application = self

    def licence_agent(self, product: Product, policy: AgentPolicy) -> Licence:  # noqa: ARG002 - it has none of its own
        """The agent of the chassis."""
        return _Borrowed(self._chassis.licence)

    def follow_time(self) -> None:
        """The chassis sees to the time."""

    def ask_for_licences(self) -> None:
        """Tell the chassis's agent what is configured here. May take the time of a connection."""
        asked = entitlement.asked(self.running.licence, self.family)
        self._chassis.want(self.wanted(), {each.tag: each.title for each in asked})

    def wanted(self) -> tuple[Wanted, ...]:
        """What is configured here, as the agent asks for it."""
        return entitlement.wanted(self.running.licence, self.family)

    @property
    def family(self) -> str:
        """The chassis's model: entitlements are named by it."""
        return self._chassis.hardware.model

    def wake(self) -> None:
        """Do what is due now; the chassis is not started anew meanwhile."""
        with self._chassis.guard:
            super().wake()

    @property
    def version(self) -> SoftwareVersion:
        """What ``show version`` tells: the hardware is the module, the system below is the chassis's."""
        large = self.family.upper().startswith("FPR9")
        return replace(
            platform_screen.version(self),
            hardware=Seen("FPR9K-SM-24" if large else "FPR4K-SM-24"),
            operating_system=Seen(str(self._chassis.software)),
        )

    def entitlements(self) -> tuple[Entitlement, ...]:
        """What was asked for, and what became of it."""
        state = self._chassis.licence.state
        grant = state.granted()
        statuses = {each.tag: each.status for each in grant.ent} if grant is not None else {}
        since = grant.iat if grant is not None else self.clock.now()
        found = []
        for number, asked in enumerate(entitlement.asked(self.running.licence, self.family), start=1):
            status = statuses.get(asked.tag, AuthorizationState.WAITING)
            found.append(
                Entitlement(
                    tag=Seen(asked.tag),
                    name=asked.heading,
                    version=Seen("1.0"),
                    status=Seen(AUTHORIZATION_WORDS[status].printed.capitalize()),
                    handle=Seen(str(number)),
                    requested_time=Seen(self.time(Style.MAIL, at=since)),
                    count=Seen(asked.count),
                    request_status=Seen("Complete" if asked.tag in statuses else "Pending"),
                )
            )
        return tuple(found)


class ConsoleShell(AsaShell):
    """A session on the application, over the console that the chassis gives."""

    @property
    def known(self) -> Mapping[str, Grammar[Callable[..., Says]]]:
        """What every mode knows of an ASA's commands, without those of a licence's owner."""
        return application_grammars()

    def greeting(self) -> str:
        """A console greets nobody."""
        return ""


@cache
def application_grammars() -> dict[str, Grammar[Callable[..., Says]]]:
    """The grammar of every mode of an application."""
    built: dict[str, Grammar[Callable[..., Says]]] = {}
    for mode in DIALECT.modes:
        grammar: Grammar[Callable[..., Says]] = Grammar()
        if mode.name in ("user", PRIVILEGED):
            grammar.add("show version", _version)
        if mode.name == PRIVILEGED:
            grammar.add("show license all", _show_all)
        grammar.include(grammars()[mode.name])
        for words in _ABSENT:
            grammar.omit(words)
        built[mode.name] = grammar
    return built


def _application(shell: AsaShell) -> Application:
    assert isinstance(shell.machine, Application), "a console leads to an application"
    return shell.machine


def _version(shell: ConsoleShell, _: Typed) -> str:
    return version_screen.render(_application(shell).version)


def _show_all(shell: ConsoleShell, _: Typed) -> str:
    machine = _application(shell)
    return screen.render(
        machine.entitlements(), version_screen.render_features(platform_screen.features(machine))
    )
