"""Whether the state a plan was made for still holds on the device it is to be carried out on.

A plan is old the moment it is written. The device is read again, and diagnosed again, before anything is typed: the
name, the platform, the model and the release must be those of the plan; the finding must still be there; and either
a line it rested on is still printed, or the repair planned today types the same lines. Logs roll over and attempts are
repeated, so not every line is asked for; but a plan whose evidence is gone and whose repair is another one now is a
plan for another fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anchorwatch.devices import capture
from anchorwatch.doctor import treatment
from anchorwatch.doctor.diagnosis import Diagnosis, Status
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.plan import Plan, digest
from anchorwatch.fleet.gathering import Gathered


@dataclass(frozen=True, slots=True)
class Fits:
    """The plan may be carried out."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The finding is not there: nothing has to be done. `healthy` says that licensing is proven to work."""

    healthy: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """The plan is for another device, or another fault; in a sentence."""

    sentence: str


Fit = Fits | Gone | Changed


def fit(plan: Plan, gathered: Gathered) -> Fit:
    """Compare a plan with what its device prints now."""
    made = plan.made_for
    diagnosis = newest(gathered)
    if made.device and gathered.device and _host(made.device) != _host(gathered.device):
        return Changed(f"the plan is for {made.device}, and this is {gathered.device}")
    if diagnosis is None:
        return Changed(f"{gathered.device} printed nothing that a diagnosis could be made of")
    finding = present(diagnosis, plan.code)
    if finding is None:
        return Gone(healthy=diagnosis.status is Status.HEALTHY)
    now = treatment.situation(diagnosis.case, finding)
    for what, planned, found in (
        ("platform", made.platform.value, now.owner.value),
        ("model", made.model, now.model.value),
        ("release", made.release, now.release),
    ):
        if planned and found and planned != found:
            return Changed(f"the plan is for {what} {planned}, and {gathered.device} is {found}")
    if made.release and not now.release:
        return Changed(f"{gathered.device} does not print its release; the plan is for {made.release}")
    if _evidence(plan, gathered, finding) or _same_repair(plan, diagnosis):
        return Fits()
    return Changed(
        f"{gathered.device} still has the finding {plan.code}, but prints none of the lines the plan rests on, and the "
        "repair would be another one today"
    )


def newest(gathered: Gathered) -> Diagnosis | None:
    """What is said of the device's newest moment; None where nothing is."""
    of_it = [
        each
        for each in gathered.report.diagnoses
        if not each.case.device or _host(each.case.device) == _host(gathered.device)
    ]
    return of_it[-1] if of_it else None


def present(diagnosis: Diagnosis, code: str) -> Finding | None:
    """The finding of that code, where it is established."""
    return next(
        (
            finding
            for finding in diagnosis.findings
            if finding.code == code
            and finding.severity is not Severity.NOTE
            and finding.confidence is not Confidence.CANDIDATE
        ),
        None,
    )


def _host(device: str) -> str:
    return device.split("/", 1)[0]


def _evidence(plan: Plan, gathered: Gathered, finding: Finding) -> bool:
    """Whether a line the plan rested on is printed now; a plan that rests on none needs none."""
    wanted = set(plan.made_for.evidence)
    return not wanted or any(digest(text) in wanted for text in _printed(gathered, finding))


def _printed(gathered: Gathered, finding: Finding) -> Iterator[str]:
    yield from (span.text for span in finding.evidence)
    yield from (line.text.strip() for line in capture.clean(gathered.transcript))


def _same_repair(plan: Plan, diagnosis: Diagnosis) -> bool:
    today = diagnosis.plan
    return isinstance(today, Plan) and today.code == plan.code and _changes(today) == _changes(plan)


def _changes(plan: Plan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((step.id, tuple(step.typed)) for step in plan.steps if not step.read_only)
