"""The trust pool and the trustpoints of a virtual ASA."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchorwatch.devices.asa import certificate, trustpool, trustpool_import
from anchorwatch.devices.screen import to_lines
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.network import Fault
from anchorwatch.pki.truststore import TrustStore
from lab.stage import Stage, typed

MOVED = datetime(2016, 3, 22, 13, 25, 46, tzinfo=UTC)
TRUSTED = {"_SmartCallHome_ServerCA": "g5"}
URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
IMPORT = f"crypto ca trustpool import url {URL}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage.of("2016", tmp_path_factory.mktemp("stage"), at=MOVED, chain="new")
    made.house.directory.hurried = True
    yield made
    made.close()


@pytest.fixture(autouse=True)
def moment(stage: Stage) -> None:
    stage.clock.turn_to(MOVED)


def counted(said: str) -> tuple[int, ...]:
    """The five counters of an import."""
    (found,) = trustpool_import.parse(to_lines(said))
    fact = found.fact
    parts = (fact.attempted, fact.installed, fact.duplicates, fact.expired, fact.failed)
    assert fact.adds_up
    return tuple(part.value for part in parts if part is not None)


def imported(machine: Asa) -> tuple[str | None, int]:
    """How the last automatic import ended, and what the pool holds."""
    return machine.last_import, len(machine.pool)


# ------------------------------------------------------------------------------------------- by a command


def test_an_import_counts_what_happened(stage: Stage) -> None:
    """The first import installs everything, the second finds duplicates, and a clean one installs anew."""
    machine = stage.asa()
    assert counted(typed(machine, IMPORT, "y")) == (14, 14, 0, 0, 0)
    assert counted(typed(machine, f"{IMPORT} noconfirm")) == (14, 0, 14, 0, 0)
    assert counted(typed(machine, "crypto ca trustpool import clean url " + URL, "y")) == (14, 14, 0, 0, 0)
    assert len(machine.pool) == 14


def test_an_entry_that_ended_counts_as_expired(stage: Stage) -> None:
    """A bundle that is imported after one of its CAs has ended says so, and that is no failure."""
    stage.clock.turn_to(datetime(2021, 6, 1, tzinfo=UTC))
    attempted, installed, duplicates, expired, failed = counted(typed(stage.asa(), f"{IMPORT} noconfirm"))
    assert (attempted, duplicates, failed) == (14, 0, 0)
    assert expired >= 1
    assert installed == 14 - expired


@pytest.mark.parametrize("key", ["n", ""])
def test_the_question_is_answered_by_one_key(stage: Stage, key: str) -> None:
    """The key n leaves the pool as it was, and so does an Enter that somebody typed ahead."""
    machine = stage.asa()
    said = typed(machine, IMPORT, key, "show crypto ca trustpool")
    assert "Do you want to continue? (y/n)" in said
    assert "attempted" not in said
    assert "No trustpool certificates installed" in said


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.BUNDLE_ALTERED, "Root file signature could not be verified."),
        (Fault.BUNDLE_FOREIGN, "Root file signature could not be verified."),
        (Fault.BUNDLE_UNSIGNED, "WARNING: The file is not signed."),
    ],
)
def test_the_dialog_says_what_the_signature_is_worth(stage: Stage, fault: Fault, words: str) -> None:
    """A file that is not verified is asked about in other words; it gets in by a person's decision only."""
    machine = stage.asa(faults=[fault])
    said = typed(machine, IMPORT, "n")
    assert words in said
    assert "Root file signature verified." not in said
    assert typed(machine, f"{IMPORT} noconfirm signature-required").count("ERROR") == 1
    assert len(machine.pool) == 0
    said = typed(machine, IMPORT, "y")
    assert counted(said)[1] > 0
    (found,) = trustpool_import.parse(to_lines(said))
    assert found.fact.signature_verified is None or found.fact.signature_verified.value is False


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.DNS, "Host name lookup failed"),
        (Fault.ROUTE, "Host name lookup failed"),
        (Fault.PORT80_REFUSED, "Connection failed"),
        (Fault.BUNDLE_GONE, "No such file or directory"),
    ],
)
def test_a_bundle_that_is_not_reached_changes_nothing(stage: Stage, fault: Fault, words: str) -> None:
    """The command fails in one line, and the pool and the statistics stay."""
    machine = stage.asa(faults=[fault], pool="2016")
    said = typed(machine, f"{IMPORT} noconfirm")
    assert said.splitlines()[1].startswith("ERROR: ")
    assert words in said
    assert (len(machine.pool), machine.last_import) == (14, None)


def test_what_the_image_holds_comes_back_by_default(stage: Stage) -> None:
    """`import default` restores what was built in, whatever was removed, and reaches nobody."""
    machine = stage.asa(faults=[Fault.DNS], pool="2016")
    typed(machine, "clear crypto ca trustpool", "y")
    assert len(machine.pool) == 0
    assert counted(typed(machine, "crypto ca trustpool import default noconfirm")) == (14, 14, 0, 0, 0)
    assert counted(typed(machine, "crypto ca trustpool import clean default", "y")) == (14, 14, 0, 0, 0)


def test_the_listing_names_what_can_be_removed(stage: Stage) -> None:
    """Each certificate is listed with its fingerprint; by it one is removed, and no other."""
    machine = stage.asa(pool="2016")
    found = [each.fact for each in certificate.parse(to_lines(typed(machine, "show crypto ca trustpool")))]
    held = [anchor.certificate for anchor in machine.pool.anchors]
    assert [each.fingerprint.value for each in found if each.fingerprint] == [each.md5 for each in held]
    typed(machine, f"crypto ca trustpool remove {held[0].md5}", "n")
    assert len(machine.pool) == 14
    typed(
        machine,
        f"crypto ca trustpool remove {held[0].md5}",
        "y",
        f"crypto ca trustpool remove {held[1].md5} noconfirm",
    )
    assert [anchor.certificate for anchor in machine.pool.anchors] == held[2:]
    assert "ERROR" in typed(machine, f"crypto ca trustpool remove {held[0].md5} noconfirm")


def test_the_whole_listing_tells_all_of_a_certificate(stage: Stage) -> None:
    """With `detail` the dates, keys and serial numbers are those of the certificates."""
    machine = stage.asa(pool="2016")
    found = [
        each.fact for each in certificate.parse(to_lines(typed(machine, "show crypto ca trustpool detail")))
    ]
    for fact, anchor in zip(found, machine.pool.anchors, strict=True):
        assert fact.serial is not None
        assert int(fact.serial.value, 16) == anchor.certificate.serial
        assert fact.not_after is not None
        assert fact.not_after.value.wall == anchor.certificate.not_after.replace(tzinfo=None)
        assert fact.trustpoints is not None
        assert fact.trustpoints.value == ("Trustpool",)


def test_an_export_can_be_imported_again(stage: Stage) -> None:
    """What was exported to flash survives a reload, and brings the pool back; it is not signed, and says so."""
    machine = stage.asa(pool="2016")
    assert "14 trustpool certificates exported" in typed(
        machine, "crypto ca trustpool export disk0:/pool.p7b"
    )
    typed(machine, "clear crypto ca trustpool noconfirm")
    machine.reload()
    said = typed(machine, "dir", "crypto ca trustpool import url disk0:/pool.p7b", "y")
    assert "pool.p7b" in said
    assert "WARNING: The file is not signed." in said
    assert len(machine.pool) == 14


# ----------------------------------------------------------------------------------------------- by itself


def test_the_pool_renews_itself_at_ten_in_the_evening_of_its_own_clock(stage: Stage) -> None:
    """With a zone eight hours ahead the import comes at 14:00 UTC, and whatever the label says."""

    def ahead(settings: AsaSettings) -> None:
        settings.zone_label, settings.zone_minutes = "GMT", 480

    machine = stage.asa(alter=ahead)
    assert machine.import_at == datetime(2016, 3, 22, 14, 0, tzinfo=UTC)
    assert "Next scheduled import at 22:00:00 GMT Tue Mar 22 2016" in typed(
        machine, "show crypto ca trustpool policy"
    )
    stage.pass_time(machine, timedelta(minutes=34))
    assert imported(machine) == (None, 0)
    stage.pass_time(machine, timedelta(minutes=1))
    assert imported(machine) == ("SUCCESS", 14)
    assert machine.import_at == datetime(2016, 3, 23, 14, 0, tzinfo=UTC)


def test_the_statistics_speak_of_the_automatic_import_alone(stage: Stage) -> None:
    """FAILED stays after a manual import has filled the pool; only the next automatic one changes it."""
    machine = stage.asa(faults=[Fault.DNS])
    stage.pass_time(machine, timedelta(hours=9))
    machine.network.mend(Fault.DNS)  # type: ignore[attr-defined]  # the town's own
    typed(machine, f"{IMPORT} noconfirm")
    (found,) = trustpool.parse(to_lines(typed(machine, "show crypto ca trustpool policy")))
    assert found.fact.count is not None
    assert found.fact.last_result is not None
    assert (found.fact.count.value, found.fact.last_result.value) == (14, "FAILED")
    stage.pass_time(machine, timedelta(days=1))
    assert machine.last_import == "SUCCESS"


@pytest.mark.parametrize(
    ("fault", "attribute", "reason"),
    [
        (Fault.DNS, "", "Maximum retry attempts reached. Failed to reach CA server"),
        (Fault.PORT80, "", "Maximum retry attempts reached. Failed to reach CA server"),
        (Fault.BUNDLE_GONE, "", "Maximum retry attempts reached. Failed to reach CA server"),
        (Fault.BUNDLE_ALTERED, "", "Cisco root bundle signature validation failed"),
        (Fault.BUNDLE_UNSIGNED, "", "Cisco root bundle signature validation failed"),
        (None, "flash_free", "Failed to update trustpool bundle in flash"),
        (None, "memory_free", "Failed to install trustpool bundle in memory"),
    ],
)
def test_why_an_automatic_import_failed(
    stage: Stage, fault: Fault | None, attribute: str, reason: str
) -> None:
    """The log names the one of four causes that it was, once a night, and the pool stays as it was."""
    machine = stage.asa(faults=[fault] if fault else [])
    if attribute:
        setattr(machine, attribute, 100)
    stage.pass_time(machine, timedelta(hours=24 + 9))
    said = [message.text for message in machine.log if message.code == "717057"]
    assert said == [f"Automatic import of trustpool certificate bundle has failed. {reason}"] * 2
    assert (machine.last_import, len(machine.pool)) == ("FAILED", 0)


def test_what_an_automatic_import_brought(stage: Stage) -> None:
    """The first one updates the pool, the next says that nothing changed."""
    machine = stage.asa()
    stage.pass_time(machine, timedelta(hours=24 + 9))
    said = [message.text.partition(": ")[2] for message in machine.log if message.code == "717058"]
    assert said == ["Trustpool updated in flash", "No change in trustpool bundle"]


def test_turning_the_import_off_and_on(stage: Stage) -> None:
    """Off means never, with a warning; on means tonight; and other hours and places are taken."""
    machine = stage.asa()
    said = typed(machine, "configure terminal", "crypto ca trustpool policy", "no auto-import")
    assert "WARNING: Disabling auto import may affect Smart Licensing" in said
    assert machine.import_at is None
    typed(
        machine, "configure terminal", "crypto ca trustpool policy", "auto-import", "auto-import time 1:30:00"
    )
    assert machine.import_at == datetime(2016, 3, 23, 1, 30, tzinfo=UTC)
    said = typed(machine, "show running-config crypto ca trustpool")
    assert said.splitlines()[1:4] == [
        "crypto ca trustpool policy",
        " auto-import",
        " auto-import time 01:30:00",
    ]
    typed(
        machine,
        "configure terminal",
        "crypto ca trustpool policy",
        "auto-import url http://inside.example/core.p7b",
    )
    assert machine.running.pool.url == "http://inside.example/core.p7b"
    typed(machine, "configure terminal", "crypto ca trustpool policy", "default")
    assert machine.import_at == datetime(2016, 3, 22, 22, 0, tzinfo=UTC)


def test_a_certificate_that_ends_is_told_in_time(stage: Stage) -> None:
    """From 60 days before its end on a CA is told of once a week, and once more when it has ended."""
    stage.clock.turn_to(datetime(2019, 12, 1, tzinfo=UTC))
    machine = stage.asa("9.4(1)")
    end = stage.house.minted["g3"].certificate.not_after
    stage.pass_time(machine, end - stage.clock.now() + timedelta(hours=1))
    told = [(message.code, message.time) for message in machine.log if message.code in ("717054", "717055")]
    assert [code for code, _ in told].count("717055") == 1
    assert [code for code, _ in told].count("717054") == 9
    first, last = told[0][1], told[-1][1]
    assert first is not None
    assert last is not None
    assert first.wall == (end - timedelta(days=60)).replace(tzinfo=None)
    assert last.wall == end.replace(tzinfo=None)


# --------------------------------------------------------------------------------------------- trustpoints


def pasted(machine: Asa, usage: str, lines: list[str]) -> str:
    return typed(
        machine,
        "configure terminal",
        "crypto ca trustpoint anchor",
        "enrollment terminal",
        usage,
        "crypto ca authenticate anchor",
        *lines,
        "quit",
        "yes",
    )


@pytest.mark.parametrize(
    ("usage", "serves"),
    [
        ("validation-usage ssl-server", True),
        ("validation-usage ipsec-client ssl-server", True),
        ("validation-usage ipsec-client", False),
        ("no validation-usage", False),
        ("crl configure", False),
    ],
)
def test_the_usage_of_a_trustpoint_decides(stage: Stage, usage: str, *, serves: bool) -> None:
    """A CA in a trustpoint vouches for the portal where its usage says so; nothing said means VPN clients alone."""
    machine = stage.asa(trustpoints={})
    said = pasted(machine, usage, stage.house.minted["g5"].certificate.pem.splitlines())
    assert "Trustpoint CA certificate accepted." in said
    said = typed(machine, "call-home test profile License")
    assert ("INFO: Succeeded" in said) is serves
    codes = {message.code for message in machine.log}
    assert ("717031" in codes) is not serves


def test_the_damaged_certificates_of_the_document_are_refused(stage: Stage, shared: Path) -> None:
    """Both texts that the document prints end in a refusal, and nothing has changed."""
    text = (shared / "tac-213932.zh.txt").read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(text) if line.startswith("-----BEGIN CERTIFICATE")]
    assert len(starts) == 2
    for start in starts:
        machine = stage.asa(trustpoints={})
        end = next(number for number in range(start, len(text)) if text[number].startswith("-----END"))
        said = pasted(machine, "validation-usage ssl-server", text[start : end + 1])
        assert "ERROR: Failed to parse or verify imported certificate" in said
        assert machine.running.trustpoints["anchor"].pem == ""
        assert "Not authenticated" in typed(machine, "show crypto ca trustpoints anchor")


def test_a_paste_without_headers_and_one_of_two_certificates(stage: Stage) -> None:
    """Base 64 alone is taken as well; two certificates at once are not."""
    g5, g3 = (stage.house.minted[code].certificate.pem.splitlines() for code in ("g5", "g3"))
    machine = stage.asa(trustpoints={})
    assert "Failed to parse" in pasted(machine, "validation-usage ssl-server", [*g5, *g3])
    assert "accepted" in pasted(machine, "validation-usage ssl-server", g5[1:-1])
    assert "already been authenticated" in pasted(machine, "validation-usage ssl-server", g3)


def test_what_a_trustpoint_needs_before_it_is_authenticated(stage: Stage) -> None:
    """One that does not exist, and one that is not enrolled by terminal, ask for no paste."""
    machine = stage.asa(trustpoints={})
    said = typed(
        machine,
        "configure terminal",
        "crypto ca authenticate nobody",
        "crypto ca trustpoint a",
        "crypto ca authenticate a",
    )
    assert said.count("ERROR") == 2
    assert "Enter the base 64" not in said


def test_a_fingerprint_is_md5_and_can_be_refused(stage: Stage) -> None:
    """The fingerprint shown is the MD5 of the certificate; `no` leaves the trustpoint empty, `nointeractive` asks nothing."""
    machine = stage.asa(trustpoints={})
    held = stage.house.minted["g5"].certificate
    groups = " ".join(held.md5[at : at + 8] for at in range(0, 32, 8))
    head = ["configure terminal", "crypto ca trustpoint a", "enrollment terminal"]
    said = typed(machine, *head, "crypto ca authenticate a", *held.pem.splitlines(), "quit", "no")
    assert f"Fingerprint:     {groups}" in said
    assert machine.running.trustpoints["a"].pem == ""
    said = typed(machine, *head, "crypto ca authenticate a nointeractive", *held.pem.splitlines(), "quit")
    assert "Do you accept" not in said
    assert machine.running.trustpoints["a"].pem == held.pem


@pytest.mark.parametrize(
    ("method", "serves"),
    [("none", True), ("crl", False), ("crl none", True), ("ocsp", False), ("ocsp crl none", True)],
)
def test_a_revocation_check_that_cannot_be_made(stage: Stage, method: str, *, serves: bool) -> None:
    """Nobody in town keeps lists: a check that is demanded fails the chain, one that may be left out does not."""
    machine = stage.asa(trustpoints={}, pool="2016")
    typed(machine, "configure terminal", "crypto ca trustpool policy", f"revocation-check {method}")
    assert ("INFO: Succeeded" in typed(machine, "call-home test profile License")) is serves
    codes = {message.code for message in machine.log}
    assert bool(codes & {"717010", "717032"}) is not serves
    assert "717009" not in codes


def test_the_overrides_of_the_policy_and_the_lines_of_a_list(stage: Stage) -> None:
    """What is configured below the policy and below `crl configure` is shown where it was put, and taken away again."""
    machine = stage.asa()
    lines = ("match certificate OLD allow expired-certificate", "match certificate OLD skip revocation-check")
    typed(machine, "configure terminal", "crypto ca trustpool policy", *lines)
    assert f"  Policy Overrides:\n    {lines[0]}\n    {lines[1]}\n" in typed(
        machine, "show crypto ca trustpool policy"
    )
    typed(machine, "configure terminal", "crypto ca trustpool policy", f"no {lines[0]}")
    assert typed(machine, "show running-config crypto ca trustpool").count("match certificate") == 1
    typed(
        machine,
        "configure terminal",
        "crypto ca trustpoint x",
        "crl configure",
        "policy static",
        "cache-time 30",
        "no cache-time 30",
    )
    assert " crl configure\n  policy static\n" in typed(machine, "show running-config crypto ca trustpoint x")


def test_weak_keys_are_refused_from_916_on(stage: Stage) -> None:
    """A 1024-bit root vouches on 9.8, not on 9.16, and again where somebody permits it."""
    weak = {"_SmartCallHome_ServerCA": "class3"}
    old, new = stage.asa("9.8(2)", trustpoints=weak), stage.asa("9.16(4)", trustpoints=weak)
    assert len(old.trust()) == 1
    assert len(new.trust()) == 0
    typed(new, "configure terminal", "crypto ca permit-weak-crypto")
    assert len(new.trust()) == 1
    assert "ERROR" in typed(old, "configure terminal", "crypto ca permit-weak-crypto")


def test_the_pool_is_kept_apart_from_the_configuration(stage: Stage) -> None:
    """A reload keeps the pool though nothing was saved, and forgets a trustpoint that was not saved."""
    machine = stage.asa()
    typed(machine, f"{IMPORT} noconfirm", "configure terminal", "crypto ca trustpoint lost")
    machine.reload()
    assert len(machine.pool) == 14
    assert "lost" not in machine.running.trustpoints
    assert isinstance(machine.pool, TrustStore)
