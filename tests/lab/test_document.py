"""The conversation of Cisco's document 213932, command by command, with clients that people use and nobody patched.

Stock OpenSSH, netmiko, and both programs that are called scrapli, on an ASAv of March 2016 and a chassis of October 2018.
What each screen has to look like is data here: an expression for each of its lines, in the order of the document.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.lab import story_file
from lab.quarter import Quarter
from lab.test_clients import ENVIRONMENTS, HERE

pytestmark = pytest.mark.slow

BUNDLE = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
DDCE = "https://tools.cisco.com/its/service/oddce/services/DDCEService"
TIME = r"\w{3} \d\d \d\d:\d\d:\d\d \d{4} UTC"
NAME = [r"    cn=.+", r"    ou=\(c\) 2006 VeriSign\\, Inc\. - For authorized use only", r"    ou=VeriSign Trust Network",
        r"    o=VeriSign\\, Inc\.", r"    c=US"]  # fmt: skip
REGISTRATION = [
    r"Registration Status: Retry In Progress\.",
    rf"Registration Start Time: {TIME}",
    r"(Registration Status: Retry In Progress\.)?",
    rf"(Registration Start Time: {TIME})?",
    rf"Last Retry Start Time: {TIME}\.",
    rf"Next Scheduled Retry Time: {TIME}\.",
    r"Number of Retries: \d+\.",
    rf"Last License Server response time: {TIME}\.",
    r"Last License Server response message: Communication message send response error",
]
TEST = [rf"INFO: Sending test message to {re.escape(DDCE)}\.\.\.", r"ERROR: Failed: CONNECT_FAILED\(35\)"]
CERTIFICATE = [
    r"CA Certificate", r"  Status: Available", r"  Certificate Serial Number: 6ecc7aa5a7032009b8cebcf4e952d491",
    r"  Certificate Usage: General Purpose", r"  Public Key Type: RSA \(2048 bits\)",
    r"  Signature Algorithm: SHA\d+ with RSA Encryption", r"  Issuer Name: ?", *NAME, r"  Subject Name: ?",
    r"    cn=VeriSign Class 3 Secure Server CA - G3",
    r"    ou=Terms of use at https://www\.verisign\.com/rpa \(c\)10",
    r"    ou=VeriSign Trust Network", r"    o=VeriSign\\, Inc\.", r"    c=US",
    r"  OCSP AIA: ?", r"    URL: http://ocsp\.verisign\.com", r"  CRL Distribution Points: ?",
    r"    \[1\]  http://crl\.verisign\.com/pca3-g5\.crl", r"  Validity Date: ?",
    r"    start date: 00:00:00 UTC Feb 8 2010", r"    end   date: 23:59:59 UTC Feb 7 2020",
    r"  Associated Trustpoints: _SmartCallHome_ServerCA ?",
]  # fmt: skip
POLICY_SHORT = [r"crypto ca trustpool policy", r" auto-import"]
POLICY_WHOLE = [
    r"crypto ca trustpool policy", r" revocation-check none", r" crl cache-time 60", r" crl enforcenextupdate",
    r" auto-import", rf" auto-import url {re.escape(BUNDLE)}", r" auto-import time 22:00:00",
]  # fmt: skip
IMPORT = [
    r"Root file signature verified\.",
    r"You are about to update the current trusted certificate pool",
    rf"with the \d+ byte file at {re.escape(BUNDLE)}",
    r"Do you want to continue\? \(y/n\) ?y?",
    r"Trustpool import:",
    r"  attempted: 14", r"  installed: 14", r"  duplicates: 0", r"  expired: 0", r"  failed: 0",
]  # fmt: skip
POLICY_SCREEN = [
    r"14 trustpool certificates installed", r"Trustpool auto import statistics:", r"  Last import result: FAILED",
    r"  Next scheduled import at 22:00:00 UTC Tue Mar 22 2016", r"Trustpool Policy",
    r"  Trustpool revocation checking is disabled", r"  CRL cache time: 60 seconds",
    r"  CRL next update field: required and enforced",
    r"  Automatic import of trustpool certificates is enabled",
    rf"  Automatic import URL: {re.escape(BUNDLE)}", r"  Download time: 22:00:00", r"  Policy Overrides:",
    r"    None configured",
]  # fmt: skip
CHASSIS_SCREEN = [
    r"Smart Licensing Status", r"=+", r"Smart Licensing is ENABLED", r"Registration:", r"  Status: REGISTERED",
    r"  Smart Account: .+", r"  Virtual Account: .+", r"  Export-Controlled Functionality: Allowed",
    rf"  Initial Registration: SUCCEEDED on {TIME}", rf"  Last Renewal Attempt: SUCCEEDED on {TIME}",
    rf"  Next Renewal Attempt: {TIME}", rf"  Registration Expires: {TIME}", r"License Authorization: ?",
    rf"  Status: AUTHORIZED on {TIME}", rf"  Last Communication Attempt: SUCCESS on {TIME}",
    rf"  Next Communication Attempt: {TIME}", rf"  Communication Deadline: {TIME}",
]  # fmt: skip
CHASSIS_FAILING = [
    *CHASSIS_SCREEN[:9], rf"  Last Renewal Attempt: FAILED on {TIME}", r"    Failure reason: Failed to authenticate server",
]  # fmt: skip
DIALOG = [
    r"Enter lines one at a time\. Enter ENDOFBUF to finish\. Press \^C to abort\.",
    r"Trustpoint Certificate Chain: ?",
]


def looks_like(shown: str, template: Sequence[str]) -> None:
    """The lines of a screen, blank ones aside, begin somewhere as the template says and go on so; optional ones may lack."""
    lines = [line.rstrip("\n") for line in shown.replace("\r", "").split("\n") if line.strip()]
    start = next(
        (at for at, line in enumerate(lines) if re.fullmatch(template[0], line.rstrip() or " ")), None
    )
    assert start is not None, f"no line is {template[0]!r} in:\n{shown}"
    at = start
    for expression in template:
        line = lines[at] if at < len(lines) else ""
        if re.fullmatch(expression, line) or re.fullmatch(expression, line.rstrip()):
            at += 1
            continue
        assert expression.endswith(")?"), f"{line!r} is not {expression!r} in:\n{shown}"


@dataclass(frozen=True)
class Client:
    """A way to drive a device: given commands, and a question that one of them asks, what each printed."""

    name: str
    environment: str = ""
    script: str = ""

    def question(self, command: str, words: str, reply: str) -> list[Any]:
        """A command that asks, in the manner of the script."""
        if self.script == "netmiko_client":
            return [[command, re.escape(words)], [reply, r"[\w-]+# ?$", "a key"]]
        return [[command, words, reply]]

    def drive(self, quarter: Quarter, device: str, say: list[Any], folder: Path, **more: Any) -> list[str]:
        if not self.environment:
            return self._ssh(quarter, device, say, folder)
        python = ENVIRONMENTS / self.environment / "bin" / "python"
        if not python.exists():
            why = f"the client environment {self.environment} is made by `make clients`"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
        asked = {
            "host": quarter.town.resident(device).address, "port": quarter.port, "user": quarter.login.user,
            "password": quarter.login.password.reveal(), "enable": quarter.login.enable.reveal(),
            "device_type": "cisco_asa", "say": say, **more,
        }  # fmt: skip
        done = subprocess.run(
            [python, HERE / "clients" / f"{self.script}.py"], input=json.dumps(asked), capture_output=True,
            text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        answers: list[str] = json.loads(done.stdout)["answers"]
        return answers

    def _ssh(self, quarter: Quarter, device: str, say: list[Any], folder: Path) -> list[str]:
        """Stock OpenSSH with lines piped in; its transcript is cut where each command was echoed."""
        asker = folder / "asker"
        asker.write_text(f"#!/bin/sh\necho {quarter.login.password.reveal()}\n", encoding="utf-8")
        asker.chmod(asker.stat().st_mode | stat.S_IXUSR)
        chassis = device.startswith("fp")
        lines = [] if chassis else ["enable", quarter.login.enable.reveal(), "terminal pager 0"]
        for each in say:
            lines += [each] if isinstance(each, str) else [each[0], each[-1]]
        done = subprocess.run(
            ["ssh", "-T", "-q", "-F", str(quarter.folder / "ssh_config"), device],
            input="\n".join([*lines, "exit", ""]), capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "SSH_ASKPASS": str(asker), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ""},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        shown = done.stdout.replace("\r", "")
        starts = []
        at = 0
        for each in say:
            echo = re.compile(
                rf"(?:# |>){re.escape(each if isinstance(each, str) else each[0])}$", re.MULTILINE
            )
            found = echo.search(shown, at)
            assert found, f"{each!r} was not echoed in:\n{shown}"
            starts.append(found.start())
            at = found.end()
        ends = [*starts[1:], len(shown)]
        return [shown[start:end] for start, end in zip(starts, ends, strict=True)]


CLIENTS = [
    Client("openssh"), Client("netmiko", "classic", "netmiko_client"),
    Client("scrapli", "classic", "scrapli_classic"), Client("scrapli-rewritten", "rewritten", "scrapli_rewritten"),
]  # fmt: skip
CHASSIS_CLIENTS = [
    Client("openssh"), Client("netmiko", "classic", "netmiko_chassis"), Client("scrapli", "classic", "scrapli_chassis"),
]  # fmt: skip


def name_of(client: Client) -> str:
    return client.name


@pytest.fixture(scope="module")
def march(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    folder = tmp_path_factory.mktemp("march") / "lab"
    with Quarter(folder, story_file.text_of("2016"), count=4 * len(CLIENTS)) as made:
        made.town.turn_to(datetime(2016, 3, 22, 13, 25, 40, tzinfo=UTC))
        yield made


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    folder = tmp_path_factory.mktemp("october") / "lab"
    with Quarter(folder, story_file.text_of("2018"), count=8 * len(CHASSIS_CLIENTS)) as made:
        made.town.turn_to(datetime(2018, 10, 9, 17, 30, tzinfo=UTC))
        yield made


@pytest.mark.parametrize("client", CLIENTS, ids=name_of)
def test_march_2016(march: Quarter, client: Client, tmp_path: Path) -> None:
    """It cannot register, the log says why, the import cures it, and the policy still says FAILED."""
    number = CLIENTS.index(client)
    device = "asav-new" if number == 0 else f"asav-new-{number + 1}"
    token = march.token().reveal()

    def say(*commands: Any) -> list[str]:
        return client.drive(march, device, list(commands), tmp_path)

    say(f"license smart register idtoken {token}")
    march.settle(device)
    registration, test, ping, certificates, short, whole, log = say(
        "show license registration", "call-home test profile License", "ping tcp tools.cisco.com 443",
        "show crypto ca certificates", "show running-config crypto ca trustpool",
        "show running-config all crypto ca trustpool", "show logging | include 717009",
    )  # fmt: skip
    looks_like(registration, REGISTRATION)
    looks_like(test, TEST)
    assert "!!!!!" in ping
    looks_like(certificates, CERTIFICATE)
    looks_like(short, POLICY_SHORT)
    looks_like(whole, POLICY_WHOLE)
    reasons = re.findall(
        r"%ASA-3-717009: Certificate validation failed\. No suitable trustpoints found to validate certificate serial "
        r"number: ([0-9A-F]+), subject name: cn=([^,]+),.*issuer name: .* \.",
        log,
    )
    assert reasons[:2] == [
        ("250CE8E030612E9F2B89F7054D7CF8FD", "VeriSign Class 3 Public Primary Certification Authority - G5"),
        ("513FB9743870B73440418D30930699FF", "Symantec Class 3 Secure Server CA - G4"),
    ]
    *asked, policy, _ = say(
        *client.question(f"crypto ca trustpool import url {BUNDLE}", "(y/n)", "y"),
        "show crypto ca trustpool policy",
        f"license smart register idtoken {march.token().reveal()} force",
    )
    looks_like("".join(dict.fromkeys(asked)), IMPORT)
    looks_like(policy, POLICY_SCREEN)
    march.settle(device)
    march.pass_time(timedelta(minutes=1))
    registered, _ = say("show license registration", "license smart renew auth")
    assert "Registration Status: Registered" in registered
    march.settle(device)
    (log,) = say("show logging | include 444306")
    assert log.count("AUTH_RENEW_SUCCESS") >= 2


@pytest.mark.parametrize("client", CHASSIS_CLIENTS, ids=name_of)
def test_october_2018(october: Quarter, client: Client, tmp_path: Path) -> None:
    """REGISTERED and failing; a trustpoint, the paste, the commit, the renewal, and every date as it must be."""
    number = CHASSIS_CLIENTS.index(client)
    device = "fp9300" if number == 0 else f"fp9300-{number + 1}"
    host = october.town.resident(device).plan.hostname
    pem = october.town.house.minted["quovadis-2"].certificate.pem.strip().splitlines()
    more: dict[str, Any] = {"device_type": "cisco_fxos"} if client.script == "netmiko_chassis" else {}

    def say(*commands: str) -> list[str]:
        return client.drive(october, device, list(commands), tmp_path, **more)

    say("scope license", "scope licdebug", "renew")
    october.settle(device)
    *_, failing = say("terminal length 0", "scope license", "show license all")
    looks_like(failing, CHASSIS_FAILING)
    opening = ["scope license", "scope security", "enter trustpoint quovadis"]
    if client.environment:
        pasted = client.drive(
            october, device, [*opening, "set certchain", "commit-buffer"], tmp_path, into="set certchain",
            paste=[*pem, "ENDOFBUF"], **more,
        )  # fmt: skip
    else:
        pasted = say(*opening, "set certchain", *pem, "ENDOFBUF", "commit-buffer")
        assert f"{host} /security/trustpoint* # set certchain" in "".join(pasted)
    looks_like("\n".join(dict.fromkeys(pasted)), DIALOG)
    say("scope license", "scope licdebug", "renew")
    october.settle(device)
    *_, shown = say("terminal length 0", "scope license", "scope licdebug", "show license all")
    looks_like(shown, CHASSIS_SCREEN)
