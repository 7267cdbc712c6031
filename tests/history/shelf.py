"""The shelf of real certificates and stores that history is told from.

Certificates are named by the first sixteen hex digits of their SHA-256, stores by family and day, exactly as the
reference data names them; nothing of it is copied here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path

from anchorwatch.pki import Anchor, Catalogue, Certificate, Origin, TrustStore

PREFIX = 16
"""Hex digits of SHA-256 by which the shelf names a certificate."""


@dataclass(frozen=True, eq=False)
class Shelf:
    """The folder of real certificates, read on demand; each certificate is read once."""

    folder: Path
    _read: dict[str, Certificate] = field(default_factory=dict, repr=False)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Certificate files by prefix."""
        return {file.name[:PREFIX]: file for file in sorted((self.folder / "certs").glob("*.pem"))}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """`root`, `ca`, `leaf` or `self-signed` by prefix, from the index."""
        lines = (self.folder / "index.tsv").read_text(encoding="utf-8").splitlines()
        header = lines[0].split("\t")
        rows = (dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:])
        return {row["sha256"][:PREFIX]: row["kind"] for row in rows}

    def certificate(self, sha256: str) -> Certificate:
        """The certificate whose SHA-256 begins with these sixteen digits; raises `KeyError`."""
        prefix = sha256[:PREFIX]
        if prefix not in self._read:
            text = self.files[prefix].read_text(encoding="ascii")
            body = text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
            self._read[prefix] = Certificate.from_der(base64.b64decode(body))
        return self._read[prefix]

    def certificates(self, *prefixes: str) -> tuple[Certificate, ...]:
        """Several, in order."""
        return tuple(self.certificate(prefix) for prefix in prefixes)

    def of_kind(self, *kinds: str) -> Iterator[Certificate]:
        """All certificates of these kinds, sorted by hash."""
        return (self.certificate(prefix) for prefix in sorted(self.files) if self.kinds[prefix] in kinds)

    def stores(self) -> Iterator[tuple[str, str]]:
        """Family and file stem of every store, sorted."""
        return ((file.parent.name, file.stem) for file in sorted((self.folder / "sets").glob("*/*.tsv")))

    def store(self, family: str, day: date | str) -> TrustStore:
        """A family's store as it was on a day (the latest file on or before it), or the one whose stem begins so.

        Of `nss` only the anchors trusted for servers, with their distrust-after.
        """
        files = sorted((self.folder / "sets" / family).glob("*.tsv"))
        if isinstance(day, str):
            found = [file for file in files if file.stem.startswith(day)]
        else:
            found = [file for file in files if file.stem[:10] <= day.isoformat()][-1:]
        if not found:
            raise KeyError(f"no store of {family} for {day}")
        file = found[0]
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        anchors = tuple(
            anchor for line in lines if (anchor := self._anchor(family, line.split("\t"))) is not None
        )
        return TrustStore(
            anchors=anchors,
            name=f"{family} {file.stem}",
            dated=date.fromisoformat(file.stem[:10]),
            source=file.name,
        )

    def _anchor(self, family: str, columns: list[str]) -> Anchor | None:
        if family != "nss":
            return Anchor(self.certificate(columns[0]))
        if columns[1] != "TRUSTED_DELEGATOR":
            return None
        return Anchor(
            self.certificate(columns[0]), datetime.fromisoformat(columns[2]) if columns[2] else None
        )

    def observed(self, host: str, day: date) -> tuple[Certificate, ...]:
        """The chain a public service presented, by the last observation of a leaf issued on or before a day."""
        lines = (self.folder / "endpoints" / "timeline.tsv").read_text(encoding="utf-8").splitlines()
        rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
        seen = [row for row in rows if row["host"] == host and row["leaf_not_before"] <= day.isoformat()]
        last = max(seen, key=lambda row: row["leaf_not_before"])
        return self.certificates(last["leaf_sha256"], *last["intermediates_sent"].replace(",", " ").split())

    def catalogue(self, *prefixes: str) -> Catalogue:
        """A catalogue handed over by the user: these certificates, or every authority of the shelf."""
        certificates = self.certificates(*prefixes) if prefixes else tuple(self.of_kind("root", "ca"))
        return Catalogue.of(certificates, Origin.GIVEN, "the shelf")


def on(day: str, clock: str = "12:00:00") -> datetime:
    """A moment of that day, in UTC."""
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), UTC)


def titles(certificates: Sequence[Certificate]) -> list[str]:
    """Common names, for readable failures."""
    return [certificate.subject.common_name or certificate.subject.text for certificate in certificates]
