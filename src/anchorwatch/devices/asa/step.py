"""The steps of an ASA: what is typed to look at it and to mend it, with the answers of its dialogs.

Grammar and dialogs are those of ASA 9.3 and later. In multiple-context mode the agent, call-home and the pool live
in the system execution space, so every step goes there first.
"""

from __future__ import annotations

from anchorwatch.devices.shell import UNSURE, Shell
from anchorwatch.devices.step import (
    About,
    AsRecorded,
    Claim,
    Danger,
    Decider,
    Expected,
    Place,
    Question,
    Risk,
    Step,
    Typed,
)

# A fresh device interrupts the first `configure terminal`; "ask later" decides nothing for its owner.
_CONFIGURE = Typed(
    text="configure terminal",
    questions=(Question(text="[A]sk later:", reply="A", may_be_absent=True),),
)
_END = Typed(text="end")
SHELL = Shell(
    failure=(
        "ERROR:",
        "% Invalid input",
        "% Incomplete command",
        "% Ambiguous command",
        "Command authorization failed",
    ),
    enter=(_CONFIGURE,),
    leave=(_END,),
    cleanup=(_END,),
    scope="global configuration",
    asked="The command returns at once and says little; the outcome is shown by `show license all`.",
    recorded=("show running-config",),
)


# ------------------------------------------------------------------------------------------- looking


def check_owner(place: Place) -> Step:
    """Look whether this is the box that owns its licence."""
    return SHELL.look(
        "check-owner",
        "Make sure that this box owns its licensing agent.",
        place,
        ("show version", "show license features"),
        Expected(
            sentence=(
                "License mode: Smart Licensing, and the hardware is neither FPR4K-SM nor FPR9K-SM. On those the "
                "licence and its trust store are in FXOS: stop here and plan again for the chassis."
            ),
            texts=("Smart Licensing",),
        ),
    )


def record_state(place: Place) -> Step:
    """Write down what is there, also what somebody changed and did not save."""
    return SHELL.look(
        "record-state",
        "Record the state, so that it can be compared and restored; tell unsaved changes of others.",
        place,
        (
            "terminal pager 0",
            "show running-config",
            "show startup-config",
            "show license all",
            "show crypto ca certificates",
            "show running-config all crypto ca trustpool",
            "show crypto ca trustpool policy",
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
            sentence="The time is right (compare in UTC: the zone's label proves nothing) and follows a server.",
            claim=Claim(about=About.CLOCK_RIGHT),
        ),
    )


def check_name_server(place: Place) -> Step:
    """Look whether the device can resolve names."""
    return SHELL.look(
        "check-name-server",
        "Check that the device knows a name server.",
        place,
        ("show running-config dns",),
        Expected(
            sentence="A domain-lookup interface and a name-server are configured.",
            claim=Claim(about=About.NAME_SERVER_SET),
        ),
    )


def check_reach(place: Place, host: str, port: int = 443, *, id_: str = "check-reach") -> Step:
    """Look whether a name resolves and its port answers."""
    return SHELL.look(
        id_,
        f"Check that {host} resolves and answers on TCP port {port}.",
        place,
        (f"ping tcp {host} {port}",),
        Expected(
            sentence="Exclamation marks. An invalid host name is a DNS fault, question marks are a route or filter fault.",
            texts=("!!",),
            claim=Claim(about=About.PORT_ANSWERS, any_of=(f"{host}:{port}",)),
        ),
    )


def list_pool(place: Place, *, id_: str = "save-pool-listing") -> Step:
    """Keep a listing of the pool: what an import adds is told by comparing."""
    return SHELL.look(
        id_,
        "Keep the listing of the trust pool; comparing it with a later one tells what was added.",
        place,
        ("show crypto ca trustpool",),
        Expected(sentence="The listing is kept with this change."),
    )


def check_anchor(place: Place, names: tuple[str, ...], sha256s: tuple[str, ...]) -> Step:
    """Look whether the needed CA is in the store now."""
    wanted = " or ".join(f"“{name}”" for name in names)
    return SHELL.look(
        "check-anchor",
        "Check that the CA that was missing is there now; a successful import alone does not prove it.",
        place,
        ("show crypto ca trustpool", "show crypto ca certificates"),
        Expected(
            sentence=(
                f"{wanted or 'The CA of the portal'} is listed. If it is not, this repair has not helped: "
                "stop, and take the alternative."
            ),
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=sha256s),
        ),
    )


def test_call_home(place: Place) -> Step:
    """Send a test message."""
    return SHELL.look(
        "test-call-home",
        "Let the device open a connection to the portal, as the agent does.",
        place,
        ("call-home test profile License",),
        Expected(
            sentence="INFO: Succeeded. CONNECT_FAILED(35) means that the portal is still not trusted.",
            texts=("Succeeded",),
            claim=Claim(about=About.CALL_HOME_WORKS),
        ),
    )


def export_flag(place: Place, *, after: bool) -> Step:
    """Look at the export-controlled functionality, before or after a new registration."""
    return SHELL.export_flag(place, ("show license all",), after=after, loses="strong encryption")


def wait_for_success(place: Place) -> Step:
    """Poll until the agent reports a success newer than the repair."""
    return SHELL.wait_for_success(
        place,
        ("show license all",),
        "Last Renewal Attempt or Last Communication Attempt: SUCCEEDED with a time after this repair, and Next "
        "Communication Attempt about 30 days away. REGISTERED alone proves nothing.",
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


def register(place: Place, *, force: bool) -> Step:
    """Register with a new token."""
    return SHELL.register(
        place,
        (f"license smart register idtoken <ID token>{' force' if force else ''}",),
        force=force,
        loses="strong encryption away, and with it VPN, SSH and ASDM",
    )


# ----------------------------------------------------------------------------------- what lies below


def name_server(place: Place) -> Step:
    """Let the device resolve names."""
    return SHELL.change(
        "set-name-server",
        "Let the device resolve names.",
        place,
        (
            "dns domain-lookup <interface>",
            "dns server-group DefaultDNS",
            "name-server <DNS server>",
        ),
        SHELL.undo(
            place,
            "Take the name server and the lookup interface away again, where they were not there before.",
            "dns server-group DefaultDNS",
            AsRecorded(
                under=("dns server-group DefaultDNS",),
                setting="name-server <DNS server>",
                stays=True,
                otherwise="no name-server <DNS server>",
            ),
            "exit",
            AsRecorded(
                setting="dns domain-lookup <interface>",
                stays=True,
                otherwise="no dns domain-lookup <interface>",
            ),
        ),
        Expected(sentence="The portal's name resolves.", claim=Claim(about=About.NAME_SERVER_SET)),
    )


def time_server(place: Place) -> Step:
    """Let the clock follow a server."""
    return SHELL.change(
        "set-time-server",
        "Let the clock follow a time server.",
        place,
        ("ntp server <NTP server>",),
        SHELL.undo(
            place,
            "Take the time server away again, where it was not there before.",
            AsRecorded(setting="ntp server <NTP server>", otherwise="no ntp server <NTP server>"),
        ),
        Expected(
            sentence="Within some minutes `show ntp status` says synchronized and `show clock detail` is right.",
            claim=Claim(about=About.TIME_SERVER_SET),
        ),
    )


def route(place: Place) -> Step:
    """Add the missing route."""
    return SHELL.change(
        "add-route",
        "Add the missing route to the portal.",
        place,
        ("route <interface> <network> <mask> <gateway>",),
        SHELL.undo(
            place,
            "Take the route away again, where it was not there before.",
            AsRecorded(
                setting="route <interface> <network> <mask> <gateway>",
                stays=True,
                otherwise="no route <interface> <network> <mask> <gateway>",
            ),
        ),
        Expected(sentence="`ping tcp` to the portal answers.", claim=Claim(about=About.ROUTE_SET)),
        risks=(Risk(danger=Danger.OUTAGE, sentence="A wrong route diverts traffic of others."),),
        decides=Decider.PERSON,
    )


def proxy(place: Place) -> Step:
    """Send call-home through the proxy."""
    return SHELL.change(
        "set-proxy",
        "Send call-home through the HTTP proxy.",
        place,
        ("call-home", "http-proxy <proxy host> port <proxy port>"),
        SHELL.undo(
            place,
            "Take the proxy away, or set the one again that was set before.",
            "call-home",
            AsRecorded(under=("call-home",), setting="http-proxy", otherwise="no http-proxy"),
        ),
        Expected(sentence="`call-home test profile License` succeeds.", claim=Claim(about=About.PROXY_SET)),
        unconfirmed=f"http-proxy: {UNSURE}; a proxy that asks for a password is not supported by older versions",
    )


def transport_on(place: Place) -> Step:
    """Switch call-home and its licensing profile on."""
    return SHELL.change(
        "transport-on",
        "Switch call-home and its profile for licensing on.",
        place,
        ("service call-home", "call-home", "profile License", "active"),
        SHELL.undo(
            place,
            "Switch off again what was off before, the service or the profile.",
            AsRecorded(setting="service call-home", stays=True),
            "call-home",
            "profile License",
            AsRecorded(under=("call-home", "profile License"), setting="active", stays=True),
        ),
        Expected(
            sentence="`show call-home` shows the profile License as active.",
            claim=Claim(about=About.TRANSPORT_ON),
        ),
        unconfirmed=f"service call-home, active: {UNSURE}",
    )


def portal_url(place: Place) -> Step:
    """Name the portal as its certificate does."""
    return SHELL.change(
        "name-portal",
        "Reach the portal by a name that its certificate carries.",
        place,
        ("call-home", "profile License", "destination address http <portal URL>"),
        SHELL.undo(
            place,
            "Remove the new address, and set those again that were set before.",
            "call-home",
            "profile License",
            "no destination address http <portal URL>",
            AsRecorded(under=("call-home", "profile License"), setting="destination address http"),
        ),
        Expected(
            sentence="`call-home test profile License` succeeds.", claim=Claim(about=About.PORTAL_NAMED)
        ),
    )


def client_version(place: Place) -> Step:
    """Let the device offer TLS 1.2 as a client."""
    return SHELL.change(
        "set-client-version",
        "Let the device's own connections use TLS 1.2.",
        place,
        ("ssl client-version tlsv1.2",),
        SHELL.undo(
            place,
            "Return to what was set before, or to the default.",
            AsRecorded(setting="ssl client-version", otherwise="no ssl client-version"),
        ),
        Expected(
            sentence="`call-home test profile License` succeeds.", claim=Claim(about=About.CLIENT_VERSION_SET)
        ),
        unconfirmed=f"ssl client-version tlsv1.2: {UNSURE}",
    )


def ask_entitlement(place: Place, *, throughput: bool) -> Step:
    """Ask for the entitlement the platform needs."""
    asked = ("feature tier standard", *(("throughput level <throughput>",) if throughput else ()))
    return SHELL.change(
        "ask-entitlement",
        "Ask for the entitlement that this platform needs.",
        place,
        ("license smart", *asked),
        SHELL.undo(
            place,
            "Give it back, or ask again for what was asked for before.",
            "license smart",
            *(
                AsRecorded(under=("license smart",), setting=setting, otherwise=f"no {setting}")
                for setting in (*(("throughput level",) if throughput else ()), "feature tier")
            ),
        ),
        Expected(
            sentence="`show license all` lists the entitlement as AUTHORIZED.",
            claim=Claim(about=About.ENTITLEMENT_ASKED),
        ),
        risks=(Risk(danger=Danger.OUTAGE, sentence="It uses up licences of the virtual account."),),
        decides=Decider.PERSON,
        unconfirmed=f"the tier is called essentials in later releases; {UNSURE}",
    )


def save(place: Place) -> Step:
    """Save the configuration, after asking."""
    return SHELL.save(place)
