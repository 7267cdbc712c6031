"""A virtual chassis: the document's conversation against a real portal, and what its command line keeps to."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchorwatch.devices import dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.fxos import step as fxos_step
from anchorwatch.devices.step import Pasted, Place
from anchorwatch.doctor import diagnose
from anchorwatch.net import ssh
from anchorwatch.net.console import Said
from anchorwatch.net.target import Access, Target
from anchorwatch.pki.certificate import Certificate
from lab.chassis_yard import HOST, PORTAL, ChassisYard, Visitor, install
from lab.yard import LOGIN

MOVED = datetime(2018, 10, 5, 7, 0, tzinfo=UTC)
FOUND = datetime(2018, 10, 9, 17, 32, 59, tzinfo=UTC)
REPAIRED = datetime(2018, 10, 9, 17, 39, 7, tzinfo=UTC)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[ChassisYard]:
    with ChassisYard(tmp_path) as made:
        yield made


def _printed(said: str, label: str) -> datetime:
    """A date on a licence screen."""
    found = re.search(rf"{label}: (?:\w+ on )?(\w{{3}} \d\d \d\d:\d\d:\d\d \d{{4}}) UTC", said)
    assert found is not None, said
    return datetime.strptime(found[1], "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)


def _broken(yard: ChassisYard) -> None:
    """Registered in July; the portal's chain moved in October; somebody renews and it fails."""
    yard.registered()
    yard.turn_to(MOVED)
    yard.world.move(yard.world.new)
    yard.turn_to(FOUND)
    visitor = yard.visit()
    visitor.all("scope license", "scope licdebug", "renew")
    visitor.until("show license all", "Last Communication Attempt: FAILED on Oct 09 17:32:59 2018 UTC")
    visitor.until("show license all", "Last Renewal Attempt: FAILED on Oct 09 17:32:59 2018 UTC")
    visitor.leave()
    _settle(yard)


def test_the_documents_conversation_command_by_command(yard: ChassisYard) -> None:
    """Broken; a trustpoint, a paste, a commit from where the document types them; a renewal; dates by arithmetic."""
    _broken(yard)
    fp = yard.visit()
    assert fp.ask("scope license").endswith(f"{HOST} /license # ")
    said = fp.ask("show license all")
    assert "\r\nSmart Licensing Status\r\n=====\r\n" in said
    assert "  Status: REGISTERED\r\n" in said
    assert "Initial Registration: SUCCEEDED on Jul 01 18:37:30 2018 UTC" in said
    assert (
        "Last Renewal Attempt: FAILED on Oct 09 17:32:59 2018 UTC\r\n    Failure reason: Failed to auth"
        in said
    )
    yard.turn_to(REPAIRED)
    assert fp.ask("scope security").endswith(f"{HOST} /security # ")
    assert fp.ask("enter trustpoint quovadis").endswith(f"{HOST} /security/trustpoint* # ")
    asked = fp.ask("set certchain")
    assert "Enter lines one at a time. Enter ENDOFBUF to finish. Press ^C to abort.\r\n" in asked
    assert asked.endswith("Trustpoint Certificate Chain:\r\n>")
    assert fp.paste(yard.world.new.pem).endswith(f"{HOST} /security/trustpoint* # ")
    assert fp.ask("commit-buffer").endswith(f"{HOST} /security/trustpoint # ")
    assert fp.ask("scope license").endswith(f"{HOST} /license # ")
    assert fp.ask("scope licdebug").endswith(f"{HOST} /license/licdebug # ")
    assert fp.ask("renew").endswith(f"renew\r\n{HOST} /license/licdebug # ")
    fp.until("show license all", "Last Communication Attempt: SUCCESS on Oct 09 17:39:07")
    said = fp.until("show license all", "Last Renewal Attempt: SUCCEEDED on Oct 09 17:39:07")
    assert "Failure reason" not in said
    assert _printed(said, "Last Renewal Attempt") == REPAIRED
    assert _printed(said, "Next Renewal Attempt") == REPAIRED + timedelta(days=180)
    assert _printed(said, "Registration Expires") == REPAIRED + timedelta(days=365, minutes=-5)
    assert _printed(said, "Last Communication Attempt") == REPAIRED
    assert _printed(said, "Next Communication Attempt") == REPAIRED + timedelta(days=30)
    assert _printed(said, "Communication Deadline") == REPAIRED + timedelta(days=90, minutes=-5)


def _to_the_application(visitor: Visitor) -> None:
    visitor.ask("connect module 1 console")
    visitor.ask("connect asa")
    visitor.ask("enable")
    visitor.ask(LOGIN.enable.reveal())
    visitor.ask("terminal pager 0")


def test_an_import_in_the_application_changes_nothing(yard: ChassisYard) -> None:
    """The pool of the ASA on the chassis holds the missing CA, and the chassis fails as before."""
    _broken(yard)
    fp = yard.visit()
    _to_the_application(fp)
    said = fp.ask("crypto ca trustpool import default noconfirm")
    assert "  installed: 1\r\n" in said
    assert yard.world.new.sha256 in {each.certificate.sha256 for each in yard.application.pool.anchors}
    said = fp.ask("show license all")
    assert "Enforcement mode: Authorized" in said
    assert "Tag: FPR4110-ASA-STD" in said
    assert "Registration" not in said
    assert "License mode: Smart Licensing" in said
    for typed in ("license smart register idtoken x", "license smart renew auth", "show license status"):
        assert "ERROR: % Invalid input detected" in fp.ask(typed)
    version = fp.ask("show version")
    assert "Hardware:   FPR4K-SM-24" in version
    assert "Version 2.2(2.19)" in version
    assert fp.ask("exit").endswith("Firepower-module1> ")
    assert fp.ask("exit").endswith(f"{HOST}# ")
    yard.turn_to(FOUND + timedelta(minutes=2))
    fp.all("scope license", "scope licdebug", "renew")
    said = fp.until("show license all", "Last Renewal Attempt: FAILED on Oct 09 17:34:59 2018 UTC")
    assert "Failed to authenticate server" in said
    assert "SUCCESS on Oct" not in said
    assert yard.chassis.trust().anchors[0].certificate.sha256 == yard.world.old.sha256


def test_a_console_can_be_left_and_found_again(yard: ChassisYard) -> None:
    """Ctrl-A and d lead away and the ASA's session stays where it was; the telnet's own escape leaves the module."""
    fp = yard.visit()
    _to_the_application(fp)
    assert fp.ask("configure terminal").endswith("asa-app(config)# ")
    assert fp.key(b"\x01d").endswith("Firepower-module1> ")
    assert fp.ask("connect asa").endswith("asa-app(config)# ")
    assert fp.key(b"\x01D").endswith("Firepower-module1> ")
    assert fp.ask("~").endswith("telnet> ")
    assert fp.ask("quit").endswith(f"Connection closed.\r\n{HOST}# ")
    assert "Error" in fp.ask("connect module 2 console")


def test_what_the_application_uses_is_asked_for_by_the_chassis(yard: ChassisYard) -> None:
    """A feature tier that is taken away in the ASA is given back through the chassis's agent."""
    yard.registered()
    assert [each.tag for each in yard.chassis.licence.state.wanted] == ["FPR4110-ASA-STD"]
    fp = yard.visit()
    _to_the_application(fp)
    fp.all("configure terminal", "license smart", "no feature tier standard", "end")
    assert fp.key(b"\x01d").endswith("Firepower-module1> ")
    fp.all("exit", "scope license")
    fp.until("show license usage", "No licenses in use")
    assert yard.chassis.licence.state.wanted == ()


def test_the_doctor_follows_the_whole_story(yard: ChassisYard) -> None:
    """From what was captured: the CA is missing on the chassis, the import was made in the wrong place, and the repair is proven."""
    _broken(yard)
    fp = yard.visit()
    fp.all(*(line for line in dialect.of(Platform.FXOS).block(PORTAL)))
    codes = _codes(fp.transcript)
    assert codes[HOST] == ["fxos-trustpoint-missing"]
    _to_the_application(fp)
    fp.all("show version", "crypto ca trustpool import default noconfirm", "exit", "exit")
    yard.turn_to(FOUND + timedelta(minutes=2))
    fp.all("scope license", "scope licdebug", "renew")
    fp.until("show license all", "FAILED on Oct 09 17:34:59 2018 UTC")
    codes = _codes(fp.transcript)
    assert "fxos-trustpoint-missing" in codes[HOST]
    assert codes["asa-app"] == ["repaired-in-wrong-place"]
    yard.turn_to(REPAIRED)
    fp.all("scope security", "enter trustpoint quovadis", "set certchain")
    fp.paste(yard.world.new.pem)
    fp.all("commit-buffer", "scope license", "scope licdebug", "renew")
    fp.until("show license all", "Last Communication Attempt: SUCCESS on Oct 09 17:39:07 2018 UTC")
    fp.until("show license all", "Last Renewal Attempt: SUCCEEDED on Oct 09 17:39:07 2018 UTC")
    assert "repair-proven" in _codes(fp.transcript)[HOST]


def test_our_own_driver_finds_its_way(yard: ChassisYard, tmp_path: Path) -> None:
    """What drives real devices logs in, walks the scopes, pastes line by line and sees that it was committed."""
    speaks = dialect.of(Platform.FXOS)
    access = Access(
        password=lambda: LOGIN.password,
        known_hosts=(tmp_path / "known",),
        config=tmp_path / "none",
        accept_new=True,
    )
    (tmp_path / "none").write_text("")
    step = fxos_step.add_trustpoint(
        Place(platform=Platform.FXOS),
        "QuoVadis Root CA 2",
        yard.world.new.sha256,
        Certificate.from_der(yard.world.new.der),
        letting_in="one CA",
    )
    heard: list[str] = []

    async def drive() -> list[Said]:
        target = Target(host=yard.address, port=yard.port, user=LOGIN.user)
        async with await ssh.connect(target, access, speaks, hear=heard.append) as console:
            assert (await console.greeting()).at is not None
            looked = [await console.say(line) for line in (speaks.pager.off, *speaks.block(PORTAL))]
            done = [
                await console.paste(entry.lines, entry.terminator)
                if isinstance(entry, Pasted)
                else await console.say(entry.text)
                for entry in step.lines
            ]
            return [*looked, *done]

    said = asyncio.run(drive())
    assert [each.failure for each in said if each.failure] == []
    assert all(each.at is not None or each.pasting is not None for each in said)
    assert all(each.echoed for each in said)
    last = said[-1].at
    assert last is not None
    assert last.mode == speaks.mode("top")
    assert yard.world.new.sha256 in {each.certificate.sha256 for each in yard.chassis.trust().anchors}
    assert any("Cert Status: Valid" in line for line in heard)


def _codes(transcript: str) -> dict[str, list[str]]:
    """What the doctor takes for the cause, by device, at its newest moment; a note on a clock that is right is none."""
    report = diagnose([("session.log", transcript)])
    return {
        each.case.device: [finding.code for finding in each.causes if finding.code != "clock-skew"]
        for each in report.diagnoses
    }


def test_a_chassis_goes_on_from_its_disk_and_a_snapshot(yard: ChassisYard) -> None:
    """Switched off and on, it has its identity; restored, it has its objects; the agent is registered with neither lost."""
    yard.registered()
    fp = yard.visit()
    fp.all("scope security", "enter trustpoint quovadis", "set certchain")
    fp.paste(yard.world.new.pem)
    fp.ask("commit-buffer")
    fp.leave()
    kept = json.loads(json.dumps(yard.chassis.snapshot()))
    yard.chassis.close()
    yard.chassis = yard.switch_on()
    yard.application = install(yard.chassis, yard.world.new)
    yard.chassis.restore(kept)
    yard.chassis.reload()
    assert [name for name, _ in yard.chassis.trustpoints()] == ["CHdefault", "quovadis"]
    fp = yard.visit()
    fp.ask("scope license")
    assert "Status: REGISTERED" in fp.ask("show license all")


def test_a_session_is_what_a_person_reads(yard: ChassisYard) -> None:
    """The whole conversation, line by line, is the one in the file beside this test."""
    _broken(yard)
    fp = yard.visit()
    fp.all("scope license", "show license all", "top", "connect local-mgmt", f"ping {PORTAL} count 2", "exit")
    # Nobody wakes the agent on the way, so that none of its retries, which come by chance, is on the screen.
    yard.clock.turn_to(REPAIRED)
    fp.all("scope license", "scope security", "enter trustpoint quovadis", "set certchain")
    fp.paste(yard.world.new.pem)
    held = yard.chassis.licence.state.seq
    fp.all("commit-buffer", "scope license", "scope licdebug", "renew")
    _wait(lambda: yard.chassis.licence.state.seq > held)
    _settle(yard)
    fp.all("show license all", "scope license", "show license summary", "top")
    _golden("fxos-document", fp.transcript, yard)


def _settle(yard: ChassisYard) -> None:
    """Both renewals have ended when the chassis lets go of its guard."""
    with yard.chassis.guard:
        return


def _wait(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def _golden(name: str, transcript: str, yard: ChassisYard) -> None:
    """Hold a transcript against a file; with ANCHORWATCH_GOLDEN=write the file is written anew."""
    text = transcript.replace("\r\n", "\n")
    lines = text.split("\n")
    shown = [
        line
        for line in lines
        if line.removeprefix(">") not in yard.world.new.pem.split("\n")[2:-2] or not line
    ]
    text = "\n".join(line.rstrip() for line in shown).replace(
        yard.world.new.pem.split("\n")[1], "(octets in base64)"
    )
    text = re.sub(r"(Next \w+ Attempt: )Oct 09 \S+ 2018 UTC", r"\1(a retry, by chance)", text)
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if os.environ.get("ANCHORWATCH_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")
