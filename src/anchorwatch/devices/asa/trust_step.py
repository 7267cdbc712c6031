"""The steps by which an ASA comes to trust a CA: the pool's signed bundle, its automatic import, a trustpoint."""

from __future__ import annotations

from anchorwatch.devices.asa.step import SHELL
from anchorwatch.devices.shell import UNSURE
from anchorwatch.devices.step import (
    About,
    AsRecorded,
    Claim,
    Danger,
    Decider,
    Effect,
    Expected,
    Pasted,
    Place,
    Question,
    Risk,
    Step,
    Typed,
    Undo,
    lines,
)
from anchorwatch.pki.certificate import Certificate

BUNDLE_URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
"""The bundle the automatic import fetches; the file comes over plain HTTP and its signature is what counts."""
VERIFIED = "Root file signature verified."
_POLICY = "crypto ca trustpool policy"
_DEFAULTS = ("show running-config all crypto ca trustpool",)
"""The policy with what nobody set."""
_ASKS_TO_GO_ON = "Do you want to continue? (y/n)"


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
        lines=SHELL.at(place, entry),
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
        failure=(*SHELL.failure, "WARNING:"),
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
        lines=SHELL.at(
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
        failure=(*SHELL.failure, "WARNING:"),
        risks=(Risk(danger=Danger.WIDENS_TRUST, sentence=letting_in),),
        decides=Decider.PERSON,
        unconfirmed=f"import default: {UNSURE}; whether it comes from the image or is downloaded is not confirmed",
    )


def _renewed(sha256s: tuple[str, ...]) -> Claim:
    about = About.ANCHOR_PRESENT if sha256s else About.POOL_RENEWED
    return Claim(about=about, any_of=sha256s)


def _remove_added(place: Place) -> Undo:
    return Undo(
        sentence="Remove what the import added; the pool needs no saving.",
        lines=SHELL.at(place, *lines("crypto ca trustpool remove <fingerprint> noconfirm")),
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
    return SHELL.change(
        "add-trustpoint",
        f"Put “{certificate.title}” into a trustpoint of its own, for connections to servers only.",
        place,
        (
            f"crypto ca trustpoint {name}",
            "enrollment terminal",
            "validation-usage ssl-server",
            "revocation-check none",
            "exit",
            f"crypto ca authenticate {name}",
            Pasted.of(certificate, terminator="quit", questions=(accepted,)),
        ),
        SHELL.undo(
            place,
            "Remove the trustpoint; nothing else uses it.",
            Typed(
                text=f"no crypto ca trustpoint {name}",
                questions=(Question(text="[yes/no]:", reply="yes", may_be_absent=True),),
            ),
        ),
        Expected(
            sentence=(
                f"The fingerprint shown is {grouped(certificate.md5)} (MD5), and the certificate is accepted. "
                f"SHA-256 of what is pasted: {certificate.sha256}."
            ),
            texts=("Trustpoint CA certificate accepted.",),
            claim=Claim(about=About.ANCHOR_PRESENT, any_of=(certificate.sha256,)),
        ),
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
    return SHELL.change(
        "auto-import-on",
        "Let the pool renew itself every day from Cisco's signed bundle.",
        place,
        (_POLICY, "auto-import"),
        SHELL.undo(
            place,
            "Turn the automatic import off again, where it was; the device warns that this may affect Smart Licensing.",
            _POLICY,
            AsRecorded(under=(_POLICY,), setting="auto-import", stays=True, otherwise="no auto-import"),
            shown=_DEFAULTS,
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
    return SHELL.change(
        "auto-import-from",
        "Let the automatic import fetch the bundle from a copy inside your network; its signature still counts.",
        place,
        (_POLICY, "auto-import url <bundle URL>"),
        SHELL.undo(
            place,
            "Fetch it from where it was fetched before.",
            _POLICY,
            AsRecorded(
                under=(_POLICY,), setting="auto-import url", otherwise=f"auto-import url {BUNDLE_URL}"
            ),
            shown=_DEFAULTS,
        ),
        Expected(
            sentence="`show crypto ca trustpool policy` shows the new URL; after the next import its result is a success.",
            claim=Claim(about=About.AUTO_IMPORT_FROM),
        ),
    )


def revocation_off(place: Place, trustpoint: str = "") -> Step:
    """Let the pool, or a trustpoint of call-home alone, do without revocation lists."""
    where = f"crypto ca trustpoint {trustpoint}" if trustpoint else _POLICY
    return SHELL.change(
        "revocation-off",
        f"Let {'the trustpoint ' + trustpoint if trustpoint else 'the trust pool'} do without revocation lists.",
        place,
        (where, "revocation-check none"),
        SHELL.undo(
            place,
            "Ask for revocation lists again.",
            where,
            AsRecorded(under=(where,), setting="revocation-check", otherwise="revocation-check crl"),
            shown=() if trustpoint else _DEFAULTS,
        ),
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
