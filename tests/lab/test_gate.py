"""The SSH server before the devices: hostile clients, host keys, and who may come in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from anchorwatch.lab.ssh import MOST_OF_ONE_DEVICE, MOST_UNPROVEN
from lab.yard import LOGIN, Yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with Yard(tmp_path) as made:
        yield made


async def _ask(address: str, port: int, typed: str = "show clock\nexit\n", **options: object) -> str:
    given = {"username": LOGIN.user, "password": LOGIN.password.reveal(), "known_hosts": None} | options
    async with asyncssh.connect(address, port, **given) as connection:
        process = await connection.create_process(term_type="vt100")
        process.stdin.write(typed)
        return str(await asyncio.wait_for(process.stdout.read(), 20))


def _served(yard: Yard, address: str) -> None:
    assert "13:00:00.000 UTC Tue Mar 22 2016" in asyncio.run(_ask(address, yard.port))


def test_every_device_has_its_own_host_key(yard: Yard) -> None:
    """One socket serves all devices, and each shows a key of its own."""
    addresses = [yard.asa(), yard.asa()]

    async def key(address: str) -> str:
        found = await asyncssh.get_server_host_key(address, yard.port)
        assert found is not None
        return found.get_fingerprint()

    async def keys() -> list[str]:
        return [await key(address) for address in addresses]

    shown = asyncio.run(keys())
    assert shown == [yard.doors[address].host_key.get_fingerprint() for address in addresses]
    assert len(set(shown)) == 2


def test_an_address_without_a_device_is_closed(yard: Yard) -> None:
    """Whoever calls an address where nothing stands gets no greeting."""
    yard.asa()
    with socket.create_connection(("127.9.9.9", yard.port), timeout=5) as connection:
        assert connection.recv(100) == b""


def test_a_key_opens_as_a_password_does(yard: Yard) -> None:
    """Public keys of the login are taken, others are not."""
    ours, theirs = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    address = yard.asa()
    door = yard.doors[address]
    door.login = type(door.login)(
        user=LOGIN.user,
        password=LOGIN.password,
        enable=LOGIN.enable,
        keys=(ours.export_public_key().decode(),),
    )
    assert "13:00:00" in asyncio.run(_ask(address, yard.port, password=None, client_keys=[ours]))
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(_ask(address, yard.port, password=None, client_keys=[theirs]))


@pytest.mark.parametrize("given", [{"password": "wrong"}, {"username": "root"}, {"password": ""}])
def test_a_wrong_login_is_refused(yard: Yard, given: dict[str, str]) -> None:
    """A wrong user or password comes no further, and the next right one does."""
    address = yard.asa()
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(_ask(address, yard.port, **given))
    _served(yard, address)


def test_more_sessions_than_a_device_serves(yard: Yard) -> None:
    """The sixth session is refused, and there is room again when one ends."""
    address = yard.asa()

    async def crowd() -> int:
        refused = 0
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MOST_OF_ONE_DEVICE + 1):
                connection = await stack.enter_async_context(
                    asyncssh.connect(
                        address,
                        yard.port,
                        username=LOGIN.user,
                        password=LOGIN.password.reveal(),
                        known_hosts=None,
                    )
                )
                try:
                    await connection.create_process(term_type="vt100")
                except asyncssh.ChannelOpenError:
                    refused += 1
        return refused

    assert asyncio.run(crowd()) == 1
    _served(yard, address)


def test_junk_and_endless_lines(yard: Yard) -> None:
    """Octets that are no SSH, and ten megabytes without a line end, end in their own session only."""
    address = yard.asa()
    for junk in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"SSH-2.0-" + b"x" * 100_000, b"\0" * 70_000):
        with contextlib.suppress(OSError), socket.create_connection((address, yard.port), timeout=5) as wire:
            wire.sendall(junk)
            wire.shutdown(socket.SHUT_WR)
            wire.settimeout(5)
            while wire.recv(65_536):
                pass
    before = _resident()
    shown = asyncio.run(_ask(address, yard.port, typed="x" * 10_000_000 + "\nexit\n"))
    assert len(shown) < 100_000
    assert _resident() - before < 60_000_000
    _served(yard, address)


def test_a_thousand_half_open_connections(yard: Yard) -> None:
    """Connections that never log in are bounded, and others are served beside them."""
    address = yard.asa()
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection((address, yard.port), timeout=10))
            for _ in range(MOST_UNPROVEN - 8)
        ]
        time.sleep(0.3)
        _served(yard, address)
        opened += [
            stack.enter_context(socket.create_connection((address, yard.port), timeout=10))
            for _ in range(1_000 - len(opened))
        ]
        for wire in opened[-20:]:
            wire.settimeout(5)
            assert wire.recv(1) == b""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and yard.gate.unproven:
        time.sleep(0.05)
    assert yard.gate.unproven == 0
    _served(yard, address)


def test_outsiders_are_refused_by_the_kernel(yard: Yard) -> None:
    """The socket takes connections over the loopback interface only, whatever address is called."""
    outside = _own_address()
    if outside is None:
        pytest.skip("this machine has no address but loopback's")
    yard.asa()
    listening = yard.gate.sockets[0]
    bound = listening.getsockopt(socket.SOL_SOCKET, 25, 16)
    assert bound.rstrip(b"\0") == b"lo"


def _own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
        return None if address.startswith("127.") else address


def _resident() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
