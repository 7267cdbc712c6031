"""Trustpoints of a chassis: pasting a chain, and what is listed."""

from __future__ import annotations

from datetime import datetime

from anchorwatch.devices.fxos import trustpoint as screen
from anchorwatch.devices.fxos.trustpoint import ChassisTrustpoint
from anchorwatch.devices.span import Seen
from anchorwatch.lab.fxos.machine import certificates
from anchorwatch.lab.fxos.navigation import assign
from anchorwatch.lab.fxos.objects import Name, Path
from anchorwatch.lab.fxos.schema import SECURITY
from anchorwatch.lab.fxos.session import DIALECT, Commands, FxosSession, error
from anchorwatch.lab.shell import Typed
from anchorwatch.lab.terminal import InterruptedLineError
from anchorwatch.pki.certificate import Certificate

COMMANDS = Commands()
_MOST_LINES = 2_000
_KIND = "trustpoint"


@COMMANDS.add("set certchain", "trustpoint", help_="Set property values")
async def _certchain(shell: FxosSession, _: Typed) -> str:
    dialog = DIALECT.paste("set certchain")
    assert dialog is not None, "the dialect has it"
    shell.terminal.print_now("\n".join(dialog.introduction) + "\n")
    lines: list[str] = []
    try:
        # Only a line that is the word and nothing else ends it; whatever stands behind the word makes it one more
        # line of the chain.
        while (line := await shell.terminal.read_line(dialog.prompt)) != dialog.terminator:
            if len(lines) <= _MOST_LINES:
                lines.append(line)
    except InterruptedLineError:
        return ""
    if len(lines) > _MOST_LINES:
        return f"Error: a chain has at most {_MOST_LINES} lines"
    return assign(shell, "certchain", "\n".join(lines).strip())


@COMMANDS.add("show trustpoint [detail]", "security", help_="Show system information")
@COMMANDS.add("show trustpoint <name> [detail]", "security", help_="Show system information")
@COMMANDS.add("show [detail]", "trustpoint", help_="Show system information")
@COMMANDS.add("show trustpoint [detail]", "trustpoint", help_="Show system information")
def _show(shell: FxosSession, typed: Typed) -> str:
    # What waits in a buffer is not there yet.
    tree = shell.machine.tree
    if name := typed.values.get("name"):
        paths: tuple[Path, ...] = ((*SECURITY, Name(_KIND, name)),)
        if not tree.holds(paths[0]):
            return error("missing")
    elif shell.mode == _KIND and not typed.has(_KIND):
        paths = (shell.path,) if tree.holds(shell.path) else ()
    else:
        paths = tree.below(SECURITY, _KIND)
    now = shell.machine.clock.now()
    blocks = [_listed(path[-1].name, tree.get(path, "certchain"), typed.has("detail"), now) for path in paths]
    return "\n\n".join(blocks)


def _listed(name: str, chain: str, detail: bool, now: datetime) -> str:
    shown = ChassisTrustpoint(
        name=Seen(name), status=Seen(status(certificates(chain), now)) if detail else None
    )
    return screen.render(shown, chain if detail else "")


def status(chain: tuple[Certificate, ...], now: datetime) -> str:
    """What a listing says of a chain at a moment."""
    if not chain:
        return "Empty Cert"
    if any(now > each.not_after for each in chain):
        return "Expired"
    return "Failed to verify" if any(now < each.not_before for each in chain) else "Valid"
