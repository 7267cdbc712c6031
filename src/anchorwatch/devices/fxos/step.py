"""The steps of an FXOS chassis (Firepower 4100, 9300), which owns the licence of the ASA that runs on it.

The command line is a tree of scopes; every step begins at the top and returns there. Nothing applies before
`commit-buffer`, and what is committed is saved, so there is no step that saves. A step that stops half-way throws its
own uncommitted changes away with `discard-buffer`.
"""

from __future__ import annotations

from anchorwatch.devices.shell import UNSURE, Shell
from anchorwatch.devices.step import (
    About,
    AsRecorded,
    Claim,
    Danger,
    Entry,
    Expected,
    Pasted,
    Place,
    Risk,
    Step,
    lines,
)
from anchorwatch.pki.certificate import Certificate

_TOP = "top"
_LICENCE = "/license"
_LICENCE_SHOWN = ("scope license", "show license all")
SHELL = Shell(
    failure=("Error:", "% Invalid", "% Incomplete", "% Ambiguous", "Failed to"),
    before=lines(_TOP),
    after=lines(_TOP),
    enter=lines(_TOP),
    leave=lines("commit-buffer", _TOP),
    cleanup=lines("discard-buffer", _TOP),
    scope="",
    asked="The outcome is shown by `show license all`.",
)
_SERVICES = ("scope system", "scope services")
_CALL_HOME = ("scope monitoring", "scope callhome")
_SHOW = "show configuration"


# ------------------------------------------------------------------------------------------- looking


def record_state(place: Place) -> Step:
    """Write down what is there, also what somebody changed and did not commit."""
    return SHELL.look(
        "record-state",
        "Record the state, so that it can be compared; tell uncommitted changes.",
        place,
        (
            "show configuration pending",
            "scope security",
            "show trustpoint detail",
            _TOP,
            "scope license",
            "show license all",
            _TOP,
            *_SERVICES,
            _SHOW,
            _TOP,
            *_CALL_HOME,
            _SHOW,
        ),
        Expected(
            sentence="No pending change is shown and no prompt carries a *; else somebody is at work: ask first."
        ),
        unconfirmed=f"show configuration pending: {UNSURE}",
    )


def check_clock(place: Place) -> Step:
    """Look whether the clock is right."""
    return SHELL.look(
        "check-clock",
        "Check the clock: certificates are judged by it.",
        place,
        ("show clock", "scope system", "scope services", "show ntp-server", "show timezone"),
        Expected(
            sentence="The time is right (compare in UTC) and follows a server.",
            claim=Claim(about=About.CLOCK_RIGHT),
        ),
    )


def check_name_server(place: Place) -> Step:
    """Look whether the chassis can resolve names."""
    return SHELL.look(
        "check-name-server",
        "Check that the chassis knows a name server.",
        place,
        ("scope system", "scope services", "show dns"),
        Expected(sentence="A DNS server is listed.", claim=Claim(about=About.NAME_SERVER_SET)),
    )


def check_reach(place: Place, host: str, port: int = 443, *, id_: str = "check-reach") -> Step:
    """Look whether a name resolves from the management port."""
    return SHELL.look(
        id_,
        f"Check that {host} resolves from the chassis's management port.",
        place,
        ("connect local-mgmt", f"ping {host} count 3", "exit"),
        Expected(
            sentence=(
                f"The name is turned into an address. An unanswered ping alone proves nothing: what counts is TCP {port}."
            ),
            claim=Claim(about=About.NAME_RESOLVES, any_of=(host,)),
        ),
        unconfirmed=f"ping … count: {UNSURE}",
    )


def check_anchor(place: Place, names: tuple[str, ...], sha256s: tuple[str, ...]) -> Step:
    """Look whether the needed CA is committed now."""
    wanted = " or ".join(f"“{name}”" for name in names)
    return SHELL.look(
        "check-anchor",
        "Check that the CA that was missing is there now, and committed.",
        place,
        ("scope security", "show trustpoint detail"),
        Expected(
            sentence=f"A trustpoint holds {wanted or 'the CA of the portal'}, and no prompt carries a *.",
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=sha256s),
        ),
    )


def export_flag(place: Place, *, after: bool) -> Step:
    """Look at the export-controlled functionality, before or after a new registration."""
    return SHELL.export_flag(place, _LICENCE_SHOWN, after=after, loses="strong encryption")


def wait_for_success(place: Place) -> Step:
    """Poll until the agent reports a success newer than the repair."""
    return SHELL.wait_for_success(
        place,
        _LICENCE_SHOWN,
        "Last Renewal Attempt or Last Communication Attempt: SUCCEEDED (or SUCCESS) with a time after this repair, and "
        "Next Communication Attempt about 30 days away. REGISTERED alone proves nothing.",
    )


# --------------------------------------------------------------------------------------------- trust


def add_trustpoint(
    place: Place, name: str, sha256: str, certificate: Certificate | None, *, letting_in: str
) -> Step:
    """Put one CA into a trustpoint of its own and commit it.

    Without its octets the paste is a blank: the step says which certificate belongs there, by its SHA-256.
    """
    trustpoint = trustpoint_name(sha256)
    paste: tuple[Entry, ...] = (
        (Pasted.of(certificate, terminator="ENDOFBUF", prompt=">"),)
        if certificate is not None
        else lines("<certificate>", "ENDOFBUF")
    )
    return SHELL.change(
        "add-trustpoint",
        f"Put “{name}” into a trustpoint of its own and commit it.",
        place,
        (*lines("scope security", f"enter trustpoint {trustpoint}", "set certchain"), *paste),
        SHELL.undo(place, "Delete the trustpoint.", "scope security", f"delete trustpoint {trustpoint}"),
        Expected(
            sentence=(
                f"Each pasted line is prompted with >; after commit-buffer no prompt carries a *. SHA-256 of what is "
                f"pasted: {sha256}."
            ),
            texts=("Enter lines one at a time.",),
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=(sha256,)),
        ),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
        scope="/security/trustpoint",
    )


def trustpoint_name(sha256: str) -> str:
    """The name under which we store a CA: ours alone, and the same each time."""
    return f"anchor{sha256[:8]}"


# --------------------------------------------------------------------------------- the agent's licence


def renew(place: Place, what: str = "auth") -> Step:
    """Ask the portal again; FXOS has one word for both renewals."""
    return SHELL.ask_portal(
        f"renew-{what}",
        "Renew the licence.",
        place,
        ("scope license", "scope licdebug", "renew"),
        Claim(about=About.NEW_SUCCESS),
        scope=_LICENCE,
        unconfirmed=f"renew: {UNSURE}",
    )


def register(place: Place, *, force: bool) -> Step:
    """Register with a new token."""
    return SHELL.register(
        place,
        ("scope license", f"register idtoken <ID token>{' force' if force else ''}"),
        force=force,
        loses="strong encryption away, and with it VPN and SSH to the ASA",
        scope=_LICENCE,
        unconfirmed=(
            f"force: {UNSURE}; if it is not offered, stop and ask Cisco's support: never deregister for it"
            if force
            else ""
        ),
    )


# ----------------------------------------------------------------------------------- what lies below


def name_server(place: Place) -> Step:
    """Let the chassis resolve names."""
    return SHELL.change(
        "set-name-server",
        "Let the chassis resolve names.",
        place,
        lines(*_SERVICES, "create dns <DNS server>"),
        SHELL.undo(
            place,
            "Take the name server away again, where it was not there before.",
            *_SERVICES,
            AsRecorded(
                under=("scope services",),
                setting="create dns <DNS server>",
                stays=True,
                otherwise="delete dns <DNS server>",
            ),
            shown=(*_SERVICES, _SHOW),
        ),
        Expected(sentence="The portal's name resolves.", claim=Claim(about=About.NAME_SERVER_SET)),
        unconfirmed=f"create dns: {UNSURE}",
        scope="/system/services",
    )


def time_server(place: Place) -> Step:
    """Let the clock follow a server."""
    return SHELL.change(
        "set-time-server",
        "Let the clock follow a time server.",
        place,
        lines(*_SERVICES, "create ntp-server <NTP server>"),
        SHELL.undo(
            place,
            "Take the time server away again, where it was not there before.",
            *_SERVICES,
            AsRecorded(
                under=("scope services",),
                setting="create ntp-server <NTP server>",
                stays=True,
                otherwise="delete ntp-server <NTP server>",
            ),
            shown=(*_SERVICES, _SHOW),
        ),
        Expected(
            sentence="Within some minutes `show clock` is right; the ASA of the chassis follows it.",
            claim=Claim(about=About.TIME_SERVER_SET),
        ),
        unconfirmed=f"create ntp-server: {UNSURE}",
        scope="/system/services",
    )


def proxy(place: Place) -> Step:
    """Send call-home through the proxy."""
    return SHELL.change(
        "set-proxy",
        "Send call-home through the HTTP proxy.",
        place,
        lines(
            *_CALL_HOME,
            "set http-proxy-server-enable on",
            "set http-proxy-server-url <proxy host>",
            "set http-proxy-server-port <proxy port>",
        ),
        SHELL.undo(
            place,
            "Switch the proxy off, or set the one again that was set before; where none was, its host and port stay "
            "written and do nothing.",
            *_CALL_HOME,
            *(
                AsRecorded(
                    under=("scope callhome",), setting=f"set http-proxy-server-{word}", otherwise=otherwise
                )
                for word, otherwise in (
                    ("enable", "set http-proxy-server-enable off"),
                    ("url", ""),
                    ("port", ""),
                )
            ),
            shown=(*_CALL_HOME, _SHOW),
        ),
        Expected(sentence="A renewal succeeds.", claim=Claim(about=About.PROXY_SET)),
        unconfirmed=f"http-proxy-server: {UNSURE}",
        scope="/monitoring/callhome",
    )


def transport_on(place: Place) -> Step:
    """Switch call-home on."""
    return SHELL.change(
        "transport-on",
        "Switch call-home on.",
        place,
        lines(*_CALL_HOME, "enable"),
        SHELL.undo(
            place,
            "Switch it off again, where it was off before.",
            *_CALL_HOME,
            AsRecorded(under=("scope callhome",), setting="enable", stays=True, otherwise="disable"),
            shown=(*_CALL_HOME, _SHOW),
        ),
        Expected(sentence="`show callhome` says that it is enabled.", claim=Claim(about=About.TRANSPORT_ON)),
        unconfirmed=f"enable: {UNSURE}",
        scope="/monitoring/callhome",
    )


def portal_url(place: Place) -> Step:
    """Name the portal as its certificate does."""
    path = (*_CALL_HOME, "scope profile SLProfile", "scope destination SLDest")
    return SHELL.change(
        "name-portal",
        "Reach the portal by a name that its certificate carries.",
        place,
        lines(*path, "set address <portal URL>"),
        SHELL.undo(
            place,
            "Set the address again that was set before, or the one that Cisco ships.",
            *path,
            AsRecorded(
                under=("scope destination SLDest",),
                setting="set address",
                otherwise="set address https://tools.cisco.com/its/service/oddce/services/DDCEService",
            ),
            shown=(*_CALL_HOME, _SHOW),
        ),
        Expected(sentence="A renewal succeeds.", claim=Claim(about=About.PORTAL_NAMED)),
        scope="/monitoring/callhome/profile/destination",
    )
