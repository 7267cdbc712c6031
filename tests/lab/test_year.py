"""A year in the life of a town on the turned clock: everything that is due happens, and at its instant.

What happened is taken from what the devices logged and from what their agents hold; when it had to happen, from the dates
that the portal and its clients agree on (`licensing.deadline`), and nothing else.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import LogMessage
from anchorwatch.licensing import deadline
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from lab.ailments import CHASSIS, HEAD, KINDS
from lab.quarter import Quarter

YEAR = timedelta(days=366)
SECONDS = 30
CAME = datetime(2018, 10, 5, 8, tzinfo=UTC)
NIGHT = timedelta(hours=22)
_LINE = re.compile(r"(?P<at>\w{3} \d\d \d{4} \d\d:\d\d:\d\d): %ASA-\d-(?P<code>\d{6}): (?P<text>.*)")


@dataclass(frozen=True)
class Life:
    """A device that registered when it came, and whether it trusts what the portal shows later."""

    name: str
    kind: str
    came: datetime
    lasts: bool


def lives(count: int) -> list[Life]:
    """Of every kind in turn; of fifty the first loses its name server, and nobody mends that."""
    found = []
    for number in range(count):
        lasts = number % 50 != 0
        kind = list(KINDS)[number % len(KINDS)] if lasts else "asav941"
        found.append(Life(f"d{number}", kind, CAME + timedelta(minutes=number), lasts))
    return found


def text(all_: list[Life]) -> str:
    parts = [HEAD]
    lost = [each.name for each in all_ if not each.lasts]
    parts += [
        "[[events]]", "at = 2018-10-06T05:00:00Z", 'said = "a name server is lost"', 'break = "dns"',
        f"devices = {lost}", "",
    ] if lost else []  # fmt: skip
    for each in all_:
        point = "CHdefault" if each.kind in CHASSIS else "_SmartCallHome_ServerCA"
        parts += [
            "[[devices]]", f'name = "{each.name}"', KINDS[each.kind], "registered = true",
            f"since = {each.came:%Y-%m-%dT%H:%M:%SZ}",
            f'trustpoints = {{ {point} = "quovadis-2" }}', "",
        ]  # fmt: skip
    return "\n".join(parts)


Heard = dict[str, list[tuple[datetime, str, str]]]


def listen(quarter: Quarter, all_: list[Life]) -> Heard:
    """What each ASA logs from now on and has logged: when, the number, the text."""
    heard: Heard = {}
    for each in all_:
        if each.kind in CHASSIS:
            continue
        lines = heard.setdefault(each.name, [])
        log = quarter.machine(each.name).log

        def hear(message: LogMessage, lines: list[tuple[datetime, str, str]] = lines) -> None:
            found = _LINE.match(syslog.render(message))
            assert found, message
            at = datetime.strptime(found["at"], "%b %d %Y %H:%M:%S").replace(tzinfo=UTC)
            lines.append((at, found["code"], found["text"]))

        for message in log:
            hear(message)
        log.listen(hear)
    return heard


def said(lines: list[tuple[datetime, str, str]], mnemonic: str) -> list[datetime]:
    """When the agent of an ASA said this."""
    return [at for at, _, line in lines if f"-{mnemonic}:" in line]


def every(since: datetime, step: timedelta, end: datetime) -> list[datetime]:
    """The instants from one step after `since` until the end."""
    return [since + step * number for number in range(1, (end - since) // step + 1)]


def check_one_that_lasts(quarter: Quarter, life: Life, heard: Heard) -> None:
    """It renewed its authorization every 30 days and its identity every 180, and imported its pool every night."""
    state = quarter.machine(life.name).licence.state
    end = quarter.now
    renewals = every(life.came, deadline.AUTHORIZATION_RENEWAL, end)
    identities = every(life.came, deadline.ID_RENEWAL, end)
    assert state.registration is RegistrationState.REGISTERED
    assert state.authorization is AuthorizationState.AUTHORIZED
    assert state.last_authorization.at == renewals[-1]
    assert state.last_identity_renewal.at == identities[-1]
    assert state.identity.not_after == deadline.identity_dates(identities[-1]).not_after
    assert state.granted().exp == deadline.grant_dates(renewals[-1]).deadline
    if life.kind in CHASSIS:
        return
    lines = heard[life.name]
    assert said(lines, "AUTH_RENEW_SUCCESS") == [life.came, *renewals]
    assert said(lines, "ID_CERT_RENEW_SUCCESS") == identities
    assert said(lines, "COMM_FAILED") == []
    nights = [at for at, code, _ in lines if code == "717058"]
    first = life.came.replace(hour=0, minute=0, second=0) + NIGHT
    expected = [first + timedelta(days=day) for day in range((end - first) // timedelta(days=1) + 1)]
    assert nights == ([] if life.kind == "asav941" else expected)


def check_one_that_was_left_behind(quarter: Quarter, life: Life, heard: Heard) -> None:
    """It failed from its first renewal on, lost its authorization after 90 days and its identity after a year."""
    state = quarter.machine(life.name).licence.state
    lines = heard[life.name]
    failed = said(lines, "COMM_FAILED")
    assert failed[0] == life.came + deadline.AUTHORIZATION_RENEWAL
    for mnemonic, date in (
        ("AUTHORIZATION_EXPIRED", deadline.grant_dates(life.came).deadline),
        ("ID_CERT_EXPIRED", deadline.identity_dates(life.came).not_after),
    ):
        if date > quarter.now:
            assert said(lines, mnemonic) == []
            continue
        (ended,) = said(lines, mnemonic)
        # Never early, and late by the seconds of a wake that was begun.
        assert date <= ended <= date + timedelta(seconds=5)
    lost = quarter.now > deadline.identity_dates(life.came).not_after
    assert (state.registration is RegistrationState.REGISTERED) is not lost


def live(folder: Path, all_: list[Life], span: timedelta) -> float:
    """Let them live; the seconds that took."""
    with Quarter(folder / "lab", text(all_)) as quarter:
        heard = listen(quarter, all_)
        began = time.perf_counter()
        quarter.pass_time(span)
        seconds = time.perf_counter() - began
        for each in all_:
            (check_one_that_lasts if each.lasts else check_one_that_was_left_behind)(quarter, each, heard)
    return seconds


def test_a_year_of_a_few(tmp_path: Path) -> None:
    """Renewals and nightly imports come at the instants that were agreed, for one device of every kind."""
    live(tmp_path, lives(8)[1:], YEAR)


def test_what_is_not_renewed_ends(tmp_path: Path) -> None:
    """A device that reaches nobody fails on the day of its renewal, and its authorization ends with its date."""
    live(tmp_path, lives(1), timedelta(days=95))


@pytest.mark.soak
def test_an_identity_that_is_not_renewed_ends_after_a_year(tmp_path: Path) -> None:
    """A device that reaches nobody for a year has lost authorization and identity, each on its date."""
    live(tmp_path, lives(1), YEAR)


@pytest.mark.soak
def test_a_year_of_fifty(tmp_path: Path) -> None:
    """Fifty devices live through a year in half a minute."""
    seconds = live(tmp_path, lives(51)[1:50] + lives(52)[51:], YEAR)
    sys.stderr.write(f"a year of 50 devices: {seconds:.1f} s\n")
    assert seconds <= SECONDS
