"""Plans of the doctor carried out on a virtual ASA: they cure it, a second time they change nothing, undone it is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.devices import recorded
from anchorwatch.devices.asa import step as asa_step
from anchorwatch.devices.asa import trust_step
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Entry, Pasted, Place, Step, Typed, Undo
from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.plan import Part, Plan
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.asa.shell import DIALECT
from anchorwatch.lab.household import catalogue
from anchorwatch.lab.network import Fault
from anchorwatch.pki.catalogue import Catalogue
from lab.stage import Said, Stage, typed

MOVED = datetime(2016, 3, 22, 13, 25, 46, tzinfo=UTC)
TRUSTED = {"_SmartCallHome_ServerCA": "g5"}
OLD = {"_SmartCallHome_ServerCA": "g3"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage.of("2016", tmp_path_factory.mktemp("stage"), at=MOVED, chain="new")
    made.house.directory.hurried = True
    yield made
    made.close()


@pytest.fixture(autouse=True)
def moment(stage: Stage) -> None:
    stage.clock.turn_to(MOVED)


@dataclass(frozen=True, kw_only=True)
class Hands:
    """Somebody who types what a plan says, and fills in what it leaves blank."""

    stage: Stage
    machine: Asa

    def examined(self, *before: str) -> Diagnosis:
        said = typed(self.machine, "terminal pager 0", *before, *DIALECT.block("tools.cisco.com"))
        known = Catalogue.of(catalogue(self.stage.house))
        return diagnose([("session", said)], catalogue=known, at=self.stage.clock.now()).diagnoses[-1]

    def do(self, step: Step) -> None:
        """Carry a step out; it must say what it is expected to say, and nothing of a failure."""
        said = typed(self.machine, *self.lines(step.lines))
        for text in step.expected.texts:
            assert text in said, said
        failures = [line for line in said.splitlines() if line.strip().startswith(step.failure or ("ERROR",))]
        assert failures == [], said

    def lines(self, entries: Iterable[Entry]) -> Iterator[Said]:
        for entry in entries:
            match entry:
                case Typed():
                    yield self.filled(entry.text)
                case Pasted():
                    yield from (*entry.lines, entry.terminator)
            yield from entry.questions

    def taking_back(self, undo: Undo) -> tuple[Typed, ...]:
        """The lines of an undo, told by what the device shows now."""
        shown = typed(self.machine, *(line.text for line in undo.shown))
        return recorded.lines_of(undo, shown.splitlines(), lambda line: Typed(text=self.filled(line.text)))

    def filled(self, text: str) -> str:
        for blank, value in (
            ("<ID token>", self.stage.token()),
            ("<DNS server>", "192.0.2.53"),
            ("<NTP server>", "192.0.2.123"),
            ("<interface>", "outside"),
            ("<network>", "0.0.0.0"),
            ("<mask>", "0.0.0.0"),
            ("<gateway>", self.gateway),
            ("<proxy host>", "proxy.corp.example"),
            ("<proxy port>", "8080"),
            ("<throughput>", "1G"),
            ("<portal URL>", "https://portal.example/its/service"),
            ("<bundle URL>", "http://inside.example/ios_core.p7b"),
        ):
            text = text.replace(blank, value)
        assert "<" not in text, text
        return text

    @property
    def gateway(self) -> str:
        return self.machine.running.own_address("outside").rpartition(".")[0] + ".1"


def part_of(found: Diagnosis) -> Part:
    assert isinstance(found.plan, Plan), found.plan
    (part,) = found.plan.parts
    return part


def _profile_off(settings: AsaSettings) -> None:
    settings.call_home.profiles["License"].active = False


def _service_off(settings: AsaSettings) -> None:
    settings.call_home.service = False


def _local(settings: AsaSettings) -> None:
    settings.interfaces["GigabitEthernet0/0"].address = "192.0.2.10"
    settings.routes = ["outside 0.0.0.0 0.0.0.0 192.0.2.1 1"]


def _no_server(settings: AsaSettings) -> None:
    settings.name_servers = []


def _no_lookup(settings: AsaSettings) -> None:
    settings.dns_lookups = []


def _no_route(settings: AsaSettings) -> None:
    _local(settings)
    settings.routes = []


def _no_time(settings: AsaSettings) -> None:
    settings.ntp_servers = []


def _nothing_asked(settings: AsaSettings) -> None:
    settings.licence.tier = settings.licence.throughput = ""


def _untouched(_: AsaSettings) -> None:
    return


@pytest.mark.parametrize(
    ("version", "model"),
    [("9.4(1)", "ASAv"), ("9.5(2)", "ASAv"), ("9.6(2)", "ASAv"), ("9.8(2)", "ASAv"), ("9.8(2)", "FPR-2110"), ("9.16(4)", "ASAv")],
)  # fmt: skip
@pytest.mark.parametrize("registered", [False, True])
def test_a_missing_anchor_is_cured(stage: Stage, version: str, model: str, *, registered: bool) -> None:
    """The plan brings the CA in and licensing works again, on every version, whether it was registered or not."""
    machine = stage.asa(version, model=model, trustpoints=TRUSTED if registered else OLD)
    if registered:
        stage.registered(machine)
        point = machine.running.trustpoints["_SmartCallHome_ServerCA"]
        point.pem = stage.house.minted["g3"].certificate.pem
        stage.clock.advance(timedelta(hours=1))
    hands = Hands(stage=stage, machine=machine)
    request = "license smart renew auth" if registered else f"license smart register idtoken {stage.token()}"
    part = part_of(hands.examined(request))
    stage.clock.advance(timedelta(minutes=3))
    for step in part.all:
        hands.do(step)
    # Where a registration is under way, the agent tries again by itself, and the last step waits for it.
    stage.pass_time(machine, timedelta(minutes=5))
    found = hands.examined()
    assert found.status is Status.HEALTHY, found.findings


CURABLE: dict[str, tuple[Callable[[AsaSettings], None], str]] = {
    "profile-off": (_profile_off, "transport-disabled"),
    "service-off": (_service_off, "transport-disabled"),
    "no-name-server": (_no_server, "dns-failing"),
    "no-lookup": (_no_lookup, "dns-failing"),
    "no-route": (_no_route, "no-route"),
    "no-entitlement": (_nothing_asked, "entitlement-not-configured"),
}


@pytest.mark.parametrize("name", CURABLE)
@pytest.mark.parametrize("version", ["9.5(2)", "9.8(2)", "9.16(4)"])
def test_a_configuration_is_cured_and_the_cure_undone(stage: Stage, name: str, version: str) -> None:
    """The plan's steps cure, carried out again they change nothing, and its backout brings the trouble back."""
    alter, code = CURABLE[name]
    machine = stage.asa(version, trustpoints=TRUSTED, alter=alter)
    hands = Hands(stage=stage, machine=machine)
    found = hands.examined(f"license smart register idtoken {stage.token()}")
    assert code in [finding.code for finding in found.findings]
    part = part_of(found)
    before = machine.running.copy()
    configuring = [step for step in part.steps if step.changes_configuration]
    assert configuring
    backout: list[tuple[Typed, ...]] = []
    for step in configuring:
        if isinstance(step.undo, Undo) and not step.undo.per:
            backout.insert(0, hands.taking_back(step.undo))
        hands.do(step)
    after = machine.running.copy()
    assert after != before
    for step in configuring:
        typed(machine, *hands.lines(step.lines))
    assert machine.running == after
    stage.pass_time(machine, timedelta(hours=2))
    if machine.licence.state.identity is None:
        typed(machine, f"license smart register idtoken {stage.token()}")
    assert hands.examined().status is Status.HEALTHY
    for lines in backout:
        typed(machine, *hands.lines(lines))
    assert machine.running == before
    stage.clock.advance(timedelta(hours=1))
    typed(machine, "license smart renew auth")
    assert name == "no-entitlement" or code in [finding.code for finding in hands.examined().findings]


def _full(settings: AsaSettings) -> None:
    """Somebody set everything already, and otherwise than a step would."""
    _local(settings)
    settings.name_servers = ["192.0.2.99", "192.0.2.53"]
    settings.dns_lookups = ["inside", "outside"]
    settings.ntp_servers = ["192.0.2.9", "192.0.2.123"]
    settings.client_version = "tlsv1.1"
    settings.call_home.proxy = "other.corp.example port 3128"
    settings.call_home.service = False
    settings.call_home.profiles["License"].active = False
    settings.licence.throughput = "2G"
    settings.pool.url = "http://elsewhere.example/ios_core.p7b"
    settings.pool.revocation = "crl"


def _auto_import_off(settings: AsaSettings) -> None:
    settings.pool.auto_import = False


def _empty(settings: AsaSettings) -> None:
    for alter in (_no_route, _no_server, _no_lookup, _no_time, _nothing_asked, _auto_import_off):
        alter(settings)


PLACE = Place(platform=Platform.ASA)
STEPS = (
    asa_step.name_server(PLACE),
    asa_step.time_server(PLACE),
    asa_step.route(PLACE),
    asa_step.proxy(PLACE),
    asa_step.transport_on(PLACE),
    asa_step.portal_url(PLACE),
    asa_step.client_version(PLACE),
    asa_step.ask_entitlement(PLACE, throughput=True),
    trust_step.auto_import_on(PLACE),
    trust_step.auto_import_from(PLACE),
    trust_step.revocation_off(PLACE),
)


@pytest.mark.parametrize("alter", [_untouched, _full, _empty, _auto_import_off])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id)
def test_a_step_undone_leaves_the_configuration_as_it_was(
    stage: Stage, step: Step, alter: Callable[[AsaSettings], None]
) -> None:
    """Whether nothing was set before, or what the step sets, or something else in its place."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, alter=alter)
    hands = Hands(stage=stage, machine=machine)
    before = machine.running.copy()
    assert isinstance(step.undo, Undo)
    lines = hands.taking_back(step.undo)
    typed(machine, *hands.lines(step.lines))
    said = typed(machine, *hands.lines(lines))
    assert "ERROR" not in said, said
    assert machine.running == before


def test_a_wrong_clock_is_cured(stage: Stage) -> None:
    """A clock years behind is named; the time server of the plan sets it right, and the device registers."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, alter=_no_time, off=-timedelta(days=4000))
    hands = Hands(stage=stage, machine=machine)
    part = part_of(hands.examined(f"license smart register idtoken {stage.token()}"))
    for step in part.steps:
        if step.changes_configuration:
            hands.do(step)
    assert machine.clock.now() == stage.clock.now()
    typed(machine, f"license smart register idtoken {stage.token()} force")
    assert hands.examined().status is Status.HEALTHY


def test_a_tls_inspecting_proxy_is_never_trusted(stage: Stage) -> None:
    """No plan brings in the CA of somebody who opens TLS in between, however much it is asked for."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[Fault.TLS_INSPECTION])
    hands = Hands(stage=stage, machine=machine)
    found = hands.examined(f"license smart register idtoken {stage.token()}")
    inspector = stage.house.minted["-inspector"].certificate.sha256
    assert "tls-inspection" in [finding.code for finding in found.findings]
    if isinstance(found.plan, Plan):
        pasted = [
            entry
            for part in found.plan.parts
            for step in part.all
            for entry in step.lines
            if isinstance(entry, Pasted)
        ]
        assert inspector not in {entry.sha256 for entry in pasted}


@pytest.mark.parametrize("fault", [Fault.BUNDLE_ALTERED, Fault.BUNDLE_FOREIGN, Fault.BUNDLE_UNSIGNED])
def test_a_bundle_that_is_not_verified_never_gets_in(stage: Stage, fault: Fault) -> None:
    """With `signature-required`, and by the nightly import, nothing of such a file reaches the pool."""
    machine = stage.asa("9.5(2)", faults=[fault])
    said = typed(
        machine,
        "crypto ca trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b noconfirm signature-required",
    )
    assert "ERROR: Root file signature could not be verified." in said
    stage.pass_time(machine, timedelta(hours=9))
    assert len(machine.pool) == 0
    assert machine.last_import == "FAILED"
