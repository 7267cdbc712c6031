"""The steps of IOS-XE, which licenses with the same agent and keeps its pool of CAs beside the configuration."""

from __future__ import annotations

from anchorwatch.devices.shell import UNSURE, Shell, lost_export
from anchorwatch.devices.step import (
    About,
    AsRecorded,
    Claim,
    Danger,
    Decider,
    Expected,
    NoUndo,
    Pasted,
    Place,
    Risk,
    Step,
    lines,
)
from anchorwatch.pki.certificate import Certificate

BUNDLE_URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
"""The bundle of Cisco's services; the file comes over plain HTTP and its signature is what counts."""
IMPORTED = "% PEM files import succeeded."
SHELL = Shell(
    failure=(
        "% Invalid input",
        "% Incomplete command",
        "% Ambiguous command",
        "% Unknown command",
        "% Error",
        "Command authorization failed",
    ),
    enter=lines("configure terminal"),
    leave=lines("end"),
    cleanup=lines("end"),
    scope="global configuration",
    asked="The command returns at once; the outcome is shown by `show license all`.",
    recorded=("show running-config",),
)
_NO_REMOVAL = NoUndo(
    reason="IOS-XE removes single certificates of the pool on no version we know of; what was added stays."
)


# ------------------------------------------------------------------------------------------- looking


def record_state(place: Place) -> Step:
    """Write down what is there, also what somebody changed and did not save."""
    return SHELL.look(
        "record-state",
        "Record the state, so that it can be compared and restored; tell unsaved changes of others.",
        place,
        (
            "terminal length 0",
            "show version",
            "show running-config",
            "show startup-config",
            "show license all",
            "show crypto pki trustpool",
        ),
        Expected(
            sentence=(
                "Everything is printed. Where the running and the saved configuration differ, somebody has unsaved "
                "changes: ask before anything is saved."
            )
        ),
    )


def check_clock(place: Place) -> Step:
    """Look whether the clock is right."""
    return SHELL.look(
        "check-clock",
        "Check the clock: certificates are judged by it.",
        place,
        ("show clock detail", "show ntp status"),
        Expected(
            sentence="The time is right (compare in UTC), not marked with * or ., and follows a server.",
            claim=Claim(about=About.CLOCK_RIGHT),
        ),
    )


def check_name_server(place: Place) -> Step:
    """Look whether the device can resolve names."""
    return SHELL.look(
        "check-name-server",
        "Check that the device knows a name server.",
        place,
        ("show hosts", "show running-config | include name-server|domain lookup"),
        Expected(sentence="A name server is configured.", claim=Claim(about=About.NAME_SERVER_SET)),
    )


def check_reach(place: Place, host: str, port: int = 443, *, id_: str = "check-reach") -> Step:
    """Look whether a name resolves and its port answers."""
    return SHELL.look(
        id_,
        f"Check that {host} resolves and answers on TCP port {port}.",
        place,
        (f"telnet {host} {port}",),
        Expected(
            sentence=(
                "Translating … and then Open. Leave with Ctrl-Shift-6, x, and `disconnect`. Where the session may not "
                "open connections, take the agent's own words instead."
            ),
            texts=("Open",),
            claim=Claim(about=About.PORT_ANSWERS, any_of=(f"{host}:{port}",)),
        ),
        unconfirmed=f"telnet to a port as a test: {UNSURE}, and needs a source interface where one is configured",
    )


def list_pool(place: Place, *, id_: str = "save-pool-listing") -> Step:
    """Keep a listing of the pool."""
    return SHELL.look(
        id_,
        "Keep the listing of the trust pool; comparing it with a later one tells what was added.",
        place,
        ("show crypto pki trustpool",),
        Expected(sentence="The listing is kept with this change."),
    )


def check_anchor(place: Place, names: tuple[str, ...], sha256s: tuple[str, ...]) -> Step:
    """Look whether the needed CA is in the pool now."""
    wanted = " or ".join(f"“{name}”" for name in names)
    return SHELL.look(
        "check-anchor",
        "Check that the CA that was missing is there now; a successful import alone does not prove it.",
        place,
        ("show crypto pki trustpool",),
        Expected(
            sentence=f"{wanted or 'The CA of the portal'} is listed. If it is not, this repair has not helped: stop.",
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=sha256s),
        ),
    )


def export_flag(place: Place, *, after: bool) -> Step:
    """Look at the export-controlled functionality, before or after a new registration."""
    return SHELL.export_flag(place, ("show license all",), after=after, loses="it")


def wait_for_success(place: Place) -> Step:
    """Poll until the agent reports a success newer than the repair."""
    return SHELL.wait_for_success(
        place,
        ("show license all",),
        "A success with a time after this repair: Last Renewal Attempt or Last Communication Attempt, in policy mode "
        "Last ACK received. REGISTERED alone proves nothing.",
    )


# --------------------------------------------------------------------------------------------- trust


def import_bundle(place: Place, url: str, sha256s: tuple[str, ...], *, letting_in: str) -> Step:
    """Import a signed bundle into the pool."""
    return SHELL.change(
        "import-bundle",
        "Import Cisco's signed bundle into the trust pool; the pool keeps what it has.",
        place,
        lines(f"crypto pki trustpool import url {url}"),
        _NO_REMOVAL,
        Expected(
            sentence=f"“{IMPORTED}” (it says PEM although the file is PKCS#7).",
            texts=(IMPORTED,),
            claim=Claim(about=About.ANCHOR_PRESENT if sha256s else About.POOL_RENEWED, any_of=sha256s),
        ),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
        unconfirmed="where the bundle is kept (nvram: or a cabundle line) differs by version",
    )


def add_certificate(place: Place, certificate: Certificate, *, letting_in: str) -> Step:
    """Put one CA into the pool."""
    return SHELL.change(
        "add-trustpoint",
        f"Put “{certificate.title}” into the trust pool.",
        place,
        (
            *lines("crypto pki trustpool import terminal"),
            Pasted.of(certificate, terminator="quit"),
        ),
        _NO_REMOVAL,
        Expected(
            sentence=f"“{IMPORTED}” SHA-256 of what is pasted: {certificate.sha256}.",
            texts=(IMPORTED,),
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=(certificate.sha256,)),
        ),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
    )


def revocation_off(place: Place) -> Step:
    """Let the pool do without revocation lists."""
    return SHELL.change(
        "revocation-off",
        "Let the trust pool do without revocation lists.",
        place,
        lines("crypto pki trustpool policy", "revocation-check none"),
        SHELL.undo(
            place,
            "Ask for revocation lists again.",
            "crypto pki trustpool policy",
            AsRecorded(
                under=("crypto pki trustpool policy",),
                setting="revocation-check",
                otherwise="revocation-check crl",
            ),
        ),
        Expected(
            sentence="`show crypto pki trustpool policy` shows it.", claim=Claim(about=About.REVOCATION_OFF)
        ),
        risks=(
            Risk(danger=Danger.WIDENS_TRUST, sentence="A server whose certificate was revoked is accepted."),
        ),
        decides=Decider.PERSON,
    )


# --------------------------------------------------------------------------------- the agent's licence


def renew(place: Place, what: str = "auth") -> Step:
    """Ask the portal again: `auth` for the authorization, `id` for the identity certificate."""
    return SHELL.ask_portal(
        f"renew-{what}",
        "Renew the authorization." if what == "auth" else "Renew the identity certificate.",
        place,
        (f"license smart renew {what}",),
        Claim(about=About.NEW_SUCCESS),
    )


def sync(place: Place) -> Step:
    """In policy mode there is nothing to renew: report usage now."""
    return SHELL.ask_portal(
        "sync",
        "Report usage to the portal now; in policy mode there is no authorization to renew.",
        place,
        ("license smart sync all",),
        Claim(about=About.NEW_SUCCESS),
        unconfirmed=f"license smart sync: {UNSURE}",
    )


def register(place: Place, *, force: bool) -> Step:
    """Register with a new token, up to 17.3.1."""
    return SHELL.register(
        place,
        (f"license smart register idtoken <ID token>{' force' if force else ''}",),
        force=force,
        loses=_LOSES,
    )


def trust_code(place: Place, *, force: bool) -> Step:
    """Obtain a trust code, from 17.3.2 on, where nothing registers."""
    return SHELL.ask_portal(
        "register",
        "Obtain a new trust code with a new token; in policy mode it stands for the registration.",
        place,
        (f"license smart trust idtoken <ID token> local{' force' if force else ''}",),
        Claim(about=About.REGISTERED),
        risks=lost_export(_LOSES) if force else (),
        unconfirmed=f"license smart trust idtoken: {UNSURE}",
    )


_LOSES = "features away that need it"


# ----------------------------------------------------------------------------------- what lies below


def name_server(place: Place) -> Step:
    """Let the device resolve names."""
    return SHELL.change(
        "set-name-server",
        "Let the device resolve names.",
        place,
        lines("ip name-server <DNS server>", "ip domain lookup source-interface <interface>"),
        SHELL.undo(
            place,
            "Take the name server and the source interface away again, where they were not there before.",
            AsRecorded(
                setting="ip domain lookup source-interface",
                otherwise="no ip domain lookup source-interface <interface>",
            ),
            AsRecorded(
                setting="ip name-server <DNS server>", stays=True, otherwise="no ip name-server <DNS server>"
            ),
        ),
        Expected(
            sentence="The portal's name resolves. In a VRF both lines name it.",
            claim=Claim(about=About.NAME_SERVER_SET),
        ),
        unconfirmed=f"in a VRF: ip name-server vrf …: {UNSURE}",
    )


def time_server(place: Place) -> Step:
    """Let the clock follow a server."""
    return SHELL.change(
        "set-time-server",
        "Let the clock follow a time server.",
        place,
        lines("ntp server <NTP server>"),
        SHELL.undo(
            place,
            "Take the time server away again, where it was not there before.",
            AsRecorded(setting="ntp server <NTP server>", otherwise="no ntp server <NTP server>"),
        ),
        Expected(
            sentence="Within some minutes `show ntp status` says synchronized.",
            claim=Claim(about=About.TIME_SERVER_SET),
        ),
    )


def route(place: Place) -> Step:
    """Add the missing route."""
    return SHELL.change(
        "add-route",
        "Add the missing route to the portal.",
        place,
        lines("ip route <network> <mask> <gateway>"),
        SHELL.undo(
            place,
            "Take the route away again, where it was not there before.",
            AsRecorded(
                setting="ip route <network> <mask> <gateway>",
                stays=True,
                otherwise="no ip route <network> <mask> <gateway>",
            ),
        ),
        Expected(sentence="The portal's port answers.", claim=Claim(about=About.ROUTE_SET)),
        risks=(Risk(danger=Danger.OUTAGE, sentence="A wrong route diverts traffic of others."),),
        decides=Decider.PERSON,
    )


def proxy(place: Place) -> Step:
    """Send call-home through the proxy."""
    return SHELL.change(
        "set-proxy",
        "Send call-home through the HTTP proxy.",
        place,
        lines("call-home", 'http-proxy "<proxy host>" port <proxy port>'),
        SHELL.undo(
            place,
            "Take the proxy away, or set the one again that was set before.",
            "call-home",
            AsRecorded(under=("call-home",), setting="http-proxy", otherwise="no http-proxy"),
        ),
        Expected(sentence="A renewal succeeds.", claim=Claim(about=About.PROXY_SET)),
        unconfirmed=f"http-proxy: {UNSURE}",
    )


_PROFILE = ("call-home", "profile CiscoTAC-1")


def transport_on(place: Place) -> Step:
    """Switch call-home on and let its profile carry licensing."""
    return SHELL.change(
        "transport-on",
        "Switch call-home on and let its profile carry licensing.",
        place,
        lines(
            "service call-home",
            *_PROFILE,
            "active",
            "destination transport-method http",
            "reporting smart-licensing-data",
        ),
        SHELL.undo(
            place,
            "Switch off again what was off before; what the configuration did not show may keep what was set.",
            AsRecorded(setting="service call-home", stays=True, otherwise="no service call-home"),
            *_PROFILE,
            AsRecorded(under=_PROFILE, setting="reporting smart-licensing-data", stays=True),
            AsRecorded(under=_PROFILE, setting="destination transport-method"),
            AsRecorded(under=_PROFILE, setting="active", stays=True, otherwise="no active"),
        ),
        Expected(
            sentence="`show call-home smart-licensing` says enabled and names an ACTIVE profile.",
            claim=Claim(about=About.TRANSPORT_ON),
        ),
    )


def portal_url(place: Place) -> Step:
    """Name the portal as its certificate does."""
    return SHELL.change(
        "name-portal",
        "Reach the portal by a name that its certificate carries.",
        place,
        lines(*_PROFILE, "destination address http <portal URL>"),
        SHELL.undo(
            place,
            "Remove the new address, and set those again that were set before.",
            *_PROFILE,
            "no destination address http <portal URL>",
            AsRecorded(under=_PROFILE, setting="destination address http"),
        ),
        Expected(sentence="A renewal succeeds.", claim=Claim(about=About.PORTAL_NAMED)),
        unconfirmed=f"in policy mode the address is `license smart url …`: {UNSURE}",
    )


def smart_transport(place: Place) -> Step:
    """Reach the portal directly instead of through a utility that is not there."""
    return SHELL.change(
        "transport-on",
        "Reach the portal directly instead of a local utility (CSLU) that is not there.",
        place,
        lines("license smart transport smart", "license smart url default"),
        SHELL.undo(
            place,
            "Use again what was used before; an address that none stood for stays, and is not used.",
            AsRecorded(setting="license smart url"),
            AsRecorded(setting="license smart transport", otherwise="license smart transport cslu"),
        ),
        Expected(
            sentence="`show license status` shows Transport: Type: Smart with a URL.",
            claim=Claim(about=About.TRANSPORT_ON),
        ),
        risks=(
            Risk(
                danger=Danger.OUTAGE,
                sentence="Usage reports then leave your network; without need, leave it off.",
            ),
        ),
        decides=Decider.PERSON,
        unconfirmed=f"license smart url default: {UNSURE}",
    )


def save(place: Place) -> Step:
    """Save the configuration, after asking."""
    return SHELL.save(place)
