"""What five hundred virtual firewalls behind one socket cost, beside a bare server that returns constants.

    make bench

Both are asyncssh in a process of their own, with the same algorithms, and print texts of the same length. Each device
is logged in to once, enabled, and asked five `show` commands, by plain asyncssh at a concurrency of 200 and by netmiko
from 50 threads. What counts is the server's own processor time for a device.
"""

import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import asyncssh

from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import CALL_HOME_TRUSTPOINT, Trustpoint
from builders.certs import CA
from lab.yard import LOGIN, Yard
from side_by_side import Figure, Sheet, options

ROOT = Path(__file__).resolve().parent.parent
LOOKS = (
    "show version",
    "show license all",
    "show crypto ca certificates",
    "show crypto ca trustpool policy",
    "show running-config",
)
CONCURRENCY = 200
THREADS = 50
PROMPT = "ASAv# "
CONSTANTS_PORT_ADDRESSES = "127.2."


class Bare(asyncssh.SSHServer):
    """Lets the one user in."""

    def begin_auth(self, username: str) -> bool:
        """Everybody shows a password."""
        return username == LOGIN.user

    def password_auth_supported(self) -> bool:
        """Passwords are taken."""
        return True

    def validate_password(self, username: str, password: str) -> bool:  # noqa: ARG002 - one user only
        """The one password."""
        return password == LOGIN.password.reveal()

    def session_requested(self) -> "BareSession":
        """A session that returns constants."""
        return BareSession()


class BareSession(asyncssh.SSHServerSession[bytes]):
    """Echoes every line and answers it with a constant."""

    constants: dict[str, bytes] = {}  # noqa: RUF012 - set once before the first session

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """A channel."""
        self.chan = chan
        self.held = b""

    def pty_requested(self, *_: object) -> bool:
        """Any terminal will do."""
        return True

    def shell_requested(self) -> bool:
        """There is a shell."""
        return True

    def session_started(self) -> None:
        """The first prompt."""
        self.chan.write(
            b"User admin logged in to ASAv\r\nType help or '?' for a list of available commands.\r\n"
        )
        self.chan.write(b"ASAv> ")

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002
        """Answer whole lines."""
        self.held += data
        while b"\n" in self.held:
            line, _, self.held = self.held.partition(b"\n")
            typed = line.strip().decode()
            if typed == "enable":
                self.chan.write(b"enable\r\nPassword: ")
                continue
            if typed in ("exit", "logout"):
                self.chan.exit(0)
                return
            echo = b"" if typed == LOGIN.enable.reveal() else typed.encode()
            self.chan.write(echo + b"\r\n" + self.constants.get(typed, b"") + PROMPT.encode())


def serve(kind: str, count: int) -> None:
    """The server of a process of its own: says its port, and at each line of input what it used so far."""
    if kind == "ours":
        with tempfile.TemporaryDirectory() as folder, Yard(Path(folder)) as yard:
            anchor = Trustpoint(pem=CA.root("The portal's root").pem, usage=[])

            def own(machine: Asa) -> None:
                machine.running.trustpoints[CALL_HOME_TRUSTPOINT] = anchor

            addresses = [yard.asa(alter=own) for _ in range(count)]
            print(json.dumps({"port": yard.port, "addresses": addresses}), flush=True)
            _report()
        return
    BareSession.constants = {
        key: value.encode().replace(b"\n", b"\r\n") for key, value in json.loads(sys.stdin.readline()).items()
    }
    loop = asyncio.new_event_loop()

    async def start() -> int:
        server = await asyncssh.listen(
            "0.0.0.0",
            0,
            server_factory=Bare,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            line_editor=False,
            encoding=None,
            kbdint_auth=False,
            backlog=4096,
            encryption_algs=("aes128-gcm@openssh.com",),
        )
        return server.get_port()

    port = loop.run_until_complete(start())
    threading.Thread(target=loop.run_forever, daemon=True).start()
    addresses = [f"{CONSTANTS_PORT_ADDRESSES}{number // 250}.{number % 250 + 1}" for number in range(count)]
    print(json.dumps({"port": port, "addresses": addresses}), flush=True)
    _report()


def _report() -> None:
    for _ in sys.stdin:
        resident = next(
            int(line.split()[1])
            for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
            if line.startswith("VmHWM:")
        )
        print(json.dumps({"processor": time.process_time(), "megabytes": resident / 1024}), flush=True)


class Served:
    """A server under way."""

    def __init__(self, kind: str, count: int, constants: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind, "--devices", str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if constants is not None:
            self._say(json.dumps(constants))
        told = self._hear()
        self.port, self.addresses = told["port"], told["addresses"]

    def used(self) -> tuple[float, float]:
        """Processor seconds so far, and the highest resident megabytes."""
        self._say("")
        told = self._hear()
        return told["processor"], told["megabytes"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


async def ask(address: str, port: int, looks: Sequence[str]) -> list[str]:
    """Log in to one device, enable, and read what each command prints."""
    async with asyncssh.connect(
        address,
        port,
        username=LOGIN.user,
        password=LOGIN.password.reveal(),
        known_hosts=None,
        config=None,
        encryption_algs=("aes128-gcm@openssh.com",),
    ) as connection:
        process = await connection.create_process(term_type="vt100", term_size=(511, 1000), encoding="utf-8")

        async def to_prompt(typed: str, end: str = "# ") -> str:
            process.stdin.write(typed + "\n")
            text = ""
            while not text.endswith(end):
                part = await process.stdout.read(65_536)
                if not part:
                    raise EOFError(text)
                text += part
            return text.replace("\r\n", "\n")

        await to_prompt("enable", "Password: ")
        await to_prompt(LOGIN.enable.reveal())
        await to_prompt("terminal pager 0")
        answers = [await to_prompt(look) for look in looks]
        process.stdin.write("exit\n")
        return answers


async def crowd(served: Served, looks: Sequence[str]) -> list[list[str]]:
    """Ask every device, so many at a time."""
    seats = asyncio.Semaphore(CONCURRENCY)

    async def one(address: str) -> list[str]:
        async with seats:
            return await ask(address, served.port, looks)

    return list(await asyncio.gather(*(one(address) for address in served.addresses)))


def netmiko(served: Served, looks: Sequence[str]) -> float:
    """The same by netmiko; the seconds it took."""
    python = ROOT / ".clients" / "classic" / "bin" / "python"
    asked = {
        "hosts": served.addresses,
        "port": served.port,
        "user": LOGIN.user,
        "password": LOGIN.password.reveal(),
        "enable": LOGIN.enable.reveal(),
        "say": list(looks),
        "threads": THREADS,
    }
    done = subprocess.run(
        [python, ROOT / "tests" / "lab" / "clients" / "netmiko_crowd.py"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    _whole(told["answers"])
    return float(told["seconds"])


def _whole(answers: list[list[str]]) -> None:
    for device in answers:
        for look, text in zip(LOOKS, device, strict=True):
            if "ERROR" in text or len(text.replace(look, "").strip()) < 60:
                raise SystemExit(f"a device answered {look!r} with {text[:200]!r}")


def main() -> int:
    """Measure, or be one of the servers measured."""
    # A client that has gone is no news; asyncio would say so for each.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--serve", choices=("ours", "bare"), help="be the server of one side")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.devices)
        return 0
    sheet = Sheet("lab", as_json=given.as_json)
    ours = Served("ours", given.devices)
    sample = asyncio.run(ask(ours.addresses[0], ours.port, LOOKS))
    constants = {
        look: text.removeprefix(look + "\n").removesuffix(PROMPT)
        for look, text in zip(LOOKS, sample, strict=True)
    }
    bare = Served("bare", given.devices, constants)
    try:
        for name, run in (
            ("asyncssh, 200 at once", lambda served: asyncio.run(crowd(served, LOOKS))),
            ("netmiko, 50 threads", lambda served: netmiko(served, LOOKS)),
        ):
            spent = {}
            for side, served in (("ours", ours), ("bare", bare)):
                before, _ = served.used()
                found = run(served)
                spent[side] = (served.used()[0] - before) / given.devices * 1e3
                if isinstance(found, list):
                    _whole(found)
            ratio = spent["ours"] / spent["bare"]
            sheet.add(
                Figure(
                    name=f"server's processor a device, {name}",
                    unit="ms",
                    ours=spent["ours"],
                    reference=spent["bare"],
                    ratio=ratio,
                    goal="ratio at most 2.00",
                    met=ratio <= 2,
                )
            )
        memory = ours.used()[1]
        sheet.add(
            Figure(
                name=f"memory of {given.devices} devices",
                unit="MB",
                ours=memory,
                reference=bare.used()[1],
                goal="at most 800 MB",
                met=memory <= 800,
            )
        )
    finally:
        ours.close()
        bare.close()
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
