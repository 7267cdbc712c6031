"""What a person typed, with the mode it was typed in: where a repair was made tells whether it could help.

Secrets in a command are masked before anything else sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anchorwatch.devices.redaction import redact
from anchorwatch.devices.span import NOWHERE, Span
from anchorwatch.devices.transcript import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One command: in full words, `mode` and `scope` as the prompt showed them, both mostly empty.

    `pending` says that the prompt was starred: changes of an FXOS waited to be committed. `unit` is ``primary`` or
    ``secondary``, `state` ``active`` or ``standby``, empty where the prompt does not tell.
    """

    command: str
    mode: str = ""
    scope: str = ""
    context: str = ""
    unit: str = ""
    state: str = ""
    pending: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


def of(block: Block) -> Typed | None:
    """What was typed to open a block; None where no prompt was seen or nothing stood behind it."""
    prompt, echo = block.prompt, block.echo
    if prompt is None or echo is None or not (block.command or prompt.scope):
        return None
    where = echo.whole
    shown = Span(source=where.source, line=where.line, column=where.column, text=redact(where.text).text)
    return Typed(
        command=redact(block.command).text,
        mode=prompt.mode,
        scope=prompt.scope,
        context=prompt.context,
        unit=prompt.unit,
        state=prompt.state,
        pending=prompt.scope.endswith("*"),
        span=shown,
    )
