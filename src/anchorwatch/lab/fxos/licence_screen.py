"""The licence screens of a chassis: those of the second generation, under a shorter rule."""

from __future__ import annotations

from dataclasses import replace

from anchorwatch.devices import agent_detail
from anchorwatch.devices import license as device_screen
from anchorwatch.devices.agent_detail import AgentDetail
from anchorwatch.devices.license_fact import Attempt, Authorization, LicenseReport
from anchorwatch.devices.moment import Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab import licence_screen
from anchorwatch.lab.fxos.machine import Chassis
from anchorwatch.lab.licence_screen import Printed

_RULE = "====="
_SECTIONS = {
    "all": ("title", "enabled", "registration", "authorization", "usage", "product", "agent"),
    "techsupport": ("title", "enabled", "registration", "authorization", "usage", "product", "agent"),
    "status": ("title", "enabled", "registration", "authorization"),
    "summary": ("enabled", "registration", "authorization", "table"),
    "usage": ("authorization", "usage"),
    "udi": ("udi",),
}


def render(machine: Chassis, part: str) -> str:
    """One of the screens: ``all``, ``status``, ``summary``, ``usage``, ``udi`` or ``techsupport``."""
    shown = replace(report(machine), sections=_SECTIONS[part])
    if part == "summary":
        shown = _shortened(shown)
    elif part == "usage" and shown.authorization is not None:
        shown = replace(shown, authorization=Authorization(status=shown.authorization.status))
    text = f"\n{device_screen.render(shown)}\n"
    if part == "techsupport":
        text += f"\n{agent_detail.render(_detail(machine))}\n"
    return text


def report(machine: Chassis) -> LicenseReport:
    """What the agent holds, in the words and on the wall clock of the chassis."""
    by = Printed(
        policy=machine.policy,
        now=machine.clock.reading(),
        when=lambda moment: machine.time(Style.LICENSE, at=moment),
        latest=False,
        reasons=machine.reasons,
        failed_at=machine.failed_at,
        titles=machine.titles,
        rule=_RULE,
    )
    return licence_screen.whole(machine.licence.state, by)


def _shortened(whole: LicenseReport) -> LicenseReport:
    """The summary tells of each machine what it is, and when it spoke last and will speak next."""
    assert whole.registration is not None, "an agent has both machines"
    assert whole.authorization is not None, "an agent has both machines"
    status, last = whole.authorization.status, whole.authorization.last_communication
    return replace(
        whole,
        registration=replace(whole.registration, initial=None, expires=None),
        authorization=replace(
            whole.authorization,
            status=Attempt(outcome=status.outcome) if status is not None else None,
            last_communication=Attempt(outcome=last.outcome) if last is not None else None,
            deadline=None,
        ),
    )


def _detail(machine: Chassis) -> AgentDetail:
    state = licence_screen.overall(machine.licence.state)
    return AgentDetail(
        clock_synchronized=Seen(machine.clock.synchronized),
        server_identity_check=Seen(True),
        agent_state=Seen(str(state).replace("-", " ")),
    )
