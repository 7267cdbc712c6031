"""Clients that people use drive a virtual ASA, none of them patched."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from anchorwatch.lab.asa.machine import Asa
from lab.yard import LOGIN, Yard

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / ".clients"
LOOKS = ["show version", "show clock", "show curpriv"]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with Yard(tmp_path_factory.mktemp("yard")) as made:
        yield made


def drive(
    environment: str, script: str, address: str, port: int, say: list[Any], **more: Any
) -> Mapping[str, Any]:
    """What a client of that environment brings back."""
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        why = f"the client environment {environment} is made by `make clients`"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    asked = {
        "host": address,
        "port": port,
        "user": LOGIN.user,
        "password": LOGIN.password.reveal(),
        "enable": LOGIN.enable.reveal(),
        "device_type": "cisco_asa",
        "say": say,
        **more,
    }
    done = subprocess.run(
        [python, HERE / "clients" / f"{script}.py"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("environment", "script"),
    [("classic", "netmiko_client"), ("classic", "scrapli_classic"), ("rewritten", "scrapli_rewritten")],
)
def test_libraries_read_what_the_device_prints(yard: Yard, environment: str, script: str) -> None:
    """Netmiko and both programs called scrapli log in, reach the privileged mode and read whole screens."""
    address = yard.asa(hostname="edge-1")
    told = drive(environment, script, address, yard.port, LOOKS)
    version, clock, privileges = told["answers"]
    assert "Adaptive Security Appliance Software Version 9.5(2)" in version
    assert "Serial Number: 9A" in version
    assert clock.strip() == "*13:00:00.000 UTC Tue Mar 22 2016"
    assert "Current privilege level : 15" in privileges
    assert told["prompt"].strip() == "edge-1#"


def test_netmiko_drives_an_unlicensed_device_that_nags(yard: Yard) -> None:
    """Two lines come again and again, into whatever is typed or printed; every screen is whole all the same."""

    def nagging(machine: Asa) -> None:
        machine.nags = timedelta(seconds=0.7)

    address = yard.asa(hostname="edge-1", alter=nagging)
    told = drive("classic", "netmiko_client", address, yard.port, LOOKS)
    version, clock, privileges = told["answers"]
    assert "Adaptive Security Appliance Software Version 9.5(2)" in version
    assert "Configuration last modified by" in version
    assert "*13:00:00.000 UTC Tue Mar 22 2016" in clock
    assert "Current privilege level : 15" in privileges
    assert "platform license state is Unlicensed" in "".join(told["answers"])


def test_openssh_with_a_terminal_and_with_piped_lines(yard: Yard, tmp_path: Path) -> None:
    """The stock client asks for the password with its own words; lines typed ahead are echoed where they are read."""
    if shutil.which("ssh") is None:
        pytest.skip("there is no ssh on this machine (Debian: apt-get install openssh-client)")
    address = yard.asa(hostname="edge-2")
    asker = tmp_path / "asker"
    asker.write_text(
        f'#!/bin/sh\ncase "$1" in\n  "{LOGIN.user}@{address}\'s password: ") echo {LOGIN.password.reveal()};;\n'
        f'  *) echo "$1" >> {tmp_path}/other; exit 1;;\nesac\n',
        encoding="utf-8",
    )
    asker.chmod(asker.stat().st_mode | stat.S_IXUSR)
    for terminal in ("-tt", "-T"):
        done = subprocess.run(
            [
                "ssh",
                terminal,
                "-F",
                "/dev/null",
                "-p",
                str(yard.port),
                "-o",
                "StrictHostKeyChecking=accept-new",
                "-o",
                f"UserKnownHostsFile={tmp_path}/known",
                f"{LOGIN.user}@{address}",
            ],
            input=f"enable\n{LOGIN.enable.reveal()}\nshow clock\nexit\n",
            env={**os.environ, "SSH_ASKPASS": str(asker), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ""},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        shown = done.stdout.replace("\r", "")
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "other").exists()
        assert LOGIN.enable.reveal() not in shown
        assert (
            "edge-2> enable\nPassword: \nedge-2# show clock\n*13:00:00.000 UTC Tue Mar 22 2016\nedge-2# exit"
            in shown
        )


def test_a_command_in_place_of_a_shell_is_refused(yard: Yard) -> None:
    """`ssh device 'show version'` is no shell, and the device says so."""
    address = yard.asa()

    async def look() -> None:
        async with asyncssh.connect(
            address, yard.port, username=LOGIN.user, password=LOGIN.password.reveal(), known_hosts=None
        ) as connection:
            await connection.run("show version", check=True)

    with pytest.raises(asyncssh.ChannelOpenError):
        asyncio.run(look())
