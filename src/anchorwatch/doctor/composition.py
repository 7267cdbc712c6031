"""How steps become a plan: one part for each unit, what is done already left out, saving only what was changed.

Steps come in groups. A group changes one thing and holds the looking that belongs to it; when the facts show that
the thing is done, the whole group is left out. So a plan that is made again after it was carried out is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Protocol

from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.fxos import step as fxos
from anchorwatch.devices.iosxe import step as iosxe
from anchorwatch.devices.step import Claim, Place, Step
from anchorwatch.doctor.plan import Admission, Anchor, Decision, MadeFor, Part, Plan, digest
from anchorwatch.doctor.situation import Model, Situation
from anchorwatch.licensing.status import RegistrationState

Group = tuple[Step, ...]
Make = Callable[[Place], Iterable[Group]]


class Rung(IntEnum):
    """The lower rungs of the ladder, by how many of the checks below stand before them."""

    CLOCK = 0
    NAME = 1
    ROUTE = 2


class Kit(Protocol):
    """What every platform that owns an agent can be told; the modules `step` of the platforms are kits."""

    def record_state(self, place: Place) -> Step: ...
    def check_clock(self, place: Place) -> Step: ...
    def check_name_server(self, place: Place) -> Step: ...
    def check_reach(self, place: Place, host: str, port: int = ..., *, id_: str = ...) -> Step: ...
    def check_anchor(self, place: Place, names: tuple[str, ...], sha256s: tuple[str, ...]) -> Step: ...
    def export_flag(self, place: Place, *, after: bool) -> Step: ...
    def wait_for_success(self, place: Place) -> Step: ...
    def renew(self, place: Place, what: str = ...) -> Step: ...
    def register(self, place: Place, *, force: bool) -> Step: ...
    def name_server(self, place: Place) -> Step: ...
    def time_server(self, place: Place) -> Step: ...
    def proxy(self, place: Place) -> Step: ...
    def transport_on(self, place: Place) -> Step: ...
    def portal_url(self, place: Place) -> Step: ...


_KITS: dict[Platform, Kit] = {Platform.ASA: asa, Platform.FXOS: fxos, Platform.IOSXE: iosxe}
OWNERS = frozenset(_KITS)
"""The platforms whose agent we can mend."""


def kit(situation: Situation) -> Kit:
    """The steps of the platform that owns the agent."""
    return _KITS[situation.owner]


def compose(
    situation: Situation,
    make: Make,
    *,
    title: str,
    cause: str,
    cautions: Iterable[str] = (),
    decisions: Iterable[Decision] = (),
    admits: Admission | None = None,
    anchors: tuple[Anchor, ...] = (),
    alternatives: Iterable[str] = (),
    mends: Rung | None = None,
) -> Plan:
    """A plan from the groups that `make` gives for each place; `mends` is the rung of the ladder it repairs, if one."""
    cautions = list(cautions)
    if len(situation.units) > 1:
        cautions.append(
            "Both units are mended and proven, one after the other: a repaired active unit beside an unlicensed "
            "standby is a trap for the next failover."
            if situation.owner is not Platform.FXOS
            else "Every chassis is mended and proven by itself: trust and registration do not replicate."
        )
    return Plan(
        code=situation.code,
        title=title,
        cause=cause,
        made_for=_made_for(situation),
        parts=tuple(
            _part(situation, place, number, make, mends) for number, place in enumerate(_places(situation))
        ),
        cautions=tuple(cautions),
        decisions=tuple(decisions),
        admits=admits,
        anchors=anchors,
        alternatives=tuple(alternatives),
        proof=(
            "The agent reports a success that is newer than the repair, on every unit.",
            "`anchorwatch diagnose` of the new output no longer shows the finding.",
        ),
    )


def finish(situation: Situation, place: Place) -> tuple[Group, ...]:
    """Let the agent try again: renew where it is registered, else register; nothing where that is not known."""
    if situation.registered is None:
        return ((iosxe.sync(place),),) if situation.in_policy_mode else ()
    if not situation.registered:
        return (registration(situation, place, force=situation.registration in _FORCED),)
    if situation.in_policy_mode:
        return ((iosxe.sync(place),),)
    return ((kit(situation).renew(place),),)


UNKNOWN_STATE = (
    "Whether the device is registered is not known, so this plan ends before the agent is told to try again: "
    "collect `show license all` and plan again; it will be `renew` where it is REGISTERED and `register` else."
)
# In these states the portal may know the device already, and an attempt may still be going on.
_FORCED = {RegistrationState.RETRYING, RegistrationState.FAILED, RegistrationState.EXPIRED}
TOKEN = Decision(
    question="Which token, of which virtual account, and with which export-controlled functionality?",
    why="It must allow the same as the registration before; a token that allows less takes strong encryption away.",
)


def registration(situation: Situation, place: Place, *, force: bool) -> Group:
    """Register with a token, between two looks at the export flag."""
    tools = kit(situation)
    act = (
        iosxe.trust_code(place, force=force)
        if situation.in_policy_mode
        else tools.register(place, force=force)
    )
    return (tools.export_flag(place, after=False), act, tools.export_flag(place, after=True))


def holds(claim: Claim | None, known: frozenset[Claim]) -> bool:
    """Whether a claim is among known ones; of several things one is enough."""
    return claim is not None and any(
        other.about is claim.about and (not claim.any_of or bool(set(claim.any_of) & set(other.any_of)))
        for other in known
    )


def _part(situation: Situation, place: Place, number: int, make: Make, mends: Rung | None) -> Part:
    tools = kit(situation)
    groups = [group for group in make(place) if not _done(group, situation.holds)]
    if number and situation.owner is not Platform.FXOS:
        # Configuration is typed on the active unit and replicates; on the other it is only looked at.
        groups = [
            tuple(step for step in group if step.read_only)
            if any(step.changes_configuration for step in group)
            else group
            for group in groups
        ]
    steps = tuple(step for group in groups for step in group)
    if any(step.changes_configuration for step in steps):
        match situation.owner:
            case Platform.ASA:
                steps += (asa.save(place),)
            case Platform.IOSXE:
                steps += (iosxe.save(place),)
            case _:
                pass
    ladder: Group = (
        tools.check_clock(place),
        tools.check_name_server(place),
        tools.check_reach(place, situation.host),
    )
    # What lies at or above the rung that is mended cannot be right before; it is looked at afterwards.
    if situation.code == "proxy-wrong":
        ladder = ladder[:2]  # a direct connection is refused on purpose, before and after
    stands = len(ladder) if mends is None else mends
    after = ladder[stands:]
    prechecks = (
        *((asa.check_owner(place),) if _unsure_owner(situation) else ()),
        tools.record_state(place),
        *ladder[:stands],
    )
    return Part(
        unit=place.unit,
        prechecks=prechecks if steps else (),
        steps=steps,
        verify=(*after, tools.wait_for_success(place)),
    )


def _done(group: Group, known: frozenset[Claim]) -> bool:
    changing = [step for step in group if not step.read_only]
    return all(holds(step.expected.claim, known) for step in changing)


def _places(situation: Situation) -> tuple[Place, ...]:
    context = "system" if situation.multi_context and situation.owner is Platform.ASA else ""
    scope = "top" if situation.owner is Platform.FXOS else "privileged EXEC"
    return tuple(
        Place(platform=situation.owner, unit=unit, context=context, scope=scope)
        for unit in situation.units or ("",)
    )


def _unsure_owner(situation: Situation) -> bool:
    return situation.owner is Platform.ASA and situation.model is Model.UNKNOWN


def _made_for(situation: Situation) -> MadeFor:
    return MadeFor(
        device=situation.device,
        platform=situation.owner,
        model=situation.model.value,
        release=situation.release,
        units=situation.units,
        endpoint=situation.host,
        at=situation.at,
        evidence=tuple(digest(line) for line in situation.evidence),
    )
