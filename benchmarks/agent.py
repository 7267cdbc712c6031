"""What an agent costs to start: `anchorwatch agent status` from nothing to the printed screen, and its memory.

    make bench

The reference is a Python that only imports what any such program needs (the command line's library, certificates,
TLS) and ends. The state on disk is that of a registered agent with a grant, so the whole document is read and checked.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from agent.town import a_town
from anchorwatch.base.clock import SystemClock
from side_by_side import Figure, Sheet, options

COLD_MS = 400
PEAK_MIB = 60
REFERENCE = "import typer, ssl, cryptography.x509, cryptography.hazmat.primitives.serialization.pkcs7"
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""Runs a command and prints its peak; the only child it ever has. In KiB, on macOS in octets."""


def peak_mib(command: list[str]) -> float:
    """The most memory a process had."""
    done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) / (1024 * 1024 if sys.platform == "darwin" else 1024)


def seconds(command: list[str]) -> float:
    """From the start of a process to its end."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Exit status 1 where a cold start is slower or larger than the goal."""
    sheet = Sheet("agent", options(__doc__ or "").parse_args().as_json)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "agent"
        with a_town(folder, SystemClock().now()) as town, town.registered() as agent:
            assert agent.state.granted() is not None
        ours = [sys.executable, "-m", "anchorwatch", "agent", "status", "--folder", str(folder)]
        told = subprocess.run([*ours, "--json"], capture_output=True, text=True, check=True)
        assert json.loads(told.stdout)["registration"] == "registered"
        reference = [sys.executable, "-c", REFERENCE]
        pairs = [(seconds(ours), seconds(reference)) for _ in range(11)]
        took = statistics.median(one for one, _ in pairs) * 1e3
        sheet.add(
            Figure(
                name="agent status, cold start",
                unit="ms",
                ours=took,
                reference=statistics.median(other for _, other in pairs) * 1e3,
                ratio=statistics.median(one / other for one, other in pairs),
                goal=f"at most {COLD_MS} ms",
                met=took <= COLD_MS,
            )
        )
        name_of_peak = "agent status, peak memory"
        if sys.platform == "win32":
            sheet.leave_out(name_of_peak, "this system does not tell a program its children's peak")
            return sheet.finish()
        mine, theirs = peak_mib(ours), peak_mib(reference)
        sheet.add(
            Figure(
                name=name_of_peak,
                unit="MiB",
                ours=mine,
                reference=theirs,
                ratio=mine / theirs,
                goal=f"at most {PEAK_MIB} MiB",
                met=mine <= PEAK_MIB,
            )
        )
        program = "import anchorwatch.agent.agent, anchorwatch.net.tls"
        loaded = [sys.executable, "-c", program]
        sheet.add(
            Figure(
                name="what `agent run` holds before its first packet",
                unit="MiB",
                ours=peak_mib(loaded),
                reference=theirs,
                ratio=peak_mib(loaded) / theirs,
            )
        )
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
