"""Real engines to hold ours against: what OpenSSL itself says about a chain, a store and a moment.

Three of them. `openssl verify` of this machine, where it is OpenSSL 3. The libcrypto of OpenSSL 1.0.2r, which
lies in a wheel of psycopg2 from 2019 and is asked by `openssl_1_0_2.py` in a process of its own. And the TLS
clients of OpenSSL 1.0.2e and 1.1.1w out of nassl's wheel, by `old_clients.py`, which can only shake hands, at
the machine's time. The wheels are test material: fetched once with their hashes into `.engines`, never
installed, never imported here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from functools import cache
from pathlib import Path
from typing import Any, Literal

from anchorwatch.net.observe import pem_chain
from anchorwatch.pki import Certificate

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
ENGINES = CHECKOUT / ".engines"

Engine = Literal["openssl-1.0.2", "openssl-3"]


class Flag(IntFlag):
    """What a verification by 1.0.2 may be asked besides its defaults (x509_vfy.h)."""

    NONE = 0
    TRUSTED_FIRST = 0x8000
    PARTIAL_CHAIN = 0x80000
    NO_ALT_CHAINS = 0x100000


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVerdict:
    """OpenSSL's error number (0 for accepted), where it stopped, and the path it had built, where it tells."""

    error: int
    depth: int
    words: str
    path: tuple[bytes, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.error == 0


class NoEngineError(Exception):
    """An engine that cannot be had on this machine, with the reason."""


def real_openssl_verdict(
    chain: Sequence[bytes], store: Sequence[bytes], at: datetime, *, engine: Engine, flags: Flag = Flag.NONE
) -> EngineVerdict:
    """Ask a real OpenSSL, as its TLS client would: a server's chain, leaf first, a store in its order, a time.

    DER in; raises `NoEngineError` where the engine is not to be had.
    """
    if engine == "openssl-3":
        return _openssl_3(chain, store, at, flags)
    return _Old.running().ask(chain, store, at, flags)


# --- OpenSSL 3 --------------------------------------------------------------------------------------------


@cache
def _openssl_command() -> str:
    command = shutil.which("openssl")
    if command is None:
        raise NoEngineError("there is no openssl command on this machine")
    version = subprocess.run([command, "version"], capture_output=True, text=True, check=True).stdout
    if not re.match(r"OpenSSL [3-9]\.", version):
        raise NoEngineError(f"the openssl command of this machine is not OpenSSL 3 ({version.strip()})")
    return command


def _openssl_3(chain: Sequence[bytes], store: Sequence[bytes], at: datetime, flags: Flag) -> EngineVerdict:
    command = [_openssl_command(), "verify", "-no-CApath", "-no-CAstore", "-purpose", "sslserver"]
    command += ["-attime", str(int(at.timestamp()))]
    if flags & Flag.PARTIAL_CHAIN:
        command.append("-partial_chain")
    with tempfile.TemporaryDirectory() as folder:
        for name, certificates in (("store", store), ("sent", chain[1:]), ("leaf", chain[:1])):
            (Path(folder) / name).write_text(pem_chain(tuple(certificates)), encoding="ascii")
        command += ["-CAfile", "store"]
        if len(chain) > 1:
            command += ["-untrusted", "sent"]
        done = subprocess.run(
            [*command, "leaf"], check=False, cwd=folder, capture_output=True, text=True, timeout=20
        )
    if done.returncode == 0:
        return EngineVerdict(error=0, depth=0, words="ok")
    told = re.search(r"error (\d+) at (\d+) depth lookup: ?(.*)", done.stdout + done.stderr)
    if told is None:
        raise NoEngineError(f"openssl verify did not answer: {done.stderr.strip()}")
    return EngineVerdict(error=int(told[1]), depth=int(told[2]), words=told[3])


# --- OpenSSL 1.0.2 ----------------------------------------------------------------------------------------


class _Worker:
    """A program that answers one JSON line with one."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.greeting = self._read()

    def ask(self, question: object) -> Any:  # JSON
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:  # JSON
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NoEngineError(f"the engine ended with status {self._process.wait(timeout=10)}")
        return json.loads(line)


class _Old(_Worker):
    """libcrypto 1.0.2r."""

    @classmethod
    @cache
    def running(cls) -> _Old:
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise NoEngineError("only on Linux x86_64 is there a wheel with OpenSSL 1.0.2")
        folder = _fetched("openssl-1.0.2", *_FOREIGN_WHEEL)
        found = sorted(folder.glob("psycopg2/.libs/libcrypto-*.so.1.0.2*"))
        worker = cls(str(HERE / "openssl_1_0_2.py"), str(found[0]))
        if not worker.greeting["version"].startswith("OpenSSL 1.0.2"):
            raise NoEngineError(f"the wheel holds {worker.greeting['version']}")
        return worker

    def ask(self, *question: Any) -> EngineVerdict:
        chain, store, at, flags = question
        answer = super().ask(
            {
                "sent": [base64.b64encode(der).decode() for der in chain],
                "store": [base64.b64encode(der).decode() for der in store],
                "at": int(at.timestamp()),
                "flags": int(flags),
            }
        )
        path = tuple(base64.b64decode(text) for text in answer.pop("path"))
        return EngineVerdict(path=path, **answer)


class OldClients(_Worker):
    """The TLS clients of OpenSSL 1.0.2e and 1.1.1w: shake hands with a server on loopback, now."""

    @classmethod
    @cache
    def running(cls) -> OldClients:
        return cls(str(HERE / "old_clients.py"), str(_fetched("nassl", "--only-binary", ":all:")))

    def shake_hands(self, port: int, store: Sequence[bytes]) -> dict[str, int]:
        """Error numbers by version, 0 where the handshake was completed."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "store.pem"
            file.write_text(pem_chain(tuple(store)), encoding="ascii")
            answer: dict[str, int] = self.ask({"port": port, "store": str(file)})
        return answer


_FOREIGN_WHEEL = (
    *("--only-binary", ":all:", "--platform", "manylinux1_x86_64"),
    *("--python-version", "37", "--implementation", "cp", "--abi", "cp37m"),
)


def _fetched(name: str, *options: str) -> Path:
    """The unpacked wheel of a requirements file; fetched once, by whichever process comes first."""
    requirements = CHECKOUT / "requirements" / f"{name}.txt"
    stamp = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ENGINES / f"{name}-{stamp}"
    if folder.is_dir():
        return folder
    ENGINES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ENGINES, prefix="fetching-") as temporary:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--quiet",
            "--no-deps",
        ]
        command += ["--require-hashes", "-r", str(requirements), "-d", temporary, *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        wheels = sorted(Path(temporary).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NoEngineError(f"the wheel of {requirements.name} cannot be fetched: {last}")
        unpacked = Path(temporary) / "unpacked"
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(unpacked)
        try:
            unpacked.replace(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def ders(certificates: Sequence[Certificate]) -> tuple[bytes, ...]:
    """The octets of certificates, in order."""
    return tuple(certificate.der for certificate in certificates)
