from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import agent_detail
from anchorwatch.devices.agent_detail import AgentDetail, CommunicationRecord
from anchorwatch.devices.asa import authentication, call_home_settings, failover
from anchorwatch.devices.asa.authentication import Authenticated
from anchorwatch.devices.asa.failover import FailoverUnit
from anchorwatch.devices.capture import clean
from anchorwatch.devices.fact import CallHomeConfig, CallHomeProfile
from anchorwatch.devices.iosxe import trustpool
from anchorwatch.devices.iosxe.trustpool import LineCount, PoolImport
from anchorwatch.devices.license_fact import Attempt
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen

flags = st.none() | st.booleans().map(Seen)
words = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}( [A-Za-z0-9]{1,8}){0,3}", fullmatch=True).map(Seen)
times = st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 - wall clocks
    lambda wall: DeviceTime(wall=wall.replace(microsecond=0))
)
urls = st.sampled_from(["http://www.cisco.com/security/pki/trs/ios_core.p7b", "flash:ios_core.p7b"]).map(Seen)
details = st.builds(
    AgentDetail,
    clock_synchronized=st.booleans().map(Seen),
    server_identity_check=flags,
    agent_state=st.none() | words,
    production_certificate=flags,
)
records = st.builds(
    CommunicationRecord,
    kind=st.sampled_from(["Trust Establishment", "ID Token Registration", ""]),
    total=st.integers(0, 99).map(Seen),
    success=st.integers(0, 99),
    fail=st.integers(0, 99),
    last_response=st.none()
    | st.builds(
        Attempt,
        outcome=st.sampled_from(["OK", "NOT OK", "OK_POLL"]).map(Seen),
        time=times,
        reason=st.none() | words,
    ),
)


@given(details | records)
def test_what_the_agent_knows_reads_back(fact: AgentDetail | CommunicationRecord) -> None:
    """The footer of the support output and each record of attempts come back."""
    (found,) = agent_detail.parse(clean(agent_detail.render(fact)))
    assert found.fact == fact


def test_the_statistics_keep_the_reason() -> None:
    """A failed exchange tells its time and its words; a kind that was never tried tells none."""
    text = (
        "Communication Statistics:\n=======================\n"
        "Trust Establishment:\n  Attempts: Total=0, Success=0, Fail=0  Ongoing Failure: Overall=0 Communication=0\n"
        "  Last Response: <none>\n    Failure Reason: <none>\n"
        "Trust Acknowledgement:\n  Attempts: Total=2, Success=1, Fail=1\n"
        "  Last Response: NOT OK on Feb 10 11:27:20 2023 UTC\n    Failure Reason: Communications failure\n"
    )
    first, second = [each.fact for each in agent_detail.parse(clean(text))]
    assert isinstance(first, CommunicationRecord)
    assert first.last_response is None
    assert isinstance(second, CommunicationRecord)
    assert second.last_response is not None
    assert second.last_response.failed
    assert str(second.last_response.reason) == "Communications failure"


profiles = st.builds(
    CallHomeProfile,
    name=st.sampled_from(["License", "CiscoTAC-1"]).map(Seen),
    active=flags,
    urls=st.lists(st.just(Seen("https://tools.cisco.com/its/service")), max_size=1).map(tuple),
)
settings = st.builds(
    CallHomeConfig,
    shown=st.just(Seen("Current Smart Call-Home settings:")),
    service=flags,
    proxy=st.none() | st.just(Seen("192.0.2.8:3128")),
    profiles=st.lists(profiles, max_size=2).map(tuple),
)


@given(settings)
def test_call_home_settings_read_back(config: CallHomeConfig) -> None:
    """Service, proxy and profiles come back."""
    (found,) = call_home_settings.parse(clean(call_home_settings.render(config)))
    assert found.fact == config


def test_the_settings_of_ios_xe_are_read() -> None:
    """IOS-XE prints the profile and its status on one line."""
    text = (
        "Current smart-licensing transport settings:\n Smart-license messages: enabled\n"
        " Profile: CiscoTAC-1 (status: INACTIVE)\n Destination  URL(s):  https://tools.cisco.com/its/service\n"
    )
    (found,) = call_home_settings.parse(clean(text))
    (profile,) = found.fact.profiles
    assert (str(profile.name), profile.active, found.fact.service) == ("CiscoTAC-1", Seen(False), Seen(True))


hexes = st.binary(min_size=16, max_size=16).map(bytes.hex).map(Seen)
answers = st.builds(Authenticated, md5=hexes, accepted=st.none() | st.just(Seen(True)))


@given(answers)
def test_an_accepted_ca_reads_back(answer: Authenticated) -> None:
    """The fingerprint in groups of eight comes back whole."""
    (found,) = authentication.parse(clean(authentication.render(answer)))
    assert found.fact == answer


def test_a_refused_paste_is_told() -> None:
    """A paste that is no certificate is an answer of its own."""
    (found,) = authentication.parse(clean("ERROR: Failed to parse or verify imported certificate"))
    assert found.fact.accepted == Seen(False)


@given(
    st.builds(PoolImport, url=st.none() | urls, succeeded=st.booleans().map(Seen))
    | st.builds(LineCount, count=st.integers(0, 999).map(Seen))
)
def test_an_import_of_ios_xe_reads_back(fact: PoolImport | LineCount) -> None:
    """The end of an import with its address, and a count, come back."""
    (found,) = trustpool.parse(clean(trustpool.render(fact)))
    assert found.fact == fact


@given(
    st.builds(
        FailoverUnit,
        unit=st.sampled_from(["Primary", "Secondary"]).map(Seen),
        state=st.sampled_from(["Active", "Standby Ready", "Failed"]).map(Seen),
        is_this=st.booleans(),
    )
)
def test_a_unit_reads_back(unit: FailoverUnit) -> None:
    """Unit and state come back."""
    (found,) = failover.parse(clean(failover.render(unit)))
    assert found.fact == unit


@given(
    st.text()
    | st.lists(
        st.sampled_from(["Attempts: Total=1, Success=0, Fail=1", "Agent State: x", "Profile Name: a"])
    ).map("\n".join)
)
def test_any_text_may_come(text: str) -> None:
    """No text makes the readers fail."""
    lines = clean(text)
    for parse in (
        agent_detail.parse,
        call_home_settings.parse,
        authentication.parse,
        trustpool.parse,
        failover.parse,
    ):
        parse(lines)
