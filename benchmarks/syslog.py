"""How fast the lines of interest come out of a big ASA syslog, beside `rg -c` with the same ids on the same core.

    make bench
    .venv/bin/python benchmarks/syslog.py --size 1000

One line in 5,000 is of interest. `rg -c` counts matching lines and does nothing else; ours also keeps them, with their
numbers, says how often each was said, and notices what continues on the next line. Two references: the ids behind the
header of a message, which is the question that is answered here and to which the goals belong; and the ids as bare
words, which ripgrep searches by vector instructions, and which also count ports, addresses and parts of URLs.

"In all" is everything from the file to the diagnosis, within one process that is already running.
"""

import gzip
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from anchorwatch.cli.log_file import LogFile
from anchorwatch.devices import selection
from anchorwatch.devices.selection import Selection
from anchorwatch.doctor.diagnosis import diagnose
from side_by_side import Figure, Sheet, options

IDS = (
    "717009 717027 717026 717054 717055 717057 717058 725001 725002 725006 725014 444302 444303 444304 444305 444306"
    " 120005 120006 120007 120011 111008 111010 610001 771001"
)
NOISE = (
    "%ASA-6-302013: Built outbound TCP connection {n} for outside:{a}/443 ({a}/443) to inside:{b}/{p} ({b}/{p})",
    "%ASA-6-302014: Teardown TCP connection {n} for outside:{a}/443 to inside:{b}/{p} duration 0:00:30 bytes {n} TCP FINs",
    "%ASA-6-302015: Built outbound UDP connection {n} for outside:{a}/53 ({a}/53) to inside:{b}/{p} ({b}/{p})",
    "%ASA-6-305011: Built dynamic TCP translation from inside:{b}/{p} to outside:{a}/{p}",
    '%ASA-4-106023: Deny tcp src outside:{a}/{p} dst inside:{b}/22 by access-group "outside_in" [0x0, 0x0]',
    "%ASA-5-304001: {b} Accessed URL {a}:http://example.org/{n}",
)
WANTED = (
    (
        "%ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial "
        "number: 513FB9743870B73440418D30930699FF, subject name: cn=Harbour CA - G4,o=Harbour\\, Inc.,c=US, issuer name: "
        "cn=Harbour Root - G5,o=Harbour\\, Inc.,c=US ."
    ),
    "%ASA-3-717027: Certificate chain failed validation. No suitable trustpoint was found to validate chain.",
    "%ASA-6-725001: Starting SSL handshake with server outside:192.0.2.2/{p} to 192.0.2.80/443 for TLSv1 session.",
    (
        "%ASA-3-444303: %SMART_LIC-3-AGENT_REG_FAILED: Smart Agent for licensing registration with Cisco licensing cloud "
        "failed: Communication message send error"
    ),
)
EVERY = 5_000


def write_log(path: Path, size: int) -> None:
    """A log of `size` octets."""
    rng = random.Random(7)  # the same log each time

    def address() -> str:
        return ".".join(str(rng.randrange(1, 255)) for _ in range(4))

    noise = [
        rng.choice(NOISE).format(
            n=rng.randrange(10**6, 10**8), a=address(), b=address(), p=rng.randrange(1024, 65536)
        )
        for _ in range(40_000)
    ]
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            rows = []
            for row in noise:
                number += 1
                if number % EVERY == 0:
                    row = rng.choice(WANTED).format(p=rng.randrange(1024, 65536))
                at = f"{number // 360_000 % 24:02}:{number // 6_000 % 60:02}:{number // 100 % 60:02}"
                rows.append(f"<166>Mar 22 2016 {at} fw-1 : {row}\n")
            file.write("".join(rows).encode())


def pieces(path: Path) -> Iterator[bytes]:
    """The log as `anchorwatch` reads it."""
    return LogFile(str(path)).pieces()


def look(path: Path) -> Selection:
    """The selection alone."""
    return selection.select(pieces(path))


def in_all(path: Path) -> None:
    """The selection and the diagnosis of what it kept."""
    text = "\n".join(line.text for line in look(path).lines)
    assert diagnose([(path.name, text)]).diagnoses


def rg(*arguments: str) -> Callable[[], None]:
    """One run of ripgrep on one thread."""
    command = [shutil.which("rg") or "rg", "-j1", "-c", *arguments]

    def work() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return work


def without_numpy(work: Callable[[], object]) -> Callable[[], None]:
    """The same as on an installation without the extra `fast`."""

    def plain() -> None:
        kept, selection.load_numpy = selection.load_numpy, lambda: None
        try:
            work()
        finally:
            selection.load_numpy = kept

    return plain


def peak_memory(path: Path) -> float | None:
    """Mebibytes resident at most in a process of its own that does it all; None where the system does not tell."""
    if importlib.util.find_spec("resource") is None:
        return None
    run = subprocess.run(
        [sys.executable, __file__, "--peak", str(path)], check=True, capture_output=True, text=True
    )
    return float(run.stdout)


def tell_peak(path: Path) -> None:
    """What `peak_memory` runs."""
    import resource

    in_all(path)
    octets = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(octets / 1024**2)


def main() -> int:
    """Exit status 1 if a goal is missed."""
    if sys.argv[1:2] == ["--peak"]:
        tell_peak(Path(sys.argv[2]))
        return 0
    parser = options(__doc__ or "")
    parser.add_argument("--size", type=int, default=200, help="megabytes of log (default 200)")
    asked = parser.parse_args()
    sheet = Sheet("syslog", asked.as_json)
    if shutil.which("rg") is None:
        sheet.leave_out("syslog", "ripgrep (rg) is not installed")
        return sheet.finish()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "asa.log"
        write_log(path, asked.size * 10**6)
        words = "|".join(IDS.split())
        bare = rg(words, str(path))
        framed = rg(f"%(ASA|FTD)-[0-7]-({words})", str(path))
        plain = without_numpy(lambda: look(path))
        sheet.compare("selection : rg, ids in headers", lambda: look(path), framed, at_most=1 / 0.8)
        sheet.compare("   without numpy", plain, framed, at_most=1 / 0.8)
        sheet.compare("in all : rg, ids in headers", lambda: in_all(path), framed, at_most=1 / 0.4)
        sheet.compare("selection : rg, bare ids", lambda: look(path), bare)
        sheet.compare("   without numpy", plain, bare)
        sheet.compare("in all : rg, bare ids", lambda: in_all(path), bare)
        packed = path.with_suffix(".gz")
        with path.open("rb") as unpacked, gzip.open(packed, "wb", compresslevel=1) as file:
            shutil.copyfileobj(unpacked, file, 1 << 20)
        if shutil.which("gzip"):
            sheet.compare(
                "selection of .gz : rg -z, bare ids",
                lambda: look(packed),
                rg("-z", words, str(packed)),
                rounds=3,
            )
        peak = peak_memory(path)
        if peak is not None:
            sheet.add(
                Figure(
                    name="memory of all that, at most",
                    unit="MiB",
                    ours=peak,
                    goal="at most 300 MiB",
                    met=peak <= 300,
                )
            )
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
