"""October 2018 as the document tells it: who is not touched, who is broken, and what cures whom.

The story's own town, on the night after the portal moved. What a device says is read over SSH.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from anchorwatch.doctor.diagnosis import Status
from anchorwatch.lab import story_file
from lab.quarter import Quarter

pytestmark = pytest.mark.slow

QUOVADIS = "cn=QuoVadis Root CA 2"
RENEW = "license smart renew auth"
MOVED = datetime(2018, 10, 5, 7, tzinfo=UTC)
CHASSIS_RENEW = ("scope license", "scope licdebug", "renew", "top")
_RENEWED = re.compile(r"Last Communication Attempt: (SUCCE\w+|FAILED) on (\w{3} \d\d \d\d:\d\d:\d\d \d{4})")


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    with Quarter(tmp_path_factory.mktemp("2018") / "lab", story_file.text_of("2018")) as made:
        made.town.turn_to(datetime(2018, 10, 8, 9, tzinfo=UTC))
        yield made


def contact(quarter: Quarter, device: str) -> tuple[str, datetime]:
    """How the last contact of a device ended and when, by its licence screen after it was asked to renew."""
    chassis = device.startswith("fp")
    chassis = chassis and not device.startswith("fpr2")
    quarter.typed(device, *(CHASSIS_RENEW if chassis else (RENEW,)))
    quarter.settle(device)
    shown = quarter.typed(
        device, *(("scope license", "show license all") if chassis else ("show license all",))
    )
    found = _RENEWED.search(shown)
    assert found, shown
    at = datetime.strptime(found[2], "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    return found[1], at


@pytest.mark.parametrize("device", ["asav-982", "fpr2110-open"])
def test_whoever_imports_at_night_is_not_touched(quarter: Quarter, device: str) -> None:
    """With port 80 open the pool holds QuoVadis by itself, and a renewal after the move succeeds."""
    assert QUOVADIS in quarter.typed(device, "show crypto ca trustpool")
    word, at = contact(quarter, device)
    assert word == "SUCCESS"
    assert at > MOVED
    assert quarter.examine(device).status is Status.HEALTHY


def test_the_first_release_that_the_document_calls_unaffected_is(quarter: Quarter) -> None:
    """ASAv 9.6(2), whose licence screen is of the first generation: renewed after the move, and well."""
    quarter.typed("asav-962", RENEW)
    quarter.settle("asav-962")
    log = quarter.typed("asav-962", "show logging | include 444306")
    assert "AUTH_RENEW_SUCCESS" in log.splitlines()[-2] + log.splitlines()[-1]
    assert QUOVADIS in quarter.typed("asav-962", "show crypto ca trustpool")
    assert quarter.examine("asav-962").status is Status.HEALTHY


def test_with_port_80_blocked_the_same_model_is_broken(quarter: Quarter) -> None:
    """Nothing ever reached its pool: the renewal fails over the CA, and the doctor names the block beside it."""
    assert QUOVADIS not in quarter.typed(
        "fpr2110-blocked", "show crypto ca trustpool", "show crypto ca certificates"
    )
    word, _ = contact(quarter, "fpr2110-blocked")
    assert word == "FAILED"
    found = quarter.examine("fpr2110-blocked")
    codes = {finding.code: finding.confidence.value for finding in found.findings}
    assert codes["anchor-missing"] == "confirmed"
    assert codes["auto-import-failing"] == "confirmed"


def test_a_new_box_is_cured_by_the_bundle_of_its_image(quarter: Quarter) -> None:
    """It cannot register before `import default`, and can after it."""
    device = "asav-fresh"
    register = f"license smart register idtoken {quarter.token().reveal()} force"
    answers = {"sk later": "A", "(y/n)": "y"}
    quarter.typed(device, register, answers=answers)
    quarter.settle(device)
    assert "Status: REGISTERED" not in quarter.typed(device, "show license all")
    said = quarter.typed(device, "crypto ca trustpool import default", answers=answers)
    counts = dict(re.findall(r"(\w+): (\d+)", said))
    assert int(counts["attempted"]) == sum(
        int(counts[word]) for word in ("installed", "duplicates", "expired", "failed")
    )
    assert int(counts["installed"]) > 0
    assert QUOVADIS in quarter.typed(device, "show crypto ca trustpool")
    quarter.typed(device, f"license smart register idtoken {quarter.token().reveal()} force", answers=answers)
    quarter.settle(device)
    assert "Status: REGISTERED" in quarter.typed(device, "show license all")


def test_a_box_without_automatic_import_is_cured_by_hand(quarter: Quarter) -> None:
    """9.4(1): the CA pasted into a trustpoint of its own, its fingerprint shown, accepted, and the renewal succeeds."""
    device = "asav-941"
    quarter.typed(device, RENEW)
    quarter.settle(device)
    assert "AUTH_RENEW_FAILED" in quarter.typed(device, "show logging | include 444303")
    root = quarter.town.house.minted["quovadis-2"].certificate
    answers = {"yes/no": "yes", "sk later": "A"}
    quarter.typed(
        device,
        "configure terminal",
        "crypto ca trustpoint QV",
        "enrollment terminal",
        "revocation-check none",
        "end",
        answers=answers,
    )
    said = quarter.pasted(
        device, ["configure terminal", "crypto ca authenticate QV"], root.pem.strip().splitlines(), end="quit",
        answers=answers,
    )  # fmt: skip
    assert "Trustpoint CA certificate accepted." in said
    assert "% Certificate successfully imported" in said
    md5 = re.search(r"Fingerprint: +((?:[0-9a-f]{8} ?){4})", said)
    assert md5
    assert md5[1].replace(" ", "").strip() == root.md5
    quarter.typed(device, RENEW)
    quarter.settle(device)
    assert "AUTH_RENEW_SUCCESS" in quarter.typed(device, "show logging | include 444306").splitlines()[-1]


def test_the_import_in_the_wrong_place_and_the_trustpoint_in_the_right_one(quarter: Quarter) -> None:
    """On a chassis the application's import changes nothing; the trustpoint, committed, does."""
    device = "fp4110"
    assert contact(quarter, device)[0] == "FAILED"
    said = quarter.typed(
        device, "connect module 1 console", "connect asa", "enable", "crypto ca trustpool import default noconfirm",
        answers={"assword:": quarter.login.enable.reveal()},
    )  # fmt: skip
    assert "failed: 0" in said
    assert contact(quarter, device)[0] == "FAILED"
    root = quarter.town.house.minted["quovadis-2"].certificate
    quarter.pasted(
        device, ["scope security", "enter trustpoint quovadis", "set certchain"], root.pem.strip().splitlines(),
        then=["commit-buffer"],
    )  # fmt: skip
    word, at = contact(quarter, device)
    assert word.startswith("SUCCE")
    assert at > MOVED
