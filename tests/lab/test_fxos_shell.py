"""The command line of a chassis: scopes, transactions, pastes, what is shown, and what steps type at it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import dialect, reading, recorded
from anchorwatch.devices.fact import CallHomeConfig, ClockReading, DnsConfig, NtpStatus, Platform
from anchorwatch.devices.fxos import step as fxos_step
from anchorwatch.devices.fxos.trustpoint import ChassisTrustpoint, TrustpointPaste
from anchorwatch.devices.pasted import PastedCertificate
from anchorwatch.devices.step import Pasted, Place, Step, Typed, Undo
from anchorwatch.lab.fxos.machine import Chassis
from anchorwatch.lab.fxos.objects import MOST_CHANGES
from anchorwatch.lab.network import Fault, Network
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA
from lab.chassis_desk import FACTORY_ROOT, HOST, NOON, a_chassis, prompts, typed

SPEAKS = dialect.of(Platform.FXOS)
PLACE = Place(platform=Platform.FXOS)
NEW_ROOT = CA.root("New Root")


@pytest.fixture
def chassis(tmp_path: Path) -> Iterator[Chassis]:
    with a_chassis(tmp_path) as made:
        yield made


def _network(chassis: Chassis) -> Network:
    assert isinstance(chassis.network, Network)
    return chassis.network


def _pasting(name: str, pem: str, *after: str) -> list[str]:
    return [
        "top",
        "scope security",
        f"enter trustpoint {name}",
        "set certchain",
        *pem.strip().splitlines(),
        "ENDOFBUF",
        *after,
    ]


def _failed(text: str) -> list[str]:
    return [line for line in text.splitlines() if SPEAKS.failure(line)]


def test_scope_wants_an_object_and_reaches_those_of_the_scopes_above(chassis: Chassis) -> None:
    """`scope` goes to what is there, also from a scope beside it; up, top and exit go back."""
    text = typed(
        chassis, "scope license", "scope security", "scope trustpoint CHdefault", "scope license", "scope licdebug",
        "up", "scope trustpoint nothing", "scope security", "scope trustpoint nothing", "exit", "exit",
    )  # fmt: skip
    assert prompts(text) == [
        HOST, f"{HOST} /license", f"{HOST} /security", f"{HOST} /security/trustpoint", f"{HOST} /license",
        f"{HOST} /license/licdebug", f"{HOST} /license", f"{HOST} /license", f"{HOST} /security",
        f"{HOST} /security", HOST,
    ]  # fmt: skip
    assert _failed(text) == ["% Invalid Command at '^' marker", "Error: Managed object does not exist"]


def test_create_wants_nothing_there_and_delete_wants_something(chassis: Chassis) -> None:
    """The words for an object that is there, and for one that is not; neither leaves anything in the buffer."""
    text = typed(
        chassis, "scope security", "create trustpoint CHdefault", "delete trustpoint nothing", "create trustpoint new",
        "up", "create trustpoint new", "discard-buffer",
    )  # fmt: skip
    assert _failed(text) == [
        "Error: Managed object already exists",
        "Error: Managed object does not exist",
        "Error: Managed object already exists",
    ]
    assert prompts(text)[2:] == [
        f"{HOST} /security", f"{HOST} /security", f"{HOST} /security/trustpoint*", f"{HOST} /security*",
        f"{HOST} /security*", f"{HOST} /security",
    ]  # fmt: skip


def test_nothing_applies_before_the_commit(chassis: Chassis) -> None:
    """A chain that was pasted is not trusted, listed or configured until `commit-buffer`, and then it is."""
    text = typed(chassis, *_pasting("new", NEW_ROOT.pem, "show", "up", "show trustpoint"))
    assert "Trustpoint Name: new" not in text
    assert len(chassis.trust()) == 1
    text = typed(chassis, *_pasting("new", NEW_ROOT.pem, "commit-buffer", "show detail"))
    assert (
        f"Trustpoint Name: new\nTrustpoint certificate chain: {NEW_ROOT.pem.strip()}\nCert Status: Valid\n"
        in text
    )
    assert [anchor.certificate.sha256 for anchor in chassis.trust().anchors] == [
        FACTORY_ROOT.sha256,
        NEW_ROOT.sha256,
    ]
    assert prompts(text)[-1] == f"{HOST} /security/trustpoint"


def test_only_the_word_alone_ends_a_paste(chassis: Chassis) -> None:
    """With anything around it the word is one more line of the chain; ^C breaks off and nothing is noted."""
    lines = NEW_ROOT.pem.strip().splitlines()
    text = typed(
        chassis, "scope security", "enter trustpoint new", "set certchain", *lines,
        "ENDOFBUF <---manually type this", " ENDOFBUF", "endofbuf", "ENDOFBUF", "commit-buffer",
    )  # fmt: skip
    assert _failed(text) == []
    assert text.count("\n>") == len(lines) + 4
    text = typed(
        chassis,
        "scope security",
        "enter trustpoint other",
        "set certchain",
        keys=b"-----BEGIN\x03commit-buffer\n",
    )
    assert [name for name, _ in chassis.trustpoints()] == ["CHdefault", "new", "other"]
    assert dict(chassis.trustpoints())["other"] == ()
    assert "^C\n" in text


def test_a_chain_may_hold_several_certificates(chassis: Chassis) -> None:
    """All blocks of a paste are the trustpoint's; the first that has ended makes it expired."""
    middle = NEW_ROOT.issue_ca("Middle", not_after=NOON - timedelta(days=1))
    typed(chassis, *_pasting("two", middle.pem + NEW_ROOT.pem, "commit-buffer"))
    assert [each.sha256 for each in dict(chassis.trustpoints())["two"]] == [middle.sha256, NEW_ROOT.sha256]
    text = typed(
        chassis, "scope security", "show trustpoint two detail", "show trustpoint", "show trustpoint none"
    )
    assert "Cert Status: Expired" in text
    assert "Trustpoint Name: CHdefault\n\nTrustpoint Name: two\n" in text
    assert "Error: Managed object does not exist" in text


@pytest.mark.parametrize("harm", ["cut", "letter", "not a certificate", "half", "headless"])
def test_a_damaged_chain_is_refused_and_waits(chassis: Chassis, harm: str) -> None:
    """The commit says why, nothing has changed, and the buffer is as it was until it is discarded."""
    lines = NEW_ROOT.pem.strip().splitlines()
    text = {
        "cut": "\n".join([*lines[:3], lines[3][:-5], *lines[4:]]),
        "letter": "\n".join([*lines[:3], lines[3][:9] + "é!" + lines[3][11:], *lines[4:]]).replace("é", "*"),
        "not a certificate": "hello",
        "half": NEW_ROOT.pem + "\n".join(lines[:4]),
        "headless": "\n".join(lines[1:]),
    }[harm]
    before = chassis.tree
    said = typed(chassis, *_pasting("broken", text, "commit-buffer", "top", "discard-buffer"))
    assert _failed(said) == [
        "Error: Update failed: [failed to verify certificate chain, error: Failed to read the certificate]"
    ]
    assert prompts(said)[-3:] == [f"{HOST} /security/trustpoint*", f"{HOST}*", HOST]
    assert chassis.tree is before


def test_the_documents_two_copies_are_refused(chassis: Chassis, shared: Path) -> None:
    """Both copies of the certificate that the document prints are damaged, and a faithful chassis takes neither."""
    text = (shared / "tac-213932.zh.txt").read_text(encoding="utf-8")
    blocks = [
        part.partition("-----END CERTIFICATE-----")[0]
        for part in text.split("-----BEGIN CERTIFICATE-----")[1:]
    ]
    assert len(blocks) == 2
    for block in blocks:
        pem = f"-----BEGIN CERTIFICATE-----{block}-----END CERTIFICATE-----"
        said = typed(chassis, *_pasting("quovadis", pem, "commit-buffer"))
        assert len(_failed(said)) == 1
        assert [name for name, _ in chassis.trustpoints()] == ["CHdefault"]


_LINES = st.lists(
    st.sampled_from(
        [
            "scope security", "scope system", "scope services", "scope monitoring", "scope callhome", "top", "up",
            "enter trustpoint a", "create trustpoint a", "delete trustpoint a", "delete trustpoint CHdefault",
            "enter profile SLProfile", "enter destination SLDest", "set address https://192.0.2.9/x",
            "create dns 192.0.2.54", "delete dns 192.0.2.53", "create ntp-server 192.0.2.9", "set timezone Asia/Tokyo",
            "set http-proxy-server-enable on", "disable", "set certchain\nhello\nENDOFBUF", "set name other", "rubbish",
        ]
    ),
    max_size=14,
)  # fmt: skip


@given(lines=_LINES)
def test_whatever_is_typed_without_a_commit_has_no_effect(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """Objects, trust, names, clock and the way to the portal stay; after `discard-buffer` no star is left."""
    with a_chassis(tmp_path_factory.mktemp("chassis")) as chassis:
        before = (
            chassis.tree, chassis.trust().anchors, chassis.hostname, chassis.look_up("tools.cisco.com"),
            chassis.portal_place("tools.cisco.com"), str(chassis.zone(NOON)),
        )  # fmt: skip
        said = typed(chassis, *lines, "top", "discard-buffer", "show configuration pending")
        after = (
            chassis.tree, chassis.trust().anchors, chassis.hostname, chassis.look_up("tools.cisco.com"),
            chassis.portal_place("tools.cisco.com"), str(chassis.zone(NOON)),
        )  # fmt: skip
        assert after == before
        assert chassis.tree is before[0]
        assert prompts(said)[-2:] == [HOST, HOST]
        assert said.endswith(f"show configuration pending\n{HOST}# ")


def test_leaving_with_changes_asks(chassis: Chassis) -> None:
    """`exit` at the top asks before it throws changes away; no keeps the session."""
    text = typed(
        chassis,
        "scope security",
        "enter trustpoint a",
        "top",
        "exit",
        "no",
        "show clock",
        "exit",
        "yes",
        "show clock",
    )
    assert text.count("Do you want to discard the changes? (yes/no): ") == 2
    assert text.count("2018\n") == 1
    assert (
        SPEAKS.dialog("There are uncommitted changes. Do you want to discard the changes? (yes/no):")
        is not None
    )


def test_abbreviations_help_and_the_caret(chassis: Chassis) -> None:
    """Words may be shortened; what is not understood is marked in its column; `?` lists what goes on."""
    text = typed(chassis, "sc sec", "sh trust", "sh trustpoint CHdefault nothing", "s", "show", "frobnicate")
    lines = text.splitlines()
    assert "Trustpoint Name: CHdefault" in lines
    marked = lines.index(f"{HOST} /security # sh trustpoint CHdefault nothing") + 1
    assert lines[marked].index("^") == lines[marked - 1].index("nothing")
    assert "% Ambiguous Command at '^' marker" in lines
    assert "% Incomplete Command at '^' marker" in lines
    assert lines.count("% Invalid Command at '^' marker") == 2
    helped = typed(chassis, "scope security", keys=b"show trust?\n")
    assert "  trustpoint" in helped


def test_services_are_shown_as_they_are(chassis: Chassis) -> None:
    """Name servers, time servers with what the clock does, the zone; taken away they are gone and felt."""
    look = ("scope system", "scope services", "show ntp-server", "show dns", "show timezone")
    text = typed(chassis, *look, "show clock")
    assert "192.0.2.123" in text
    assert "Time Synchronized" in text
    assert "    IP Address: 192.0.2.53\n" in text
    assert "Timezone: Etc/UTC\n" in text
    assert "12:00:00.000 UTC Tue Oct 9 2018\n" in text
    _network(chassis).break_(Fault.NTP)
    text = typed(chassis, *look)
    assert "Time Synchronized" not in text
    assert "Unreachable Or Invalid Ntp Server" in text
    typed(chassis, *look[:2], "delete dns 192.0.2.53", "set timezone Asia/Tokyo", "commit-buffer")
    text = typed(
        chassis,
        *look,
        "show clock",
        "connect local-mgmt",
        "ping tools.cisco.com count 1",
        "ping 198.51.100.38 count 1",
    )
    assert "IP Address" not in text
    assert "21:00:00.000 JST Tue Oct 9 2018\n" in text
    assert "ping: unknown host tools.cisco.com\n" in text
    assert "1 packets transmitted, 1 received, 0% packet loss" in text
    assert prompts(text)[-1] == f"{HOST}(local-mgmt)"


def test_call_home_goes_where_it_is_configured(chassis: Chassis) -> None:
    """The address, and whether call-home is on, decide where the agent connects to."""
    typed(chassis, "scope monitoring", "scope callhome", "disable", "commit-buffer")
    assert "switched off" in str(chassis.portal_place("tools.cisco.com"))
    typed(
        chassis, "scope monitoring", "scope callhome", "enable", "scope profile SLProfile", "scope destination SLDest",
        "set address https://elsewhere.example/x", "commit-buffer",
    )  # fmt: skip
    assert "elsewhere.example" in str(chassis.portal_place("tools.cisco.com"))


def test_call_home_goes_through_its_proxy(chassis: Chassis) -> None:
    """A proxy that is on and found is asked for the portal by name; one that is not found is the rung that fails."""
    directory = _network(chassis).town
    on = (
        "scope monitoring", "scope callhome", "set http-proxy-server-url proxy.example", "set http-proxy-server-port 8080",
        "set http-proxy-server-enable on", "commit-buffer",
    )  # fmt: skip
    assert chassis.portal_proxy() is None
    typed(chassis, *on)
    place = chassis.portal_place("tools.cisco.com")
    assert isinstance(place, Unreachable)
    assert place.stage == "proxy"
    directory.name("proxy.example", "192.0.2.8")
    directory.lead("proxy.example", 8080, Endpoint("127.0.0.1", 4711))
    assert chassis.portal_proxy() == Proxy(endpoint=Endpoint("127.0.0.1", 4711))
    assert chassis.portal_place("tools.cisco.com") == Endpoint("tools.cisco.com", 443)
    typed(chassis, *on[:2], "set http-proxy-server-enable off", "commit-buffer")
    assert chassis.portal_proxy() is None


def test_bad_values_are_refused_where_they_are_typed(chassis: Chassis) -> None:
    """A port that is none, a word that is none, a name with strange letters."""
    text = typed(
        chassis, "scope monitoring", "scope callhome", "set http-proxy-server-port 0", "set http-proxy-server-enable maybe",
        "create profile a/b", "top", "terminal length x", "scope security", "create trustpoint " + "x" * 40,
    )  # fmt: skip
    assert len(_failed(text)) == 5
    assert "*" not in "".join(prompts(text))


def test_nobody_fills_the_memory(chassis: Chassis) -> None:
    """A transaction holds a number of changes, a scope a number of objects, and a value set again takes no room."""
    many = [f"top\nscope security\nenter trustpoint t{number}" for number in range(MOST_CHANGES + 5)]
    text = typed(chassis, "scope security", *many, "commit-buffer", "top", "discard-buffer")
    assert set(_failed(text)) == {
        "Error: Transaction holds too many changes",
        "Error: Update failed: [there can be at most 32 of trustpoint]",
    }
    assert [name for name, _ in chassis.trustpoints()] == ["CHdefault"]
    again = [f"set timezone Etc/GMT-{number % 10}" for number in range(MOST_CHANGES + 5)]
    assert _failed(typed(chassis, "scope system", "scope services", *again, "commit-buffer")) == []
    text = typed(
        chassis,
        "scope security",
        "enter trustpoint long",
        "set certchain",
        *["x"] * 2_100,
        "ENDOFBUF",
        "discard-buffer",
    )
    assert _failed(text) == ["Error: a chain has at most 2000 lines"]


def test_a_licence_that_is_not_there_cannot_be_renewed(chassis: Chassis) -> None:
    """Renewing and giving back want a registration; a token that is none is told without repeating it."""
    text = typed(
        chassis,
        "scope license",
        "register idtoken nonsense",
        "deregister",
        "scope licdebug",
        "renew",
        "show license all",
    )
    assert _failed(text) == [
        "Error: The ID token is not valid",
        "Error: The agent is not registered",
        "Error: The agent is not registered",
    ]
    assert "  Status: UNREGISTERED\n" in text


@pytest.mark.parametrize("part", ["all", "summary", "status", "usage", "udi", "techsupport"])
def test_every_licence_screen_is_understood(chassis: Chassis, part: str) -> None:
    """What is printed is read back line by line, from any of the licence scopes."""
    text = typed(
        chassis, "scope license", f"show license {part}", "scope licdebug", f"show license {part}", "top"
    )
    found = reading.read([("capture", text)])
    assert found.not_understood == ()
    assert found.items


def test_what_the_doctor_gathers_is_answered_and_understood(chassis: Chassis) -> None:
    """Every line of the block finds a command, and the answers hold what a diagnosis asks for."""
    text = typed(chassis, *SPEAKS.block("tools.cisco.com"))
    assert _failed(text) == []
    found = reading.read([("capture", text)])
    assert found.not_understood == ()
    kinds = {type(item.fact) for item in found.items}
    assert {ClockReading, NtpStatus, DnsConfig, CallHomeConfig, ChassisTrustpoint, PastedCertificate} <= kinds


def _type_at(chassis: Chassis, lines: tuple[Typed | Pasted, ...] | tuple[object, ...]) -> str:
    typed_lines: list[str] = []
    for entry in lines:
        if isinstance(entry, Pasted):
            typed_lines += [*entry.lines, entry.terminator]
        else:
            assert isinstance(entry, Typed)
            typed_lines.append(_filled(entry.text))
    return typed(chassis, *typed_lines)


def _filled(text: str) -> str:
    return (
        text.replace("<DNS server>", "192.0.2.54")
        .replace("<NTP server>", "192.0.2.124")
        .replace("<proxy host>", "proxy.example")
        .replace("<proxy port>", "8080")
        .replace("<portal URL>", "https://portal.example/x")
    )


def _steps() -> list[Step]:
    root = Certificate.from_der(NEW_ROOT.der)
    return [
        fxos_step.record_state(PLACE),
        fxos_step.check_clock(PLACE),
        fxos_step.check_name_server(PLACE),
        fxos_step.check_reach(PLACE, "tools.cisco.com"),
        fxos_step.check_anchor(PLACE, ("New Root",), (NEW_ROOT.sha256,)),
        fxos_step.export_flag(PLACE, after=False),
        fxos_step.wait_for_success(PLACE),
        fxos_step.add_trustpoint(PLACE, "New Root", NEW_ROOT.sha256, root, letting_in="one CA"),
        fxos_step.name_server(PLACE),
        fxos_step.time_server(PLACE),
        fxos_step.proxy(PLACE),
        fxos_step.transport_on(PLACE),
        fxos_step.portal_url(PLACE),
    ]


def _taking_back(chassis: Chassis, step: Step) -> tuple[Typed, ...]:
    """The lines of a step's undo, told by what the chassis shows now."""
    if not isinstance(step.undo, Undo):
        return ()
    return recorded.lines_of(
        step.undo,
        _type_at(chassis, step.undo.shown).splitlines(),
        lambda line: Typed(text=_filled(line.text)),
    )


@pytest.mark.parametrize("step", _steps(), ids=lambda step: step.id)
def test_every_step_is_answered_without_a_failure_and_taken_back(chassis: Chassis, step: Step) -> None:
    """What a plan types is understood, leaves no star, and its undo is understood too."""
    before = chassis.tree
    taking_back = _taking_back(chassis, step)
    text = _type_at(chassis, step.lines)
    assert [line for line in text.splitlines() if line.strip().startswith(step.failure)] == []
    assert not prompts(text)[-1].endswith("*")
    for words in step.expected.texts:
        assert words in text
    if isinstance(step.undo, Undo):
        text = _type_at(chassis, taking_back)
        assert _failed(text) == []
        assert not prompts(text)[-1].endswith("*")
        assert chassis.tree == before or step.id == "set-proxy"


def test_a_repair_undone_leaves_what_was_there(chassis: Chassis) -> None:
    """The trustpoint of a plan comes with its step, once more changes nothing, and goes with its undo."""
    step = fxos_step.add_trustpoint(
        PLACE, "New Root", NEW_ROOT.sha256, Certificate.from_der(NEW_ROOT.der), letting_in="one CA"
    )
    before = chassis.tree
    _type_at(chassis, step.lines)
    once = chassis.tree
    assert NEW_ROOT.sha256 in {anchor.certificate.sha256 for anchor in chassis.trust().anchors}
    _type_at(chassis, step.lines)
    assert chassis.tree == once
    assert isinstance(step.undo, Undo)
    _type_at(chassis, _taking_back(chassis, step))
    assert chassis.tree == before


SET_BEFORE = (
    "scope system",
    "scope services",
    "enter dns 192.0.2.53",
    "enter dns 192.0.2.54",
    "enter ntp-server 192.0.2.123",
    "top",
    "scope monitoring",
    "scope callhome",
    "disable",
    "set http-proxy-server-enable off",
    "set http-proxy-server-url other.corp.example",
    "set http-proxy-server-port 3128",
    "scope profile SLProfile",
    "scope destination SLDest",
    "set address https://elsewhere.example/its/service",
    "commit-buffer",
    "top",
)


@pytest.mark.parametrize(
    "step",
    [each for each in _steps() if isinstance(each.undo, Undo) and each.undo.shown],
    ids=lambda step: step.id,
)
def test_what_was_set_before_a_step_is_set_after_its_undo(chassis: Chassis, step: Step) -> None:
    """Another proxy, another address, a server that was there already, call-home that was off."""
    typed(chassis, *SET_BEFORE)
    before = chassis.tree
    taking_back = _taking_back(chassis, step)
    _type_at(chassis, step.lines)
    assert _failed(_type_at(chassis, taking_back)) == []
    assert chassis.tree == before


def test_a_capture_of_a_paste_is_read_as_one(chassis: Chassis) -> None:
    """The doctor sees the dialog of a paste, that it was ended, and which certificate it held."""
    text = typed(chassis, *_pasting("new", NEW_ROOT.pem, "commit-buffer", "top"))
    facts = [item.fact for item in reading.read([("capture", text)]).items]
    (paste,) = [fact for fact in facts if isinstance(fact, TrustpointPaste)]
    assert paste.ended is not None
    assert paste.ended.value
    (held,) = [fact for fact in facts if isinstance(fact, PastedCertificate)]
    assert held.certificate is not None
    assert held.certificate.sha256 == NEW_ROOT.sha256


def test_a_snapshot_gives_everything_back(tmp_path: Path) -> None:
    """A chassis that is restored is the one that was; half a snapshot is refused and changes nothing."""
    with a_chassis(tmp_path / "one") as one:
        typed(one, *_pasting("new", NEW_ROOT.pem, "top", "scope system", "set name other", "commit-buffer"))
        one.clock.off = timedelta(hours=3)
        kept = json.loads(json.dumps(one.snapshot()))
    with a_chassis(tmp_path / "two") as two:
        with pytest.raises((ValueError, TypeError, KeyError)):
            two.restore({**kept, "objects": [[[["security", ""], ["trustpoint", "x"]], {}]]})
        assert two.hostname == HOST
        two.restore(kept)
        assert two.hostname == "other"
        assert two.clock.off == timedelta(hours=3)
        assert json.loads(json.dumps(two.snapshot())) == kept


def test_a_reboot_ends_sessions_and_keeps_what_was_committed(chassis: Chassis) -> None:
    """What waited in a buffer is lost, what was committed is there, and every session is over."""
    typed(chassis, *_pasting("new", NEW_ROOT.pem, "commit-buffer"))
    text = typed(chassis, "connect local-mgmt", "reboot", "no", "reboot", "yes", "show clock")
    assert text.count("(yes/no):") == 2
    assert "UTC" not in text
    assert [name for name, _ in chassis.trustpoints()] == ["CHdefault", "new"]
    assert chassis.starts == 1


def test_a_long_screen_is_paged(chassis: Chassis) -> None:
    """The pager is that of the platform: its mark, and q ends the screen."""
    text = typed(chassis, "scope security", "show trustpoint detail", keys=b"q", page=5)
    assert text.count("--More--") == 1
    assert "Cert Status" not in text
