"""A firewall that lost its portal, behind SSH: it prints what the captures of the tutorial hold, and can be mended.

What it prints follows from what was done to it: the pool grows by what was imported, the licence renews once the CA is
there. It counts what was typed. Only for driving; the devices of the lab are the real thing.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import docs_worlds
from builders.ssh_device import Io

HOST = "edge1"
ENABLE = "second word"
URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
IMPORT = f"crypto ca trustpool import url {URL} noconfirm signature-required"
COUNTERS = (
    "Root file signature verified.\nTrustpool import:\n  attempted: 3\n  installed: 2\n  duplicates: 1\n"
    "  expired: 0\n  failed: 0"
)
PORTAL = "https://tools.cisco.com/its/service/oddce/services/DDCEService"
RENEW = "license smart renew auth"
NAG = (
    "Warning: ASAv platform license state is Unlicensed.\n"
    "Install ASAv platform license for full functionality."
)


def _blocks(name: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        docs_worlds.first_firewall(Path(folder))
        text = (Path(folder) / name).read_text(encoding="utf-8")
    told: dict[str, str] = {}
    command = ""
    for line in text.splitlines():
        if line.startswith(f"{HOST}# "):
            command = line.removeprefix(f"{HOST}# ").strip()
            told[command] = ""
        elif command:
            told[command] += line + "\n"
    return {command: output.rstrip("\n") for command, output in told.items()}


@dataclass
class NightAsa:
    """`talk` is what an `SshDevice` plays. `before` may interrupt any command by what it does."""

    nags: bool = False
    before: Callable[[Io, str], Awaitable[bool]] | None = None
    pool: list[str] = field(default_factory=list)
    auto_import: bool = False
    saved: int = 0
    renewed: bool = False
    changes: list[str] = field(default_factory=list)
    """Every line that changed something, in order."""

    def __post_init__(self) -> None:
        self._night = _blocks("edge1.log")
        self._after = _blocks("after.log")

    async def talk(self, io: Io) -> None:
        """One session."""
        io.print(f"User admin logged in to {HOST}\nType help or '?' for a list of available commands.")
        privileged, mode = False, ""
        while True:
            line = (await io.line(f"{HOST}{mode}{'#' if privileged else '>'} ")).strip()
            if self.before is not None and await self.before(io, line):
                continue
            if self.nags and line.startswith("show"):
                io.print(NAG)
            match line:
                case "":
                    pass
                case "enable":
                    privileged = await io.line("Password: ", echo=False) == ENABLE or privileged
                    if not privileged:
                        io.print("Invalid password")
                case "exit" | "end" if mode:
                    mode = ""
                case "exit":
                    return
                case "terminal pager 0":
                    pass
                case _ if not privileged and line != "show version":
                    self._refuse(io)
                case "configure terminal":
                    mode = "(config)"
                case "crypto ca trustpool policy" if mode:
                    mode = "(config-ca-trustpool)"
                case "auto-import" | "no auto-import" if mode:
                    self.auto_import = line == "auto-import"
                    self.changes.append(line)
                case _:
                    self._do(io, line)

    def _do(self, io: Io, line: str) -> None:
        if line == IMPORT:
            self.changes.append(line)
            self.pool += [
                each for each in ("QuoVadis Root CA 2", "DigiCert Global Root CA") if each not in self.pool
            ]
            io.print(COUNTERS)
        elif line.startswith("crypto ca trustpool remove "):
            self.changes.append(line)
            gone = [each for each in self.pool if fingerprint(each) == line.split()[4]]
            self.pool = [each for each in self.pool if each not in gone]
            if not gone:
                io.print("ERROR: certificate not found in trustpool")
        elif line == RENEW:
            self.changes.append(line)
            self.renewed = bool(self.pool)
        elif line == "write memory":
            self.changes.append(line)
            self.saved += 1
            io.print("Building configuration...\n[OK]")
        else:
            self._show(io, line)

    def _show(self, io: Io, line: str) -> None:
        if line == "show crypto ca trustpool":
            for name in self.pool:
                io.print(
                    f"CA Certificate\n  Fingerprint: {fingerprint(name)}\n  Issuer Name:\n    cn={name}\n"
                    f"  Subject Name:\n    cn={name}\n    o=QuoVadis Limited\n    c=BM\n"
                )
        elif line == "show license all" and self.renewed:
            io.print(self._after[line])
        elif line == "call-home test profile License" and self.pool:
            io.print(f"INFO: Sending test message to {PORTAL}...\nINFO: Succeeded")
        elif line.startswith("show logging") and not self.renewed:
            io.print(self._night["show logging | include 717"])
        elif line == "show clock detail":
            io.print(self._night["show clock"] + "\nTime source is NTP")
        elif line.startswith(
            ("show running-config all crypto ca trustpool", "show crypto ca trustpool policy")
        ):
            self._policy(io, line)
        elif line == "ping tcp www.cisco.com 80":
            io.print(self._night["ping tcp tools.cisco.com 443"].replace("443", "80"))
        elif line in self._night:
            io.print(self._night[line])
        elif line in {"show running-config", "show startup-config", "show running-config dns"}:
            io.print("dns domain-lookup outside\nDNS server-group DefaultDNS\n name-server 192.0.2.53")
        else:
            self._refuse(io)

    def _policy(self, io: Io, line: str) -> None:
        text = self._night[line].replace("0 trustpool", f"{len(self.pool)} trustpool")
        if self.auto_import:
            text = text.replace("certificates is disabled", "certificates is enabled")
            text += "\n auto-import" if line.startswith("show running") else ""
        io.print(text)

    def _refuse(self, io: Io) -> None:
        io.print("           ^\nERROR: % Invalid input detected at '^' marker.")


def fingerprint(name: str) -> str:
    """What the pool's listing shows for a certificate of that name."""
    return hashlib.md5(name.encode()).hexdigest()


def plan_json() -> str:
    """The plan that the doctor makes of the night, as it is saved."""
    from anchorwatch.doctor import plan as plans
    from anchorwatch.doctor.diagnosis import diagnose

    with tempfile.TemporaryDirectory() as folder:
        docs_worlds.first_firewall(Path(folder))
        text = (Path(folder) / "edge1.log").read_text(encoding="utf-8")
    (found,) = diagnose([("edge1.log", text)]).diagnoses
    assert isinstance(found.plan, plans.Plan)
    return plans.write(found.plan)


__all__ = ["COUNTERS", "ENABLE", "HOST", "IMPORT", "RENEW", "NightAsa", "fingerprint", "plan_json"]
