"""The rules of safe repair on devices that would suffer if they did not hold: one test for each rule, over SSH."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from anchorwatch.devices.banned import why_banned
from anchorwatch.devices.step import About, Decider, Effect, Pasted
from anchorwatch.doctor.diagnosis import Diagnosis, Status
from anchorwatch.doctor.plan import Plan
from anchorwatch.fleet.repair import Proven, Stopped
from anchorwatch.formats import read
from anchorwatch.lab.network import Fault
from anchorwatch.licensing.account import DeviceEvent
from lab.ailments import BEFORE, Cause, stage, text
from lab.quarter import Quarter

pytestmark = pytest.mark.slow

TRUST = ("anchor-missing", "fxos-trustpoint-missing")
BLOCKED = (Fault.PORT80,)
MISSING = Cause(named=TRUST, trusts=False, came=BEFORE, always=BLOCKED)
CASES = {
    "inspected": Cause(named=TRUST, trusts=False, came=BEFORE, always=BLOCKED, breaks=(Fault.TLS_INSPECTION,)),
    "inspected-well": Cause(named=("tls-inspection",), breaks=(Fault.TLS_INSPECTION,)),
    "altered": MISSING, "unsigned": MISSING, "foreign": MISSING, "order": MISSING, "unsaved": MISSING, "many": MISSING,
    "damaged": MISSING, "chassis": MISSING,
    "removed": Cause(
        named=("instance-removed",),
        staged=lambda quarter, device: quarter.move_instance(device, DeviceEvent.REMOVED),
    ),
}  # fmt: skip
PAIRS = [(name, "fp4110" if name == "chassis" else "asav952") for name in CASES]
PAIRS += [("inspected", "fp4110"), ("damaged", "fp4110")]
PAIRS = [pair for pair in PAIRS if pair != ("chassis", "asav952")]
BUNDLE = "http://www.cisco.com/security/pki/trs/ios_core.p7b"


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    with Quarter(tmp_path_factory.mktemp("hands") / "lab", text(CASES, PAIRS)) as made:
        stage(made, CASES, PAIRS)
        yield made


def opened(quarter: Quarter, device: str, *faults: Fault, known: bool = False) -> Diagnosis:
    """What the doctor says once port 80 is open, and the bundle is served as it is here.

    Without `known` authorities a CA comes by the bundle, with them into a trustpoint.
    """
    quarter.town.mend(Fault.PORT80, device)
    quarter.break_(device, *faults)
    return quarter.examine(device, known=known)


def typed(plan: Plan) -> list[str]:
    """Every line that a plan would type."""
    return [line for part in plan.parts for step in part.all for line in step.typed]


def pasted(plan: Plan) -> set[str]:
    """SHA-256 of every certificate that a plan would paste."""
    return {
        entry.sha256
        for part in plan.parts
        for step in part.all
        for entry in step.lines
        if isinstance(entry, Pasted)
    }


def plan_of(found: Diagnosis) -> Plan:
    assert isinstance(found.plan, Plan), found.plan
    return found.plan


def pool(quarter: Quarter, device: str) -> list[str]:
    return re.findall(r"Fingerprint: (\w+)", quarter.typed(device, "show crypto ca trustpool"))


# First, because time passes in the others, and an agent that was refused forgets in time.
def test_6_a_registration_by_force_compares_the_export_flag(quarter: Quarter) -> None:
    """Where a plan registers by force, it looks at the export flag afterwards and compares it with the one before."""
    found = quarter.examine("removed-asav952")
    assert "instance-removed" in [finding.code for finding in found.findings]
    plan = plan_of(found)
    steps = [step for part in plan.parts for step in part.all]
    forced = [at for at, step in enumerate(steps) if any(line.endswith("force") for line in step.typed)]
    compared = [
        at
        for at, step in enumerate(steps)
        if step.expected.claim is not None and step.expected.claim.about is About.EXPORT_UNCHANGED
    ]
    assert forced
    assert compared
    assert min(forced) < max(compared)


def test_1_the_steps_come_in_their_order(quarter: Quarter) -> None:
    """State recorded, clock, name and port checked, import with the signature required, counters, test, renewal, proof."""
    plan = plan_of(opened(quarter, "order-asav952"))
    lines = typed(plan)
    wanted = (
        "show clock", "ping tcp www.cisco.com 80", "crypto ca trustpool import url", "call-home test profile License",
        "license smart renew auth", "show license all",
    )  # fmt: skip
    places = [
        next((at for at, line in enumerate(lines) if line.startswith(word)), -1) for word in wanted[:-1]
    ]
    assert -1 not in places, (lines, places)
    assert places == sorted(places), lines
    assert max(at for at, line in enumerate(lines) if line.startswith(wanted[-1])) > places[-1]
    (imports,) = [line for line in lines if line.startswith("crypto ca trustpool import")]
    assert imports == f"crypto ca trustpool import url {BUNDLE} noconfirm signature-required"


def test_1_saving_is_asked_for_and_never_with_unsaved_changes_of_somebody(quarter: Quarter) -> None:
    """An import needs no saving; a trustpoint does, and a person is asked: left out, somebody's edits stay unsaved."""
    device = "unsaved-asav952"
    quarter.typed(device, "configure terminal", "logging host outside 192.0.2.99", "end")
    assert not any(line.startswith(("write", "copy")) for line in typed(plan_of(opened(quarter, device))))
    plan = plan_of(opened(quarter, device, known=True))
    (save,) = [step for part in plan.parts for step in part.all if step.effect is Effect.SAVE]
    assert save.decides is Decider.PERSON
    outcome, _ = quarter.apply(device, plan, left=[save.id])
    assert isinstance(outcome, Proven)
    assert "logging host outside 192.0.2.99" in quarter.typed(device, "show running-config")
    assert "logging host outside 192.0.2.99" not in quarter.typed(device, "show startup-config")


@pytest.mark.parametrize("kind", ["asav952", "fp4110"])
def test_2_a_proxy_that_opens_tls_is_never_trusted(quarter: Quarter, kind: str) -> None:
    """Whatever the plan brings in, the CA that was learned from the failing session is not among it."""
    inspector = quarter.town.house.minted["-inspector"].certificate
    for name in ("inspected", "inspected-well"):
        device = f"{name}-{kind}"
        if device not in quarter.town.residents:
            continue
        found = opened(quarter, device, known=True)
        if isinstance(found.plan, Plan):
            assert inspector.sha256 not in pasted(found.plan)
            assert all(anchor.sha256 != inspector.sha256 for anchor in found.plan.anchors)
            quarter.apply(device, found.plan)
        shown = quarter.typed(
            device,
            *(
                ("scope security", "show trustpoint detail")
                if kind == "fp4110"
                else ("show crypto ca certificates", "show crypto ca trustpool")
            ),
        )
        assert inspector.title not in shown
        assert inspector.sha256 not in {
            each.sha256 for each in read(shown.encode(), source="shown").certificates
        }
        assert quarter.examine(device).status is not Status.HEALTHY


@pytest.mark.parametrize(
    ("device", "fault"),
    [
        ("altered-asav952", Fault.BUNDLE_ALTERED),
        ("unsigned-asav952", Fault.BUNDLE_UNSIGNED),
        ("foreign-asav952", Fault.BUNDLE_FOREIGN),
    ],
)
def test_2_a_bundle_without_the_right_signature_is_never_imported(
    quarter: Quarter, device: str, fault: Fault
) -> None:
    """The plan stops at the import, the pool is as it was, and nothing after it was typed."""
    before = pool(quarter, device)
    plan = plan_of(opened(quarter, device, fault))
    outcome, run = quarter.apply(device, plan, known=False)
    assert isinstance(outcome, Stopped), outcome
    assert outcome.settled
    assert pool(quarter, device) == before
    assert run is not None
    said = (run.folder / "transcript.txt").read_text(encoding="utf-8")
    assert "signature could not be verified" in said
    assert said.count("license smart renew auth") == 0


def test_3_and_4_the_ca_of_the_date_is_chosen_and_all_sufficient_ones_are_told(quarter: Quarter) -> None:
    """In October 2018 that is QuoVadis Root CA 2; never one that is weak, or has ended."""
    plan = plan_of(opened(quarter, "many-asav952", known=True))
    (recommended,) = [anchor.name for anchor in plan.anchors if anchor.recommended]
    assert recommended in ("QuoVadis Root CA 2", "HydrantID SSL ICA G2")
    assert {"QuoVadis Root CA 2", "HydrantID SSL ICA G2"} & {anchor.name for anchor in plan.anchors}


def test_5_nothing_that_destroys_is_ever_planned(quarter: Quarter) -> None:
    """No plan for any of these devices deregisters, clears, cleans, erases or restarts."""
    plans = [found.plan for found in quarter.examined([f"{name}-{kind}" for name, kind in PAIRS]).values()]
    lines = [line for plan in plans if isinstance(plan, Plan) for line in typed(plan)]
    assert lines
    for line in lines:
        assert why_banned(line) is None, line
        assert not re.search(r"deregister|\bclean\b|^clear |^reload|erase|factory", line), line


def test_7_a_bundle_says_whom_it_lets_in(quarter: Quarter) -> None:
    """How many CAs an import brings, and whose, is said before anything is typed."""
    plan = plan_of(opened(quarter, "many-asav952"))
    (step,) = [step for part in plan.parts for step in part.all if any(BUNDLE in line for line in step.typed)]
    told = " ".join(risk.sentence for risk in step.risks)
    assert re.search(r"\b\d+ (?:CAs|certificates)", told), told
    assert "Cisco" in told, told


def test_8_on_a_chassis_the_repair_is_in_fxos(quarter: Quarter) -> None:
    """The plan enters a trustpoint of the chassis and commits; it never goes to the ASA on the module."""
    plan = plan_of(opened(quarter, "chassis-fp4110"))
    lines = typed(plan)
    assert any(line.startswith("enter trustpoint") for line in lines)
    assert "commit-buffer" in lines
    assert not any(line.startswith(("connect module", "crypto ca")) for line in lines)


@pytest.mark.parametrize("wound", ["lost", "changed", "cut"])
def test_a_damaged_certificate_is_refused_with_nothing_changed(quarter: Quarter, wound: str) -> None:
    """As the document's two copies: characters lost, characters changed, the end missing; on the ASA and the chassis."""
    pem = quarter.town.house.minted["quovadis-2"].certificate.pem.strip().splitlines()
    chance = random.Random(wound)
    body = "".join(pem[1:-1])
    if wound == "lost":
        for _ in range(15):
            at = chance.randrange(len(body))
            body = body[:at] + body[at + 1 :]
    elif wound == "changed":
        for _ in range(70):
            at = chance.randrange(60, len(body) - 60)
            body = body[:at] + chance.choice("ABCDEFGHabcdefgh0123456789") + body[at + 1 :]
    else:
        body = body[:-200]
    paste = [pem[0], *(body[at : at + 64] for at in range(0, len(body), 64)), pem[-1]]
    asa, chassis = "damaged-asav952", "damaged-fp4110"
    before = quarter.typed(asa, "show running-config crypto ca trustpoint", "show crypto ca certificates")
    said = quarter.pasted(
        asa, ["configure terminal", "crypto ca trustpoint WOUND", "enrollment terminal", "exit", "crypto ca authenticate WOUND"],
        paste, end="quit", then=["no crypto ca trustpoint WOUND", "end"], answers={"yes/no": "yes"},
    )  # fmt: skip
    assert "accepted" not in said
    assert "ERROR" in said
    assert (
        quarter.typed(asa, "show running-config crypto ca trustpoint", "show crypto ca certificates")
        == before
    )
    listing = ("scope security", "show trustpoint detail", "top")
    had = quarter.typed(chassis, *listing)
    said = quarter.pasted(
        chassis, ["scope security", "enter trustpoint wound", "set certchain"], paste, then=["commit-buffer", "discard-buffer", "top"]
    )  # fmt: skip
    assert re.search(r"[Ee]rror|[Ff]ailed", said)
    assert quarter.typed(chassis, *listing) == had
