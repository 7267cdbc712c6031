"""Each cause that can be staged, on each platform where it makes sense: the doctor visits over SSH and names it.

One town, one night after its portal moved. Every device has one thing wrong, on it or around it. The doctor is given
what the devices print to the commands it types, as `anchorwatch diagnose ssh://` does it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence
from anchorwatch.fleet.fit import newest
from anchorwatch.fleet.gathering import Gathered
from anchorwatch.lab.network import Fault
from anchorwatch.licensing.account import DeviceEvent
from anchorwatch.licensing.status import RegistrationState
from lab.ailments import ASAS, BEFORE, CHASSIS, IMPORTING, SPARES, STATES, Cause, stage, text, wait
from lab.quarter import Quarter

pytestmark = pytest.mark.slow


def _removed(quarter: Quarter, name: str) -> None:
    quarter.move_instance(name, DeviceEvent.REMOVED)


def _used(quarter: Quarter) -> str:
    """A token that another device has used up."""
    token = quarter.token().reveal()
    spare = next(
        name
        for name in (f"spare-{number}" for number in range(SPARES))
        if quarter.machine(name).licence.state.registration is RegistrationState.NOT_REGISTERED
    )
    quarter.typed(spare, f"license smart register idtoken {token}")
    wait(quarter, {spare: None})
    return token


def _mangled(quarter: Quarter) -> str:
    return quarter.token().reveal()[:-9]


def _foreign(quarter: Quarter) -> str:
    token = quarter.token().reveal()
    return token[:-1] + ("a" if token[-1] != "a" else "b")


UNTOLD = ("tls-inspection",)
"""What a chassis that holds the CA may have: it prints nothing that would tell the look-alikes apart."""
TRUST = ("anchor-missing", "fxos-trustpoint-missing")
IMPORT_FAILS = ("auto-import-failing",)
PROXIED = ("configure terminal", "call-home", "http-proxy proxy.corp.example port 8080", "end")
DDCE = "/its/service/oddce/services/DDCEService"
CAUSES = {
    "anchor": Cause(named=TRUST, trusts=False, came=BEFORE, always=(Fault.PORT80,), beside=IMPORT_FAILS),
    "anchor-new": Cause(named=TRUST, trusts=False, registered=False, always=(Fault.PORT80,), beside=IMPORT_FAILS),
    "dns": Cause(named=("dns-failing",), breaks=(Fault.DNS,)),
    "dns-new": Cause(named=("dns-failing",), breaks=(Fault.DNS,), registered=False),
    "route": Cause(named=("no-route", "dns-failing"), breaks=(Fault.ROUTE,)),
    "port443": Cause(named=("no-route",), breaks=(Fault.PORT443,)),
    "port443-refused": Cause(named=("no-route",), breaks=(Fault.PORT443_REFUSED,), registered=False),
    "tls-inspection": Cause(named=("tls-inspection",), breaks=(Fault.TLS_INSPECTION,)),
    "portal-outage": Cause(named=("portal-outage",), breaks=(Fault.PORTAL_OUTAGE,)),
    "leaf-expired": Cause(named=("server-certificate-expired",), kinds=ASAS, breaks=(Fault.LEAF_EXPIRED,)),
    "leaf-expired-chassis": Cause(named=UNTOLD, kinds=CHASSIS, breaks=(Fault.LEAF_EXPIRED,)),
    "wrong-name": Cause(named=("hostname-mismatch",), kinds=ASAS, breaks=(Fault.WRONG_NAME,)),
    "wrong-name-chassis": Cause(named=UNTOLD, kinds=CHASSIS, breaks=(Fault.WRONG_NAME,)),
    "old-tls": Cause(named=("tls-mismatch",), kinds=ASAS, breaks=(Fault.OLD_TLS,)),
    "old-tls-chassis": Cause(named=("communication-failing",), kinds=CHASSIS, breaks=(Fault.OLD_TLS,)),
    "no-intermediate": Cause(
        named=TRUST, kinds=ASAS, breaks=(Fault.NO_INTERMEDIATE,), always=(Fault.PORT80,), beside=IMPORT_FAILS
    ),
    "no-intermediate-chassis": Cause(named=UNTOLD, kinds=CHASSIS, breaks=(Fault.NO_INTERMEDIATE,)),
    "captive-page": Cause(named=("tls-mismatch", "communication-failing"), breaks=(Fault.CAPTIVE_PAGE,)),
    "clock-behind": Cause(
        named=("clock-wrong",), beside=IMPORT_FAILS, registered=False,
        config='clock_ahead = "-4000d"\nsynchronized = false',
    ),
    "clock-ahead": Cause(
        named=("clock-wrong",), registered=False, dated=True,
        config='clock_ahead = "1500d"\nsynchronized = false',
    ),
    "ntp-wrong": Cause(named=("clock-wrong",), registered=False, breaks=(Fault.NTP_WRONG,), dated=True),
    "token-used": Cause(named=("token-invalid",), registered=False, token=_used),
    "token-mangled": Cause(
        named=("token-mangled", "token-invalid"), registered=False, token=_mangled, typed_read=True
    ),
    "token-foreign": Cause(
        named=("token-mangled", "token-invalid"), registered=False, token=_foreign, typed_read=True
    ),
    "no-export": Cause(
        named=("export-control",), registered=False, works=True,
        token=lambda quarter: quarter.token(export=False).reveal(),
    ),
    "removed": Cause(named=("instance-removed",), staged=_removed),
    "callhome-off": Cause(
        named=("transport-disabled",), kinds=CHASSIS,
        typed=("scope monitoring", "scope callhome", "disable", "commit-buffer", "top"),
    ),
    "service-off": Cause(
        named=("transport-disabled",), kinds=ASAS, typed=("configure terminal", "no service call-home", "end")
    ),
    "profile-off": Cause(
        named=("transport-disabled",), kinds=ASAS,
        typed=("configure terminal", "call-home", "profile License", "no active", "end"),
    ),
    "wrong-url": Cause(
        named=("dns-failing",), kinds=ASAS,
        typed=(
            "configure terminal", "call-home", "profile License",
            f"no destination address http https://tools.cisco.com{DDCE}",
            f"destination address http https://tools.harbour.example{DDCE}", "end",
        ),
    ),
    "proxy-refused": Cause(named=("proxy-wrong",), kinds=ASAS, breaks=(Fault.PROXY,), typed=PROXIED),
    "proxy-forbids": Cause(named=("proxy-wrong",), kinds=ASAS, breaks=(Fault.PROXY_REFUSES,), typed=PROXIED),
    "proxy-login": Cause(named=("proxy-wrong",), kinds=ASAS, breaks=(Fault.PROXY_CREDENTIALS,), typed=PROXIED),
    "proxy-chassis": Cause(
        named=("proxy-wrong",), kinds=CHASSIS, breaks=(Fault.PROXY,),
        typed=(
            "scope monitoring", "scope callhome", "set http-proxy-server-enable on",
            "set http-proxy-server-url proxy.corp.example", "set http-proxy-server-port 8080", "commit-buffer", "top",
        ),
    ),
    "no-name-server": Cause(
        named=("dns-failing",), kinds=ASAS,
        typed=("configure terminal", "dns server-group DefaultDNS", "no name-server 192.0.2.53", "end"),
    ),
    "no-lookup": Cause(
        named=("dns-failing",), kinds=ASAS, typed=("configure terminal", "no dns domain-lookup outside", "end")
    ),
    "usage": Cause(
        named=("trustpoint-usage",), kinds=ASAS, registered=False, always=(Fault.PORT80,), point="VPN",
        beside=IMPORT_FAILS,
        typed=("configure terminal", "crypto ca trustpoint VPN", "validation-usage ipsec-client", "end"),
    ),
    "port80": Cause(named=("bundle-url-blocked",), kinds=IMPORTING, always=(Fault.PORT80,), works=True),
    "port80-refused": Cause(
        named=("bundle-url-blocked",), kinds=IMPORTING, always=(Fault.PORT80_REFUSED,), works=True
    ),
    "bundle-gone": Cause(named=IMPORT_FAILS, kinds=IMPORTING, always=(Fault.BUNDLE_GONE,), works=True),
    "bundle-altered": Cause(named=IMPORT_FAILS, kinds=IMPORTING, always=(Fault.BUNDLE_ALTERED,), works=True),
    "bundle-unsigned": Cause(named=IMPORT_FAILS, kinds=IMPORTING, always=(Fault.BUNDLE_UNSIGNED,), works=True),
    "bundle-foreign": Cause(named=IMPORT_FAILS, kinds=IMPORTING, always=(Fault.BUNDLE_FOREIGN,), works=True),
    "import-off": Cause(named=("auto-import-off",), kinds=IMPORTING, config="auto_import = false", works=True),
    "pool-lost": Cause(
        named=("trust-store-lost",), beside=("anchor-missing",), kinds=IMPORTING, trusts=False, came=BEFORE,
        typed=("clear crypto ca trustpool noconfirm",),
    ),
    "nothing-asked": Cause(
        named=("entitlement-not-configured",), kinds=("asav952", "asav962", "asav982", "asav916"),
        registered=False, works=True,
        typed=("configure terminal", "license smart", "no feature tier standard", "no throughput level 1G", "end"),
    ),
}  # fmt: skip
PAIRS = [(name, kind) for name, cause in CAUSES.items() for kind in cause.kinds]


def _some() -> Iterator[tuple[str, str]]:
    """Each cause on one ASA, another model or release each time, and on the chassis."""
    for number, (name, cause) in enumerate(CAUSES.items()):
        asas = [kind for kind in cause.kinds if kind not in CHASSIS]
        if asas:
            yield name, asas[number % len(asas)]
        yield from ((name, kind) for kind in cause.kinds if kind in CHASSIS)


SOME = list(_some())


def diagnosed(
    quarter: Quarter, pairs: list[tuple[str, str]], consoles: dict[str, str]
) -> dict[str, Diagnosis]:
    """What the doctor says of each, by what it reads over SSH, and by the console where one was kept."""

    async def one(device: str) -> Gathered:
        cause = CAUSES[device.rpartition("-")[0]]
        return await quarter.gathered(device, at=quarter.now if cause.dated else None)

    found = {}
    for device, gathered in quarter.each([f"{name}-{kind}" for name, kind in pairs], one).items():
        said = newest(gathered)
        if CAUSES[device.rpartition("-")[0]].typed_read:
            kept = [("console", consoles[device] + gathered.transcript)]
            said = diagnose(kept, catalogue=quarter.catalogue).diagnoses[-1]
        assert said is not None
        found[device] = said
    return found


@dataclass(frozen=True)
class Seen:
    """A town in which everything has gone wrong, what was typed there, and what the doctor says of each device."""

    quarter: Quarter
    consoles: dict[str, str]
    found: dict[str, Diagnosis]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with Quarter(tmp_path_factory.mktemp("proof") / "lab", text(CAUSES, SOME)) as quarter:
        consoles = stage(quarter, CAUSES, SOME)
        yield Seen(quarter, consoles, diagnosed(quarter, SOME, consoles))


def named(found: Diagnosis) -> dict[str, str]:
    return {finding.code: finding.confidence.value for finding in found.findings}


def judge(pair: tuple[str, str], found: Diagnosis) -> list[str]:
    """What is wrong with what the doctor said; nothing if it is right."""
    name, kind = pair
    cause = CAUSES[name]
    said = named(found)
    wrong = []
    if cause.named and not set(cause.named) & set(said):
        wrong.append("does not name it")
    if not cause.works and found.status is Status.HEALTHY:
        wrong.append("calls it healthy")
    true = {*cause.named, *cause.beside, *STATES, *TRUE_OF.get(kind, ())}
    wrong += [
        f"says {finding.code} for sure"
        for finding in found.findings
        if finding.confidence is Confidence.CONFIRMED and finding.code not in true
    ]
    if not cause.named and not (found.next_commands or "communication-failing" in said):
        wrong.append("asks for nothing")
    return wrong


TRUE_OF = {"asav941": ("auto-import-off",)}


@pytest.mark.parametrize("pair", SOME, ids="-".join)
def test_a_staged_cause_is_named(seen: Seen, pair: tuple[str, str]) -> None:
    """The doctor names what was done to the device, and nothing else for sure."""
    found = seen.found["-".join(pair)]
    assert judge(pair, found) == [], (named(found), found.next_commands)


@pytest.mark.soak
def test_every_cause_is_named_on_every_platform(tmp_path: Path) -> None:
    """The same on every model and release where the cause makes sense."""
    with Quarter(tmp_path / "lab", text(CAUSES, PAIRS)) as quarter:
        found = diagnosed(quarter, PAIRS, stage(quarter, CAUSES, PAIRS))
        wrong = {"-".join(pair): judge(pair, found["-".join(pair)]) for pair in PAIRS}
    assert {device: each for device, each in wrong.items() if each} == {}


def test_what_a_log_does_not_hold_is_asked_for_and_then_named(seen: Seen) -> None:
    """A handshake that fails without a word: the doctor asks for the words of TLS, and with them there is no doubt."""
    (device,) = [f"{name}-{kind}" for name, kind in SOME if name == "old-tls"]
    first = seen.found[device]
    assert "debug ssl 255" in [command.line for command in first.next_commands]
    console = seen.quarter.typed(device, "debug ssl 255", "call-home test profile License", "undebug all")
    assert "SSL" in console
    (told,) = diagnose([("console", console)]).diagnoses
    assert "tls-mismatch" in named(told)
    assert "anchor-missing" not in named(told)


def test_a_device_that_calls_another_portal_is_asked_about_that_one(seen: Seen) -> None:
    """The vendor's portal answers and proves nothing: the one in the configuration is pinged, and has no address."""
    (device,) = [f"{name}-{kind}" for name, kind in SOME if name == "wrong-url"]
    case = seen.found[device].case
    pinged = [item.command for item in case.items if item.command.startswith("ping tcp")]
    assert {"ping tcp tools.cisco.com 443", "ping tcp tools.harbour.example 443"} <= set(pinged)


def test_the_wrong_place_and_a_damaged_certificate_are_named_by_the_console(seen: Seen) -> None:
    """An import in the ASA on the module changes nothing for the chassis, and a certificate with a hole is no certificate."""
    quarter, device = seen.quarter, "anchor-fp4110"
    asa = quarter.typed(
        device, "connect module 1 console", "connect asa", "enable", "show version",
        "crypto ca trustpool import default noconfirm", answers={"assword:": quarter.login.enable.reveal()},
    )  # fmt: skip
    console = asa + quarter.typed(
        device, "scope license", "scope licdebug", "renew", "top", "scope license", "show license all"
    )
    (pem,) = [
        each.certificate.pem for code, each in quarter.town.house.minted.items() if code == "quovadis-2"
    ]
    lines = pem.strip().splitlines()
    lines[3] = lines[3][:20] + lines[3][26:]
    console += "\n" + quarter.pasted(
        device, ["scope security", "enter trustpoint mine", "set certchain"], lines
    )
    found = diagnose([("console", console)]).diagnoses
    codes = {finding.code for each in found for finding in each.findings}
    assert {"repaired-in-wrong-place", "pem-damaged", "fxos-trustpoint-missing"} <= codes
