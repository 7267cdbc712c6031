"""What lies below the licence of a virtual ASA: clock, names, routes, log, configuration, saving and starting anew."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.devices.asa import call_home_settings, clock, configuration, reachability, syslog
from anchorwatch.devices.fact import ClockReading, ClockZone, NtpAssociation, NtpStatus, PingResult
from anchorwatch.devices.screen import to_lines
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.asa.shell import PAGER, AsaShell
from anchorwatch.lab.network import Fault
from anchorwatch.lab.terminal import Terminal
from anchorwatch.net.endpoint import Endpoint
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


def broken(machine: Asa, fault: Fault) -> None:
    machine.network.break_(fault)  # type: ignore[attr-defined]  # the town's own


# ------------------------------------------------------------------------------------------------ reaching


@pytest.mark.parametrize(
    ("fault", "marks"),
    [(None, "!!!!!"), (Fault.PORT443, "?????"), (Fault.PORT443_REFUSED, "RRRRR"), (Fault.DNS, None)],
)
def test_a_ping_tells_the_rungs_apart(stage: Stage, fault: Fault | None, marks: str | None) -> None:
    """Answered, dropped, refused and without a name are four different screens."""
    machine = stage.asa(faults=[fault] if fault else [])
    (found,) = reachability.parse(to_lines(typed(machine, "ping tcp tools.cisco.com 443")))
    assert isinstance(found.fact, PingResult)
    if marks is None:
        assert found.fact.unresolved is not None
    else:
        assert found.fact.marks is not None
        assert found.fact.marks.value == marks
        assert found.fact.port == 443


def test_a_ping_of_a_host(stage: Stage) -> None:
    """A host of the town answers, one that is not there does not, and a name nobody knows is no host."""
    said = typed(
        stage.asa(),
        "ping tools.cisco.com",
        "ping 203.0.113.77",
        "ping nobody.example",
        "ping tcp tools.cisco.com x",
    )
    assert said.count("!!!!!") == 1
    assert said.count("?????") == 1
    assert "ERROR: % Invalid Hostname" in said
    assert "ERROR: % Invalid input detected" in said


def test_names_need_a_server_a_lookup_and_a_way(stage: Stage) -> None:
    """Without any one of the three no name is found; an address needs none of them."""
    machine = stage.asa()
    assert machine.address_of("tools.cisco.com") is not None
    for lines in (
        ("no dns domain-lookup outside", "dns domain-lookup outside"),
        ("dns server-group DefaultDNS", "no name-server 192.0.2.53", "name-server 192.0.2.53"),
        ("no route outside 0.0.0.0 0.0.0.0", "route outside 0 0 203.0.113.1"),
    ):
        typed(machine, "configure terminal", *lines[:-1])
        assert machine.address_of("tools.cisco.com") is None
        assert machine.address_of("198.51.100.38") == "198.51.100.38"
        typed(
            machine,
            "configure terminal",
            "dns server-group DefaultDNS" if "name-server" in lines[-1] else "",
            lines[-1],
        )
        assert machine.address_of("tools.cisco.com") is not None
    assert "Name: tools.cisco.com" in typed(machine, "show dns")


def test_a_wrong_name_server_answers_nothing(stage: Stage) -> None:
    """A server that is nobody's does not answer; the last one removed is warned of in the log."""
    machine = stage.asa(alter=lambda settings: settings.name_servers.clear())
    typed(machine, "configure terminal", "dns name-server 203.0.113.99")
    assert machine.address_of("tools.cisco.com") is None
    typed(machine, "configure terminal", "no dns name-server 203.0.113.99")
    assert "120011" in {message.code for message in machine.log}


def test_the_nearest_route_counts(stage: Stage) -> None:
    """A route into an interface that is down leads nowhere, also where a wider one would."""
    machine = stage.asa()
    said = typed(
        machine, "configure terminal", "interface GigabitEthernet0/1", "nameif inside", "ip address 10.0.0.1 255.0.0.0",
        "route inside 198.51.100.0 255.255.255.0 10.0.0.2", "route nowhere 0 0 10.0.0.2", "route inside 1.2.3.4 255.0.0.0 10.0.0.2",
    )  # fmt: skip
    assert said.count("ERROR") == 2
    assert machine.running.way_out("198.51.100.38") == "outside"
    typed(machine, "configure terminal", "interface GigabitEthernet0/1", "no shutdown")
    assert machine.running.way_out("198.51.100.38") == "inside"
    assert machine.running.way_out("10.9.9.9") == "inside"
    assert "10.0.0.1" in typed(machine, "show interface ip brief")


def test_call_home_goes_through_a_proxy(stage: Stage) -> None:
    """With the direct way dropped, a proxy carries call-home and the agent; without credentials it does not."""
    machine = stage.asa("9.8(2)", trustpoints=TRUSTED, faults=[Fault.PORT443])
    assert "CONNECT_FAILED" in typed(machine, "call-home test profile License")
    typed(machine, "configure terminal", "call-home", "http-proxy proxy.corp.example port 8080")
    assert "INFO: Succeeded" in typed(machine, "call-home test profile License")
    stage.registered(machine)
    (found,) = call_home_settings.parse(to_lines(typed(machine, "show call-home")))
    assert found.fact.proxy is not None
    assert found.fact.proxy.value == "proxy.corp.example:8080"
    broken(machine, Fault.PROXY_CREDENTIALS)
    assert "ERROR: Failed: CONNECT_FAILED" in typed(machine, "call-home test profile License")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.DNS, "INVALID_ADDRESS"),
        (Fault.PORT443_REFUSED, "CONNECT_FAILED"),
        (Fault.PORTAL_OUTAGE, "CONNECT_FAILED"),
        (Fault.OLD_TLS, "CONNECT_FAILED(35)"),
        (Fault.WRONG_NAME, "CONNECT_FAILED(35)"),
        (Fault.TLS_INSPECTION, "CONNECT_FAILED(35)"),
    ],
)
def test_the_words_for_a_failed_message(stage: Stage, fault: Fault, words: str) -> None:
    """The number stands for a TLS handshake that failed, and behind nothing else."""
    said = typed(stage.asa(trustpoints=TRUSTED, faults=[fault]), "call-home test profile License")
    assert said.splitlines()[2] == f"ERROR: Failed: {words}"


@pytest.mark.parametrize(
    "url",
    ["https://x:99999/", "https://[::1", "https://:443/", "https:///x", "https://tools.cisco.com:abc/x", "https://u:p@h/", "ftp://h/", "x"],
)  # fmt: skip
def test_urls_that_are_none(stage: Stage, url: str) -> None:
    """A URL that cannot be read is refused where it is typed, and fetches nothing."""
    machine = stage.asa(trustpoints=TRUSTED)
    plain = url.replace("https", "http")
    said = typed(
        machine, f"crypto ca trustpool import url {plain} noconfirm", "configure terminal", "crypto ca trustpool policy",
        f"auto-import url {plain}", "call-home", "profile License", f"destination address http {url}", "show dns",
    )  # fmt: skip
    assert said.count("ERROR") == 3
    assert machine.running.pool.url.endswith("ios_core.p7b")
    assert len(machine.running.call_home.profiles["License"].urls) == 1


def test_profiles_that_cannot_be_tested(stage: Stage) -> None:
    """One that is not there, is not active, or has no address is told in one line, and nothing is sent."""
    machine = stage.asa(trustpoints=TRUSTED)
    said = typed(
        machine, "call-home test profile Nobody", "call-home test profile CiscoTAC-1", "configure terminal", "call-home",
        "profile Own", "end", "call-home test profile Own", "configure terminal", "call-home", "profile Own",
        "destination address http http://tools.cisco.com/x", "end", "call-home test profile Own",
    )  # fmt: skip
    assert said.count("ERROR: Profile") == 3
    assert "ERROR: Failed: INVALID_URL" in said
    assert machine.seen is None


# ------------------------------------------------------------------------------------------------ the clock


def test_a_clock_without_a_time_server_is_starred(stage: Stage) -> None:
    """The star goes when a server answers or somebody sets the clock, and the source is told."""
    machine = stage.asa(alter=lambda settings: settings.ntp_servers.clear())
    readings = []
    for lines in ((), ("clock set 12:00:00 April 1 2016",), ("configure terminal", "ntp server 192.0.2.123")):
        typed(machine, *lines)
        (found,) = clock.parse_clock(to_lines(typed(machine, "show clock detail")))
        assert isinstance(found.fact, ClockReading)
        source = found.fact.source
        readings.append(
            (found.fact.time.value.mark, source.value if source else "", found.fact.time.value.wall)
        )
    assert readings == [
        ("*", "hardware calendar", datetime(2016, 3, 22, 13, 25, 46)),  # noqa: DTZ001 - a wall clock
        ("", "user configuration", datetime(2016, 4, 1, 12, 0)),  # noqa: DTZ001 - a wall clock
        ("", "NTP", datetime(2016, 3, 22, 13, 25, 46)),  # noqa: DTZ001 - a wall clock
    ]


def test_the_zone_is_a_label_and_an_offset(stage: Stage) -> None:
    """Any label is taken; what is printed is shifted, and reads back to the same instant by the configuration alone."""
    machine = stage.asa()
    typed(machine, "configure terminal", "clock timezone GMT -3 30")
    (zone,) = configuration.parse(to_lines(typed(machine, "show running-config clock")))
    assert isinstance(zone.fact, ClockZone)
    assert (zone.fact.label.value, zone.fact.minutes) == ("GMT", -210)
    assert typed(machine, "show clock").splitlines()[1] == "09:55:46.000 GMT Tue Mar 22 2016"
    assert "20:29:59 GMT Feb 7 2020" in typed(machine, "show crypto ca certificates")
    typed(machine, "configure terminal", "no clock timezone")
    assert typed(machine, "show clock").splitlines()[1] == "13:25:46.000 UTC Tue Mar 22 2016"
    assert (
        typed(machine, "configure terminal", "clock timezone X 99", "clock timezone X y").count("ERROR") == 2
    )


def test_time_servers_as_they_are_told(stage: Stage) -> None:
    """The server that answers is followed and starred; without one the clock is unsynchronized."""
    machine = stage.asa()
    typed(machine, "configure terminal", "ntp server 203.0.113.66")
    said = typed(machine, "show ntp status", "show ntp associations")
    facts = [found.fact for found in clock.parse_ntp(to_lines(said))]
    status = [fact for fact in facts if isinstance(fact, NtpStatus)]
    servers = [
        (fact.address.value, "*" in fact.mark, fact.reach)
        for fact in facts
        if isinstance(fact, NtpAssociation)
    ]
    assert [fact.synchronized.value for fact in status] == [True]
    assert servers == [("192.0.2.123", True, 0o377), ("203.0.113.66", False, 0)]
    broken(machine, Fault.NTP)
    assert "Clock is unsynchronized, no reference clock" in typed(machine, "show ntp status")
    assert "ERROR" in typed(machine, "configure terminal", "no ntp server 203.0.113.99")


@pytest.mark.parametrize(
    "line",
    ["clock set 25:00:00 1 Jan 2016", "clock set 10:00:00 31 Feb 2016", "clock set 1:2:3 May May 2016"],
)
def test_times_that_are_none(stage: Stage, line: str) -> None:
    """A time that does not exist is marked, and the clock goes on."""
    machine = stage.asa()
    assert "ERROR: % Invalid input" in typed(machine, line)
    assert machine.clock.now() == stage.clock.now()


# --------------------------------------------------------------------------------------------------- the log


def test_messages_go_to_a_host_as_datagrams(stage: Stage) -> None:
    """A configured host gets each message of the trap level with its priority; a host that is not reached misses it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(5)
        stage.house.directory.lead("192.0.2.99", 514, Endpoint("127.0.0.1", sink.getsockname()[1]))
        machine = stage.asa(trustpoints=TRUSTED)
        typed(machine, "configure terminal", "logging host outside 192.0.2.99", "logging trap errors")
        machine.tell("111008", 5, "not for the host")
        machine.tell("717009", 3, "for the host")
        assert (
            sink.recv(4096)
            .decode()
            .endswith(": %ASA-5-111008: User 'admin' executed the 'logging trap errors' command.\n")
        )
        assert b"%ASA-5-111010" in sink.recv(4096)
        assert sink.recv(4096) == b"<163>Mar 22 2016 13:25:46: %ASA-3-717009: for the host\n"
        assert machine.sent_away == 3
        stage.house.directory.lead("192.0.2.99", 514, Endpoint("127.0.0.1", 9))


def test_levels_and_silenced_messages(stage: Stage) -> None:
    """What the buffer keeps is decided by its level, by a message's own level, and by whether it is silenced."""
    machine = stage.asa()
    typed(
        machine,
        "configure terminal",
        "logging buffered 3",
        "logging message 717009 level debugging",
        "no logging message 717027",
        "clear logging buffer",
    )
    for code in ("717009", "717027", "717012"):
        machine.tell(code, 3, "something")
    assert [message.code for message in machine.log] == ["717012"]
    said = typed(machine, "show running-config logging")
    assert "no logging message 717027\nlogging message 717009 level debugging" in said
    typed(machine, "configure terminal", "no logging enable")
    machine.tell("717012", 3, "unheard")
    assert len(machine.log) == 1
    assert "Syslog logging: disabled" in typed(machine, "show logging")


def test_the_log_reads_back(stage: Stage) -> None:
    """Every line of `show logging` reads back as the message that was logged."""
    machine = stage.asa("9.8(2)")
    typed(machine, f"license smart register idtoken {stage.token()}", "call-home test profile License")
    lines = [line for line in typed(machine, "show logging").splitlines() if "%ASA-" in line]
    read = [message for line in lines for message in syslog.parse(to_lines(line))]
    assert [(each.code, each.detail, each.text) for each in read] == [
        (each.code, each.detail, each.text) for each in machine.log
    ]


def test_debugs_come_to_the_terminal_that_watches(stage: Stage) -> None:
    """A debug prints what happens while it is on, and nothing after it is off."""
    machine = stage.asa("9.5(2)")

    async def watched(*lines: str) -> str:
        said: list[bytes] = []
        terminal = Terminal(said.append, pager=PAGER)
        shell = AsaShell(machine, terminal, user="admin")
        shell.enter("privileged")
        terminal.page = 0
        running = asyncio.get_running_loop().create_task(shell.run())
        for line in lines:
            terminal.feed(line.encode() + b"\n")
            await asyncio.sleep(0.3)
        terminal.hang_up()
        await running
        return b"".join(said).decode()

    on = asyncio.run(
        watched("debug ssl 255", "debug crypto ca", "show debug", "call-home test profile License")
    )
    assert (
        "error:14090086:SSL routines:SSL3_GET_SERVER_CERTIFICATE:certificate verify failed@s3_clnt.c:1492"
        in on
    )
    assert "CRYPTO_PKI: No suitable trustpoints found to validate certificate serial number" in on
    assert "debug ssl enabled at level 255" in on
    off = asyncio.run(watched("undebug all", "terminal monitor", "call-home test profile License"))
    assert "CRYPTO_PKI" not in off
    watching = asyncio.run(
        watched(
            "configure terminal",
            "logging monitor errors",
            "terminal monitor",
            "call-home test profile License",
        )
    )
    assert "%ASA-3-717009" in watching
    assert "%ASA-6-725001" not in watching


# ----------------------------------------------------------------------------------------- the configuration


def test_a_configuration_typed_into_another_device_makes_it_alike(stage: Stage) -> None:
    """What `show running-config` prints can be typed; the other device then prints the same."""
    first = stage.asa("9.8(2)")
    typed(
        first, "configure terminal", "hostname edge", "domain-name harbour.example", "clock timezone CET 1", "interface GigabitEthernet0/1",
        "description to the quay", "nameif inside", "ip address 10.0.0.1 255.0.0.0", "logging host inside 10.0.0.9",
        "access-list OUT extended permit ip any any", "ssh 10.0.0.0 255.0.0.0 inside", "no ntp server 192.0.2.123", "ssl client-version tlsv1.2",
        "crypto ca trustpoint VPN", "enrollment terminal", "revocation-check crl none", "validation-usage ipsec-client ssl-client",
        "crypto ca trustpool policy", "revocation-check crl", "crl cache-time 120", "auto-import time 03:00:00", "license smart",
        "feature context 3", "privacy version", "call-home", "contact-email-addr nobody@harbour.example", "profile Own",
        "destination address http https://portal.example/x", "username kim password secret-word privilege 15",
    )  # fmt: skip
    text = (
        typed(first, "show running-config").split("ASA Version 9.8(2)\n!\n")[1].partition("Cryptochecksum")[0]
    )
    assert "secret-word" not in text
    # Certificates come by authentication, not by configuration.
    lines = re.sub(r"crypto ca certificate chain [\s\S]*?\n  quit\n", "", text).splitlines()
    second = stage.asa("9.8(2)")
    typed(second, "configure terminal", "no ntp server 192.0.2.123", *(line for line in lines if line != "!"))
    again = (
        typed(second, "show running-config")
        .split("ASA Version 9.8(2)\n!\n")[1]
        .partition("Cryptochecksum")[0]
    )
    assert again == text


def test_what_a_reload_loses_and_keeps(stage: Stage) -> None:
    """Saved lines, the pool, the identity and files stay; unsaved lines, the log, debugs and sessions go."""
    machine = stage.registered(stage.asa("9.8(2)", trustpoints=TRUSTED))
    typed(
        machine,
        "configure terminal",
        "hostname kept",
        "end",
        "copy running-config startup-config",
        "",
        "configure terminal",
        "hostname lost",
        "debug ssl",
    )
    identity = machine.licence.state.identity
    stage.clock.advance(timedelta(hours=1))
    said = typed(machine, "show startup-config", "reload noconfirm")
    assert "hostname kept" in said
    assert "START GRACEFUL SHUTDOWN" in said
    assert machine.running.hostname == "kept"
    assert machine.licence.state.identity == identity
    assert machine.debugs == {}
    assert {message.time.wall for message in machine.log if message.time} == {
        stage.clock.now().replace(tzinfo=None)
    }
    assert "199001" in {message.code for message in machine.log}
    stage.pass_time(machine, timedelta(days=31))
    assert machine.licence.state.last_authorization is not None
    assert machine.licence.state.last_authorization.at > MOVED + timedelta(days=29)


@pytest.mark.parametrize(
    ("answers", "hostname", "reloaded"),
    [
        (("C",), "changed", False),
        (("N", "n"), "changed", False),
        (("Y", "y"), "changed", True),
        (("N", "y"), "ASAv", True),
    ],
)
def test_the_questions_before_a_reload(
    stage: Stage, answers: tuple[str, ...], hostname: str, *, reloaded: bool
) -> None:
    """Unsaved changes are asked about; only a confirmed reload happens."""
    machine = stage.asa()
    started = machine.clock.started
    stage.clock.advance(timedelta(hours=1))
    typed(machine, "configure terminal", "hostname changed", "end", "reload", *answers)
    assert machine.running.hostname == hostname
    assert (machine.clock.started > started) is reloaded


def test_a_snapshot_goes_on_where_it_was(stage: Stage) -> None:
    """All that is on no disk survives as JSON: unsaved lines, pool, log, clock, plans and statistics."""
    machine = stage.asa(
        "9.5(2)",
        faults=[Fault.DNS],
        off=timedelta(minutes=7),
        alter=lambda settings: settings.ntp_servers.clear(),
    )
    stage.pass_time(machine, timedelta(hours=9))
    typed(
        machine,
        "configure terminal",
        "hostname unsaved",
        "crypto ca trustpool import default noconfirm",
        f"license smart register idtoken {stage.token()}",
    )
    kept = json.loads(json.dumps(machine.snapshot()))
    other = stage.asa("9.5(2)")
    other.restore(kept)
    assert json.loads(json.dumps(other.snapshot())) == kept
    for line in ("show crypto ca trustpool policy", "show clock", "show crypto ca trustpool"):
        assert typed(other, line) == typed(machine, line)
    assert [syslog.render(each) for each in other.log] == [syslog.render(each) for each in machine.log]


def test_words_may_be_shortened_and_mistakes_are_marked(stage: Stage) -> None:
    """Any unique beginning will do; the caret stands under the first word that is none."""
    machine = stage.asa()
    said = typed(
        machine,
        "sh clo",
        "conf t",
        "cry ca trustpoint x",
        "enr term",
        "do",
        "sh frob",
        "lic smart",
        "feat tier",
    )
    assert "13:25:46.000 UTC" in said
    assert machine.running.trustpoints["x"].enrollment == "terminal"
    lines = said.splitlines()
    marked = next(number for number, line in enumerate(lines) if line.endswith("sh frob"))
    assert lines[marked + 1].index("^") == lines[marked].index("frob")
    assert lines[-2] == "ERROR: % Incomplete command"


def test_configuration_that_an_asa_would_not_take(stage: Stage) -> None:
    """What is no command of an ASA is refused; what is one and changes nothing here is kept, shown and taken away."""
    machine = stage.asa()
    refused = (
        "ip route 0.0.0.0 0.0.0.0 1.2.3.4",
        "router bgp nothing",
        "set certchain",
        "aaa nonsense",
        "crypto pki trustpool import",
    )
    assert typed(machine, "configure terminal", *refused).count("ERROR: %") == len(refused)
    assert machine.running.text == []
    typed(
        machine, "configure terminal", "nat (inside,outside) source dynamic any interface", "mtu outside 1500"
    )
    assert machine.running.text == ["nat (inside,outside) source dynamic any interface", "mtu outside 1500"]
    assert "mtu outside 1500" in typed(machine, "show running-config mtu")
    assert "ERROR" in typed(machine, "configure terminal", "no mtu outside 1500", "no mtu outside 1500")
    assert len(machine.running.text) == 1


def test_nobody_fills_a_device_by_typing(stage: Stage) -> None:
    """Whatever is added again and again reaches an end, and files go nowhere but to flash."""
    machine = stage.asa()
    several = [
        *(f"name-server 10.0.0.{number}" for number in range(20)),
        *(f"crypto ca trustpoint t{number}" for number in range(120)),
        *(f"ntp server 10.0.0.{number}" for number in range(20)),
        *(f"no logging message {number:06}" for number in range(600)),
    ]
    said = typed(machine, "configure terminal", "dns server-group DefaultDNS", *several)
    assert said.count("ERROR: No more of these can be configured") > 100
    held = machine.running
    assert (len(held.trustpoints), len(held.name_servers), len(held.ntp_servers)) == (100, 6, 10)
    assert len(held.logging.silenced) == 500
    for name in ("..", "../../outside", "/etc/passwd", ".hidden", "a/../../b"):
        assert "ERROR" in typed(machine, f"crypto ca trustpool export disk0:{name}")
        assert "ERROR" in typed(machine, f"crypto ca trustpool import url disk0:{name} noconfirm")
    assert not machine.flash.exists()


def test_who_changed_something_is_logged_without_secrets(stage: Stage) -> None:
    """A command that changes something is logged with the user, a look is not, and no password is."""
    machine = stage.asa()
    typed(
        machine,
        "show version",
        "configure terminal",
        "username kim password hidden-word",
        "snmp-server host inside 10.0.0.9 community hidden-word",
        user="kim",
    )
    assert machine.running.text[-1] == "snmp-server host inside 10.0.0.9 community *****"
    said = [message.text for message in machine.log if message.code in ("111008", "111010")]
    assert any("User 'kim' executed the 'configure terminal' command." in text for text in said)
    assert any("username kim password *****" in text for text in said)
    assert not any("show version" in text or "hidden-word" in text for text in said)


def test_the_pager_of_a_session_and_of_the_device(stage: Stage) -> None:
    """`terminal pager` is for this session; `pager` stays for the next ones."""
    machine = stage.asa()
    typed(machine, "terminal pager 0")
    assert machine.running.pager == 24
    typed(machine, "configure terminal", "pager lines 5")
    assert machine.running.pager == 5
    terminal = Terminal(lambda _: None, pager=PAGER)
    AsaShell(machine, terminal, user="admin")
    assert terminal.page == 5


def test_fresh_settings_are_whole(stage: Stage) -> None:
    """The settings of every version are JSON and read back as they were."""
    for software in ("9.4(1)", "9.5(2)", "9.6(2)", "9.8(2)", "9.16(4)"):
        machine = stage.asa(software)
        assert isinstance(machine.running, AsaSettings)
        assert machine.traits.auto_import is (software != "9.4(1)")
        assert f"ASA Version {software}" in typed(machine, "show running-config")
