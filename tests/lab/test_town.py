"""A town alive: its portal, its bundle, its devices, what breaks, and what is left after it was killed."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchorwatch.base.secret import Secret
from anchorwatch.formats import read as read_bundle
from anchorwatch.formats.verification import NotVerified, Rule, Verified, verify
from anchorwatch.lab import assembly, household
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.machine import Login
from anchorwatch.lab.network import Fault
from anchorwatch.lab.story_file import read
from anchorwatch.lab.town import NoSuchDeviceError, Town, TownError
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.net import http, tls
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.outcome import Connected, HandshakeFailed, NotTls, Outcome, TrustRefused, Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.portal import management
from builders import harbour

LOGIN = Login(user="admin", password=Secret("first-word"), enable=Secret("second-word"))
URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
HOST = "tools.cisco.com"


def built(folder: Path, *, count: int | None = None) -> Town:
    folder.mkdir(mode=0o700, exist_ok=True)
    return Town(harbour.story(), folder, login=LOGIN, count=count)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town as its visitor finds it; tests that use it leave it as it was."""
    town = built(tmp_path_factory.mktemp("before") / "town")
    yield town
    town.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town of the test's own."""
    made = built(tmp_path / "town")
    yield made
    made.close()


def asa(town: Town, name: str) -> Asa:
    machine = town.machine(name)
    assert isinstance(machine, Asa)
    return machine


def failure(town: Town, name: str) -> str:
    return town.machine(name).licence.reason


def test_the_town_has_lived_before_its_visitor_comes(before: Town) -> None:
    """Devices have registered at the portal and imported the bundle at 22:00, each where its network let it."""
    assert before.clock.now() == datetime(2018, 10, 4, 9, 0, tzinfo=UTC)
    states = {name: before.machine(name).licence.state for name in ("open", "blocked", "chassis")}
    assert {each.registration for each in states.values()} == {RegistrationState.REGISTERED}
    assert {each.authorization for each in states.values()} == {AuthorizationState.AUTHORIZED}
    portal = before.house.portal
    rows = management.devices(portal, management.find_account(portal, None))
    assert sorted(each.sn for each in rows) == sorted(before.machine(name).hardware.serial for name in states)
    assert len(asa(before, "open").pool) == 17
    assert asa(before, "open").last_import == "SUCCESS"
    assert len(asa(before, "blocked").pool) == 0
    assert asa(before, "blocked").last_import == "FAILED"


def test_what_is_to_come_is_known_and_nobody_is_there_too_early(before: Town) -> None:
    """The story's future is told in order, and a device that was not switched on yet is not there."""
    assert [each.said for each in before.coming] == [
        "late is switched on",
        "the portal moves",
        "somebody opens port 80",
    ]
    with pytest.raises(TownError, match="late is switched on at 2018-10-04 12:00 UTC"):
        before.log("late")
    with pytest.raises(NoSuchDeviceError, match="there are: open, blocked, late, chassis"):
        before.log("nobody")


def test_the_move_costs_those_their_trust_who_had_no_bundle(town: Town) -> None:
    """After the move the device with a full pool renews; those without it and the chassis fail, each in its words."""
    town.turn_to(datetime(2018, 11, 3, 12, 0, tzinfo=UTC))
    assert failure(town, "open") == ""
    # Port 80 was opened after the move, so its next import at 22:00 healed it before its renewal was due.
    assert failure(town, "blocked") == ""
    assert len(asa(town, "blocked").pool) == 17
    assert failure(town, "chassis") == "Failed to authenticate server"
    happened = [each.said for each in town.happenings]
    assert happened[-3:] == [
        "late (ASAv 9.4(1)) is switched on",
        "the portal moves",
        "somebody opens port 80",
    ]


def test_what_is_due_is_done_at_its_instant(town: Town) -> None:
    """An authorization is renewed 30 days after the last one, and the bundle imported every night at 22:00."""
    device = asa(town, "open")
    granted = device.licence.state.last_authorization
    assert granted is not None
    device.log.clear()
    town.turn_to(granted.at + timedelta(days=40))
    renewed = device.licence.state.last_authorization
    assert renewed is not None
    assert timedelta(0) <= (renewed.at - granted.at) - timedelta(days=30) < timedelta(seconds=5)
    imports = [line for line in assembly.logged(device) if "717058" in line]
    assert len(imports) == 39
    assert all(" 22:00:00: " in line for line in imports)


@pytest.mark.soak
def test_a_year_of_fifty_devices(tmp_path: Path) -> None:
    """A year of renewals and nightly imports of fifty devices passes on the turned clock, and none is left behind."""
    two = harbour.TEXT[: harbour.TEXT.index('[[devices]]\nname = "late"')]
    folder = tmp_path / "town"
    folder.mkdir(mode=0o700)
    town = Town(read(two), folder, login=LOGIN, count=50)
    try:
        began = time.monotonic()
        town.turn_to(town.story.starts + timedelta(days=365))
        took = time.monotonic() - began
        for name in town.residents:
            state = town.machine(name).licence.state
            assert state.authorization is AuthorizationState.AUTHORIZED, name
            assert state.registration is RegistrationState.REGISTERED, name
            assert len(asa(town, name).pool) == 17
            assert town.scheduler.woken[name] > 365
        assert took < 120, f"it took {took:.0f} s, where 30 s on two quiet cores are the aim"
    finally:
        town.close()


@pytest.mark.soak
def test_a_device_that_is_never_mended_expires_on_the_day(tmp_path: Path) -> None:
    """A chassis that lost its trust is expired 90 days after its last success, and not before."""
    town = built(tmp_path / "town")
    try:
        granted = town.machine("chassis").licence.state.last_authorization
        assert granted is not None
        town.turn_to(granted.at + timedelta(days=90) - timedelta(hours=1))
        assert town.machine("chassis").licence.state.authorization is AuthorizationState.AUTHORIZED
        town.turn_to(granted.at + timedelta(days=90, minutes=5))
        assert town.machine("chassis").licence.state.authorization is AuthorizationState.EXPIRED
    finally:
        town.close()


def test_time_does_not_go_back(before: Town) -> None:
    """The past is refused in one sentence, and the clock stays."""
    now = before.clock.now()
    with pytest.raises(TownError, match="time does not go back"):
        before.turn_to(now - timedelta(days=1))
    assert before.clock.now() == now


def test_the_portal_can_be_moved_by_hand(town: Town) -> None:
    """The next move of the story may come early, and then it has happened; other chains go by their names."""
    assert town.migrate() == "new"
    with pytest.raises(TownError, match="no further move; it can show: old, new"):
        town.migrate()
    with pytest.raises(TownError, match="no chain 'odd'; there are: old, new"):
        town.migrate("odd")
    seen = look(town, "open")
    assert presented(seen)[0].issuer.common_name == "HydrantID SSL ICA G2"
    town.migrate("old")
    town.turn_to(datetime(2018, 10, 6, tzinfo=UTC))
    assert town.house.chain == "old"


def look(town: Town, name: str) -> tls.Observation:
    """What a device meets at the portal's port, judged by the store that holds every CA of the story."""
    where = town.resident(name).network.find(HOST, 443)
    assert isinstance(where, Endpoint)
    store = TrustStore.of(household.catalogue(town.house), "every CA")
    return tls.connect(where, clock=town.clock, trust=store, sni=HOST, peer=PeerName("dns", HOST))


def presented(seen: tls.Observation) -> list[Certificate]:
    return [Certificate.from_der(der) for der in seen.presented]


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.TLS_INSPECTION, TrustRefused, "self-signed"),
        (Fault.LEAF_EXPIRED, TrustRefused, "expired"),
        (Fault.WRONG_NAME, TrustRefused, "name"),
        (Fault.OLD_TLS, HandshakeFailed, "protocol"),
        (Fault.CAPTIVE_PAGE, NotTls, "HTTP"),
        (Fault.PORTAL_OUTAGE, Connected, "completed"),
    ],
)
def test_somebody_between_is_met_in_earnest(
    before: Town, fault: Fault, kind: type[Outcome], words: str
) -> None:
    """Each fault at the portal's port is a real server that a device meets, and its neighbour does not."""
    before.break_(fault, "open")
    try:
        seen = look(before, "open")
        assert isinstance(seen.outcome, kind), seen.outcome
        assert words in seen.outcome.sentence or words in str(getattr(seen.outcome, "alert", ""))
        assert isinstance(look(before, "blocked").outcome, Connected)
    finally:
        before.mend(fault, "open")
    assert isinstance(look(before, "open").outcome, Connected)


def test_an_inspector_passes_on_what_the_portal_says(before: Town) -> None:
    """Whoever trusts the inspector talks to the real portal through him."""
    before.break_(Fault.TLS_INSPECTION, "open")
    try:
        seen = look(before, "open")
        issuer = presented(seen)[-1]
        assert issuer.title == "Corporate TLS Inspection CA"
        where = before.resident("open").network.find(HOST, 443)
        assert isinstance(where, Endpoint)
        dialled = tls.dial(
            where,
            clock=before.clock,
            trust=TrustStore.of([issuer], "the user"),
            sni=HOST,
            peer=PeerName("dns", HOST),
        )
        assert dialled.stream is not None
        ask = http.Ask(
            url=f"https://{HOST}/its/service/oddce/services/DDCEService", method="POST", body=b"<test/>"
        )
        answer = http.converse(dialled.stream, ask, Deadline(Limits()))
        dialled.stream.close()
        assert isinstance(answer, http.Answer)
        assert (answer.status, b"received" in answer.body) == (200, True)
    finally:
        before.mend(Fault.TLS_INSPECTION, "open")


def test_a_chain_without_its_intermediate_leads_nowhere(before: Town) -> None:
    """A device that holds roots alone cannot bridge what the portal does not send."""
    before.break_(Fault.NO_INTERMEDIATE, "open")
    try:
        assert len(presented(look(before, "open"))) == 1
    finally:
        before.mend(Fault.NO_INTERMEDIATE, "open")


def fetched(town: Town, name: str) -> bytes | int:
    where = town.resident(name).network.find("www.cisco.com", 80)
    assert isinstance(where, Endpoint)
    answer = http.fetch(http.Ask(url=URL.replace("www.cisco.com", str(where))), clock=town.clock, trust=None)
    assert isinstance(answer, http.Answer)
    return answer.body if answer.status == 200 else answer.status


@pytest.mark.parametrize(
    ("fault", "objection"),
    [
        (Fault.BUNDLE_ALTERED, "content-changed"),
        (Fault.BUNDLE_FOREIGN, "no-path-to-pin"),
        (Fault.BUNDLE_UNSIGNED, None),
        (Fault.BUNDLE_OUTDATED, ""),
        (Fault.BUNDLE_GONE, "404"),
    ],
)
def test_bundles_are_bad_in_every_way(before: Town, fault: Fault, objection: str | None) -> None:
    """A bundle may be altered, foreign, unsigned, outdated or gone on its way to one device."""
    before.break_(fault, "open")
    try:
        data = fetched(before, "open")
    finally:
        before.mend(fault, "open")
    if isinstance(data, int):
        assert str(data) == objection
        return
    signed = read_bundle(data, source="bundle").signed
    rule = Rule(pins=before.house.pins)
    if objection is None:
        assert signed is None
        return
    assert signed is not None
    verdict = verify(signed, at=before.clock.now(), rule=rule)
    if objection:
        assert isinstance(verdict, NotVerified)
        assert objection in [each.code for each in verdict.objections]
    else:
        assert isinstance(verdict, Verified)
        assert len(read_bundle(data, source="bundle").certificates) == 14


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (None, Connected, "completed"),
        (Fault.PROXY_REFUSES, Unreachable, "403"),
        (Fault.PROXY_CREDENTIALS, Unreachable, "407"),
    ],
)
def test_a_proxy_opens_tunnels_or_says_why_not(
    before: Town, fault: Fault | None, kind: type[Outcome], words: str
) -> None:
    """A device that is configured to use the proxy comes to the portal by its name, or hears what the proxy wants."""
    network = before.resident("open").network
    if fault is not None:
        network.break_(fault)
    try:
        where = network.find(household.PROXY_HOST, household.PROXY_PORT)
        assert isinstance(where, Endpoint)
        seen = tls.connect(Endpoint(HOST), clock=before.clock, proxy=Proxy(endpoint=where))
    finally:
        if fault is not None:
            network.mend(fault)
    assert isinstance(seen.outcome, kind)
    assert words in seen.outcome.sentence


def test_the_right_words_open_the_proxy(before: Town) -> None:
    """A proxy that wants credentials takes those it was made with, and refuses others."""
    network = before.resident("open").network
    network.break_(Fault.PROXY_CREDENTIALS)
    try:
        where = network.find(household.PROXY_HOST, household.PROXY_PORT)
    finally:
        network.mend(Fault.PROXY_CREDENTIALS)
    assert isinstance(where, Endpoint)
    for password, kind in ((before.house.proxy_password, Connected), (Secret("wrong"), Unreachable)):
        proxy = Proxy(endpoint=where, user=household.PROXY_USER, password=password)
        assert isinstance(tls.connect(Endpoint(HOST), clock=before.clock, proxy=proxy).outcome, kind)


def test_what_is_broken_is_told_for_whom(town: Town) -> None:
    """Breaking and mending say for whom something changed, around one device or around all."""
    assert town.break_(Fault.DNS, "open") == ("open",)
    assert town.break_(Fault.DNS) == ("blocked", "late", "chassis")
    assert town.mend(Fault.DNS, "late") == ("late",)
    assert town.mend(Fault.DNS) == ("open", "blocked", "chassis")
    assert town.mend(Fault.DNS) == ()


def test_a_town_that_was_killed_goes_on_where_it_was(town: Town, tmp_path: Path) -> None:
    """A copy of the folder, taken without asking, is the same town: time, faults, registrations, unsaved changes."""
    town.break_(Fault.NTP, "open")
    town.turn_to(datetime(2018, 10, 5, 8, 0, tzinfo=UTC))
    said = assembly.type_lines(town.machine("open"), ["clock timezone XYZ 2"])
    assert "XYZ" in said
    town.touched("open")
    town._look_after()
    shutil.copytree(town.folder, tmp_path / "copy")
    again = built(tmp_path / "copy")
    try:
        assert again.clock.now() == datetime(2018, 10, 5, 8, 0, tzinfo=UTC)
        assert again.house.chain == "new"
        assert [each.said for each in again.coming] == ["somebody opens port 80"]
        assert again.resident("open").network.faults == {Fault.NTP}
        assert asa(again, "open").running.zone_label == "XYZ"
        assert asa(again, "open").saved.zone_label == "UTC"
        for name in ("open", "blocked", "chassis"):
            assert again.machine(name).licence.state.registration is RegistrationState.REGISTERED
            assert again.machine(name).hardware.serial == town.machine(name).hardware.serial
        assert [each.sha256 for each in household.catalogue(again.house)] == [
            each.sha256 for each in household.catalogue(town.house)
        ]
        again.turn_to(datetime(2018, 10, 6, tzinfo=UTC))
        assert len(asa(again, "blocked").pool) == 17
    finally:
        again.close()


@pytest.mark.parametrize(
    ("name", "lines", "shown"),
    [
        ("open", ("enable", "second-word", "configure terminal", "clock timezone XYZ 2"), "XYZ"),
        ("open", ("enable", "second-word", "clear crypto ca trustpool noconfirm"), '"pool": []'),
        (
            "chassis",
            ("scope system", "scope services", "create dns 192.0.2.99", "commit-buffer"),
            "192.0.2.99",
        ),
    ],
)
def test_what_was_typed_is_kept_before_the_prompt_comes(
    town: Town, name: str, lines: tuple[str, ...], shown: str
) -> None:
    """A town that is killed while somebody reads the prompt has what he typed; nobody looks after it meanwhile."""
    kept = town.folder / "devices" / name / "snapshot.json"
    before = kept.read_text(encoding="utf-8") if kept.exists() else ""
    there: list[bool] = []

    async def session() -> None:
        said: list[bytes] = []

        def send(data: bytes) -> None:
            said.append(data)
            text = kept.read_text(encoding="utf-8") if kept.exists() else ""
            there.append(text != before and shown in text)

        opened = assembly.opens(town.machine(name), lambda: None, lambda: town.keep_device(name))
        terminal, shell = opened(send, lambda: None, lambda: None, "admin")
        for line in lines:
            terminal.feed(line.encode() + b"\n")
        terminal.hang_up()
        await shell.run()

    asyncio.run(session())
    assert there[-1]
    assert not there[0]


def test_there_may_be_more_devices_than_the_story_has(tmp_path: Path) -> None:
    """More devices are like those of the story, under names of their own; its events hold for them too."""
    town = built(tmp_path / "town", count=7)
    try:
        assert list(town.residents) == ["open", "blocked", "late", "chassis", "open-2", "blocked-2", "late-2"]
        addresses = {each.address for each in town.residents.values()}
        serials = {town.machine(name).hardware.serial for name in ("open", "open-2", "blocked", "blocked-2")}
        assert (len(addresses), len(serials)) == (7, 4)
        town.turn_to(datetime(2018, 10, 5, 10, 0, tzinfo=UTC))
        assert Fault.PORT80 not in town.resident("blocked-2").network.faults
        assert town.machine("blocked-2").licence.state.registration is RegistrationState.REGISTERED
    finally:
        town.close()


def test_a_damaged_folder_is_told(tmp_path: Path) -> None:
    """A state that cannot be read is one sentence, and the town is not begun anew over it."""
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / "town.json").write_text("{}", encoding="utf-8")
    (folder / "town.json").chmod(0o600)
    with pytest.raises(TownError, match=r"town\.json: this is no lab-town document"):
        Town(harbour.story(), folder, login=LOGIN)
