"""The licence of a virtual ASA: what is asked of the agent, what it prints, what it logs, what it costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.devices import license as license_screen
from anchorwatch.devices.asa import license_a, registration, version
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.log_detail import AgentEvent
from anchorwatch.devices.screen import to_lines
from anchorwatch.lab.asa import licence_commands
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.asa.shell import DIALECT, PAGER, AsaShell
from anchorwatch.lab.network import Fault
from anchorwatch.lab.terminal import Terminal
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from lab.stage import Stage, typed

MOVED = datetime(2016, 3, 22, 13, 25, 46, tzinfo=UTC)
TRUSTED = {"_SmartCallHome_ServerCA": "g5"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage.of("2016", tmp_path_factory.mktemp("stage"), at=MOVED, chain="new")
    made.house.directory.hurried = True
    yield made
    made.close()


@pytest.fixture(autouse=True)
def moment(stage: Stage) -> None:
    stage.clock.turn_to(MOVED)


def events(machine: Asa) -> list[str]:
    return [message.detail.mnemonic for message in machine.log if isinstance(message.detail, AgentEvent)]


def standing(machine: Asa) -> RegistrationState:
    """Where its registration stands now."""
    return machine.licence.state.registration


def shown(machine: Asa) -> LicenseReport:
    """What ``show license all`` says, read back."""
    (found,) = license_screen.parse(to_lines(typed(machine, "show license all")))
    return found.fact


@pytest.mark.parametrize("software", ["9.8(2)", "9.16(4)"])
def test_every_state_of_the_screen_is_read_as_it_was_meant(stage: Stage, software: str) -> None:
    """Unregistered, retrying, refused, registered, expired: what is printed reads back as the facts it was made of."""
    machine = stage.asa(software, trustpoints={"_SmartCallHome_ServerCA": "g3"})
    reports = []

    def look() -> None:
        assert shown(machine) == licence_commands.report(machine)
        reports.append(shown(machine))

    look()
    typed(machine, f"license smart register idtoken {stage.token()}")
    look()
    ended = stage.token(life_=timedelta(minutes=1))
    machine.running.trustpoints["_SmartCallHome_ServerCA"].pem = stage.house.minted["g5"].certificate.pem
    stage.clock.advance(timedelta(minutes=2))
    typed(machine, f"license smart register idtoken {ended}")
    look()
    stage.registered(machine)
    look()
    machine.running.pool.auto_import = False
    machine.running.trustpoints.clear()
    for days in (31, 60, 280):
        stage.clock.advance(timedelta(days=days))
        machine.pool = type(machine.pool)((), "Trustpool")
        machine.licence.tick()
        look()
    assert [report.registration.state for report in reports if report.registration] == [
        RegistrationState.NOT_REGISTERED,
        RegistrationState.IN_PROGRESS,
        RegistrationState.FAILED,
        RegistrationState.REGISTERED,
        RegistrationState.REGISTERED,
        RegistrationState.REGISTERED,
        RegistrationState.EXPIRED,
    ]
    assert [report.authorization.state for report in reports[3:6] if report.authorization] == [
        AuthorizationState.AUTHORIZED,
        AuthorizationState.AUTHORIZED,
        AuthorizationState.EXPIRED,
    ]


def test_the_summary_is_the_same_in_short(stage: Stage) -> None:
    """The table of `show license summary` names what `show license usage` tells in blocks."""
    machine = stage.registered(stage.asa("9.8(2)", trustpoints=TRUSTED))
    told = []
    for command in ("summary", "usage"):
        (found,) = license_screen.parse(to_lines(typed(machine, f"show license {command}")))
        told.append([(each.tag, each.name, each.count, each.status) for each in found.fact.entitlements])
    assert told[0] == told[1] != []


def test_the_first_agents_print_a_list(stage: Stage) -> None:
    """On 9.5(2) the flat list and the registration read back, before and after a registration."""
    machine = stage.asa("9.5(2)", trustpoints=TRUSTED)
    states = []
    for line in ("show clock", f"license smart register idtoken {stage.token()}"):
        typed(machine, line)
        (flat,) = license_a.parse(to_lines(typed(machine, "show license all")))
        (going,) = registration.parse(to_lines(typed(machine, "show license registration")))
        assert flat.fact.overall_status == licence_commands.flat(machine).overall_status
        assert [entry.tag.value for entry in flat.fact.entitlements] == ["ASAv-STD-1G"]
        assert going.fact == licence_commands.progress(machine)
        states.append((going.fact.state, flat.fact.entitlements[0].state))
    assert states == [
        (RegistrationState.NOT_REGISTERED, AuthorizationState.EVALUATION),
        (RegistrationState.REGISTERED, AuthorizationState.AUTHORIZED),
    ]


@pytest.mark.parametrize(
    "command", ["summary", "status", "usage", "udi", "registration", "entitlement", "pool"]
)
def test_each_generation_has_its_own_commands(stage: Stage, command: str) -> None:
    """What the first agents print, the later ones do not know, and the other way round."""
    old, new = stage.asa("9.5(2)", trustpoints=TRUSTED), stage.asa("9.8(2)", trustpoints=TRUSTED)
    first = command in ("registration", "entitlement", "pool", "udi")
    later = command in ("summary", "status", "usage", "udi")
    assert ("Invalid input" not in typed(old, f"show license {command}")) is first
    assert ("Invalid input" not in typed(new, f"show license {command}")) is later


def test_a_registration_takes_its_time_and_the_command_none(stage: Stage) -> None:
    """The command returns at once while the connection is still under way; the state follows."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
    line = f"license smart register idtoken {stage.token()}"
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with machine.licence._guard:
            held.set()
            free.wait(10)

    async def session() -> tuple[str, RegistrationState]:
        said: list[bytes] = []
        terminal = Terminal(said.append, pager=PAGER)
        shell = AsaShell(machine, terminal, user="admin")
        shell.enter("privileged")
        terminal.feed(line.encode() + b"\n")
        terminal.hang_up()
        await asyncio.wait_for(shell.run(), 5)
        meanwhile = machine.licence.state.registration
        free.set()
        return b"".join(said).decode(), meanwhile

    # The agent is busy, and cannot even begin: the prompt comes back all the same.
    busy = threading.Thread(target=hold)
    busy.start()
    held.wait(10)
    said, meanwhile = asyncio.run(session())
    busy.join(10)
    assert said.count(DIALECT.render("privileged", "ASAv")) == 2
    assert meanwhile is RegistrationState.NOT_REGISTERED
    assert standing(machine) is RegistrationState.REGISTERED


def test_renewing_is_for_the_registered(stage: Stage) -> None:
    """Before a registration there is nothing to renew or give back; afterwards both work, and a second token needs force."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
    said = typed(machine, "license smart renew auth", "license smart renew id", "license smart deregister")
    assert said.count("ERROR: The agent is not registered") == 3
    typed(machine, f"license smart register idtoken {stage.token()}")
    first = machine.licence.state.identity
    stage.clock.advance(timedelta(hours=1))
    typed(machine, "license smart renew id", "license smart renew auth")
    second = machine.licence.state
    assert second.identity != first
    assert second.last_authorization is not None
    assert second.last_authorization.at == stage.clock.now()
    assert "already registered" in typed(machine, f"license smart register idtoken {stage.token()}")
    typed(machine, f"license smart register idtoken {stage.token()} force")
    assert standing(machine) is RegistrationState.REGISTERED
    typed(machine, "license smart deregister")
    assert standing(machine) is RegistrationState.NOT_REGISTERED
    assert {"ID_CERT_RENEW_SUCCESS", "AGENT_ALREADY_REGISTER", "AGENT_DEREG_SUCCESS"} <= set(events(machine))


def test_no_token_is_ever_kept_or_logged(stage: Stage) -> None:
    """A token stands in no log, no history and no configuration, whether it was taken or not."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
    token = stage.token()
    typed(
        machine,
        f"license smart register idtoken {token}",
        f"license smart register idtoken {token[:-9]} force",
    )
    said = typed(machine, "show logging", "show history", "show running-config", "show tech-support license")
    assert token[:40] not in said
    assert token[:40] not in repr(machine.snapshot())
    assert "idtoken *****" in said


def test_what_is_refused_before_the_portal_is_asked(stage: Stage) -> None:
    """A token that was damaged on its way is refused in a sentence that does not repeat it."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
    said = typed(machine, f"license smart register idtoken {stage.token()[:-40]}")
    assert said.splitlines()[1].startswith("ERROR: this is no ID token")
    assert standing(machine) is RegistrationState.NOT_REGISTERED


def test_what_is_configured_is_what_is_asked_for(stage: Stage) -> None:
    """An ASAv asks for one tag when tier and throughput are both set, and for nothing when one is gone."""
    machine = stage.registered(stage.asa("9.8(2)", trustpoints=TRUSTED))
    stage.house.offer(["ASAv-STD-2G"])
    typed(machine, "configure terminal", "license smart", "throughput level 2G")
    (found,) = version.parse(to_lines(typed(machine, "show license features")))
    assert found.fact.entitlement is not None
    assert found.fact.throughput is not None
    assert (found.fact.entitlement.value, found.fact.throughput.value) == ("ASAv-STD-2G", "2 Gbps")
    assert [each.tag for each in machine.licence.state.wanted] == ["ASAv-STD-2G"]
    typed(machine, "configure terminal", "license smart", "no throughput level")
    assert machine.licence.state.wanted == ()
    said = typed(machine, "show license features")
    assert "No active entitlement: no throughput level configured" in said
    assert "ASAv Platform License State: Unlicensed" in said
    assert "Firewall throughput limited to 100 Kbps" in said


def test_what_the_portal_does_not_know_is_an_invalid_tag(stage: Stage) -> None:
    """A feature that the account has never heard of is shown and logged as such; the others stay authorized."""

    def carrier(settings: AsaSettings) -> None:
        settings.licence.features = ["carrier"]

    machine = stage.asa("9.8(2)", trustpoints=TRUSTED)
    carrier(machine.running)
    stage.registered(machine)
    machine.ask_for_licences()
    states = {entry.tag.value: entry.state for entry in shown(machine).entitlements}
    assert states == {
        "ASAv-STD-1G": AuthorizationState.AUTHORIZED,
        "ASAv-ASA-CAR": AuthorizationState.INVALID_TAG,
    }
    assert "INVALID_TAG" in events(machine)


def test_a_failure_and_its_end_are_logged_once_each(stage: Stage) -> None:
    """COMM_FAILED when the portal is lost, every failed attempt by itself, COMM_RESTORED when it is back."""
    machine = stage.registered(stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[]))
    machine.log.clear()
    stage.clock.advance(timedelta(hours=1))
    machine.network.break_(Fault.PORT443_REFUSED)  # type: ignore[attr-defined]  # the town's own
    typed(machine, "license smart renew auth")
    stage.clock.advance(timedelta(hours=1))
    machine.licence.tick()
    assert events(machine) == ["COMM_FAILED", "AUTH_RENEW_FAILED", "AUTH_RENEW_FAILED"]
    machine.network.mend(Fault.PORT443_REFUSED)  # type: ignore[attr-defined]  # the town's own
    stage.clock.advance(timedelta(hours=12))
    machine.licence.tick()
    assert events(machine)[3:] == ["COMM_RESTORED", "AUTH_RENEW_SUCCESS"]
    codes = [message.code for message in machine.log if message.code.startswith("120")]
    assert codes == ["120006", "120006", "120007"]


def test_a_clock_that_jumps_costs_the_registration_after_an_hour(stage: Stage) -> None:
    """Outside the dates of the ID certificate the agent waits an hour for the clock to come back, then it is unregistered."""
    machine = stage.registered(
        stage.asa("9.8(2)", trustpoints=TRUSTED, alter=lambda each: each.ntp_servers.clear())
    )
    typed(machine, "clock set 10:00:00 1 Jan 2019")
    stage.pass_time(machine, timedelta(minutes=50))
    assert standing(machine) is RegistrationState.REGISTERED
    stage.pass_time(machine, timedelta(minutes=20))
    assert standing(machine) is RegistrationState.NOT_REGISTERED
    assert "REG_EXPIRED_CLOCK_CHANGE" in events(machine)
    assert "SYSTEM_CLOCK_CHANGED" in events(machine)


def test_a_year_of_renewals_comes_at_the_right_instants(stage: Stage) -> None:
    """Left alone, a device renews its authorization every 30 days and its identity after 180, to the second."""
    machine = stage.registered(stage.asa("9.8(2)", trustpoints=TRUSTED))
    start = stage.clock.now()
    machine.log.clear()
    stage.pass_time(machine, timedelta(days=181))
    told = [
        (message.detail.mnemonic, message.time.wall)
        for message in machine.log
        if isinstance(message.detail, AgentEvent) and message.time is not None
    ]
    renewed = [at for mnemonic, at in told if mnemonic == "AUTH_RENEW_SUCCESS"]
    assert [(at.replace(tzinfo=UTC) - start).days for at in renewed] == [30, 60, 90, 120, 150, 180]
    (identity,) = [at for mnemonic, at in told if mnemonic == "ID_CERT_RENEW_SUCCESS"]
    assert identity.replace(tzinfo=UTC) - start == timedelta(days=180)
    assert machine.next_wakeup() is not None


def test_an_unlicensed_asav_nags_into_whatever_is_typed(stage: Stage) -> None:
    """Its two lines come in the middle of a command that is being typed, and stop when it is licensed."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, nags=timedelta(milliseconds=30))

    async def slowly() -> str:
        said: list[bytes] = []
        terminal = Terminal(said.append, pager=PAGER)
        shell = AsaShell(machine, terminal, user="admin")
        shell.enter("privileged")
        running = asyncio.get_running_loop().create_task(shell.run())
        for part in (b"show cl", b"ock\n"):
            terminal.feed(part)
            await asyncio.sleep(0.1)
        terminal.hang_up()
        await running
        return b"".join(said).decode().replace("\r\n", "\n")

    said = asyncio.run(slowly())
    assert "show cl\n" + "\n".join(DIALECT.notices) + "\n" in said
    assert "13:25:46.000 UTC Tue Mar 22 2016" in said
    stage.registered(machine)
    assert DIALECT.notices[0] not in asyncio.run(slowly())
