"""What an agent loads, for it runs on small appliances."""

import subprocess
import sys

import pytest

from agent.town import Town

HEAVY = (
    "anchorwatch.devices",
    "anchorwatch.doctor",
    "anchorwatch.formats",
    "anchorwatch.pki.judgement",
    "asyncio",
    "pydantic",
    "pyhanko_certvalidator",
    "rich",
    "sqlalchemy",
    "starlette",
    "typer",
)
MOST_MIB = 60


def test_a_well_agent_loads_nothing_heavy() -> None:
    """The judge, the screens and everything of services and faces stay on disk until they are needed."""
    program = (
        f"import sys, anchorwatch.agent.agent; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a program its own peak since its start")
def test_the_screen_of_a_registered_agent_fits_a_small_appliance(town: Town) -> None:
    """`agent status` prints the whole screen within 60 MiB, judge, portal and doctor unread."""
    with town.registered():
        pass
    program = (
        "import re, sys\n"
        "from anchorwatch.cli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('|', re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1], *sys.modules)"
    )
    words = ["agent", "status", "--folder", str(town.folder)]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    screen, _, rest = done.stdout.rpartition("|")
    peak, *loaded = rest.split()
    assert "Status: REGISTERED" in screen
    assert not {"anchorwatch.doctor", "anchorwatch.pki.judgement", "sqlalchemy", "rich"} & set(loaded)
    assert int(peak) / 1024 <= MOST_MIB
