"""What the doctor makes of an ASA that something is wrong with, given only what the ASA prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.asa.shell import DIALECT
from anchorwatch.lab.network import Fault
from lab.stage import Stage, typed

MOVED = datetime(2016, 3, 22, 13, 25, 46, tzinfo=UTC)
TRUSTED = {"_SmartCallHome_ServerCA": "g5"}
OLD = {"_SmartCallHome_ServerCA": "g3"}
BUNDLE = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
VERSIONS = (
    ("9.4(1)", "ASAv"), ("9.5(2)", "ASAv"), ("9.6(2)", "ASAv"), ("9.8(2)", "ASAv"), ("9.8(2)", "FPR-2110"), ("9.16(4)", "ASAv"),
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage.of("2016", tmp_path_factory.mktemp("stage"), at=MOVED, chain="new")
    made.house.directory.hurried = True
    yield made
    made.close()


@pytest.fixture(autouse=True)
def moment(stage: Stage) -> None:
    stage.clock.turn_to(MOVED)


def examined(machine: Asa, *before: str, at: datetime | None = None) -> Diagnosis:
    """What the doctor says of all that a device prints when it is asked in the order of its dialect."""
    said = typed(machine, "terminal pager 0", *before, *DIALECT.block("tools.cisco.com"))
    diagnoses = diagnose([("session", said)], at=at).diagnoses
    assert diagnoses
    return diagnoses[-1]


SAYS_NOTHING = {
    "terminal pager 0",
    "Failover Off",
    "Failover unit Secondary",
    "Failover LAN Interface: not Configured",
    "no call-home reporting anonymous",
    "Type escape sequence to abort.",
    "^",
}


def codes(found: Diagnosis) -> list[str]:
    return [finding.code for finding in found.findings]


def register(stage: Stage) -> str:
    return f"license smart register idtoken {stage.token()}"


@pytest.mark.parametrize(("version", "model"), VERSIONS)
def test_a_missing_anchor_is_named_on_every_version(stage: Stage, version: str, model: str) -> None:
    """Whatever the version, the CA that the portal moved to and the device lacks is the confirmed cause."""
    found = examined(stage.asa(version, model=model, trustpoints=OLD), register(stage))
    assert found.status is Status.TROUBLE
    assert found.causes[0].code == "anchor-missing"
    assert found.causes[0].confidence == "confirmed"


@pytest.mark.parametrize(("version", "model"), VERSIONS)
def test_a_well_device_is_called_well_on_every_version(stage: Stage, version: str, model: str) -> None:
    """A registered device with the CA is healthy, and nothing is to be done."""
    found = examined(stage.registered(stage.asa(version, model=model, trustpoints=TRUSTED)))
    assert found.status is Status.HEALTHY
    assert found.plan is None


@dataclass(frozen=True, kw_only=True)
class Staged:
    """Something wrong, and the codes of which one must be named."""

    codes: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    version: str = "9.8(2)"
    alter: Callable[[AsaSettings], None] = lambda _: None
    typed: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    asked: bool = False
    """The log at its usual level does not show it: the doctor asks for a debug, and is given the log at its loudest."""


def _loud(settings: AsaSettings) -> None:
    settings.logging.buffered = 7


def _proxied(settings: AsaSettings) -> None:
    settings.call_home.proxy = "proxy.corp.example port 8080"


def _without(name: str) -> Callable[[AsaSettings], None]:
    def taken(settings: AsaSettings) -> None:
        getattr(settings, name).clear()
        settings.interfaces["GigabitEthernet0/0"].address = "192.0.2.10"

    return taken


def _never_renewed(settings: AsaSettings) -> None:
    settings.pool.auto_import = False


def _unlicensed(settings: AsaSettings) -> None:
    settings.licence.tier = settings.licence.throughput = ""


def _usage(settings: AsaSettings) -> None:
    point = settings.trustpoints.pop("_SmartCallHome_ServerCA")
    point.usage = ["ipsec-client"]
    settings.trustpoints["VPN"] = point


CAUSES = {
    "dns": Staged(codes=("dns-failing",), faults=(Fault.DNS,)),
    "route": Staged(codes=("dns-failing", "no-route"), faults=(Fault.ROUTE,)),
    "port443": Staged(codes=("no-route",), faults=(Fault.PORT443,)),
    "port443-refused": Staged(codes=("no-route",), faults=(Fault.PORT443_REFUSED,)),
    "tls-inspection": Staged(codes=("tls-inspection",), faults=(Fault.TLS_INSPECTION,)),
    "portal-outage": Staged(codes=("portal-outage",), faults=(Fault.PORTAL_OUTAGE,)),
    "leaf-expired": Staged(codes=("server-certificate-expired",), faults=(Fault.LEAF_EXPIRED,)),
    "wrong-name": Staged(codes=("hostname-mismatch",), faults=(Fault.WRONG_NAME,)),
    "old-tls": Staged(codes=("tls-mismatch",), faults=(Fault.OLD_TLS,), alter=_loud),
    "proxy": Staged(codes=("proxy-wrong",), faults=(Fault.PROXY,), alter=_proxied),
    "proxy-refuses": Staged(codes=("proxy-wrong",), faults=(Fault.PROXY_REFUSES,), alter=_proxied),
    "proxy-credentials": Staged(codes=("proxy-wrong",), faults=(Fault.PROXY_CREDENTIALS,), alter=_proxied),
    "no-name-server": Staged(codes=("dns-failing",), alter=_without("name_servers")),
    "no-lookup": Staged(codes=("dns-failing",), alter=_without("dns_lookups")),
    "no-route": Staged(codes=("no-route",), alter=_without("routes")),
    "profile-off": Staged(
        codes=("transport-disabled",), typed=("configure terminal", "call-home", "profile License", "no active", "end")
    ),
    "service-off": Staged(codes=("transport-disabled",), typed=("configure terminal", "no service call-home", "end")),
    "usage": Staged(codes=("trustpoint-usage",), alter=_usage),
    "weak": Staged(
        codes=("weak-crypto-refused",), version="9.16(4)", more={"trustpoints": {"_SmartCallHome_ServerCA": "class3"}}
    ),
    "clock-behind": Staged(
        codes=("clock-wrong",), alter=_without("ntp_servers"), more={"off": -timedelta(days=4000)}
    ),
    "clock-ahead": Staged(
        codes=("clock-wrong",), alter=_without("ntp_servers"), more={"off": timedelta(days=1500)}
    ),
    "revocation": Staged(
        codes=("revocation-unreachable",),
        more={"pool": "2016", "trustpoints": {}},
        typed=("configure terminal", "crypto ca trustpool policy", "revocation-check crl", "end"),
    ),
    "no-entitlement": Staged(codes=("entitlement-not-configured",), version="9.5(2)", alter=_unlicensed),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_a_staged_cause_is_named(stage: Stage, name: str) -> None:
    """A device that cannot register for this reason shows enough of it to be named."""
    staged = CAUSES[name]
    more = {"trustpoints": TRUSTED, **staged.more}
    machine = stage.asa(staged.version, faults=staged.faults, alter=staged.alter, **more)
    found = examined(machine, *staged.typed, register(stage))
    assert found.status is Status.TROUBLE
    assert set(codes(found)) & set(staged.codes), codes(found)


def test_a_lost_route_is_told_from_a_name_server_that_is_silent(stage: Stage) -> None:
    """Names fail in both cases; the routing table that the doctor asks for tells them apart."""
    for fault, code in ((Fault.ROUTE, "no-route"), (Fault.DNS, "dns-failing")):
        machine = stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[fault])
        first = examined(machine, register(stage))
        assert codes(first)[0] == "dns-failing"
        assert [command.line for command in first.next_commands] == ["show route"]
        found = examined(machine, register(stage), "show route")
        causes = [each.code for each in found.causes]
        assert code in causes, causes
        assert {"no-route", "dns-failing"} - {code} & set(causes) == set()


def test_a_name_server_in_the_own_net_answers_without_a_route(stage: Stage) -> None:
    """Then the name has an address, and the portal behind it is not met."""

    def nearer(settings: AsaSettings) -> None:
        settings.interfaces["GigabitEthernet0/0"].address = "192.0.2.10"
        settings.routes = ["outside 0.0.0.0 0.0.0.0 192.0.2.1 1"]

    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[Fault.ROUTE], alter=nearer)
    said = typed(machine, "ping tcp tools.cisco.com 443", "show route")
    assert "?????" in said
    assert "Gateway of last resort is not set" in said
    assert " via " not in said
    found = examined(machine, register(stage), "show route")
    assert [each.code for each in found.causes] == ["no-route"]


@pytest.mark.parametrize("fault", [Fault.CAPTIVE_PAGE, Fault.NO_INTERMEDIATE])
def test_what_cannot_be_told_apart_is_asked_about(stage: Stage, fault: Fault) -> None:
    """Where the log does not tell, the failing exchange is told, and what to look at next."""
    found = examined(stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[fault]), register(stage))
    assert found.status is Status.TROUBLE
    assert "communication-failing" in codes(found)
    assert found.next_commands or found.causes[0].confidence == "confirmed"


def test_a_wrong_time_server_is_told_from_the_day_it_is(stage: Stage) -> None:
    """A device that follows a server two years ahead looks well by itself; whoever says what day it is learns the cause."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[Fault.NTP_WRONG])
    found = examined(machine, register(stage), at=MOVED)
    assert "clock-wrong" in codes(found)


@pytest.mark.parametrize(
    ("fault", "attributes", "code"),
    [
        (Fault.PORT80_REFUSED, {}, "bundle-url-blocked"),
        (Fault.BUNDLE_GONE, {}, "bundle-url-blocked"),
        (Fault.BUNDLE_ALTERED, {}, "auto-import-failing"),
        (Fault.BUNDLE_FOREIGN, {}, "auto-import-failing"),
        (Fault.BUNDLE_UNSIGNED, {}, "auto-import-failing"),
        (None, {"flash_free": 10}, "auto-import-failing"),
        (None, {"memory_free": 10}, "auto-import-failing"),
    ],
)
def test_a_failing_automatic_import_is_named_before_it_hurts(
    stage: Stage, fault: Fault | None, attributes: dict[str, int], code: str
) -> None:
    """Licensing still works, and the nightly import that failed is named."""
    machine = stage.registered(stage.asa("9.5(2)", trustpoints=TRUSTED, faults=[fault] if fault else []))
    for name, value in attributes.items():
        setattr(machine, name, value)
    stage.pass_time(machine, timedelta(hours=9))
    found = examined(machine)
    assert code in codes(found)
    assert found.standing.works


def test_a_token_that_is_refused_proves_that_all_below_it_works(stage: Stage) -> None:
    """A token used up, one that ended and one revoked are named, and no trust fault with them."""
    used = stage.token()
    stage_one = stage.asa("9.8(2)", trustpoints=TRUSTED)
    typed(stage_one, f"license smart register idtoken {used}")
    ended = stage.token(life_=timedelta(days=1))
    stage.clock.advance(timedelta(days=2))
    for token in (used, ended):
        machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
        found = examined(machine, f"license smart register idtoken {token}")
        assert "token-invalid" in codes(found)
        assert "anchor-missing" not in codes(found)


def test_an_old_bundle_is_no_cure(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An import that brings nothing new, while the portal has moved on, is called what it is."""
    when = datetime(2022, 12, 1, 12, 0, tzinfo=UTC)
    later = Stage.of("2022", tmp_path_factory.mktemp("later"), at=when, chain="new")
    try:
        machine = later.asa("9.8(2)", trustpoints={}, pool=later.house.story.oldest_bundle)
        machine.network.break_(Fault.BUNDLE_OUTDATED)  # type: ignore[attr-defined]  # the town's own
        found = examined(
            machine,
            f"license smart register idtoken {later.token()}",
            f"crypto ca trustpool import url {BUNDLE} noconfirm signature-required",
        )
        assert "bundle-outdated" in codes(found)
    finally:
        later.close()


@pytest.mark.parametrize(
    ("days", "code"),
    [(40, "communication-failing"), (100, "authorization-expired"), (370, "id-certificate-expired")],
)
def test_what_a_lost_anchor_costs_in_time(stage: Stage, days: int, code: str) -> None:
    """After 30 days the renewal fails, after 90 the authorization has expired, after a year the identity; each is told."""
    machine = stage.registered(stage.asa("9.8(2)", trustpoints=TRUSTED, alter=_never_renewed))
    machine.running.trustpoints.clear()
    # The attempts in between, one every few hours, would change nothing but the count.
    stage.clock.advance(timedelta(days=days))
    stage.pass_time(machine, timedelta(minutes=10))
    found = examined(machine)
    assert found.status is Status.TROUBLE
    assert code in codes(found)
    assert "anchor-missing" in codes(found)


def test_an_evaluation_that_is_used_up(stage: Stage) -> None:
    """After 90 days of use without a registration the evaluation is over, and that is named."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
    stage.pass_time(machine, timedelta(days=91))
    assert codes(examined(machine)) == ["evaluation-used-up"]


def test_a_factory_ca_that_ended_is_told_beside_the_cause(stage: Stage) -> None:
    """In 2020 the factory's CA has ended: the log says so, and the cause stays the CA that is missing."""
    stage.clock.turn_to(datetime(2020, 3, 1, tzinfo=UTC))
    machine = stage.asa("9.4(1)", trustpoints=OLD)
    machine.wake()
    found = examined(machine, register(stage))
    assert {"anchor-missing", "factory-ca-expired", "auto-import-off"} <= set(codes(found))


def test_every_screen_is_understood(stage: Stage) -> None:
    """Of all that a device prints when it is asked, no line that tells something is left over."""
    for version in ("9.5(2)", "9.8(2)", "9.16(4)"):
        machine = stage.asa(version, trustpoints=TRUSTED)
        said = typed(machine, "terminal pager 0", register(stage), *DIALECT.block("tools.cisco.com"))
        report = diagnose([("session", said)])
        left = {line.text for line in report.not_understood if line.text.strip()}
        assert left <= SAYS_NOTHING, left - SAYS_NOTHING
