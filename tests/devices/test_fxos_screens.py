"""The screens of an FXOS chassis: what is rendered is read back, and what looks alike is left alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import reading
from anchorwatch.devices.asa import license_a
from anchorwatch.devices.capture import clean
from anchorwatch.devices.fact import (
    CallHomeConfig,
    ClockZone,
    DnsConfig,
    NtpAssociation,
    NtpStatus,
    PingResult,
)
from anchorwatch.devices.fxos import application, call_home, reachability, service
from anchorwatch.devices.license_fact import Entitlement, LicenseReport
from anchorwatch.devices.moment import DeviceTime, Style, parse
from anchorwatch.devices.span import Seen

_HOSTS = st.from_regex(r"[a-z0-9]{1,12}(\.[a-z0-9]{1,8}){1,3}", fullmatch=True)
_STATUS = st.sampled_from([service.FOLLOWED, "Candidate", "Unreachable Or Invalid Ntp Server"])


@given(
    st.lists(st.tuples(_HOSTS, _STATUS), min_size=1, max_size=6, unique_by=lambda pair: pair[0]),
    st.booleans(),
)
def test_time_servers_are_read_as_they_are_printed(servers: list[tuple[str, str]], detail: bool) -> None:
    """Every server is found with whether the clock follows it, in the table and in the long form."""
    text = service.render_time_servers(servers, detail=detail)
    facts = [each.fact for each in service.parse(clean(text))]
    followed = any(status == service.FOLLOWED for _, status in servers)
    assert [each.synchronized.value for each in facts if isinstance(each, NtpStatus)] == [followed]
    assert [(str(each.address), each.mark == "*") for each in facts if isinstance(each, NtpAssociation)] == [
        (name, status == service.FOLLOWED) for name, status in servers
    ]


@given(st.lists(st.ip_addresses().map(str), max_size=4))
def test_name_servers_are_read_as_they_are_printed(addresses: list[str]) -> None:
    """The heading alone means that there is none."""
    (found,) = service.parse(clean(service.render_name_servers(addresses)))
    assert isinstance(found.fact, DnsConfig)
    assert [str(each) for each in found.fact.servers] == addresses


def test_only_a_zone_at_a_fixed_distance_tells_the_offset() -> None:
    """What a region means depends on the date, so its name alone says nothing."""
    for zone, minutes in (("Etc/UTC", 0), ("Etc/GMT-8", 480), ("Etc/GMT+5", -300)):
        (found,) = service.parse(clean(service.render_zone(zone)))
        assert found.fact == ClockZone(label=Seen(zone), minutes=minutes)
    assert service.parse(clean(service.render_zone("Europe/Zurich"))) == ()


def test_a_ping_tells_whether_the_name_has_an_address() -> None:
    """Echoes are counted; a name without an address is a ping that did not start."""
    text = reachability.render("tools.cisco.com", "198.51.100.38", source="192.0.2.41", sent=3, received=2)
    (found,) = reachability.parse(clean(text))
    assert found.fact == PingResult(target=Seen("tools.cisco.com"), success=Seen(66))
    (unknown,) = reachability.parse(clean(reachability.render_unknown("tools.cisco.com")))
    assert unknown.fact.unresolved is not None
    assert str(unknown.fact.target) == "tools.cisco.com"
    (newer,) = reachability.parse(clean("ping: tools.cisco.com: Name or service not known"))
    assert newer.fact.unresolved is not None


def test_a_ping_that_nobody_can_forward_is_told_from_one_that_is_lost() -> None:
    """No way to the net holds for every protocol; an echo that is only lost proves nothing about a port."""
    for words, told in (("Destination Net Unreachable", True), ("No route to host", True), ("", False)):
        text = reachability.render(
            "tools.cisco.com", "198.51.100.38", source="192.0.2.41", sent=3, received=0, words=words
        )
        (found,) = reachability.parse(clean(text))
        assert found.fact.success is not None
        assert (found.fact.success.value, found.fact.no_way is not None) == (0, told)


def test_call_home_is_read_from_its_configuration() -> None:
    """The portal's URL, the proxy that is on, and whether call-home is on."""
    text = """ scope callhome
     set http-proxy-server-enable on
     set http-proxy-server-url proxy.example
     set http-proxy-server-port 8080
     enable
     enter profile SLProfile
         enter destination SLDest
             set address https://tools.cisco.com/its/service/oddce/services/DDCEService
             set protocol http
         exit
     exit
 exit
"""
    (found,) = call_home.parse(clean(text))
    config = found.fact
    assert isinstance(config, CallHomeConfig)
    assert config.service == Seen(True)
    assert config.proxy == Seen("proxy.example 8080")
    assert [str(url) for profile in config.profiles for url in profile.urls] == [
        "https://tools.cisco.com/its/service/oddce/services/DDCEService"
    ]
    (off,) = call_home.parse(
        clean(text.replace("enable on", "enable off").replace("     enable\n", "     disable\n"))
    )
    assert off.fact.proxy is None
    assert off.fact.service == Seen(False)


def test_what_an_application_asked_for_is_read_by_the_screen_of_the_first_agents() -> None:
    """The blocks of an ASA on a chassis are entitlements, and nothing of a registration."""
    time = parse("Thu, 04 Oct 2018 14:04:44 UTC")
    assert isinstance(time, DeviceTime)
    assert time.style is Style.MAIL
    asked = Entitlement(
        tag=Seen("FPR4110-ASA-STD"),
        name="Feature tier",
        version=Seen("1.0"),
        status=Seen("Authorized"),
        handle=Seen("1"),
        requested_time=Seen(time),
        count=Seen(1),
        request_status=Seen("Complete"),
    )
    (found,) = license_a.parse(clean(application.render([asked], "License mode: Smart Licensing")))
    assert isinstance(found.fact, LicenseReport)
    # The heading stands above the first line by which such a screen is known.
    assert found.fact.entitlements == (replace(asked, name=""),)
    assert found.fact.registration is None


def test_a_capture_of_a_chassis_is_understood_line_by_line() -> None:
    """All of these screens are among those that a case is read with."""
    text = "\n".join(
        [
            "FP-A# scope system",
            "FP-A /system # scope services",
            "FP-A /system/services # show ntp-server",
            service.render_time_servers([("192.0.2.123", service.FOLLOWED)]),
            "FP-A /system/services # show dns",
            service.render_name_servers(["192.0.2.53"]),
            "FP-A /system/services # show timezone",
            service.render_zone("Etc/UTC"),
            "FP-A /system/services # top",
            "FP-A(local-mgmt)# ping tools.cisco.com count 1",
            reachability.render("tools.cisco.com", "198.51.100.38", source="192.0.2.41", sent=1, received=1),
        ]
    )
    found = reading.read([("capture", text)])
    kinds = {type(item.fact) for item in found.items}
    assert {NtpStatus, NtpAssociation, DnsConfig, ClockZone, PingResult} <= kinds
    assert all(item.device == "FP-A" for item in found.items)
