"""Driving a command line over real SSH on loopback: keys, passwords, commands, questions, and what goes wrong."""

import asyncio
import socket
import stat
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from anchorwatch.base.secret import DOTS, Secret
from anchorwatch.devices import dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.net import ssh
from anchorwatch.net.console import Answer, Console
from anchorwatch.net.errors import (
    BadEndpoint,
    DeviceGone,
    DeviceUnreachable,
    HostKeyRefused,
    LoginRefused,
    NoConversation,
)
from anchorwatch.net.target import Access, Patience, Target
from builders.ssh_device import PASSWORD, USER, Io, SshDevice, command_line

ASA = dialect.of(Platform.ASA)
QUICK = Patience(
    connect=timedelta(seconds=5),
    moment=timedelta(milliseconds=30),
    silence=timedelta(seconds=2),
    command=timedelta(seconds=10),
)
SHORT = Patience(
    connect=timedelta(seconds=2),
    moment=timedelta(milliseconds=30),
    silence=timedelta(milliseconds=300),
    command=timedelta(seconds=3),
)
CLOCK = "09:15:45.123 UTC Mon Oct 8 2018"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own: no key, no configuration and no agent of the person who runs the tests."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


def says(word: str) -> Callable[[], Secret]:
    return lambda: Secret(word)


def run(
    device: SshDevice,
    folder: Path,
    act: Callable[[Console], Coroutine[Any, Any, Any]],
    *,
    patience: Patience = QUICK,
    hear: Callable[[str], None] = lambda _: None,
    **access: Any,
) -> Any:
    """Connect to a device whose key is known, do something, and give what came of it."""
    given: dict[str, Any] = {
        "password": says(PASSWORD),
        "known_hosts": (device.known_hosts(folder),),
    } | access

    async def talk() -> Any:
        console = await ssh.connect(
            Target.parse(device.url), Access(**given), ASA, patience=patience, hear=hear
        )
        async with console:
            return await act(console)

    return asyncio.run(talk())


async def greet(console: Console) -> Any:
    return await console.greeting()


def refusal(device: SshDevice, folder: Path, **access: Any) -> NoConversation:
    with pytest.raises(NoConversation) as caught:
        run(device, folder, greet, **access)
    return caught.value


@pytest.mark.parametrize(
    ("text", "host", "port", "user"),
    [
        ("ssh://asa-3", "asa-3", None, None),
        ("ssh://Admin@FW-Edge:2222", "FW-Edge", 2222, "Admin"),
        ("admin@192.0.2.7", "192.0.2.7", None, "admin"),
        ("ssh://[2001:db8::7]:22", "2001:db8::7", 22, None),
        ("ssh://ACME%5Cadmin@fw/", "fw", None, "ACME\\admin"),
    ],
)
def test_a_device_is_named_as_people_name_it(
    text: str, host: str, port: int | None, user: str | None
) -> None:
    """A name keeps its letters, because a configuration file may know it by them."""
    assert Target.parse(text) == Target(host=host, port=port, user=user)


@pytest.mark.parametrize(
    "text",
    [
        "ssh://admin:secret@fw",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://fw/show",
        "ssh://fw:0",
        "ssh://fw:99999",
        "ssh://a b",
        "ssh://x;y@fw",
        "ssh://fw\x1b[2J",
        "ssh://[::1",
    ],
)
def test_what_names_no_device_is_refused(text: str) -> None:
    """A password in it, an option of a program, a path or a control character."""
    with pytest.raises(BadEndpoint):
        Target.parse(text)


def test_a_command_and_its_answer(tmp_path: Path) -> None:
    """Log in, ask, and read; the transcript holds all of it and the device was told nothing else."""
    heard: list[str] = []
    with SshDevice(command_line("asa-3", {"show clock": CLOCK})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say("show clock")

        said = run(device, tmp_path, act, hear=heard.append)
        assert device.typed == ["show clock"]
    assert said.lines == (CLOCK,)
    assert said.at.mode.name == "privileged"
    assert not said.failure
    assert said.echoed
    assert heard[-2:] == ["asa-3# show clock", CLOCK]


def test_a_command_that_is_not_taken_is_a_failure(tmp_path: Path) -> None:
    """The device's own mark decides, and its line is told."""
    with SshDevice(command_line("asa-3", {})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say("show moon")

        assert run(device, tmp_path, act).failure == "ERROR: % Invalid input detected at '^' marker."


@pytest.mark.parametrize("kbdint", [False, True])
def test_a_wrong_password_is_tried_once(tmp_path: Path, kbdint: bool) -> None:
    """However it is asked for, it is sent a single time, so that no account is locked."""
    with SshDevice(command_line("asa-3", {}), kbdint=kbdint) as device:
        error = refusal(device, tmp_path, password=says("wrong"))
        assert isinstance(error, LoginRefused)
        assert device.passwords == [(USER, "wrong")]
    assert "wrong" not in str(error)


def test_a_device_that_asks_by_a_dialog_gets_its_password(tmp_path: Path) -> None:
    """Keyboard-interactive is a password prompt in another form."""
    with SshDevice(command_line("asa-3", {}), kbdint=True) as device:
        assert run(device, tmp_path, greet).at is not None
        assert device.passwords == [(USER, PASSWORD)]


def test_nobody_who_gives_no_password_is_asked_twice(tmp_path: Path) -> None:
    """Giving up at the prompt ends the login."""
    asked = []

    def gives_up() -> None:
        asked.append(1)

    with SshDevice(command_line("asa-3", {})) as device:
        error = refusal(device, tmp_path, password=gives_up)
        assert isinstance(error, LoginRefused)
        assert "no password was given" in str(error)
        assert device.passwords == []
    assert asked == [1]


def test_an_unknown_key_is_refused_with_its_fingerprint(tmp_path: Path) -> None:
    """Nothing is sent to a device nobody vouched for, and the next step is told."""
    with SshDevice(command_line("asa-3", {})) as device:
        error = refusal(device, tmp_path, known_hosts=(tmp_path / "none",))
        assert device.passwords == []
        assert isinstance(error, HostKeyRefused)
        assert error.fingerprint == device.key.get_fingerprint()
        assert error.fingerprint in str(error)
        assert any("--accept-new-host-key" in hint for hint in error.hints)
    assert not (tmp_path / "none").exists()


def test_an_accepted_key_is_remembered_for_the_next_time(tmp_path: Path) -> None:
    """A person says so once; what stood in the file stays, and only its owner can read it."""
    file = tmp_path / "mine"
    file.write_text("# kept\nother.example ssh-ed25519 AAAA")
    with SshDevice(command_line("asa-3", {})) as device:
        assert run(device, tmp_path, greet, known_hosts=(file,), accept_new=True).at is not None
        assert run(device, tmp_path, greet, known_hosts=(file,)).at is not None
    lines = file.read_text().splitlines()
    assert lines[:2] == ["# kept", "other.example ssh-ed25519 AAAA"]
    assert lines[2].startswith(f"[127.0.0.1]:{device.port} ssh-ed25519 ")
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_changed_key_is_refused_whatever_was_said(tmp_path: Path, kind: str) -> None:
    """Accepting new keys accepts no other key in place of a known one."""
    other = asyncssh.generate_private_key(kind)
    with SshDevice(command_line("asa-3", {})) as device:
        file = tmp_path / "mine"
        public = " ".join(other.export_public_key().decode().split()[:2])
        file.write_text(f"[127.0.0.1]:{device.port} {public}\n")
        error = refusal(device, tmp_path, known_hosts=(file,), accept_new=True)
        assert isinstance(error, HostKeyRefused)
        assert "has changed" in str(error)
        assert device.passwords == []
        assert file.read_text().count("\n") == 1


def test_of_several_keys_the_device_shows_the_known_one(tmp_path: Path) -> None:
    """A device with two keys is known by either."""
    second = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    with SshDevice(command_line("asa-3", {})) as device:
        assert device._acceptor is not None
        device._acceptor.update(server_host_keys=[device.key, second])
        file = tmp_path / "mine"
        public = " ".join(second.export_public_key().decode().split()[:2])
        file.write_text(f"[127.0.0.1]:{device.port} {public}\n")
        assert run(device, tmp_path, greet, known_hosts=(file,)).at is not None


def test_the_configuration_file_names_the_device(tmp_path: Path, home: Path) -> None:
    """HostName, Port, User, IdentityFile and UserKnownHostsFile of ~/.ssh/config count."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (home / "id").write_bytes(key.export_private_key())
    (home / "id").chmod(0o600)
    with SshDevice(command_line("asa-3", {}), client_key=key.export_public_key().decode()) as device:
        known = device.known_hosts(tmp_path)
        (home / ".ssh" / "config").write_text(
            f"Host Edge\n  HostName 127.0.0.1\n  Port {device.port}\n  User {USER}\n  IdentityFile {home}/id\n"
            f"  UserKnownHostsFile {known}\n"
        )

        async def talk() -> Any:
            async with await ssh.connect(
                Target.parse("ssh://Edge"), Access(), ASA, patience=QUICK
            ) as console:
                return await console.greeting()

        assert asyncio.run(talk()).at is not None
        assert device.passwords == []


def test_a_jump_host_is_gone_through(tmp_path: Path, home: Path) -> None:
    """ProxyJump leads to a device that is reached from there alone."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (home / "id").write_bytes(key.export_private_key())
    (home / "id").chmod(0o600)
    public = key.export_public_key().decode()
    with (
        SshDevice(command_line("asa-3", {}), client_key=public) as device,
        SshDevice(command_line("jump", {}), client_key=public, forwards=True) as jump,
    ):
        known = device.known_hosts(tmp_path)
        jump.known_hosts(tmp_path)
        (home / ".ssh" / "config").write_text(
            f"Host *\n  User {USER}\n  IdentityFile {home}/id\n  UserKnownHostsFile {known}\n"
            f"Host edge\n  HostName 127.0.0.1\n  Port {device.port}\n  ProxyJump jump\n"
            f"Host jump\n  HostName 127.0.0.1\n  Port {jump.port}\n"
        )

        async def talk() -> Any:
            async with await ssh.connect(Target.parse("edge"), Access(), ASA, patience=QUICK) as console:
                return await console.greeting()

        assert asyncio.run(talk()).at.prompt.host == "asa-3"


def test_old_algorithms_are_used_only_when_they_are_named(tmp_path: Path) -> None:
    """The refusal says which one the device needs; with its name the connection stands."""
    old = "diffie-hellman-group14-sha1"
    with SshDevice(command_line("asa-3", {}), kex_algs=[old]) as device:
        # A server that ends the connection before its offer was read leaves nothing to be told; the next time it is.
        errors = [refusal(device, tmp_path) for _ in range(5)]
        assert all(isinstance(error, DeviceUnreachable) for error in errors)
        assert any(f"--allow-algorithm {old}" in hint for error in errors for hint in error.hints)
        assert run(device, tmp_path, greet, algorithms=(old,)).at is not None


def test_a_configuration_file_may_name_old_algorithms(tmp_path: Path, home: Path) -> None:
    """Who named them for OpenSSH has named them for us."""
    old = "diffie-hellman-group14-sha1"
    (home / ".ssh" / "config").write_text(f"KexAlgorithms +{old}\n")
    with SshDevice(command_line("asa-3", {}), kex_algs=[old]) as device:
        assert run(device, tmp_path, greet).at is not None


def test_nobody_there() -> None:
    """A port that refuses and a name that does not exist are told apart from a login that is refused."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for target in (f"127.0.0.1:{port}", "no-such-host.invalid"):
        with pytest.raises(DeviceUnreachable):
            asyncio.run(ssh.connect(Target.parse(target), Access(), ASA, patience=SHORT))


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    """A port that accepts and is silent costs the deadline and no more."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DeviceUnreachable, match="in time"):
            asyncio.run(
                ssh.connect(
                    Target.parse(f"127.0.0.1:{silent.getsockname()[1]}"),
                    Access(),
                    ASA,
                    patience=Patience(connect=timedelta(milliseconds=300)),
                )
            )


def test_a_login_without_a_command_line_says_so(tmp_path: Path) -> None:
    """A sixth session on an ASA is accepted and gets no channel."""
    with SshDevice(command_line("asa-3", {}), serves=False) as device:
        error = refusal(device, tmp_path)
        assert isinstance(error, DeviceUnreachable)
        assert "five sessions" in error.hints[0]


def test_a_device_that_goes_away_in_the_middle(tmp_path: Path) -> None:
    """Half an answer is no answer."""

    async def breaks(io: Io) -> None:
        io.print("half of")
        io.hang_up()

    with SshDevice(command_line("asa-3", {"show x": breaks})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say("show x")

        with pytest.raises(DeviceGone):
            run(device, tmp_path, act)


def test_silence_is_told_with_what_stands_there(tmp_path: Path) -> None:
    """A command that never ends is given up, and the device comes back with Ctrl-C."""

    async def hangs(io: Io) -> None:
        io.raw(b"working")
        while await io.key() != "\x03":
            pass
        io.raw(b"^C\r\n")

    with SshDevice(command_line("asa-3", {"show x": hangs})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say("show x"), await console.interrupt()

        said, after = run(device, tmp_path, act, patience=SHORT)
    assert said.stalled == "working"
    assert said.at is None
    assert after.at is not None


def test_a_question_is_answered_by_whoever_foresaw_it(tmp_path: Path) -> None:
    """What was printed is known when the answer is chosen; an unanswered question is given back."""

    async def asks(io: Io) -> None:
        io.print("Root file signature verified.")
        io.raw(b"Do you want to continue? (y/n)")
        io.print("\nyes, then" if await io.key() == "y" else "\nno, then")

    with SshDevice(command_line("asa-3", {"import": asks})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            seen: list[str] = []

            def reply(asked: Any, lines: Any) -> Answer:
                assert asked.dialog.one_key
                seen.extend(lines)
                return Answer("y", one_key=True)

            said = await console.say("import", reply=reply)
            left = await console.say("import")
            return seen, said, left

        seen, said, left = run(device, tmp_path, act)
    assert seen == ["Root file signature verified."]
    assert "yes, then" in said.lines
    assert left.asked is not None
    assert left.at is None


def test_secrets_are_typed_and_never_told(tmp_path: Path) -> None:
    """A token that the device prints back, whole, is dots in lines and transcript."""
    token = "Zm9v+Ym/Fy%0ABase64TokenOfTheLab"
    heard: list[str] = []

    async def repeats(io: Io) -> None:
        io.print(f"registering with {token}")

    with SshDevice(command_line("asa-3", {f"register {token}": repeats})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say(f"register {token}", secrets=(Secret(token),))

        said = run(device, tmp_path, act, hear=heard.append)
        assert device.typed == [f"register {token}"]
    assert said.lines == (f"registering with {DOTS}",)
    assert token not in "\n".join([*heard, repr(said)])


def test_a_paste_goes_line_by_line_and_stops_when_the_device_does(tmp_path: Path) -> None:
    """A device that leaves the paste in its middle gets not one line more."""
    most = 3

    async def takes(io: Io) -> None:
        io.print('Enter the base 64 encoded CA certificate.\nEnd with the word "quit" on a line by itself\n')
        for _ in range(most):
            if await io.line("") == "quit":
                io.print("Trustpoint CA certificate accepted.")
                return
        io.print("ERROR: too long")

    with SshDevice(command_line("asa-3", {"crypto ca authenticate x": takes})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            await console.say("crypto ca authenticate x")
            whole = await console.paste(["AAAA", "BBBB"], "quit")
            await console.say("crypto ca authenticate x")
            return whole, await console.paste(["AAAA", "BBBB", "CCCC", "reload", "reload"], "quit")

        whole, broken = run(device, tmp_path, act)
        assert "Trustpoint CA certificate accepted." in whole.lines
        assert broken.failure == "ERROR: too long"
        assert broken.at is not None
        assert "reload" not in device.typed


def test_a_pager_is_turned_page_by_page(tmp_path: Path) -> None:
    """Before the pager is off, full screens are gone on with."""

    async def pages(io: Io) -> None:
        for page in range(3):
            io.print(f"page {page}")
            io.raw(b"<--- More --->")
            assert await io.key() == " "
            io.raw(b"\r              \r")
        io.print("end")

    with SshDevice(command_line("asa-3", {"show version": pages})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say("show version")

        assert run(device, tmp_path, act).lines == ("page 0", "page 1", "page 2", "end")


def test_a_device_that_prints_without_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a conversation is bounded."""
    monkeypatch.setattr("anchorwatch.net.console.MOST_PRINTED", 1 << 20)

    async def floods(io: Io) -> None:
        for _ in range(200):
            io.raw(b"x" * 65_536)
            await asyncio.sleep(0)

    with SshDevice(command_line("asa-3", {"show x": floods})) as device:

        async def act(console: Console) -> Any:
            await console.greeting()
            return await console.say("show x")

        with pytest.raises(NoConversation, match="more than"):
            run(device, tmp_path, act)
