"""The steps of an ASA: what is typed to look at it and to mend it, with the answers of its dialogs.

Grammar and dialogs are those of ASA 9.3 and later. In multiple-context mode the agent, call-home and the pool live
in the system execution space, so every step goes there first.
"""

from __future__ import annotations

from anchorwatch.devices.step import (
    NOTHING_CHANGED,
    About,
    Claim,
    Danger,
    Decider,
    Effect,
    Entry,
    Expected,
    NoUndo,
    Pasted,
    Place,
    Question,
    Repeat,
    Risk,
    Step,
    Typed,
    Undo,
    lines,
)
from anchorwatch.pki.certificate import Certificate

FAILURE = (
    "ERROR:",
    "% Invalid input",
    "% Incomplete command",
    "% Ambiguous command",
    "Command authorization failed",
)
"""What a line begins with when the ASA refuses what was typed."""
BUNDLE_URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
"""The bundle the automatic import fetches; the file comes over plain HTTP and its signature is what counts."""
VERIFIED = "Root file signature verified."
_ASKS_TO_GO_ON = "Do you want to continue? (y/n)"
_UNSURE = "syntax not confirmed on this version: check with ?"
# A fresh device interrupts the first `configure terminal`; "ask later" decides nothing for its owner.
_CONFIGURE = Typed(
    text="configure terminal",
    questions=(Question(text="[A]sk later:", reply="A", may_be_absent=True),),
)
_END = Typed(text="end")


def _look(
    id_: str,
    purpose: str,
    place: Place,
    commands: tuple[str, ...],
    expected: Expected,
    *,
    unconfirmed: str = "",
    repeat: Repeat | None = None,
) -> Step:
    return Step(
        id=id_,
        purpose=purpose,
        place=place,
        lines=_at(place, *lines(*commands)),
        expected=expected,
        effect=Effect.READ,
        undo=NOTHING_CHANGED,
        failure=FAILURE,
        unconfirmed=unconfirmed,
        repeat=repeat,
    )


def _configure(
    id_: str,
    purpose: str,
    place: Place,
    commands: tuple[str, ...],
    undo: Undo | NoUndo,
    expected: Expected,
    *,
    unconfirmed: str = "",
    risks: tuple[Risk, ...] = (),
    decides: Decider = Decider.OPERATOR,
) -> Step:
    return Step(
        id=id_,
        purpose=purpose,
        place=_in(place, "global configuration"),
        lines=_at(place, _CONFIGURE, *lines(*commands), _END),
        expected=expected,
        effect=Effect.CONFIGURATION,
        undo=undo,
        failure=FAILURE,
        cleanup=(_END,),
        unconfirmed=unconfirmed,
        risks=risks,
        decides=decides,
    )


def _undo(place: Place, sentence: str, *commands: str) -> Undo:
    return Undo(sentence=sentence, lines=(*_system(place), _CONFIGURE, *lines(*commands), _END))


def _at(place: Place, *entries: Entry) -> tuple[Entry, ...]:
    return (*_system(place), *entries)


def _system(place: Place) -> tuple[Typed, ...]:
    return lines("changeto system") if place.context == "system" else ()


def _in(place: Place, scope: str) -> Place:
    return Place(platform=place.platform, unit=place.unit, context=place.context, scope=scope)


# ------------------------------------------------------------------------------------------- looking


def check_owner(place: Place) -> Step:
    """Look whether this is the box that owns its licence."""
    return _look(
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
    return _look(
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
    return _look(
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
    return _look(
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
    return _look(
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
    return _look(
        id_,
        "Keep the listing of the trust pool; comparing it with a later one tells what was added.",
        place,
        ("show crypto ca trustpool",),
        Expected(sentence="The listing is kept with this change."),
    )


def check_anchor(place: Place, names: tuple[str, ...], sha256s: tuple[str, ...]) -> Step:
    """Look whether the needed CA is in the store now."""
    wanted = " or ".join(f"“{name}”" for name in names)
    return _look(
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
    return _look(
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
    return _look(
        "check-export-after" if after else "check-export-before",
        (
            "Compare the export-controlled functionality with what it was before."
            if after
            else "Note the export-controlled functionality: a token without it takes strong encryption away."
        ),
        place,
        ("show license all",),
        Expected(
            sentence=(
                "“Export-Controlled Functionality” says what it said before."
                if after
                else "“Export-Controlled Functionality” is noted; the token must have the same."
            ),
            claim=Claim(about=About.EXPORT_UNCHANGED) if after else None,
        ),
        repeat=Repeat(every_seconds=30, at_most_seconds=300) if after else None,
    )


def wait_for_success(place: Place) -> Step:
    """Poll until the agent reports a success newer than the repair."""
    return _look(
        "wait-for-success",
        "Wait until the agent reports a success that is newer than this repair.",
        place,
        ("show license all",),
        Expected(
            sentence=(
                "Last Renewal Attempt or Last Communication Attempt: SUCCEEDED with a time after this repair, and "
                "Next Communication Attempt about 30 days away. REGISTERED alone proves nothing."
            ),
            claim=Claim(about=About.NEW_SUCCESS),
        ),
        repeat=Repeat(every_seconds=30, at_most_seconds=300),
    )


# --------------------------------------------------------------------------------------------- trust


def import_bundle(place: Place, url: str, sha256s: tuple[str, ...], *, asking: bool, letting_in: str) -> Step:
    """Import a signed bundle into the pool.

    With `asking` the dialog is used: it is answered with y only below the line that says the signature is good. Else
    `noconfirm signature-required` makes the device refuse any other file.
    """
    command = f"crypto ca trustpool import url {url}"
    if asking:
        entry = Typed(
            text=command,
            questions=(
                Question(text=_ASKS_TO_GO_ON, reply="y", only_after=VERIFIED, otherwise="n", one_key=True),
            ),
        )
        proof: tuple[str, ...] = (VERIFIED, "attempted:", "failed:")
    else:
        entry = Typed(text=f"{command} noconfirm signature-required")
        proof = ("attempted:", "failed:")
    return Step(
        id="import-bundle",
        purpose="Import Cisco's signed bundle into the trust pool; the pool keeps what it has.",
        place=place,
        lines=_at(place, entry),
        expected=Expected(
            sentence=(
                "attempted is the sum of installed, duplicates, expired and failed; failed is 0; installed is more "
                "than 0. “installed: 0” means that the bundle lacks what the pool lacks."
            ),
            texts=proof,
            claim=_renewed(sha256s),
        ),
        effect=Effect.STORE,
        undo=_remove_added(place),
        failure=(*FAILURE, "WARNING:"),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
        unconfirmed=""
        if asking
        else "signature-required: check with ? that this version offers it; else answer the dialog",
    )


def import_default(place: Place, sha256s: tuple[str, ...], *, letting_in: str) -> Step:
    """Import the default bundle."""
    return Step(
        id="import-default",
        purpose="Import the default bundle into the trust pool; the pool keeps what it has.",
        place=place,
        lines=_at(
            place,
            Typed(
                text="crypto ca trustpool import default",
                questions=(Question(text=_ASKS_TO_GO_ON, reply="y", one_key=True, may_be_absent=True),),
            ),
        ),
        expected=Expected(
            sentence="The counters are printed and failed is 0. An old image's default bundle may lack a newer CA.",
            claim=_renewed(sha256s),
        ),
        effect=Effect.STORE,
        undo=_remove_added(place),
        failure=(*FAILURE, "WARNING:"),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
        decides=Decider.PERSON,
        unconfirmed=f"import default: {_UNSURE}; whether it comes from the image or is downloaded is not confirmed",
    )


def _renewed(sha256s: tuple[str, ...]) -> Claim:
    about = About.ANCHOR_PRESENT if sha256s else About.POOL_RENEWED
    return Claim(about=about, any_of=sha256s)


def _remove_added(place: Place) -> Undo:
    return Undo(
        sentence="Remove what the import added; the pool needs no saving.",
        lines=(*_system(place), *lines("crypto ca trustpool remove <fingerprint> noconfirm")),
        per="each certificate that the listing after the import has and the one before has not",
    )


def add_trustpoint(place: Place, certificate: Certificate, *, letting_in: str) -> Step:
    """Put one CA into a trustpoint that serves nothing but the device's own connections."""
    name = trustpoint_name(certificate)
    accepted = Question(
        text="Do you accept this certificate? [yes/no]:",
        reply="yes",
        only_after=grouped(certificate.md5),
        otherwise="no",
    )
    return Step(
        id="add-trustpoint",
        purpose=f"Put “{certificate.title}” into a trustpoint of its own, for connections to servers only.",
        place=_in(place, "global configuration"),
        lines=_at(
            place,
            _CONFIGURE,
            *lines(
                f"crypto ca trustpoint {name}",
                "enrollment terminal",
                "validation-usage ssl-server",
                "revocation-check none",
                "exit",
                f"crypto ca authenticate {name}",
            ),
            Pasted.of(certificate, terminator="quit", questions=(accepted,)),
            _END,
        ),
        expected=Expected(
            sentence=(
                f"The fingerprint shown is {grouped(certificate.md5)} (MD5), and the certificate is accepted. "
                f"SHA-256 of what is pasted: {certificate.sha256}."
            ),
            texts=("Trustpoint CA certificate accepted.",),
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=(certificate.sha256,)),
        ),
        effect=Effect.CONFIGURATION,
        undo=Undo(
            sentence="Remove the trustpoint; nothing else uses it.",
            lines=(
                *_system(place),
                _CONFIGURE,
                Typed(
                    text=f"no crypto ca trustpoint {name}",
                    questions=(Question(text="[yes/no]:", reply="yes", may_be_absent=True),),
                ),
                _END,
            ),
        ),
        failure=FAILURE,
        cleanup=lines("quit", "end"),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
    )


def trustpoint_name(certificate: Certificate) -> str:
    """The name under which we store a CA: ours alone, and the same each time."""
    return f"anchor-{certificate.sha256[:8]}"


def grouped(digest: str) -> str:
    """A fingerprint as the ASA prints it: groups of eight digits."""
    return " ".join(digest[index : index + 8] for index in range(0, len(digest), 8))


def auto_import_on(place: Place) -> Step:
    """Let the pool renew itself every day."""
    return _configure(
        "auto-import-on",
        "Let the pool renew itself every day from Cisco's signed bundle.",
        place,
        ("crypto ca trustpool policy", "auto-import"),
        _undo(
            place,
            "Turn the automatic import off again; the device warns that this may affect Smart Licensing.",
            "crypto ca trustpool policy",
            "no auto-import",
        ),
        Expected(
            sentence="`show crypto ca trustpool policy` says “Automatic import of trustpool certificates is enabled”.",
            claim=Claim(about=About.AUTO_IMPORT_ON),
        ),
        risks=(
            Risk(
                danger=Danger.WIDENS_TRUST,
                sentence="From now on the device trusts every CA that a bundle signed by Cisco brings.",
            ),
        ),
    )


def auto_import_from(place: Place) -> Step:
    """Let the automatic import fetch the bundle from a place inside."""
    return _configure(
        "auto-import-from",
        "Let the automatic import fetch the bundle from a copy inside your network; its signature still counts.",
        place,
        ("crypto ca trustpool policy", "auto-import url <bundle URL>"),
        _undo(
            place, "Fetch it from Cisco again.", "crypto ca trustpool policy", f"auto-import url {BUNDLE_URL}"
        ),
        Expected(
            sentence="`show crypto ca trustpool policy` shows the new URL; after the next import its result is a success.",
            claim=Claim(about=About.AUTO_IMPORT_FROM),
        ),
    )


def revocation_off(place: Place, trustpoint: str = "") -> Step:
    """Let the pool, or a trustpoint of call-home alone, do without revocation lists."""
    where = f"crypto ca trustpoint {trustpoint}" if trustpoint else "crypto ca trustpool policy"
    return _configure(
        "revocation-off",
        f"Let {'the trustpoint ' + trustpoint if trustpoint else 'the trust pool'} do without revocation lists.",
        place,
        (where, "revocation-check none"),
        _undo(place, "Ask for revocation lists again.", where, "revocation-check crl"),
        Expected(
            sentence="`show crypto ca trustpool policy` says that revocation checking is disabled."
            if not trustpoint
            else "`show running-config crypto ca trustpoint` shows it.",
            claim=Claim(about=About.REVOCATION_OFF, any_of=(trustpoint,) if trustpoint else ()),
        ),
        risks=(
            Risk(
                danger=Danger.WIDENS_TRUST,
                sentence="A server whose certificate was revoked is accepted; VPN users are not concerned.",
            ),
        ),
        decides=Decider.PERSON,
    )


# --------------------------------------------------------------------------------- the agent's licence


def renew(place: Place, what: str = "auth") -> Step:
    """Ask the portal again: `auth` for the authorization, `id` for the identity certificate."""
    return _ask_portal(
        f"renew-{what}",
        "Renew the authorization." if what == "auth" else "Renew the identity certificate.",
        place,
        f"license smart renew {what}",
        Claim(about=About.NEW_SUCCESS),
    )


def register(place: Place, *, force: bool) -> Step:
    """Register with a new token."""
    return _ask_portal(
        "register",
        "Register with a new token." + (" force replaces the identity the portal knows." if force else ""),
        place,
        f"license smart register idtoken <ID token>{' force' if force else ''}",
        Claim(about=About.REGISTERED),
        risks=_LOST_EXPORT if force else (),
    )


_LOST_EXPORT = (
    Risk(
        danger=Danger.OUTAGE,
        sentence=(
            "A token without export-controlled functionality takes strong encryption away, and with it VPN, SSH and "
            "ASDM."
        ),
    ),
)


def _ask_portal(
    id_: str, purpose: str, place: Place, command: str, claim: Claim, risks: tuple[Risk, ...] = ()
) -> Step:
    return Step(
        id=id_,
        purpose=purpose,
        place=place,
        lines=_at(place, *lines(command)),
        expected=Expected(
            sentence="The command returns at once and says little; the outcome is shown by `show license all`.",
            claim=claim,
        ),
        effect=Effect.LICENCE,
        undo=NoUndo(reason="What was asked of the portal cannot be taken back; asking again is harmless."),
        failure=FAILURE,
        risks=risks,
        decides=Decider.PERSON if risks else Decider.OPERATOR,
    )


# ----------------------------------------------------------------------------------- what lies below


def name_server(place: Place) -> Step:
    """Let the device resolve names."""
    return _configure(
        "set-name-server",
        "Let the device resolve names.",
        place,
        (
            "dns domain-lookup <interface>",
            "dns server-group DefaultDNS",
            "name-server <DNS server>",
        ),
        _undo(
            place,
            "Take the name server and the lookup interface away again.",
            "dns server-group DefaultDNS",
            "no name-server <DNS server>",
            "exit",
            "no dns domain-lookup <interface>",
        ),
        Expected(sentence="The portal's name resolves.", claim=Claim(about=About.NAME_SERVER_SET)),
    )


def time_server(place: Place) -> Step:
    """Let the clock follow a server."""
    return _configure(
        "set-time-server",
        "Let the clock follow a time server.",
        place,
        ("ntp server <NTP server>",),
        _undo(place, "Take the time server away again.", "no ntp server <NTP server>"),
        Expected(
            sentence="Within some minutes `show ntp status` says synchronized and `show clock detail` is right.",
            claim=Claim(about=About.TIME_SERVER_SET),
        ),
    )


def route(place: Place) -> Step:
    """Add the missing route."""
    return _configure(
        "add-route",
        "Add the missing route to the portal.",
        place,
        ("route <interface> <network> <mask> <gateway>",),
        _undo(place, "Take the route away again.", "no route <interface> <network> <mask> <gateway>"),
        Expected(sentence="`ping tcp` to the portal answers.", claim=Claim(about=About.ROUTE_SET)),
        risks=(Risk(danger=Danger.OUTAGE, sentence="A wrong route diverts traffic of others."),),
        decides=Decider.PERSON,
    )


def proxy(place: Place) -> Step:
    """Send call-home through the proxy."""
    return _configure(
        "set-proxy",
        "Send call-home through the HTTP proxy.",
        place,
        ("call-home", "http-proxy <proxy host> port <proxy port>"),
        _undo(
            place,
            "Take the proxy away; where another one was set before, set that again from the recorded state.",
            "call-home",
            "no http-proxy",
        ),
        Expected(sentence="`call-home test profile License` succeeds.", claim=Claim(about=About.PROXY_SET)),
        unconfirmed=f"http-proxy: {_UNSURE}; a proxy that asks for a password is not supported by older versions",
    )


def transport_on(place: Place) -> Step:
    """Switch call-home and its licensing profile on."""
    return _configure(
        "transport-on",
        "Switch call-home and its profile for licensing on.",
        place,
        ("service call-home", "call-home", "profile License", "active"),
        _undo(
            place,
            "Switch the profile off again, and the service where the recorded state had it off.",
            "call-home",
            "profile License",
            "no active",
        ),
        Expected(
            sentence="`show call-home` shows the profile License as active.",
            claim=Claim(about=About.TRANSPORT_ON),
        ),
        unconfirmed=f"service call-home, active: {_UNSURE}",
    )


def portal_url(place: Place) -> Step:
    """Name the portal as its certificate does."""
    return _configure(
        "name-portal",
        "Reach the portal by a name that its certificate carries.",
        place,
        ("call-home", "profile License", "destination address http <portal URL>"),
        _undo(
            place,
            "Remove the new address; set the one of the recorded state again.",
            "call-home",
            "profile License",
            "no destination address http <portal URL>",
        ),
        Expected(
            sentence="`call-home test profile License` succeeds.", claim=Claim(about=About.PORTAL_NAMED)
        ),
    )


def client_version(place: Place) -> Step:
    """Let the device offer TLS 1.2 as a client."""
    return _configure(
        "set-client-version",
        "Let the device's own connections use TLS 1.2.",
        place,
        ("ssl client-version tlsv1.2",),
        _undo(
            place,
            "Return to the default; where the recorded state shows another value, set that again.",
            "no ssl client-version",
        ),
        Expected(
            sentence="`call-home test profile License` succeeds.", claim=Claim(about=About.CLIENT_VERSION_SET)
        ),
        unconfirmed=f"ssl client-version tlsv1.2: {_UNSURE}",
    )


def ask_entitlement(place: Place, *, throughput: bool) -> Step:
    """Ask for the entitlement the platform needs."""
    asked = ("feature tier standard", *(("throughput level <throughput>",) if throughput else ()))
    return _configure(
        "ask-entitlement",
        "Ask for the entitlement that this platform needs.",
        place,
        ("license smart", *asked),
        _undo(
            place,
            "Give it back.",
            "license smart",
            *(f"no {each.split(' <')[0]}" for each in reversed(asked)),
        ),
        Expected(
            sentence="`show license all` lists the entitlement as AUTHORIZED.",
            claim=Claim(about=About.ENTITLEMENT_ASKED),
        ),
        risks=(Risk(danger=Danger.OUTAGE, sentence="It uses up licences of the virtual account."),),
        decides=Decider.PERSON,
        unconfirmed=f"the tier is called essentials in later releases; {_UNSURE}",
    )


def save(place: Place) -> Step:
    """Save the configuration, after asking."""
    return Step(
        id="save",
        purpose="Save the configuration, if nothing but this change is unsaved or its owner agrees.",
        place=place,
        lines=_at(place, *lines("write memory")),
        expected=Expected(
            sentence="[OK]. Compare with the recorded state first: others' unsaved changes would be saved too.",
            texts=("[OK]",),
            claim=Claim(about=About.SAVED),
        ),
        effect=Effect.SAVE,
        undo=NoUndo(reason="Undo the other steps and save again."),
        failure=FAILURE,
        decides=Decider.PERSON,
    )
