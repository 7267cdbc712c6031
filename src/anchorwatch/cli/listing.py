"""How certificates, complaints and differences look: the same on every command that shows them.

Every text that comes from a certificate or a file passes `printable` here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from anchorwatch.base.schema import Json, plain
from anchorwatch.cli.source import Source
from anchorwatch.cli.terminal import printable, say, table
from anchorwatch.formats.bundle import Place
from anchorwatch.formats.complaint import Complaint
from anchorwatch.formats.likeness import Likeness, nearest
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import KeyIdMatch, Signature, key_id_match, signature
from anchorwatch.pki.truststore import StoreDiff

__all__ = [
    "certificate_json",
    "complaint_json",
    "day",
    "diff_json",
    "explain",
    "short",
    "show_certificates",
    "show_complaints",
    "show_diff",
    "title",
]

_TITLE = 56


def title(certificate: Certificate) -> str:
    """What people call a certificate, fit for one column."""
    return printable(certificate.title, longest=_TITLE)


def short(certificate: Certificate) -> str:
    """The first sixteen digits of the fingerprint, as file names of collections have them."""
    return certificate.sha256[:16]


def day(moment: datetime) -> str:
    """The date in UTC."""
    return f"{moment:%Y-%m-%d}"


def kind(certificate: Certificate) -> str:
    """`root`, `ca` or `leaf`; a version 1 root has no extension to say so, only its own name twice."""
    if certificate.self_issued and (certificate.is_ca or certificate.version == 1):
        return "root"
    return "ca" if certificate.is_ca else "leaf"


def key(certificate: Certificate) -> str:
    """`RSA 2048`, `EC secp384r1`, `Ed25519`, or the OID of another algorithm."""
    public = certificate.key
    match public.kind:
        case "ec":
            return f"EC {public.curve or public.bits}"
        case "rsa" | "dsa":
            return f"{public.kind.upper()} {public.bits}"
        case "ed25519" | "ed448":
            return public.kind.capitalize()
        case other:
            return other


def show_certificates(source: Source, *, at: datetime) -> None:
    """The table of a source; an end before `at` is marked."""
    trustpoints = any(place.trustpoint for bundle in source.bundles for place in bundle.places)
    places = [place for bundle in source.bundles for place in bundle.places]
    heads = ["#", "certificate", "kind", "key", "valid until", "sha256"] + ["trustpoint"] * trustpoints
    rows = []
    for number, (certificate, place) in enumerate(zip(source.certificates, places, strict=True), 1):
        until = day(certificate.not_after) + (" over" if certificate.not_after < at else "")
        row = [
            str(number),
            title(certificate),
            kind(certificate),
            key(certificate),
            until,
            short(certificate),
        ]
        rows.append(row + [printable(place.trustpoint or "")] * trustpoints)
    table(heads, rows, right=(0,))


def own_signatures(source: Source) -> list[str]:
    """Remarks on roots whose own key did not sign them: the one damage that still decodes and can be seen.

    A CA that changed its key names itself as issuer too (RFC 5280 section 3.2), so a differing key identifier
    is no sign of damage.
    """
    return [
        f"{title(certificate)} ({short(certificate)}) names itself as issuer, but its own key did not sign it: "
        "the copy may be damaged"
        for certificate in dict.fromkeys(source.certificates)
        if certificate.self_issued
        and key_id_match(certificate, certificate) is not KeyIdMatch.MISMATCH
        and signature(certificate, certificate) is Signature.BAD
    ]


def explain(complaint: Complaint, catalogue: Sequence[Certificate]) -> Likeness | None:
    """What a damaged block most likely was, where there is a block and a catalogue to compare it with."""
    if complaint.damage is None or not catalogue:
        return None
    return nearest(complaint.damage, catalogue)


def show_complaints(source: Source, catalogue: Sequence[Certificate] = ()) -> None:
    """Everything that is wrong, what was lost first, each with its place, its measures and its likely origin."""
    ordered = sorted(source.complaints, key=lambda pair: not pair[1].loss)
    for file, complaint in ordered:
        say()
        word = "" if complaint.loss else "note: "
        say(f"{word}{_where(file, complaint)}: {printable(complaint.sentence)}")
        if complaint.damage is None:
            continue
        for detail in complaint.damage.details():
            say(f"  {printable(detail)}")
        likeness = explain(complaint, catalogue)
        if likeness is not None:
            for line in _likely(likeness):
                say(f"  {line}")
        elif catalogue:
            say(f"  nothing among {len(catalogue)} known certificates is near to it")


def _where(file: str, complaint: Complaint) -> str:
    place = printable(file)
    if complaint.line is not None:
        return f"{place}:{complaint.line}"
    if complaint.entry is not None:
        return f"{place}, entry {complaint.entry}"
    return place if not complaint.offset else f"{place}, byte {complaint.offset}"


def _likely(likeness: Likeness) -> tuple[str, ...]:
    found = likeness.certificate
    edits = f"{likeness.edits} edit{'' if likeness.edits == 1 else 's'}"
    return (
        f"most likely it was {title(found)}, valid until {day(found.not_after)}:",
        f"  {likeness.share:.1%} of its {likeness.size} characters are there, {edits} away",
        f"  sha256 {found.sha256}",
    )


def show_diff(difference: StoreDiff) -> None:
    """What came, what went, and what has the same key in another certificate."""
    for word, mark, certificates in (
        ("added", "+", difference.added),
        ("removed", "-", difference.removed),
    ):
        say(f"{word}: {len(certificates)}")
        for certificate in certificates:
            say(f"  {mark} {short(certificate)}  {day(certificate.not_after)}  {title(certificate)}")
    say(f"same key, another certificate: {len(difference.reissued)}")
    for old, new in difference.reissued:
        days = f"{day(old.not_after)} to {day(new.not_after)}"
        say(f"  ~ {short(old)} to {short(new)}  valid until {days}  {title(new)}")
    say(f"in both: {len(difference.kept)}")


def certificate_json(certificate: Certificate, place: Place | None = None) -> Json:
    """A certificate as documents hold it; text is as it stands in the certificate."""
    found = {
        "sha256": certificate.sha256,
        "subject": certificate.subject.text,
        "issuer": certificate.issuer.text,
        "serial": f"{certificate.serial:x}",
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "kind": kind(certificate),
        "key": {"kind": certificate.key.kind, "bits": certificate.key.bits, "curve": certificate.key.curve},
        "spki_sha256": certificate.spki_sha256,
        "signature": certificate.signature_name,
    }
    if place is not None:
        found |= {"line": place.line, "offset": place.offset, "trustpoint": place.trustpoint}
    return plain(found)


def complaint_json(file: str, complaint: Complaint, catalogue: Sequence[Certificate] = ()) -> Json:
    """A complaint with its measures, and what the block most likely was."""
    damage = complaint.damage
    likeness = explain(complaint, catalogue)
    return plain(
        {
            "code": complaint.code,
            "sentence": complaint.sentence,
            "source": file,
            "line": complaint.line,
            "offset": complaint.offset,
            "entry": complaint.entry,
            "loss": complaint.loss,
            "damage": None
            if damage is None
            else {
                "first_line": damage.first_line,
                "last_line": damage.last_line,
                "encoding": damage.encoding,
                "width": damage.width,
                "characters": damage.characters,
                "missing_characters": damage.missing_characters,
                "decoded_bytes": damage.decoded,
                "announced_bytes": damage.announced,
                "uneven": damage.uneven,
                "illegal": damage.illegal,
                "illegal_count": damage.illegal_count,
            },
            "likely": None
            if likeness is None
            else {
                "sha256": likeness.certificate.sha256,
                "subject": likeness.certificate.subject.text,
                "share": round(likeness.share, 4),
                "edits": likeness.edits,
            },
        }
    )


def diff_json(difference: StoreDiff) -> dict[str, Json]:
    """A difference as documents hold it."""

    def several(certificates: Iterable[Certificate]) -> list[Json]:
        return [certificate_json(certificate) for certificate in certificates]

    return {
        "added": several(difference.added),
        "removed": several(difference.removed),
        "reissued": [
            {"old": certificate_json(old), "new": certificate_json(new)} for old, new in difference.reissued
        ],
        "kept": [certificate.sha256 for certificate in difference.kept],
    }
