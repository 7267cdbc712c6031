from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import version_number
from anchorwatch.devices.asa import clock, configuration, reachability, version
from anchorwatch.devices.capture import clean
from anchorwatch.devices.fact import (
    CallHomeConfig,
    CallHomeProfile,
    ClockReading,
    ClockZone,
    DnsConfig,
    LicenseConfig,
    NtpStatus,
    PingResult,
    SoftwareVersion,
    TrustpointConfig,
    TrustpoolConfig,
)
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.span import Seen

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True).map(Seen)
urls = st.sampled_from(["https://tools.cisco.com/its/service", "https://ssm.example/Transportgateway"]).map(
    Seen
)
addresses = st.ip_addresses(v=4).map(str).map(Seen)


def test_an_unlicensed_firewall_is_read(shared: Path) -> None:
    """A real show version tells software, platform, the missing entitlement and the list of features."""
    (found,) = version.parse(clean((shared / "transcripts" / "asa-version-unlicensed.txt").read_text()))
    fact = found.fact
    assert str(fact.version) == "9.5(2)204"
    assert str(fact.hardware) == "ASAv"
    assert str(fact.license_mode) == "Smart Licensing"
    assert str(fact.platform_license) == "Unlicensed"
    assert str(fact.no_entitlement) == "no feature tier and no throughput level configured"
    assert str(fact.hostname) == "asa1"
    assert str(fact.serial) == "9AT1L9EX0DF"
    assert len(fact.features) == 19
    assert fact.modified is not None


versions = st.builds(
    SoftwareVersion,
    software=st.just(Seen("ASA")),
    version=st.sampled_from(["9.5(2)204", "9.16(4)"]).map(version_number.parse).map(Seen),
    context=st.none() | st.just(Seen("system")),
    hardware=st.none() | st.just(Seen("FPR4K-SM-12")),
    license_mode=st.just(Seen("Smart Licensing")),
    platform_license=st.none() | st.just(Seen("Licensed")),
    no_entitlement=st.none() | st.just(Seen("no feature tier and no throughput level configured")),
    throughput=st.none() | st.just(Seen("100 Kbps")),
    features=st.sampled_from([(), (("Maximum VLANs", "50"), ("Encryption-3DES-AES", "Enabled"))]),
    serial=st.none() | st.just(Seen("9AT1L9EX0DF")),
)


@given(versions)
def test_a_version_reads_back(fact: SoftwareVersion) -> None:
    """What show version says about software and licence comes back."""
    (found,) = version.parse(clean(version.render(fact)))
    assert found.fact == fact


@pytest.mark.parametrize(
    ("left", "right"),
    [("9.5(1)", "9.5(2)204"), ("9.8(3)21", "9.8.4"), ("9.9", "9.10(1)"), ("16.12.05", "17.3.2")],
)
def test_versions_are_ordered_by_their_numbers(left: str, right: str) -> None:
    """The manual's and the notices' way of writing a version compare with each other."""
    assert version_number.parse(left) < version_number.parse(right)


def test_a_version_knows_what_it_includes() -> None:
    """9.5(2)204 is at least 9.5(2), and not 9.6(2)."""
    asked = version_number.parse("9.5(2)204")
    assert asked.at_least(9, 5, 2)
    assert not asked.at_least(9, 6, 2)


clocks = st.builds(
    ClockReading,
    time=st.builds(
        DeviceTime,
        wall=st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 - wall clocks
            lambda wall: wall.replace(microsecond=wall.microsecond // 1000 * 1000)
        ),
        zone=st.sampled_from(["UTC", "GMT", "CEST"]),
        mark=st.sampled_from(["", "*", "."]),
        style=st.just(Style.CLOCK),
        digits=st.just(3),
    ).map(Seen),
    source=st.none() | st.sampled_from(["NTP", "hardware calendar", "user configuration"]).map(Seen),
)


@given(clocks)
def test_a_clock_reads_back(reading: ClockReading) -> None:
    """The time, its mark, its label and its source come back."""
    (found,) = clock.parse_clock(clean(clock.render_clock(reading)))
    assert found.fact == reading


def test_a_time_within_a_line_is_no_clock() -> None:
    """A time among other words is not what the clock shows."""
    assert clock.parse_clock(clean("Next scheduled import at 22:00:00 UTC Wed Mar 23 2016")) == ()


def test_the_prompt_timestamp_of_ios_is_a_clock() -> None:
    """The line that IOS-XE prints above an output tells time and source; a point says that NTP was lost."""
    (found,) = clock.parse_clock(clean("Time source is NTP, .11:27:20.123 UTC Fri Feb 10 2023"))
    assert (found.fact.time.value.mark, str(found.fact.source)) == (".", "NTP")


@pytest.mark.parametrize(
    ("text", "synchronized"),
    [
        ("Clock is synchronized, stratum 3, reference is 192.0.2.123", True),
        ("Clock is unsynchronized, no reference clock", False),
        ("Clock is unsynchronized, stratum 16, no reference clock", False),
    ],
)
def test_ntp_says_whether_it_is_synchronized(text: str, synchronized: bool) -> None:
    """The word unsynchronized is not read by its end."""
    (found,) = clock.parse_ntp(clean(text))
    assert isinstance(found.fact, NtpStatus)
    assert found.fact.synchronized.value is synchronized


pings = st.builds(
    PingResult,
    target=st.sampled_from(["173.37.145.8", "tools.cisco.com"]).map(Seen),
    port=st.just(443),
    tcp=st.just(True),
    marks=st.sampled_from(["!!!!!", "?????", "!!?!!"]).map(Seen),
    success=st.sampled_from([0, 80, 100]).map(Seen),
) | st.builds(PingResult, unresolved=st.just(Seen("ERROR: % Invalid Hostname")))


@given(pings)
def test_a_ping_reads_back(ping: PingResult) -> None:
    """Target, port, marks and rate come back, and so does a name that was not resolved."""
    (found,) = reachability.parse(clean(reachability.render(ping)))
    assert found.fact == ping


def seen_head(text: str) -> st.SearchStrategy[Seen[str]]:
    return st.just(Seen(text))


configs = st.one_of(
    st.builds(
        TrustpoolConfig,
        shown=seen_head("crypto ca trustpool policy"),
        auto_import=st.booleans().map(Seen),
        url=st.none() | urls,
        time=st.none() | st.just(Seen("22:00:00")),
    ),
    st.builds(
        TrustpointConfig,
        name=names,
        lines=st.just(("enrollment terminal", "validation-usage ssl-server", "crl configure")),
        usage=st.just(Seen(("ssl-server",))),
        enrollment=st.just(Seen("terminal")),
    ),
    st.builds(
        ClockZone,
        label=names,
        minutes=st.integers(-720, 840).filter(lambda m: m % 15 == 0 and not -60 < m < 0),
    ),
    st.builds(
        DnsConfig,
        lookups=st.lists(names, min_size=1, max_size=2).map(tuple),
        servers=st.lists(addresses, max_size=2).map(tuple),
    ),
    st.builds(
        CallHomeConfig,
        shown=seen_head("call-home"),
        proxy=st.none() | st.just(Seen("192.0.2.8 port 3128")),
        source_interface=st.none() | names,
        profiles=st.lists(
            st.builds(
                CallHomeProfile,
                name=names,
                active=st.none() | st.booleans().map(Seen),
                urls=st.lists(urls, max_size=1).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(
        LicenseConfig,
        shown=seen_head("license smart"),
        tier=st.none() | st.just(Seen("standard")),
        throughput=st.none() | st.just(Seen("1G")),
        features=st.sampled_from([(), (Seen("strong-encryption"),)]),
    ),
)


@given(configs)
def test_a_part_of_the_configuration_reads_back(fact: configuration.Fact) -> None:
    """Each part of a running configuration that is read comes back from its lines."""
    (found,) = configuration.parse(clean(configuration.render(fact)))
    assert found.fact == fact


def test_a_pool_without_auto_import_says_off(shared: Path) -> None:
    """The head alone means that the automatic import is off; the document's two listings mean that it is on."""
    (found,) = configuration.parse(clean("crypto ca trustpool policy\n!\nend"))
    assert isinstance(found.fact, TrustpoolConfig)
    assert found.fact.auto_import == Seen(False)
    document = clean((shared / "tac-213932.zh.txt").read_text())
    pools = [f.fact for f in configuration.parse(document) if isinstance(f.fact, TrustpoolConfig)]
    assert [(pool.auto_import, pool.complete) for pool in pools] == [(Seen(True), False), (Seen(True), True)]


def test_a_zone_east_of_greenwich_runs_ahead() -> None:
    """The configuration tells how far the clock is ahead of UTC; the label does not."""
    (found,) = configuration.parse(clean("clock timezone GMT +8"))
    assert found.fact == ClockZone(label=Seen("GMT"), minutes=480)


@given(
    st.text()
    | st.lists(
        st.sampled_from(["call-home", " profile x", "crypto ca trustpool policy", " auto-import"])
    ).map("\n".join)
)
def test_any_text_may_come(text: str) -> None:
    """No text makes the readers fail."""
    lines = clean(text)
    for parse in (
        version.parse,
        clock.parse_clock,
        clock.parse_ntp,
        reachability.parse,
        reachability.parse_refusal,
        configuration.parse,
    ):
        parse(lines)
