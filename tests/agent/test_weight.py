"""What an agent loads, for it runs on small appliances."""

import subprocess
import sys

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


def test_a_well_agent_loads_nothing_heavy() -> None:
    """The judge, the screens and everything of services and faces stay on disk until they are needed."""
    program = (
        f"import sys, anchorwatch.agent.agent; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
