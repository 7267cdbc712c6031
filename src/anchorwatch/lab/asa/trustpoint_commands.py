"""Commands about trustpoints: looking at their certificates, making one, and taking a CA that somebody pastes."""

from __future__ import annotations

import re

from anchorwatch.devices.asa import authentication, certificate, configuration
from anchorwatch.devices.asa.authentication import Authenticated
from anchorwatch.devices.fact import TrustpointConfig
from anchorwatch.devices.moment import Style
from anchorwatch.devices.printed_name import escape
from anchorwatch.devices.span import Seen
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab.asa import stored
from anchorwatch.lab.asa.body import certificates
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, FULL, CommandLine, Commands
from anchorwatch.lab.asa.settings import Trustpoint
from anchorwatch.lab.shell import Typed
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError

COMMANDS = Commands()
POINT = "trustpoint"
CRL = "crl"
_MOST = 100
_NAME = re.compile(r"[\w.:@-]{1,128}")
_REFUSED = "ERROR: Failed to parse or verify imported certificate"
_SURE = "Are you sure you want to do this? [yes/no]: "


# ------------------------------------------------------------------------------------------------ looking


@COMMANDS.add("show crypto ca certificates [<trustpoint>]")
@COMMANDS.add("show crypto ca certificate [<trustpoint>]")
def _certificates(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    wanted = typed.values.get("trustpoint")
    if wanted is not None and wanted not in machine.running.trustpoints:
        return f"ERROR: Trustpoint '{wanted}' not found."
    found: dict[Certificate, list[str]] = {}
    for name, held in machine.stored():
        if wanted in (None, name):
            found.setdefault(held, []).append(name)
    return "\n\n".join(
        certificate.render(
            stored.whole(held, tuple(names), lambda at: machine.time(Style.CERTIFICATE, at=at))
        )
        for held, names in found.items()
    )


@COMMANDS.add("show crypto ca trustpoints [<trustpoint>]")
def _points(shell: CommandLine, typed: Typed) -> str:
    wanted = typed.values.get("trustpoint")
    blocks = []
    for name, point in shell.machine.running.trustpoints.items():
        if wanted not in (None, name):
            continue
        lines = [f"Trustpoint {name}:"]
        for held in certificates(point.pem):
            lines += [
                "    Subject Name:",
                *(f"    {kind}={escape(part)}" for kind, part in stored.name(held.subject).attributes),
                f"          Serial Number: {stored.serial(held)}",
                "    Certificate configured.",
            ]
        if not point.pem:
            lines.append("    Not authenticated.")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


@COMMANDS.add("show running-config [all] crypto ca trustpoint [<trustpoint>]")
def _running(shell: CommandLine, typed: Typed) -> str:
    wanted = typed.values.get("trustpoint")
    return "\n".join(
        configured(name, point)
        for name, point in shell.machine.running.trustpoints.items()
        if wanted in (None, name)
    )


def configured(name: str, point: Trustpoint) -> str:
    """A trustpoint as the configuration shows it."""
    lines = [f"enrollment {point.enrollment}"] if point.enrollment else []
    if point.revocation != "none":
        lines.append(f"revocation-check {point.revocation}")
    if point.usage is not None:
        lines += [f"validation-usage {' '.join(point.usage)}"] if point.usage else ["no validation-usage"]
    if point.crl:
        lines += ["crl configure", *(f" {line}" for line in point.crl_lines)]
    return configuration.render(TrustpointConfig(name=Seen(name), lines=tuple(lines)))


# --------------------------------------------------------------------------------------------- configuring


@COMMANDS.add("crypto ca trustpoint <trustpoint>", CONFIGURATION)
def _point(shell: CommandLine, typed: Typed) -> str:
    name = typed.values["trustpoint"]
    if not _NAME.fullmatch(name):
        return DIALECT.errors["invalid"]
    if name not in shell.machine.running.trustpoints:
        if len(shell.machine.running.trustpoints) >= _MOST:
            return FULL
        shell.machine.running.trustpoints[name] = Trustpoint()
        shell.changed()
    shell.enter(POINT, name)
    return ""


@COMMANDS.add("no crypto ca trustpoint <trustpoint> [noconfirm]", CONFIGURATION)
async def _no_point(shell: CommandLine, typed: Typed) -> str:
    points, name = shell.machine.running.trustpoints, typed.values["trustpoint"]
    if name not in points:
        return f"ERROR: Trustpoint '{name}' not found."
    if not typed.has("noconfirm") and points[name].pem:
        await shell.terminal.write(
            "WARNING: Removing an enrolled trustpoint will destroy all certificates received from the related "
            "Certificate Authority."
        )
        if (await shell.ask_line(_SURE)).lower() not in ("yes", "y"):
            return ""
    points.pop(name, None)
    shell.changed()
    return ""


def _here(shell: CommandLine) -> Trustpoint:
    """The trustpoint one is in; one that was removed meanwhile is made again, as a device does on the next line."""
    return shell.machine.running.trustpoints.setdefault(shell.subject, Trustpoint())


@COMMANDS.add("enrollment {terminal|self}", POINT)
@COMMANDS.add("enrollment url <url>", POINT)
def _enrollment(shell: CommandLine, typed: Typed) -> None:
    words = [*typed.words[1:], *typed.values.values()]
    _here(shell).enrollment = " ".join(words)
    shell.changed()


@COMMANDS.add("no enrollment [terminal|self]", POINT)
def _no_enrollment(shell: CommandLine, _: Typed) -> None:
    _here(shell).enrollment = ""
    shell.changed()


@COMMANDS.add("revocation-check {none|crl [none|ocsp [none]]|ocsp [none|crl [none]]}", POINT)
def _revocation(shell: CommandLine, typed: Typed) -> None:
    _here(shell).revocation = " ".join(typed.words[1:])
    shell.changed()


@COMMANDS.add("no revocation-check", POINT)
def _no_revocation(shell: CommandLine, _: Typed) -> None:
    _here(shell).revocation = "none"
    shell.changed()


@COMMANDS.add("validation-usage [ipsec-client] [ssl-client] [ssl-server]", POINT)
def _usage(shell: CommandLine, typed: Typed) -> str:
    words = list(typed.words[1:])
    if not words:
        return DIALECT.errors["incomplete"]
    point = _here(shell)
    # Each line adds a use, except to a trustpoint that was told to have none.
    point.usage = [*(each for each in point.usage or [] if each not in words), *words]
    shell.changed()
    return ""


@COMMANDS.add("no validation-usage [ipsec-client] [ssl-client] [ssl-server]", POINT)
def _no_usage(shell: CommandLine, typed: Typed) -> None:
    point, words = _here(shell), typed.words[2:]
    point.usage = [each for each in point.usage or [] if each not in words] if words else []
    shell.changed()


@COMMANDS.add("crl configure", POINT)
def _crl(shell: CommandLine, _: Typed) -> None:
    _here(shell).crl = True
    shell.enter(CRL, shell.subject)


@COMMANDS.add("[no] {policy {cdp|static|both}|enforcenextupdate|protocol {http|ldap|scep}}", CRL)
@COMMANDS.add("[no] cache-time <minutes>", CRL)
def _crl_line(shell: CommandLine, typed: Typed) -> None:
    words = typed.line.split()
    undone = typed.words[0] == "no"
    line = " ".join(words[1:] if undone else words)
    kept = [each for each in _here(shell).crl_lines if each.split()[0] != line.split()[0]]
    _here(shell).crl_lines = kept if undone else [*kept, line]
    shell.changed()


@COMMANDS.add("crypto ca permit-weak-crypto", CONFIGURATION)
@COMMANDS.add("no crypto ca permit-weak-crypto", CONFIGURATION)
def _weak(shell: CommandLine, typed: Typed) -> str:
    if not shell.machine.traits.refuses_weak_crypto:
        return " " * len(shell.prompt) + "^\n" + DIALECT.errors["invalid"]
    shell.machine.running.weak_crypto = not typed.has("no")
    shell.changed()
    return ""


# ------------------------------------------------------------------------------------------ authenticating


@COMMANDS.add("crypto ca authenticate <trustpoint> [nointeractive]", CONFIGURATION)
async def _authenticate(shell: CommandLine, typed: Typed) -> str:
    name, points = typed.values["trustpoint"], shell.machine.running.trustpoints
    if name not in points:
        return f"ERROR: Trustpoint '{name}' not found."
    if points[name].pem:
        return (
            f"ERROR: Trustpoint '{name}' has already been authenticated.\n"
            "You must delete the CA certificate before authenticating again."
        )
    if points[name].enrollment != "terminal":
        return f"ERROR: The enrollment of trustpoint '{name}' is not by terminal"
    quiet = typed.has("nointeractive")
    if not quiet:
        shell.terminal.print_now("\n".join(DIALECT.pastes[0].introduction) + "\n")
    lines = await shell.paste(end=DIALECT.pastes[0].terminator)
    held = _pasted(lines)
    if held is None:
        return _REFUSED
    accepted = Authenticated(md5=Seen(held.md5), accepted=Seen(True))
    opening, question, closing = authentication.render(accepted).partition(
        "Do you accept this certificate? [yes/no]: "
    )
    if not quiet:
        await shell.terminal.write("\n" + opening.rstrip("\n") + "\n")
        if (await shell.ask_line(question)).lower() not in ("yes", "y"):
            return ""
    point = points.get(name)
    if point is None:
        return f"ERROR: Trustpoint '{name}' not found."
    point.pem = held.pem
    shell.changed()
    return "\n" + closing.partition("\n")[2]


def _pasted(lines: list[str] | None) -> Certificate | None:
    """The one certificate of a paste, with or without its headers; None where it is damaged or there are more."""
    if lines is None:
        return None
    text = "\n".join(line.strip() for line in lines if line.strip())
    if "-----BEGIN" not in text:
        text = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"
    try:
        bundle = read_certificates(f"{text}\n".encode())
    except (ValueError, MalformedCertificateError):
        return None
    whole = bundle.is_whole and len(bundle.certificates) == 1
    return bundle.certificates[0] if whole else None
