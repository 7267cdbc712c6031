from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import license as screen
from anchorwatch.devices import transcript
from anchorwatch.devices.asa import license_a, registration
from anchorwatch.devices.capture import clean
from anchorwatch.devices.license_fact import (
    Attempt,
    Authorization,
    Entitlement,
    LicenseReport,
    Privacy,
    Registration,
    RegistrationProgress,
    Transport,
)
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen
from anchorwatch.licensing.status import (
    AuthorizationState,
    RegistrationState,
    authorization_state,
    registration_state,
)

times = st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 - wall clocks
    lambda wall: DeviceTime(wall=wall.replace(microsecond=0))
)
seen_times = times.map(Seen)
words = st.from_regex(r"[A-Z][A-Za-z0-9.]{0,8}( [A-Za-z0-9.]{1,8}){0,3}", fullmatch=True)
texts = words.map(Seen)
attempts = st.builds(
    Attempt,
    outcome=st.sampled_from(["SUCCEEDED", "SUCCESS", "FAILED"]).map(Seen),
    time=times,
    reason=st.none() | texts,
) | st.builds(Attempt, outcome=st.just(Seen("None")))
registrations = st.builds(
    Registration,
    status=st.sampled_from(["REGISTERED", "UNREGISTERED", "REGISTERING"]).map(Seen),
    smart_account=st.none() | texts,
    virtual_account=st.none() | texts,
    export_controlled=st.sampled_from(["Allowed", "Not Allowed", "ALLOWED"]).map(Seen),
    initial=st.none() | attempts,
    last_renewal=st.none() | attempts,
    next_renewal=st.none() | seen_times,
    expires=st.none() | seen_times,
)
authorizations = st.builds(
    Authorization,
    status=st.builds(
        Attempt,
        outcome=st.sampled_from(["AUTHORIZED", "OUT OF COMPLIANCE", "EVAL MODE"]).map(Seen),
        time=st.none() | times,
    ),
    evaluation_remaining=st.none() | st.just(Seen("89 days, 1 hours, 33 minutes, 51 seconds")),
    last_communication=st.none() | attempts,
    next_communication=st.none() | seen_times,
    deadline=st.none() | seen_times,
)
entitlements = st.builds(
    Entitlement,
    tag=st.sampled_from(["ASAv-STD-100M", "FPR4K_ENCRYPTION"]).map(Seen),
    name=words | st.just(""),
    description=texts | st.just(Seen("")),
    count=st.integers(0, 99).map(Seen),
    version=st.just(Seen("1.0")),
    status=st.sampled_from(["AUTHORIZED", "INIT"]).map(Seen),
    export_status=st.none() | st.just(Seen("NOT RESTRICTED")),
)


@st.composite
def reports(draw: st.DrawFn) -> LicenseReport:
    parts: dict[str, object] = {
        "enabled": Seen(True),
        "registration": draw(registrations),
        "authorization": draw(authorizations),
        "utility": Seen("DISABLED"),
        "export_features": Seen(("<none>",)),
        "privacy": Privacy(
            sending_hostname=Seen("yes"), call_home_hostname=Seen("DISABLED"), indented=draw(st.booleans())
        ),
        "transport": Transport(kind=draw(st.sampled_from(["Callhome", "Smart"]).map(Seen))),
        "usage": None,
        "udi": Seen("PID:ASAv,SN:9A6PGB43PJC"),
        "agent_version": Seen("4.9.3_rel/34"),
        "reservation": Seen("DISABLED"),
    }
    names = {"export_features": "export", "udi": "product", "agent_version": "agent"}
    wanted = draw(
        st.permutations(
            ["registration", "authorization", "utility", "privacy", "transport", "export_features"]
        )
    )
    chosen = ["enabled", *wanted[: draw(st.integers(0, 6))], "usage", "udi", "agent_version", "reservation"]
    return LicenseReport(
        **{name: parts[name] for name in chosen if name != "usage"},  # type: ignore[arg-type]
        usage_shown=True,
        entitlements=tuple(draw(st.lists(entitlements, max_size=3))),
        sections=("title", *(names.get(name, name) for name in chosen)),
    )


@given(reports())
def test_a_screen_reads_back(report: LicenseReport) -> None:
    """Whatever sections a generation prints, in whatever order, its facts come back."""
    (found,) = screen.parse(clean(screen.render(report)))
    assert found.fact == report


@pytest.mark.parametrize(
    "name",
    ["asa-license-all-healthy", "asa-license-all-unregistered", "ios-license-status-out-of-compliance"],
)
def test_a_real_screen_is_reproduced(shared: Path, name: str) -> None:
    """Every line of a clean real output comes back from its facts."""
    text = (shared / "transcripts" / f"{name}.txt").read_text()
    (found,) = screen.parse(clean(text))
    assert screen.render(found.fact) == text.strip("\n")


def test_the_chassis_of_the_document_is_read(shared: Path) -> None:
    """Lost indentation, blank lines between the lines and a bold line: both screens are whole."""
    text = transcript.read((shared / "tac-213932.zh.txt").read_bytes())
    before, after = [each.fact for block in text.blocks for each in screen.parse(block.lines)]
    assert before.registration is not None
    assert before.registration.last_renewal is not None
    assert before.registration.last_renewal.failed
    assert str(before.registration.last_renewal.reason) == "Failed to authenticate server"
    assert after.registration is not None
    assert after.registration.last_renewal is not None
    assert after.registration.last_renewal.succeeded
    assert after.authorization is not None
    assert str(after.authorization.deadline) == "Jan 07 17:33:11 2019 UTC"
    assert after.rule == "====="


def test_a_deadline_that_is_over_is_told_in_words() -> None:
    """Once the deadline has passed words stand in the place of its time."""
    text = "License Authorization: \n  Status: AUTHORIZATION EXPIRED\n  Communication Deadline: DEADLINE EXCEEDED"
    (found,) = screen.parse(clean(text))
    assert found.fact.authorization is not None
    assert found.fact.authorization.deadline is None
    assert str(found.fact.authorization.deadline_exceeded) == "DEADLINE EXCEEDED"
    assert screen.render(found.fact) == text


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("REGISTERED", RegistrationState.REGISTERED),
        ("UNREGISTERED", RegistrationState.NOT_REGISTERED),
        ("UNREGISTERED - REGISTRATION FAILED", RegistrationState.FAILED),
        ("REGISTERING", RegistrationState.IN_PROGRESS),
        ("Retry In Progress.", RegistrationState.RETRYING),
        ("REGISTRATION EXPIRED", RegistrationState.EXPIRED),
        ("PREREGISTERED", RegistrationState.UNKNOWN),
    ],
)
def test_a_registration_status_is_never_read_by_a_part_of_it(words: str, state: RegistrationState) -> None:
    """UNREGISTERED contains REGISTERED, and they must not be mixed up."""
    assert registration_state(words) is state


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("AUTHORIZED", AuthorizationState.AUTHORIZED),
        ("NOT AUTHORIZED", AuthorizationState.NOT_AUTHORIZED),
        ("AUTHORIZATION EXPIRED", AuthorizationState.EXPIRED),
        ("OUT OF COMPLIANCE", AuthorizationState.OUT_OF_COMPLIANCE),
        ("EVAL EXPIRED", AuthorizationState.EVALUATION_EXPIRED),
        ("EVAL MODE", AuthorizationState.EVALUATION),
        ("Authorized (3)", AuthorizationState.AUTHORIZED),
        ("No Licenses in Use", AuthorizationState.NOTHING_REQUESTED),
        ("NOT IN USE", AuthorizationState.NOT_IN_USE),
        ("ILLEGAL", AuthorizationState.UNKNOWN),
    ],
)
def test_an_authorization_status_has_one_meaning(words: str, state: AuthorizationState) -> None:
    """The words of several releases become one vocabulary; what is not known stays unknown."""
    assert authorization_state(words) is state


progresses = st.builds(
    RegistrationProgress,
    status=st.sampled_from(["Retry In Progress", "Registered"]).map(Seen),
    started=st.none() | seen_times,
    last_retry=st.none() | seen_times,
    next_retry=st.none() | seen_times,
    retries=st.none() | st.integers(0, 99).map(Seen),
    last_response_time=st.none() | seen_times,
    last_response=st.none() | texts,
)


@given(progresses, st.booleans())
def test_a_registration_attempt_reads_back(progress: RegistrationProgress, doubled: bool) -> None:
    """The screen of the first agents gives back its facts, also when lines are printed twice."""
    text = registration.render(progress)
    if doubled:
        lines = text.split("\n")
        text = "\n".join(lines[:2] + lines)
    (found,) = registration.parse(clean(text))
    assert found.fact == progress


FLAT = """\
Smart licensing enabled: Yes

Compliance status: In compliance

Overall licensed status: Authorized (3)

Entitlement(s):

Feature tier:
\tTag: regid.2014-05.com.example.ASAv-STD-1G,1.0_abc
\tVersion: 1.0
\tEnforce mode: Authorized
\tHandle: 1
\tRequested time: Thu, 03 Oct 2019 14:04:44 PDT
\tRequested count: 1
\tVendor string: """


def test_the_flat_screen_of_the_first_agents_is_read() -> None:
    """The whole is three sentences, each entitlement a block that starts with its tag."""
    (found,) = license_a.parse(clean(FLAT))
    assert found.fact.overall_status is not None
    assert authorization_state(found.fact.overall_status.value) is AuthorizationState.AUTHORIZED
    (entry,) = found.fact.entitlements
    assert entry.state is AuthorizationState.AUTHORIZED
    assert str(entry.requested_time) == "Thu, 03 Oct 2019 14:04:44 PDT"
    assert license_a.render(found.fact) == FLAT.expandtabs(1).replace("\n Tag", "\n\tTag").replace(
        "\n ", "\n\t"
    )


def test_a_table_of_entitlements_is_read() -> None:
    """The summary's rows give name, tag, count and status."""
    text = (
        "License Authorization: \n  Status: AUTHORIZED\n\nLicense Usage:\n"
        "  License                 Entitlement tag               Count Status\n"
        "  -------------------------------------------------------------------\n"
        "  uck9                    (ISR_4331_UnifiedCommun..)        1 AUTHORIZED\n"
    )
    (found,) = screen.parse(clean(text))
    (entry,) = found.fact.entitlements
    assert (str(entry.tag), entry.name, str(entry.count)) == ("ISR_4331_UnifiedCommun..", "uck9", "1")


SMART_TRANSPORT = """\
Transport:
  Type: Smart
  URL: https://smartreceiver.cisco.com/licservice/license
  Proxy:
    Address: 192.0.2.8
    Port: 3128
    Username: <empty>
    Password: {password}
  Server Identity Check: False
  VRF: Not Configured

Registration:
  Status: UNREGISTERED - REGISTRATION FAILED
  Export-Controlled Functionality: NOT ALLOWED
  Initial Registration: FAILED on Feb 10 2023 11:27:20 UTC
    Failure reason: Communication message send error"""


def test_the_proxy_of_smart_transport_is_read_without_its_password() -> None:
    """A proxy is printed in parts; of its password only that there is one is kept."""
    (found,) = screen.parse(clean(SMART_TRANSPORT.format(password="<empty>")))
    assert screen.render(found.fact) == SMART_TRANSPORT.format(password="<empty>")
    (found,) = screen.parse(clean(SMART_TRANSPORT.format(password="tr0ub4dor")))
    assert "tr0ub4dor" not in screen.render(found.fact)
    assert "tr0ub4dor" not in repr(found.fact)
    assert found.fact.registration is not None
    assert found.fact.registration.state is RegistrationState.FAILED


POLICY = """\
Smart Licensing Using Policy:
  Status: ENABLED

Account Information:
  Smart Account: <none>

Transport:
  Type: cslu
  Cslu address: <empty>
  Proxy:
    Not Configured

Policy:
  Policy in use: Merged from multiple sources.
  Reporting ACK required: yes (CISCO default)

Usage Reporting:
  Last ACK received: <none>
  Next ACK deadline: Feb 10 2023 11:27:20 UTC

Trust Code Installed: <none>
"""


def test_the_policy_era_has_no_registration() -> None:
    """IOS-XE from 17.3.2 on prints transport, reporting and trust code, and nothing about registration."""
    (found,) = screen.parse(clean(POLICY))
    fact = found.fact
    assert fact.registration is None
    assert fact.transport is not None
    assert str(fact.transport.kind) == "cslu"
    assert str(fact.transport.cslu_address) == "<empty>"
    assert fact.reporting is not None
    assert str(fact.reporting.last_ack) == "<none>"
    assert str(fact.trust_code) == "<none>"


@given(
    st.lists(
        st.sampled_from(
            [*POLICY.split("\n"), *FLAT.split("\n"), "Registration:", "  Status: x", "====", "(T):", "\x0c"]
        )
        | st.text(max_size=20),
        max_size=30,
    )
)
def test_any_lines_may_come(lines: list[str]) -> None:
    """No order of lines makes the readers fail."""
    cleaned = clean("\n".join(lines))
    screen.parse(cleaned)
    license_a.parse(cleaned)
    registration.parse(cleaned)
