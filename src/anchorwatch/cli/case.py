"""`anchorwatch case`: hand a case to a colleague or to support without handing over a secret."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from typing import Annotated

import typer

from anchorwatch.base.schema import write
from anchorwatch.cli.capture_file import load_captures
from anchorwatch.cli.file import FileTroubleError, write_atomically
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, fail, hint, printable, say
from anchorwatch.doctor import case_file
from anchorwatch.doctor.diagnosis import Report, diagnose
from anchorwatch.doctor.document import SCHEMA, document

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Keep, mask and hand over what devices printed.")

ZIP_HELP = """Make an archive for support: the input with every secret masked, the diagnosis, the page.

\b
Examples:
  anchorwatch case zip console.log show-tech.txt --output asa1.zip
  anchorwatch case zip asa1.case.json --output asa1.zip

Look through it before you send it: what masks secrets knows the devices' grammar, not your naming habits.
"""
MASK_HELP = """Print what a device printed with every secret masked, line for line.

\b
Examples:
  anchorwatch case mask running-config.txt > to-send.txt
"""
# The oldest time a ZIP can hold: two archives of one case are equal, byte for byte.
_TIME = (1980, 1, 1, 0, 0, 0)

Files = Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="Files, folders, or `-`.")]


@app.command("zip", help=ZIP_HELP)
def zip_command(
    files: Files = None,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The archive.")] = "case.zip",
    force: Annotated[bool, typer.Option("--force", help="Replace an archive of that name.")] = False,
) -> None:
    """Write the archive, whole or not at all."""
    report = _report(files)
    try:
        write_atomically(output, archive(report), replace=force)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    say(printable(f"{output}: {len(report.inputs)} inputs, masked, and their diagnosis"))
    hint("look through inputs/ before you send it")


@app.command("mask", help=MASK_HELP)
def mask_command(files: Files = None) -> None:
    """Print the masked inputs, one after the other."""
    for _, text in _report(files).inputs:
        sys.stdout.write(text)


def _report(files: list[str] | None) -> Report:
    if not files:
        fail("no file is given", ASKED_WRONGLY)
    captures = load_captures(files)
    return diagnose(captures.inputs, at=captures.asked_at)


def archive(report: Report) -> bytes:
    """The archive's bytes: equal for equal reports."""
    from anchorwatch.web import report as page

    files = {
        "README.txt": (
            "Made by `anchorwatch case zip`. inputs/ holds what the devices printed, with every secret masked;\n"
            "report.html is the diagnosis to read, diagnosis.json the same for programs; case.json can be diagnosed\n"
            "again with `anchorwatch diagnose case.json`.\n"
        ),
        "case.json": case_file.to_text(report.inputs, None),
        "diagnosis.json": write(SCHEMA, document(report)),
        "report.html": page.render(report),
    }
    for number, (name, text) in enumerate(report.inputs, 1):
        files[f"inputs/{number:02d}-{_safe(name)}"] = text
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, date_time=_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, text.encode("utf-8", "replace"))
    return buffer.getvalue()


def _safe(name: str) -> str:
    """The last part of a name with nothing in it that a file system or a person could trip over."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._")[:80] or "input"
