"""Where certificates come from on a command line: a file, a folder, `-`, `certifi` or `system`.

Every command that takes a STORE, a CHAIN, a bundle or a catalogue loads it here, so that all of them
understand the same things, within the same limits, and say the same when something is wrong.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import track

from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import COULD_NOT_LOOK, console, fail, printable
from anchorwatch.disk.file import reason
from anchorwatch.formats.bundle import Bundle, read
from anchorwatch.formats.complaint import Code, Complaint
from anchorwatch.formats.limits import DEFAULT, Limits
from anchorwatch.pki.catalogue import Catalogue, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore

__all__ = [
    "CouldNotLookError",
    "Source",
    "gather_catalogue",
    "load_certificates",
    "load_or_fail",
    "load_store",
]

MAX_FILES = 20_000
"""Files of one folder: as many as certificates in one input; a hashed folder has one certificate a file."""
MAX_FOLDER = 256 * 1024 * 1024
"""Bytes of one folder, eight times a single input: a collection of every public root ever is 6 MB."""
_WORTH_A_BAR = 300


class CouldNotLookError(Exception):
    """A source could not be looked at; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a source held: its bundles in order (one a file), certificates and complaints with their file.

    `name` is how people would call it: the file's or folder's name, `certifi`, `system`, `standard input`.
    """

    name: str
    bundles: tuple[Bundle, ...] = field(repr=False)

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Every certificate in order, duplicates included."""
        return tuple(certificate for bundle in self.bundles for certificate in bundle.certificates)

    @property
    def complaints(self) -> tuple[tuple[str, Complaint], ...]:
        """Every complaint with the file it is about."""
        return tuple((bundle.source, complaint) for bundle in self.bundles for complaint in bundle.complaints)

    @property
    def is_whole(self) -> bool:
        """Whether nothing that should have been there is missing."""
        return all(bundle.is_whole for bundle in self.bundles)

    def store(self) -> TrustStore:
        """The certificates as anchors of a store, in order."""
        return TrustStore.of(self.certificates, self.name)


def load_certificates(argument: str, *, limits: Limits = DEFAULT) -> Source:
    """Read what an argument names; raises CouldNotLookError when it cannot be looked at.

    Bad content is no error: it comes back as complaints. In a folder, files that hold nothing of ours
    (a README) are passed over. A file called `certifi` or `system` is reached as `./certifi`.
    """
    match argument:
        case "certifi":
            import certifi

            return _files("certifi", [Path(certifi.where())], limits)
        case "system":
            return _system(limits)
        case "-":
            return Source(name="standard input", bundles=(_read("-", "standard input", limits),))
        case _:
            path = Path(argument)
            if path.is_dir():
                return _folder(path, limits)
            return Source(name=path.name, bundles=(_read(argument, argument, limits),))


def load_or_fail(argument: str) -> Source:
    """As `load_certificates`; what cannot be looked at ends the program with exit status 3."""
    try:
        return load_certificates(argument)
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


def load_store(argument: str, *, limits: Limits = DEFAULT) -> TrustStore:
    """The certificates of a source as plain anchors, in order; raises CouldNotLookError."""
    return load_certificates(argument, limits=limits).store()


def gather_catalogue(arguments: Sequence[str], *, limits: Limits = DEFAULT) -> Catalogue:
    """What several sources hold, each certificate with where it was learned; raises CouldNotLookError."""
    found = Catalogue()
    for argument in arguments:
        source = load_certificates(argument, limits=limits)
        origin = Origin.PROGRAMME if argument in {"certifi", "system"} else Origin.GIVEN
        found += Catalogue.of(source.certificates, origin, source.name)
    return found


def _read(argument: str, name: str, limits: Limits) -> Bundle:
    try:
        return read(read_bounded(argument, limits.size), source=name, limits=limits)
    except FileTroubleError as error:
        raise CouldNotLookError(str(error)) from error


def _folder(folder: Path, limits: Limits) -> Source:
    files: list[Path] = []
    size = 0
    try:
        for file in _walk(folder):
            files.append(file)
            size += file.stat().st_size
            if len(files) > MAX_FILES or size > MAX_FOLDER:
                raise CouldNotLookError(f"{folder} holds more than {MAX_FILES} files or {MAX_FOLDER} bytes")
    except OSError as error:
        raise CouldNotLookError(f"{folder}: {reason(error)}") from error
    if not files:
        raise CouldNotLookError(f"{folder} holds no files")
    return _files(folder.name or str(folder), sorted(files), limits)


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, hidden ones left out; folders behind links are not entered."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            file = Path(here) / name
            if not name.startswith(".") and file.is_file():
                yield file


def _files(name: str, files: Sequence[Path], limits: Limits) -> Source:
    """Several files as one source; those in which nothing of ours was found are left out."""
    out = console(err=True)
    bar = len(files) >= _WORTH_A_BAR and out.is_terminal
    shown = track(files, f"reading {printable(name)}", console=out, transient=True) if bar else files
    bundles = [_read(str(file), str(file), limits) for file in shown]
    kept = tuple(bundle for bundle in bundles if not _is_foreign(bundle))
    return Source(name=name, bundles=kept or tuple(bundles[:1]))


def _is_foreign(bundle: Bundle) -> bool:
    foreign = {Code.NOT_RECOGNISED, Code.OTHER_FORM, Code.EMPTY, Code.NOT_A_CERTIFICATE, Code.PRIVATE_KEY}
    return not bundle.certificates and all(complaint.code in foreign for complaint in bundle.complaints)


def _system(limits: Limits) -> Source:
    """The store that OpenSSL uses on this machine; on Windows that of the system."""
    if sys.platform == "win32":
        found = [octets for octets, encoding, _ in ssl.enum_certificates("ROOT") if encoding == "x509_asn"]
        return Source(name="system", bundles=tuple(read(octets, source="system") for octets in found))
    return _openssl_store(limits)


def _openssl_store(limits: Limits) -> Source:
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return _files("system", [Path(paths.cafile)], limits)
    if paths.capath and any(_walk(Path(paths.capath))):
        found = _folder(Path(paths.capath), limits)
        # A hashed folder holds each certificate under two names.
        return Source(name="system", bundles=_without_repetition(found.bundles))
    looked = f"{paths.openssl_cafile} and {paths.openssl_capath}"
    raise CouldNotLookError(f"this machine has no store where OpenSSL looks for one ({looked})")


def _without_repetition(bundles: Sequence[Bundle]) -> tuple[Bundle, ...]:
    seen: set[tuple[Certificate, ...]] = set()
    kept = []
    for bundle in bundles:
        if bundle.certificates not in seen:
            seen.add(bundle.certificates)
            kept.append(bundle)
    return tuple(kept)
