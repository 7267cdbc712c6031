"""`anchorwatch judge`: does this store vouch for what this server presents, as this device would decide?"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.schema import Schema, write
from anchorwatch.cli import batch
from anchorwatch.cli.moment import moment
from anchorwatch.cli.presented import PROXY_PASSWORD, Look, obtain, warn
from anchorwatch.cli.source import CouldNotLookError, gather_catalogue, load_or_fail
from anchorwatch.cli.terminal import (
    ASKED_WRONGLY,
    COULD_NOT_LOOK,
    TROUBLE,
    fail,
    printable,
    say,
    say_document,
)
from anchorwatch.net.tls import Observation
from anchorwatch.pki.catalogue import Catalogue, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.profile import PROFILES
from anchorwatch.pki.question import PURPOSES, Question
from anchorwatch.pki.verdict import Attempt, Fix, MissingIssuer, Refused, Trusted, Unsupported, Verdict

__all__ = ["run"]

SCHEMA = Schema("judgement", 1)
HELP = f"""Does a store vouch for what a server presents, as a given client would decide?

\b
Examples:
  anchorwatch judge portal.example.net --store certifi
  anchorwatch judge chain.pem --store trustpool.p7b --host portal.example.net --profile cisco
  anchorwatch judge chain.pem --store show-run.txt --at 2016-03-22 --catalogue bundles/ --json
  anchorwatch judge --batch < questions.jsonl > answers.jsonl

CHAIN is what the server presented, leaf first: a file, a folder, `-`, or a live HOST[:PORT], of which
everything it sends is kept. STORE is any file or folder with certificates, `certifi` or `system`.
The catalogue explains and proposes, it never vouches.

Profiles: {", ".join(PROFILES)}.

Exit status: 0 trusted, 1 refused, 2 asked wrongly, 3 could not look.
"""


def run(
    chain: Annotated[
        str | None,
        typer.Argument(metavar="CHAIN", help="File, folder, `-` or HOST[:PORT].", show_default=False),
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="STORE", help="File, folder, `-`, `certifi` or `system`.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The name the client asked for: host, address or mailbox."),
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="DATE", help="When; now if left out.")] = None,
    profile: Annotated[str, typer.Option(metavar="PROFILE", help="Whose rules.")] = "rfc5280",
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help=", ".join(PURPOSES))] = "server_auth",
    catalogue: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Known certificates; may be given several times.")
    ] = None,
    sni: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Server name to send to a live server; empty sends none."),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            metavar="[USER@]HOST[:PORT]", help=f"CONNECT proxy; its password from {PROXY_PASSWORD}."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For looking at a live server.")] = 15.0,
    tls_minimum: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Also speak older TLS to look, such as 1.0.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the chain of a live server as PEM, as it was sent."),
    ] = None,
    as_batch: Annotated[
        bool, typer.Option("--batch", help="One JSON question a line in, one JSON answer a line out.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the judgement as JSON.")] = False,
) -> None:
    """Judge what was presented and end with the exit status of the answer."""
    if as_batch:
        _batch(chain, store)
        return
    rules = PROFILES.get(profile)
    if rules is None:
        raise typer.BadParameter(f"there are {', '.join(PROFILES)}", param_hint="--profile")
    if purpose not in PURPOSES:
        raise typer.BadParameter(f"it is one of {', '.join(PURPOSES)}", param_hint="--purpose")
    if chain is None or store is None:
        missing = "CHAIN" if chain is None else "--store"
        fail(f"{missing} is not given", ASKED_WRONGLY, "anchorwatch judge CHAIN --store STORE")
    if chain == "-" and store == "-":
        fail("CHAIN and STORE cannot both be standard input", ASKED_WRONGLY)
    when = moment(at)
    presented = obtain(chain, Look(sni=sni, proxy=proxy, timeout=timeout, minimum=tls_minimum, save=save))
    trusted = load_or_fail(store)
    warn(trusted)
    question = Question(
        presented=presented.certificates,
        store=trusted.store(),
        at=when,
        peer=_peer(host) if host is not None else presented.peer,
        purpose=purpose,
        profile=rules,
        catalogue=_catalogue(catalogue or [], presented.certificates),
    )
    verdict = judge(question)
    if as_json:
        say_document(write(SCHEMA, document(question, verdict, presented.observation)))
    else:
        render(question, verdict, presented.observation)
    raise typer.Exit(0 if isinstance(verdict, Trusted) else TROUBLE)


def _batch(chain: str | None, store: str | None) -> None:
    if chain is not None or store is not None:
        fail("--batch takes its questions from standard input and nothing else", ASKED_WRONGLY)

    def answer(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    batch.serve(sys.stdin.buffer, answer, SystemClock())


def _peer(text: str) -> PeerName:
    try:
        return PeerName.parse(text)
    except ValueError as error:
        raise typer.BadParameter(printable(str(error)), param_hint="--host") from error


def _catalogue(arguments: list[str], presented: tuple[Certificate, ...]) -> Catalogue:
    """Given sources, certifi and the presented chain, each with where it was learned."""
    try:
        known = gather_catalogue(["certifi", *arguments])
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    return known + Catalogue.of(presented, Origin.SESSION, "the presented chain")


# --- text ---------------------------------------------------------------------------------------------


def render(question: Question, verdict: Verdict, seen: Observation | None = None) -> None:
    """Draw a verdict: the sentence, the paths tried, what is missing, the fixes in order."""
    say(printable(verdict.sentence), style="bold green" if isinstance(verdict, Trusted) else "bold red")
    say(f"  {_circumstances(question)}")
    if seen is not None:
        say(printable(f"  {seen.sentence}"))
    match verdict:
        case Trusted():
            _draw_path(question, verdict.path.certificates, ())
            say(f"  holds until {_moment(verdict.valid_until)} · confirmed by {verdict.engine}")
        case Refused():
            _draw_refusal(question, verdict)
        case Unsupported():
            pass


def _circumstances(question: Question) -> str:
    peer = f"for {printable(str(question.peer))}" if question.peer else "no name was asked for"
    count = len(question.store)
    return (
        f"{peer} · at {_moment(question.at)} · profile {question.profile.name} · "
        f"{printable(question.store.name)}: {count} {'anchor' if count == 1 else 'anchors'}"
    )


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _draw_refusal(question: Question, verdict: Refused) -> None:
    say()
    say("paths tried" if len(verdict.attempts) > 1 else "the path tried", style="bold")
    for attempt in verdict.attempts:
        _draw_path(question, attempt.certificates, _faults(attempt))
    if verdict.engine:
        say(printable(f"  engine: {verdict.engine}"))
    if verdict.missing:
        say()
        say(_missing_heading(verdict), style="bold")
        for issuer in verdict.missing:
            _draw_missing(issuer)
    proposals = [fix for fix in verdict.fixes if fix.caution is None]
    explained = [fix for fix in verdict.fixes if fix.caution is not None]
    say()
    if proposals:
        say("fixes, the wisest first", style="bold")
    elif not explained:
        say("no single change that we know of would turn this refusal", style="bold")
    for number, fix in enumerate(proposals, 1):
        _draw_fix(f"{number}.", fix)
    if explained:
        say("explanation only, never to be planned", style="bold")
        for fix in explained:
            _draw_fix("–", fix)


def _missing_heading(verdict: Refused) -> str:
    closing = "any one of these" if len(verdict.missing) > 1 else "this"
    others = all(len(attempt.faults) > 1 for attempt in verdict.attempts if not attempt.complete)
    return f"missing: {closing} would " + ("close the path, the other faults remain" if others else "do")


def _faults(attempt: Attempt) -> tuple[str, ...]:
    return tuple(f"{fault.reason.value}, {fault.blame.value}: {fault.sentence}" for fault in attempt.faults)


def _draw_path(question: Question, certificates: tuple[Certificate, ...], faults: tuple[str, ...]) -> None:
    for depth, certificate in enumerate(certificates):
        arrow = "" if depth == 0 else "└ issued by "
        end = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
        line = f"{'  ' * depth}{arrow}“{certificate.title}” ({_whence(question, certificate)}, {end})"
        say(printable(f"  {line}"))
    for fault in faults:
        say(printable(f"  {'  ' * len(certificates)}✗ {fault}"), style="red")


def _whence(question: Question, certificate: Certificate) -> str:
    if question.store.anchor(certificate) is not None:
        return "in the store"
    return "presented" if certificate in question.presented else "known"


def _draw_missing(issuer: MissingIssuer) -> None:
    say(printable(f"  • {issuer.subject.text}"))
    for sha256 in issuer.known:
        say(f"      SHA-256 {sha256}")
    if issuer.key_id is not None:
        say(f"      key identifier {issuer.key_id.hex()}")
    for place in issuer.ca_issuers:
        say(printable(f"      said to be at {place} (not fetched)"))
    if issuer.nearest is not None:
        say(printable(f"      nearest in the store: {issuer.nearest.text}"))
        say(printable(f"      {issuer.difference}"))


def _draw_fix(mark: str, fix: Fix) -> None:
    advice = " [recommended]" if fix.recommended else ""
    source = f", from {fix.source}" if fix.source else ""
    say(printable(f"  {mark}{advice} {fix.sentence}{source}"), style="bold" if fix.recommended else None)
    say(printable(f"      lets in: {fix.lets_in}"))
    if fix.caution:
        say(printable(f"      why not: {fix.caution}"))


# --- JSON ---------------------------------------------------------------------------------------------


def document(question: Question, verdict: Verdict, seen: Observation | None = None) -> dict[str, Any]:
    """A verdict as a JSON document; certificates are named by SHA-256 and described once."""
    described = {certificate.sha256: certificate for certificate in question.presented}
    content: dict[str, Any] = {
        "verdict": {Trusted: "trusted", Refused: "refused", Unsupported: "unsupported"}[type(verdict)],
        "reason": verdict.reason if isinstance(verdict, Refused) else None,
        "sentence": verdict.sentence,
        "at": question.at,
        "peer": {"kind": question.peer.kind, "value": question.peer.value} if question.peer else None,
        "purpose": question.purpose,
        "profile": question.profile.name,
        "store": {"name": question.store.name, "anchors": len(question.store)},
        "presented": [certificate.sha256 for certificate in question.presented],
        "path": [],
        "attempts": [],
        "missing": [],
        "fixes": [],
    }
    match verdict:
        case Trusted():
            content["path"] = [certificate.sha256 for certificate in verdict.path.certificates]
            content["valid_until"] = verdict.valid_until
            content["engine"] = verdict.engine
            described |= {certificate.sha256: certificate for certificate in verdict.path.certificates}
        case Refused():
            content["engine"] = verdict.engine
            content["axes"] = verdict.axes
            content["missing"] = [_missing_document(issuer) for issuer in verdict.missing]
            content["fixes"] = [_fix_document(fix) for fix in verdict.fixes]
            for fix in verdict.fixes:
                if fix.certificate is not None:
                    described[fix.certificate.sha256] = fix.certificate
        case Unsupported():
            pass
    if not isinstance(verdict, Unsupported):
        content["attempts"] = [batch.attempt_document(attempt) for attempt in verdict.attempts]
        for attempt in verdict.attempts:
            described |= {certificate.sha256: certificate for certificate in attempt.certificates}
    content["certificates"] = {sha256: _described(each, question) for sha256, each in described.items()}
    if seen is not None:
        content["observation"] = {
            "endpoint": str(seen.endpoint),
            "outcome": seen.outcome.sentence,
            "address": seen.address,
            "version": seen.version,
            "cipher": seen.cipher,
            "sni": seen.sni,
            "client_certificate_requested": seen.client_certificate_requested,
        }
    return content


def _described(certificate: Certificate, question: Question) -> dict[str, Any]:
    return {
        "subject": certificate.subject.text,
        "issuer": certificate.issuer.text,
        "serial": f"{certificate.serial:x}",
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "where": _whence(question, certificate),
    }


def _missing_document(issuer: MissingIssuer) -> dict[str, Any]:
    return {
        **batch.missing_document(issuer),
        "wanted_by": issuer.wanted_by.sha256,
        "ca_issuers": issuer.ca_issuers,
        "nearest": issuer.nearest.text if issuer.nearest else None,
        "difference": issuer.difference,
    }


def _fix_document(fix: Fix) -> dict[str, Any]:
    return {
        "change": fix.change,
        "recommended": fix.recommended,
        "sentence": fix.sentence,
        "lets_in": fix.lets_in,
        "certificate": fix.certificate.sha256 if fix.certificate else None,
        "presented": [each.sha256 for each in fix.presented] if fix.presented else None,
        "at": fix.at,
        "source": fix.source,
        "caution": fix.caution,
    }
