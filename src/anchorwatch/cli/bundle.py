"""`anchorwatch bundle`: show, verify, diff, build and convert trust bundles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from anchorwatch.base.schema import Json, Schema, plain, write
from anchorwatch.cli.file import FileTroubleError, write_atomically
from anchorwatch.cli.listing import (
    certificate_json,
    complaint_json,
    diff_json,
    own_signatures,
    show_certificates,
    show_complaints,
    show_diff,
    title,
)
from anchorwatch.cli.moment import moment
from anchorwatch.cli.signing_key import PASSPHRASE, load_signing_key
from anchorwatch.cli.source import CouldNotLookError, Source, gather_catalogue, load_or_fail
from anchorwatch.cli.terminal import (
    ASKED_WRONGLY,
    COULD_NOT_LOOK,
    TROUBLE,
    fail,
    hint,
    printable,
    say,
    say_document,
)
from anchorwatch.formats.bundle import Bundle
from anchorwatch.formats.bundle import read as read_bundle
from anchorwatch.formats.cms import SignedBundle
from anchorwatch.formats.merge import Merge, merge
from anchorwatch.formats.signing import BundleSigner, SigningError, sign
from anchorwatch.formats.verification import (
    CISCO_PINS,
    Held,
    NotVerified,
    ObjectionCode,
    Rule,
    Verified,
    verify,
)
from anchorwatch.formats.writer import Form
from anchorwatch.formats.writer import write as write_form
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import diff as compare

app = typer.Typer(
    name="bundle", no_args_is_help=True, help="Read, verify, compare, make and convert trust bundles."
)


BundleArgument = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE", help="A file or folder of certificates in any form, or - for standard input."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
CatalogueOption = Annotated[
    list[str] | None,
    typer.Option(
        "--catalogue", metavar="DIR", help="Known certificates to explain damage with; may be repeated."
    ),
]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="DATE", help="The date to judge at; now by default.")
]
OutOption = Annotated[
    str, typer.Option("--out", "-o", metavar="FILE", help="Where to write, or - for standard output.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file that is there already.")]


@app.command()
def show(
    bundle: BundleArgument,
    catalogue: CatalogueOption = None,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a bundle holds, and what is wrong with it.

    \b
    Examples:
      anchorwatch bundle show ios_core.p7b
      anchorwatch bundle show console.log --catalogue certs/
      anchorwatch bundle show - < mail.txt

    Reads PEM with anything around it, DER, PKCS#7, signed bundles, and hex in a running configuration.
    Exit status 1 when something that should have been there could not be read.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    source = load_or_fail(bundle)
    known = known_certificates(catalogue)
    show_source(source, known, at=at, as_json=as_json, noun="bundle")


def known_certificates(arguments: Sequence[str] | None) -> tuple[Certificate, ...]:
    """The certificates of the catalogues that were named; ends the program when one cannot be looked at."""
    try:
        return tuple(known.certificate for known in gather_catalogue(arguments or ()).entries)
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


def show_source(
    source: Source, known: Sequence[Certificate], *, at: str | None, as_json: bool, noun: str
) -> None:
    """Print a source and end with exit status 1 when something of it is lost."""
    now = moment(at)
    if as_json:
        say_document(write(Schema(noun, 1), source_json(source, known)))
    else:
        for line in _headline(source):
            say(line)
        if source.certificates:
            say()
            show_certificates(source, at=now)
        for remark in own_signatures(source):
            say()
            say(f"note: {remark}")
        show_complaints(source, known)
    if not source.is_whole:
        raise typer.Exit(TROUBLE)


def _headline(source: Source) -> list[str]:
    forms = ", ".join(dict.fromkeys(bundle.form for bundle in source.bundles))
    count = len(source.certificates)
    lines = [f"{printable(source.name)}: {forms}, {count} certificate{'' if count == 1 else 's'}"]
    lost = sum(bundle.lost for bundle in source.bundles)
    if lost:
        lines[0] += f", {lost} could not be read"
    lines += [
        f"claims to be {_claims(bundle.signed)}; `anchorwatch bundle verify` tells whether it is"
        for bundle in source.bundles
        if bundle.signed is not None
    ]
    return lines


def _claims(signed: SignedBundle) -> str:
    name = f'"{printable(signed.name)}"' if signed.name else "a bundle without a name"
    version = f", version {signed.version}" if signed.version is not None else ""
    signer = f" by {title(signed.signer)}" if signed.signer else ""
    time = f" on {signed.signing_time:%Y-%m-%d}" if signed.signing_time else ""
    return f"{name}{version}, signed{time}{signer}"


def source_json(source: Source, known: Sequence[Certificate] = ()) -> dict[str, Json]:
    """A source as documents hold it."""
    return {
        "source": source.name,
        "form": [bundle.form for bundle in source.bundles],
        "whole": source.is_whole,
        "lost": sum(bundle.lost for bundle in source.bundles),
        "signed": [_signed_json(bundle.signed) for bundle in source.bundles if bundle.signed is not None],
        "certificates": [
            certificate_json(certificate, place)
            for bundle in source.bundles
            for certificate, place in zip(bundle.certificates, bundle.places, strict=True)
        ],
        "complaints": [complaint_json(file, complaint, known) for file, complaint in source.complaints],
    }


def _signed_json(signed: SignedBundle) -> Json:
    return plain(
        {
            "name": signed.name,
            "version": signed.version,
            "version_text": signed.version_text,
            "signing_time": signed.signing_time,
            "digest": signed.digest,
            "signer": None if signed.signer is None else signed.signer.sha256,
        }
    )


@app.command("verify")
def verify_command(
    bundle: BundleArgument,
    pin: Annotated[
        list[str] | None,
        typer.Option(
            "--pin",
            metavar="SHA256|FILE",
            help="Whom to believe: a fingerprint, or a file whose certificates are; may be repeated. "
            "Default: Cisco Root CA M1.",
        ),
    ] = None,
    at: AtOption = None,
    held: Annotated[
        str | None,
        typer.Option(
            "--held", metavar="[NAME=]VERSION", help="The version one has; an older one is refused."
        ),
    ] = None,
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="OID", help="The purpose the signer must have; any asks for none."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="STORE", help="Count what an import into this store would do."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether a signed bundle may be believed.

    \b
    Examples:
      anchorwatch bundle verify ios_core.p7b
      anchorwatch bundle verify harbour.p7b --pin harbour-root.pem --held 3
      anchorwatch bundle verify ios_core.p7b --at 2018-10-05 --into pool.pem

    The signature must lead to a certificate that is pinned; the copy inside the bundle proves nothing by itself.
    Exit status 0 when it may be believed, 1 when not, or when an entry could not be read.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    source = load_or_fail(bundle)
    now = moment(at)
    rule = _rule(pin, purpose)
    old = _held(held)
    store = None if into is None else load_or_fail(into)
    found = next((each for each in source.bundles if each.signed is not None), None)
    if found is None or found.signed is None or len(source.bundles) > 1:
        _not_signed(source, as_json=as_json)
    outcome = verify(found.signed, at=now, rule=rule, held=old)
    merged = None
    if store is not None and isinstance(outcome, Verified):
        merged = merge(store.store(), found, at=now)
    if as_json:
        say_document(write(Schema("bundle-verification", 1), _outcome_json(source, found, outcome, merged)))
    else:
        _show_outcome(source, found, outcome, merged)
    if isinstance(outcome, NotVerified) or not found.is_whole:
        raise typer.Exit(TROUBLE)


def _not_signed(source: Source, *, as_json: bool) -> NoReturn:
    if as_json:
        content = {"verified": False, "objections": [], **source_json(source)}
        say_document(write(Schema("bundle-verification", 1), content))
    else:
        say(f"refused: {printable(source.name)} is not a signed bundle")
        show_complaints(source)
    raise typer.Exit(TROUBLE)


def _rule(pins: Sequence[str] | None, purpose: str | None) -> Rule:
    rule = Rule()
    if pins:
        fingerprints: set[str] = set()
        anchors: list[Certificate] = []
        for pin in pins:
            digits = pin.replace(":", "").lower()
            if re.fullmatch(r"[0-9a-f]{64}", digits):
                fingerprints.add(digits)
                continue
            if re.fullmatch(r"[0-9a-f]{16,63}", digits) and not Path(pin).exists():
                raise typer.BadParameter(
                    "a pin is a whole SHA-256 of 64 digits, or a file", param_hint="--pin"
                )
            held = load_or_fail(pin)
            if not held.certificates or not held.is_whole:
                fail(f"{printable(pin)} is no sound file of certificates to pin", TROUBLE)
            anchors += held.certificates
            fingerprints |= {certificate.sha256 for certificate in held.certificates}
        rule = replace(rule, pins=frozenset(fingerprints), anchors=tuple(anchors))
    if purpose is not None:
        rule = replace(rule, purpose=None if purpose == "any" else purpose)
    return rule


def _held(text: str | None) -> Held | None:
    if text is None:
        return None
    name, _, version = text.rpartition("=")
    if not re.fullmatch(r"[0-9]{1,18}", version):
        raise typer.BadParameter(f"{text!r} is no version; write 4 or NAME=4", param_hint="--held")
    return Held(version=int(version), name=name or None)


def _show_outcome(
    source: Source, found: Bundle, outcome: Verified | NotVerified, merged: Merge | None
) -> None:
    say(f"{printable(source.name)}: {_claims(outcome.bundle)}; {len(found.certificates)} certificates")
    if outcome.path:
        say(f"  path: {' <- '.join(title(link) for link in outcome.path)}")
    match outcome:
        case Verified():
            pinned = "Cisco's own pin" if outcome.pin in CISCO_PINS else "pinned"
            say(f"  ends at {outcome.pin} ({pinned})")
            say(f"verified at {outcome.at:%Y-%m-%d}: what it holds is what its signer signed")
        case NotVerified():
            first, *rest = outcome.objections
            say(f"refused: {printable(first.sentence)} ({first.code})")
            for objection in rest:
                say(f"  also: {printable(objection.sentence)} ({objection.code})")
            if first.code is ObjectionCode.NO_PATH_TO_PIN and outcome.bundle.sent:
                hint(
                    "--pin names whom to believe, from a source of your own; the bundle's own copy proves nothing"
                )
    show_complaints(Source(name=source.name, bundles=(found,)))
    if merged is not None:
        say()
        say("an import would count:")
        for name, number in merged.counters.items():
            say(f"  {name}: {number}")


def _outcome_json(
    source: Source, found: Bundle, outcome: Verified | NotVerified, merged: Merge | None
) -> dict[str, Json]:
    refused = outcome.objections if isinstance(outcome, NotVerified) else ()
    return {
        "verified": isinstance(outcome, Verified),
        "at": plain(outcome.at),
        "path": [certificate_json(link) for link in outcome.path],
        "objections": plain(refused),
        "import": None if merged is None else plain(merged.counters),
        **source_json(Source(name=source.name, bundles=(found,))),
    }


@app.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The bundle one has.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The bundle to compare it with.")],
    as_json: JsonOption = False,
) -> None:
    """Compare two bundles by fingerprint and by key.

    \b
    Examples:
      anchorwatch bundle diff ios_core_old.p7b ios_core.p7b
      anchorwatch bundle diff pool.pem certifi --json

    A certificate that was issued again for the same key is told as one that changed, not as two.
    Exit status 0 when both hold the same, 1 when they differ or one could not be read whole.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    show_difference(load_or_fail(old), load_or_fail(new), as_json=as_json, noun="bundle-diff")


def show_difference(old: Source, new: Source, *, as_json: bool, noun: str) -> None:
    """Print how two sources differ and end with exit status 1 when they do."""
    _refuse_damaged(old)
    _refuse_damaged(new)
    difference = compare(old.certificates, new.certificates)
    if as_json:
        content: dict[str, Json] = {"old": old.name, "new": new.name, **diff_json(difference)}
        say_document(write(Schema(noun, 1), content))
    else:
        say(f"old: {printable(old.name)}, {len(set(old.certificates))} certificates")
        say(f"new: {printable(new.name)}, {len(set(new.certificates))} certificates")
        say()
        show_diff(difference)
    if difference.added or difference.removed or difference.reissued:
        raise typer.Exit(TROUBLE)


def _refuse_damaged(source: Source) -> None:
    """End when something of a source is lost: half a bundle is neither compared nor written."""
    if source.is_whole and source.certificates:
        return
    show_complaints(source)
    say()
    fail(f"{printable(source.name)} could not be read whole; nothing was done", TROUBLE)


@app.command()
def build(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Certificates to put in, in this order; each goes in once."),
    ],
    out: OutOption,
    signer: Annotated[str, typer.Option("--signer", metavar="FILE", help="The signer's certificate.")],
    key: Annotated[str, typer.Option("--key", metavar="FILE", help="The signer's private key, PEM.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="The bundle's name.")],
    version: Annotated[str, typer.Option("--bundle-version", metavar="NUMBER", help="The bundle's version.")],
    issuer: Annotated[
        list[str] | None,
        typer.Option(
            "--issuer", metavar="FILE", help="Certificates above the signer, to send along; may be repeated."
        ),
    ] = None,
    passphrase_file: Annotated[
        str | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help=f"Holds the key's passphrase; else {PASSPHRASE}, else asked.",
        ),
    ] = None,
    signed_at: Annotated[
        str | None, typer.Option("--signed-at", metavar="DATE", help="The signing time; now by default.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Make a signed bundle of the shape Cisco's have, with a signer of one's own.

    \b
    Examples:
      anchorwatch bundle build roots.pem --signer signer.pem --key signer.key \\
          --issuer root.pem --name "Harbour Core Bundle" --bundle-version 04 -o harbour.p7b

    What was written is read back and its signature checked before the file gets its name.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    loaded = [load_or_fail(source) for source in sources]
    certificates: dict[Certificate, None] = {}
    for source in loaded:
        _refuse_damaged(source)
        certificates |= dict.fromkeys(source.certificates)
    issuers = [certificate for path in issuer or () for certificate in _sound(path)]
    own = _sound(signer)
    moment_signed = moment(signed_at)
    try:
        by = BundleSigner(
            certificate=own[0], key=load_signing_key(key, passphrase_file), issuers=(*own[1:], *issuers)
        )
        data = sign(list(certificates), signer=by, name=name, version=version, signing_time=moment_signed)
    except SigningError as error:
        fail(printable(str(error)), ASKED_WRONGLY)
    made = read_bundle(data)
    if made.signed is None or made.certificates != tuple(certificates):
        fail("what was made does not read back as it should; nothing was written", TROUBLE)
    rule = Rule(pins=frozenset({own[0].sha256}))
    outcome = verify(made.signed, at=moment_signed, rule=rule)
    _write(out, data, force=force)
    say(
        f"{printable(name)}, version {version}: {len(certificates)} certificates, {len(data)} bytes", err=True
    )
    if isinstance(outcome, NotVerified):
        # The signature is ours and good; what is left are properties of the signer's certificate.
        for objection in outcome.objections:
            hint(f"verifiers with the default rule will object: {printable(objection.sentence)}")


def _sound(argument: str) -> tuple[Certificate, ...]:
    source = load_or_fail(argument)
    _refuse_damaged(source)
    return source.certificates


def _write(out: str, data: bytes, *, force: bool) -> None:
    try:
        write_atomically(out, data, replace=force)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


@app.command()
def convert(
    bundle: BundleArgument,
    to: Annotated[Form, typer.Option("--to", help="The form to write.")],
    out: OutOption,
    trustpoint: Annotated[
        str, typer.Option("--trustpoint", metavar="NAME", help="The trustpoint of a running configuration.")
    ] = "ANCHORS",
    force: ForceOption = False,
) -> None:
    """Write the certificates of a bundle in another form, in the same order.

    \b
    Examples:
      anchorwatch bundle convert ios_core.p7b --to pem -o core.pem
      anchorwatch bundle convert running-config.txt --to pkcs7 -o trustpoints.p7b

    Nothing is written when anything of the input is damaged. A signature does not survive; `verify` first.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    source = load_or_fail(bundle)
    _refuse_damaged(source)
    if not re.fullmatch(r"[!-~]{1,128}", trustpoint):
        raise typer.BadParameter("a trustpoint's name has no blanks", param_hint="--trustpoint")
    _write(out, write_form(source.certificates, to, trustpoint=trustpoint), force=force)
    say(f"{len(source.certificates)} certificates written as {to}", err=True)
