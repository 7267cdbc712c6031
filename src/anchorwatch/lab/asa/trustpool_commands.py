"""Commands about the trust pool: looking at it, importing, exporting, removing, and how it renews itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from anchorwatch.devices.asa import certificate, configuration, trustpool, trustpool_import
from anchorwatch.devices.fact import ImportReport, TrustpoolConfig, TrustpoolPolicy
from anchorwatch.devices.moment import Style
from anchorwatch.devices.span import Seen
from anchorwatch.formats import pkcs7
from anchorwatch.formats.bundle import Bundle
from anchorwatch.formats.merge import Merge
from anchorwatch.lab.asa import pool_import, stored, url
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, FULL, PRIVILEGED, CommandLine, Commands
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.pool_import import File, Missing, Signature
from anchorwatch.lab.asa.settings import BUNDLE_URL, AsaSettings
from anchorwatch.lab.shell import Typed
from anchorwatch.pki.certificate import Certificate

COMMANDS = Commands()
POLICY = "trustpool"
_CONTINUE = "Do you want to continue? (y/n)"
_SURE = "Are you sure you want to do this? (y/n)"
_TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d")
_MOST_OVERRIDES, _MOST_FILES = 100, 50
_FILE = re.compile(r"/*(?P<name>[A-Za-z0-9_-][A-Za-z0-9._-]{0,63})")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_UNVERIFIED = "Root file signature could not be verified."


# ------------------------------------------------------------------------------------------------ looking


@COMMANDS.add("show crypto ca trustpool [detail]")
def _show(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    if not machine.pool.anchors:
        return "No trustpool certificates installed"

    def printed(held: Certificate) -> str:
        if typed.has("detail"):
            fact = stored.whole(held, ("Trustpool",), lambda at: machine.time(Style.CERTIFICATE, at=at))
        else:
            fact = stored.brief(held)
        return certificate.render(fact)

    return "\n\n".join(printed(anchor.certificate) for anchor in machine.pool.anchors)


@COMMANDS.add("show crypto ca trustpool policy")
def _show_policy(shell: CommandLine, _: Typed) -> str:
    return trustpool.render(policy(shell.machine))


def policy(machine: Asa) -> TrustpoolPolicy:
    """The pool and how it renews itself, as the screen tells it."""
    config = machine.running.pool
    can = machine.traits.auto_import
    return TrustpoolPolicy(
        count=Seen(len(machine.pool)),
        last_result=Seen(machine.last_import) if machine.last_import and can else None,
        next_import=None
        if machine.import_at is None
        else Seen(machine.time(Style.CLOCK, at=machine.import_at)),
        revocation=Seen(config.revocation != "none"),
        crl_cache=Seen(config.crl_cache),
        crl_next_update=Seen("required and enforced" if config.enforce_next_update else "not required"),
        automatic=Seen(config.auto_import) if can else None,
        url=Seen(config.url) if can else None,
        download_time=Seen(config.time) if can else None,
        overrides=tuple(config.overrides) or ("None configured",),
    )


def configured(settings: AsaSettings, *, everything: bool, can_renew: bool) -> str:
    """The policy as the configuration shows it; "" where it is not there."""
    held = settings.pool
    if not held.shown and not everything:
        return ""
    other = held.time != "22:00:00"
    elsewhere = held.url != BUNDLE_URL
    fact = TrustpoolConfig(
        shown=Seen("crypto ca trustpool policy"),
        auto_import=Seen(held.auto_import) if can_renew else None,
        url=Seen(held.url) if can_renew and (everything or elsewhere) else None,
        time=Seen(held.time) if can_renew and (everything or other) else None,
        revocation=Seen(held.revocation) if everything or held.revocation != "none" else None,
        crl_cache=Seen(str(held.crl_cache)) if everything or held.crl_cache != 60 else None,
        enforce_next_update=Seen(held.enforce_next_update) if everything else None,
    )
    return "\n".join([configuration.render(fact), *(f" {line}" for line in held.overrides)])


# ------------------------------------------------------------------------------------------ bringing in


@COMMANDS.add(
    "crypto ca trustpool import [clean] url <url> [noconfirm [signature-required]]", PRIVILEGED, CONFIGURATION
)
async def _import(shell: CommandLine, typed: Typed) -> str:
    url, machine = typed.values["url"], shell.machine
    file = await shell.threaded(_fetched, machine, url)
    if isinstance(file, Missing):
        return f"ERROR: {file.sentence}"
    confirmed = typed.has("noconfirm")
    if typed.has("signature-required") and file.signature is not Signature.VERIFIED:
        return f"ERROR: {_UNVERIFIED} The trusted certificate pool was not changed."
    opening = _opening(file, url, confirmed=confirmed)
    if confirmed:
        return "\n".join([*([opening] if opening else []), _counted(shell, file, clean=typed.has("clean"))])
    await shell.terminal.write(opening)
    if not await shell.ask_key(_CONTINUE):
        return ""
    return _counted(shell, file, clean=typed.has("clean"))


def _opening(file: File, url: str, *, confirmed: bool) -> str:
    """What is said of a file before the question: of its signature, its size, its place."""
    match file.signature:
        case Signature.VERIFIED:
            lines = ["Root file signature verified."]
        case Signature.BAD:
            lines = [] if confirmed else [_UNVERIFIED]
        case Signature.ABSENT:
            lines = [] if confirmed else ["WARNING: The file is not signed."]
    if not confirmed:
        lines += [
            "You are about to update the current trusted certificate pool",
            f"with the {file.size} byte file at {url}",
        ]
    return "\n".join(lines)


def _counted(shell: CommandLine, file: File, *, clean: bool) -> str:
    with shell.machine.guard:
        merged = pool_import.take(shell.machine, file.bundle, clean=clean)
    return _counters(merged)


def _counters(merged: Merge) -> str:
    counted = merged.counters
    return trustpool_import.render(
        ImportReport(
            attempted=Seen(counted["attempted"]),
            installed=Seen(counted["installed"]),
            duplicates=Seen(counted["duplicates"]),
            expired=Seen(counted["expired"]),
            failed=Seen(counted["failed"]),
        )
    )


def _fetched(machine: Asa, url: str) -> File | Missing:
    with machine.guard:
        return pool_import.fetch(machine, url)


@COMMANDS.add("crypto ca trustpool import [clean] default [noconfirm]", PRIVILEGED, CONFIGURATION)
async def _import_default(shell: CommandLine, typed: Typed) -> str:
    if not typed.has("noconfirm"):
        await shell.terminal.write(
            "You are about to update the current trusted certificate pool\nwith the default trusted certificate pool"
        )
        if not await shell.ask_key(_CONTINUE):
            return ""
    machine = shell.machine
    held = tuple(anchor.certificate for anchor in machine.built_in.anchors)
    bundle = Bundle(form="pkcs7", source="the image", certificates=held)
    with machine.guard:
        merged = pool_import.take(machine, bundle, clean=typed.has("clean"))
    return _counters(merged)


@COMMANDS.add("crypto ca trustpool export <url>", PRIVILEGED, CONFIGURATION)
def _export(shell: CommandLine, typed: Typed) -> str:
    scheme, colon, rest = typed.values["url"].partition(":")
    named = _FILE.fullmatch(rest)
    if scheme not in ("disk0", "flash") or not colon or named is None:
        return f"ERROR: %Error opening {typed.values['url']} (Unsupported)"
    machine = shell.machine
    data = pkcs7.write(anchor.certificate for anchor in machine.pool.anchors)
    machine.flash.mkdir(parents=True, exist_ok=True)
    if len(list(machine.flash.iterdir())) >= _MOST_FILES:
        return f"ERROR: Error writing {typed.values['url']} (No space left on device)"
    (machine.flash / named["name"]).write_bytes(data)
    return f"{len(machine.pool)} trustpool certificates exported"


@COMMANDS.add("crypto ca trustpool remove <fingerprint> [noconfirm]", PRIVILEGED, CONFIGURATION)
async def _remove(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    fingerprint = typed.values["fingerprint"].lower()
    if not _FINGERPRINT.fullmatch(fingerprint):
        return DIALECT.errors["invalid"]
    found = next(
        (each.certificate for each in machine.pool.anchors if each.certificate.md5 == fingerprint), None
    )
    if found is None:
        return "ERROR: The certificate is not in the trusted certificate pool"
    if not typed.has("noconfirm"):
        await shell.terminal.write("You are about to remove a certificate from the trusted certificate pool")
        if not await shell.ask_key(_SURE):
            return ""
    with machine.guard:
        machine.hold(machine.pool.without(found))
    return ""


@COMMANDS.add("clear crypto ca trustpool [noconfirm]", PRIVILEGED, CONFIGURATION)
async def _clear(shell: CommandLine, typed: Typed) -> str:
    if not typed.has("noconfirm"):
        await shell.terminal.write("You are about to clear the trusted certificate pool")
        if not await shell.ask_key(_SURE):
            return ""
    machine = shell.machine
    with machine.guard:
        machine.hold(type(machine.pool)((), "Trustpool"))
    return ""


# ------------------------------------------------------------------------------------------------- policy


def _renews(does: Callable[[CommandLine, Typed], str]) -> Callable[[CommandLine, Typed], str]:
    """A command that only a version with the automatic import knows."""

    def known(shell: CommandLine, typed: Typed) -> str:
        if not shell.machine.traits.auto_import:
            return " " * len(shell.prompt) + "^\n" + DIALECT.errors["invalid"]
        said = does(shell, typed)
        shell.changed()
        shell.machine.plan_import()
        return said

    return known


@COMMANDS.add("crypto ca trustpool policy", CONFIGURATION)
def _policy(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.pool.shown = True
    shell.enter(POLICY)


@COMMANDS.add("no crypto ca trustpool policy", CONFIGURATION)
@COMMANDS.add("clear configure crypto ca trustpool", CONFIGURATION)
def _no_policy(shell: CommandLine, _: Typed) -> str:
    shell.machine.running.pool = type(shell.machine.running.pool)()
    shell.changed()
    shell.machine.plan_import()
    return _turned_off(shell.machine)


@COMMANDS.add("auto-import", POLICY, help_="Configure automatic import of the trustpool bundle")
@_renews
def _auto_import(shell: CommandLine, _: Typed) -> str:
    shell.machine.running.pool.auto_import = True
    return ""


@COMMANDS.add("no auto-import", POLICY)
@_renews
def _no_auto_import(shell: CommandLine, _: Typed) -> str:
    shell.machine.running.pool.auto_import = False
    return _turned_off(shell.machine)


def _turned_off(machine: Asa) -> str:
    if not machine.traits.auto_import:
        return ""
    lines = ["WARNING: Disabling auto import may affect Smart Licensing"]
    for name in machine.recreate():
        lines += [
            f'Creating trustpoint "{name}" and installing certificate...',
            "",
            "Trustpoint CA certificate accepted.",
        ]
    return "\n".join(lines)


@COMMANDS.add("auto-import url <url>", POLICY)
@_renews
def _auto_import_url(shell: CommandLine, typed: Typed) -> str:
    parts = url.read(typed.values["url"])
    if parts is None or parts.scheme not in ("http", "https") or not parts.host:
        return DIALECT.errors["invalid"]
    shell.machine.running.pool.url = typed.values["url"]
    return ""


@COMMANDS.add("no auto-import url [<url>]", POLICY)
@_renews
def _no_auto_import_url(shell: CommandLine, _: Typed) -> str:
    shell.machine.running.pool.url = BUNDLE_URL
    return ""


@COMMANDS.add("auto-import time <time>", POLICY)
@_renews
def _auto_import_time(shell: CommandLine, typed: Typed) -> str:
    if not _TIME.fullmatch(typed.values["time"]):
        return DIALECT.errors["invalid"]
    hours, minutes, seconds = (int(part) for part in typed.values["time"].split(":"))
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    shell.machine.running.pool.time = f"{span!s:0>8}"
    return ""


@COMMANDS.add("auto-import time <time> url <url>", POLICY)
def _auto_import_both(shell: CommandLine, typed: Typed) -> str:
    return _auto_import_time(shell, typed) or _auto_import_url(shell, typed)


@COMMANDS.add("no auto-import time [<time>]", POLICY)
@_renews
def _no_auto_import_time(shell: CommandLine, _: Typed) -> str:
    shell.machine.running.pool.time = "22:00:00"
    return ""


@COMMANDS.add("revocation-check {none|crl [none|ocsp [none]]|ocsp [none|crl [none]]}", POLICY)
def _revocation(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.pool.revocation = " ".join(typed.words[1:])
    shell.changed()


@COMMANDS.add("no revocation-check", POLICY)
def _no_revocation(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.pool.revocation = "none"
    shell.changed()


@COMMANDS.add("crl cache-time <minutes>", POLICY)
def _crl_cache(shell: CommandLine, typed: Typed) -> str:
    minutes = typed.values["minutes"]
    if not (minutes.isdigit() and 1 <= int(minutes[:5]) <= 1440):
        return DIALECT.errors["invalid"]
    shell.machine.running.pool.crl_cache = int(minutes)
    shell.changed()
    return ""


@COMMANDS.add("no crl cache-time [<minutes>]", POLICY)
def _no_crl_cache(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.pool.crl_cache = 60
    shell.changed()


@COMMANDS.add("[no] crl enforcenextupdate", POLICY)
def _crl_enforce(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.pool.enforce_next_update = not typed.has("no")
    shell.changed()


@COMMANDS.add("[no] match certificate <map> {allow expired-certificate|skip revocation-check}", POLICY)
def _override(shell: CommandLine, typed: Typed) -> str:
    words = " ".join(typed.words[-2:])
    line = f"match certificate {typed.values['map']} {words}"
    held = shell.machine.running.pool.overrides
    held[:] = [each for each in held if each != line]
    if typed.words[0] != "no":
        if len(held) >= _MOST_OVERRIDES:
            return FULL
        held.append(line)
    shell.changed()
    return ""


@COMMANDS.add("default", POLICY, help_="Return all settings of the policy to their defaults")
def _default(shell: CommandLine, _: Typed) -> None:
    on = shell.machine.traits.auto_import
    shell.machine.running.pool = type(shell.machine.running.pool)(shown=True, auto_import=on)
    shell.changed()
    shell.machine.plan_import()


@COMMANDS.add("show running-config [all] crypto ca trustpool")
def _running(shell: CommandLine, typed: Typed) -> str:
    return configured(
        shell.machine.running, everything=typed.has("all"), can_renew=shell.machine.traits.auto_import
    )
