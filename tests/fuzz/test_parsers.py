"""Every reader, on inputs nobody would write: no crash, no hang, no growth.

Half a second each here; ten minutes each in `make soak`. A failure names the seed that makes the input again.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anchorwatch.base.clock import TurnableClock
from anchorwatch.base.schema import SchemaError
from anchorwatch.cli import batch
from anchorwatch.devices import reading, redaction
from anchorwatch.devices.license import parse as parse_license
from anchorwatch.devices.screen import to_lines
from anchorwatch.doctor import case_file
from anchorwatch.doctor.diagnosis import diagnose
from anchorwatch.formats import read
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.constraint import NameConstraints
from anchorwatch.pki.crl import Crl, MalformedCrlError
from anchorwatch.pki.distinguished_name import Name
from anchorwatch.pki.name import SubjectAltName
from builders.certs import CA
from conftest import shared_folder
from fuzz.mutation import spoilt

CLOCK = TurnableClock(datetime(2020, 6, 1, tzinfo=UTC))
ROOT = CA.root("CN=Harbour Root, O=Harbour\\, Inc., C=US")
LEAF = ROOT.issue_leaf("portal.example", san=["portal.example", "192.0.2.7", "a@portal.example"])
CAPTURE = f"""asa/pri/act# show license all
Smart Licensing Status
======================
Smart Licensing is ENABLED
Registration:
  Status: REGISTERED
  Last Renewal Attempt: FAILED on Oct 09 17:32:59 2018 UTC
    Failure reason: Failed to authenticate server
License Authorization: 
  Status: AUTHORIZED on Sep 06 17:40:02 2018 UTC
  Communication Deadline: Dec 05 17:34:02 2018 UTC
asa/pri/act# show logging
Oct 09 2018 17:40:31: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate \
certificate serial number: 75, subject name: cn=Harbour Issuing,o=Harbour\\, Inc.,c=US, issuer name: cn=Harbour Root,c=US .
*Mar 24 20:17:03.508: %SMART_LIC-3-COMM_FAILED: Communications failure with the CSSM : Fail to send out
asa/pri/act# show running-config
enable password $sha512$5000$aaaa$bbbb pbkdf2
crypto ca trustpool policy
 auto-import
asa/pri/act# license smart register idtoken {"Zm9vYmFy" * 15}%0A{"QUJD" * 5} force
fp9300 /security/trustpoint* # set certchain
>{ROOT.pem}
>ENDOFBUF
"""  # noqa: W291 - a device prints that trailing blank
SEEDS = [CAPTURE.encode(), ROOT.pem.encode(), ROOT.der, LEAF.der, LEAF.pem.encode() * 3]
SECONDS = float(os.environ.get("ANCHORWATCH_FUZZ_SECONDS", "0.5"))
SLOWEST = 20.0
"""Seconds one input of at most 60 kB may take, on a machine that is busy with other things: a hang, not a speed."""
MOST_MEMORY = 200 << 20


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def certificate(data: bytes) -> None:
    with contextlib.suppress(MalformedCertificateError):
        Certificate.from_der(data)


def names(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        name = Name.from_der(data)
        assert name.key is not None
        assert isinstance(name.text, str)
    SubjectAltName.from_der(data)
    NameConstraints.from_der(data)


def revocation_list(data: bytes) -> None:
    with contextlib.suppress(MalformedCrlError):
        Crl.from_der(data)


def saved_case(data: bytes) -> None:
    with contextlib.suppress(SchemaError):
        case_file.from_text(b'{"schema":"anchorwatch.case/1",' + data)


def device_text(data: bytes) -> None:
    found = reading.read([("fuzz", data)])
    for span in found.not_understood:
        assert "\x1b" not in span.text


def diagnosis(data: bytes) -> None:
    report = diagnose([("fuzz", data)])
    for each in report.diagnoses:
        for finding in each.findings:
            assert all("\x1b" not in span.text for span in finding.evidence)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "certificate": certificate,
    "names": names,
    "revocation list": revocation_list,
    "bundle": read,
    "question": lambda data: batch.answer(data, CLOCK),
    "case file": saved_case,
    "masking": lambda data: redaction.redact(_text(data)),
    "licence screen": lambda data: parse_license(to_lines(_text(data))),
    "device text": device_text,
    "diagnosis": diagnosis,
}


def seeds() -> list[bytes]:
    """Our own look-alikes, and real outputs where the reference data is at hand."""
    real = [
        path
        for part in ("transcripts", "pki/cisco", "pki/garbled")
        for path in (shared_folder() / part).glob("*.*")
    ]
    document = shared_folder() / "tac-213932.zh.txt"
    return SEEDS + [path.read_bytes() for path in [*real, document] if path.is_file()]


def fuzz(parse: Callable[[bytes], object], seconds: float, base: int) -> int:
    """Feed spoilt inputs for some seconds; how many there were."""
    pool = seeds()
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = spoilt(pool, random.Random(base + count))
        start = time.monotonic()
        try:
            parse(data)
        except Exception as error:
            raise AssertionError(f"seed {base + count}: {type(error).__name__}: {error}") from error
        took = time.monotonic() - start
        assert took < SLOWEST, f"seed {base + count}: {len(data)} bytes took {took:.1f} s"
        count += 1
    return count


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_breaks_a_parser(name: str) -> None:
    """Spoilt inputs end in an answer, each in bounded time."""
    assert fuzz(PARSERS[name], SECONDS, base=1) > 0


@pytest.mark.soak
@pytest.mark.parametrize("name", PARSERS)
def test_no_input_breaks_a_parser_in_ten_minutes(name: str) -> None:
    """The same for ten minutes on inputs never tried before, without growth."""
    resource = pytest.importorskip("resource", reason="only where the system tells the peak of memory")
    before = _peak(resource)
    count = fuzz(
        PARSERS[name], float(os.environ.get("ANCHORWATCH_FUZZ_SECONDS", "600")), random.randrange(1 << 40)
    )
    grown = _peak(resource) - before
    sys.stderr.write(f"\n{name}: {count} inputs, {grown >> 20} MB more at the peak\n")
    assert grown < MOST_MEMORY


def _peak(resource: object) -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)  # type: ignore[attr-defined]  # a module that not all have
    return int(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("name", ["bundle", "device text", "diagnosis", "masking"])
def test_a_large_hostile_input_stays_within_memory(name: str) -> None:
    """A quarter of a megabyte of one repeated piece stays far below the bound, whatever the piece."""
    for piece in (
        b"-----BEGIN CERTIFICATE-----\n",
        b"asa# show license all\n",
        b"(",
        b"%ASA-3-717009: ",
        b"\x30\x80",
    ):
        tracemalloc.start()
        try:
            PARSERS[name]((piece * (1 << 18))[: 1 << 18])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MOST_MEMORY, piece


def test_the_seeds_are_files_where_the_data_is(shared: Path) -> None:
    """Real outputs are among what is spoilt."""
    assert len(seeds()) > len(SEEDS)
    assert (shared / "transcripts").is_dir()
