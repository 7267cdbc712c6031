"""`anchorwatch lab`: a town on this machine, with firewalls one can ssh to and a portal whose CA moves."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from anchorwatch.base.schema import Schema, write
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import (
    ASKED_WRONGLY,
    COULD_NOT_LOOK,
    TROUBLE,
    fail,
    hint,
    printable,
    say,
    say_document,
    table,
)

__all__ = ["HERE", "FolderOption", "app", "ask", "minute", "story_text", "tell", "told"]

SCHEMA = Schema("lab-status", 1)
FOLDER = "ANCHORWATCH_LAB"
HERE = Path("lab")
_SOON = 20
_KEYS = 64 * 1024

app = typer.Typer(
    name="lab",
    no_args_is_help=True,
    help="A town on this machine: firewalls one can ssh to, a portal whose CA moves, and a clock one can turn.",
)

FolderOption = Annotated[
    Path, typer.Option("--folder", "-d", envvar=FOLDER, help="The lab's folder: all it knows is kept there.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


# --- up and down ----------------------------------------------------------------------------------------------


@app.command()
def up(
    story: Annotated[
        str | None,
        typer.Option(
            "--story", metavar="STORY", help="2016, 2018, 2022, or a file of one's own. [default: 2018]"
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option("--devices", metavar="N", min=1, max=5000, help="How many; else those of the story."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen", metavar="ADDRESS", help="Let others in by SSH, at this address of the machine."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port of SSH; 0 takes a free one.")
    ] = 2222,
    folder: FolderOption = HERE,
    keys: Annotated[
        str | None,
        typer.Option("--authorized-keys", metavar="FILE", help="Public keys that may log in, too."),
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay here, and end with Ctrl-C.")] = False,
) -> None:
    """Start the lab, or go on with the one in that folder.

    \b
    Examples:
      anchorwatch lab up
      anchorwatch lab up --story 2016 --folder incident
      anchorwatch lab up --story mine.toml --devices 200
      anchorwatch lab up --listen 192.0.2.7 --port 2200

    A lab that was killed goes on where it was, as a virtual machine does from its snapshot. It answers on loopback only,
    unless --listen names an address: then every device gets a port of its own, from --port on.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import lodging

    if sys.platform == "win32":
        fail("the lab needs Linux or macOS", COULD_NOT_LOOK)
    if listen is not None and not _is_address(listen):
        fail(f"{printable(listen)} is no address of a machine", ASKED_WRONGLY)
    folder = folder.absolute()
    with told():
        if _running(folder):
            fail(
                f"a lab is at work in {printable(str(folder))} already",
                TROUBLE,
                "`anchorwatch lab status` shows it",
            )
        _prepare(folder, story, devices, listen, port, keys)
        if foreground:
            _stay(folder)
            return
        status = _started(folder)
        _show(status, lodging.login(folder).user)
        if status["listen"] != "loopback":
            say(
                f"Others can reach these devices at {printable(status['listen'])}: who has the password comes in."
            )
        _advise(status, folder)


def _prepare(
    folder: Path, story: str | None, devices: int | None, listen: str | None, port: int, keys: str | None
) -> None:
    """Make the folder, or see that what was asked for is what is there."""
    from anchorwatch.lab import lodging

    terms = lodging.LabTerms(count=devices, port=port, listen=listen or "")
    if not lodging.exists(folder):
        lodging.establish(folder, story_text(story or "2018"), terms, keys=_public_keys(keys))
        return
    if story is not None and story_text(story) != lodging.story_text(folder):
        fail(
            f"the lab in {printable(str(folder))} tells another story",
            TROUBLE,
            "without --story it goes on; another --folder begins anew",
            "`anchorwatch lab down --erase` ends it for good",
        )
    before = lodging.terms(folder)
    if devices is not None and devices != before.count:
        fail("the number of devices of a lab does not change", TROUBLE, "another --folder begins anew")
    lodging.keep_terms(folder, lodging.LabTerms(count=before.count, port=port, listen=listen or ""))


def story_text(story: str) -> str:
    """A story of the package or of a file, as it is written."""
    from anchorwatch.lab import story_file

    if story in story_file.names():
        return story_file.text_of(story)
    if not story.endswith(".toml") and not Path(story).exists():
        listed = ", ".join(story_file.names())
        fail(f"there is no story {printable(story)}; there are {listed}, or a file of yours", ASKED_WRONGLY)
    return story_file.read_file(Path(story))


def _public_keys(name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        text = read_bounded(name, _KEYS).decode("utf-8", "replace")
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _stay(folder: Path) -> None:
    import logging

    from anchorwatch.lab.service import LabService

    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("anchorwatch.lab").setLevel(logging.INFO)
    LabService(folder).run()


def _started(folder: Path) -> dict[str, Any]:
    """Start the lab and wait for it, saying how far it is; where it does not come up, the program ends."""
    # Here, because only `up` starts a lab.
    from anchorwatch.cli.lab_process import NotStartedError, await_ready, spawn
    from anchorwatch.lab import lodging

    try:
        return await_ready(folder, spawn(folder), lambda text: say(f"… {printable(text)}", err=True))
    except NotStartedError as error:
        log = printable(str(folder / lodging.LOG))
        fail(printable(str(error)), COULD_NOT_LOOK, f"its log is {log}")


@app.command(hidden=True)
def serve(folder: FolderOption = HERE) -> None:
    """Be the lab of a folder, until told to end: what `lab up` starts."""
    with told():
        _stay(folder.absolute())


@app.command()
def down(
    folder: FolderOption = HERE,
    erase: Annotated[bool, typer.Option("--erase", help="Also remove all that the lab knows.")] = False,
) -> None:
    """End the lab. Unsaved configurations are kept, as of a virtual machine that is suspended.

    \b
    Examples:
      anchorwatch lab down
      anchorwatch lab down --erase
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import control, lodging

    folder = folder.absolute()
    with told():
        running = _running(folder)
        if running:
            control.ask(folder, {"do": "down"})
            _await_end(folder)
            say("the lab has ended")
        if erase:
            lodging.erase(folder)
            say(f"{printable(str(folder))} is gone")
        elif not running:
            fail(f"no lab is at work in {printable(str(folder))}", TROUBLE)
        else:
            hint("`anchorwatch lab up` goes on where it was")


def _await_end(folder: Path) -> None:
    from anchorwatch.lab import lodging

    end = time.monotonic() + _SOON
    while (folder / lodging.PID).exists() and time.monotonic() < end:
        time.sleep(0.05)


def _running(folder: Path) -> bool:
    from anchorwatch.lab import lodging

    try:
        process = int((folder / lodging.PID).read_text(encoding="ascii"))
        os.kill(process, 0)
    except (OSError, ValueError):
        return False
    return _is_locked(folder)


def _is_locked(folder: Path) -> bool:
    """Whether somebody holds the folder: a process of that number may be anybody's."""
    from anchorwatch.agent.error import FolderRefusedError, FolderTakenError
    from anchorwatch.agent.lock import Lock
    from anchorwatch.lab import lodging

    try:
        Lock(folder / lodging.LOCK).release()
    except FolderTakenError:
        return True
    except FolderRefusedError:
        return False
    return False


# --- looking --------------------------------------------------------------------------------------------------


@app.command()
def status(
    folder: FolderOption = HERE,
    show_passwords: Annotated[
        bool, typer.Option("--show-passwords", help="Also show how to log in, passwords included.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the devices, the portal, the time, and what is to come.

    \b
    Examples:
      anchorwatch lab status
      anchorwatch lab status --show-passwords
      anchorwatch lab status --json
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import lodging

    folder = folder.absolute()
    with told():
        found = ask(folder, {"do": "status"})
        login = lodging.login(folder)
    if as_json:
        say_document(write(SCHEMA, found))
        return
    _show(found, login.user)
    if show_passwords:
        say()
        say(f"user {login.user}, password {login.password.reveal()}, enable password {login.enable.reveal()}")
    tell("happened", found["happened"])
    tell("to come", found["coming"])


def _show(found: Mapping[str, Any], user: str) -> None:
    say(
        f"{printable(found['title'])} (story {printable(found['story'])}): it is {minute(found['now'])}, "
        f"{printable(found['portal'])} shows the chain “{printable(found['chain'])}”."
    )
    say()
    rows = []
    for each in found["devices"]:
        state = _state(each) if each["on"] else f"is switched on at {minute(each['since'])}"
        rows.append(
            (
                printable(each["name"]),
                printable(f"{each['model']} {each['version']}"),
                printable(state),
                printable(" ".join(each["faults"]) or "-"),
                f"ssh -p {each['port']} {user}@{printable(each['address'])}",
            )
        )
    table(("device", "software", "licence", "broken", "ssh"), rows)


def _state(device: Mapping[str, Any]) -> str:
    said = f"{device['registration']}, {device['authorization']}"
    return f"{said}: {device['failure']}" if device["failure"] else said


def _advise(found: Mapping[str, Any], folder: Path) -> None:
    from anchorwatch.lab import lodging

    first = next((each for each in found["devices"] if each["on"]), None)
    where = "" if folder == HERE.absolute() else f" --folder {printable(str(folder))}"
    say()
    say(
        f"The password is in {printable(str(folder / lodging.LOGIN))}; `lab status --show-passwords{where}` shows it."
    )
    if first is not None:
        say(
            f"No questions about host keys:  ssh -F {printable(str(folder / lodging.SSH_CONFIG))} {first['name']}"
        )
    if found["coming"]:
        say(f"Next: {printable(found['coming'][0]['said'])}, at {minute(found['coming'][0]['at'])}.")
        say(f"  anchorwatch lab clock advance --to-next-event{where}")
    say(f"  anchorwatch lab token{where}            an ID token, to register a device with")
    say(f"  anchorwatch lab break dns{where}        something to diagnose")
    say(f"  anchorwatch lab down{where}")


def tell(head: str, happenings: list[Mapping[str, Any]]) -> None:
    """Print what happens in a town, below a head; nothing where nothing does."""
    if happenings:
        say()
        say(f"{head}:")
    for each in happenings:
        say(f"  {minute(each['at'])}  {printable(each['said'])}")


def minute(moment: str) -> str:
    """A moment of an answer, to the minute."""
    found = datetime.fromisoformat(moment)
    return f"{found:%Y-%m-%d %H:%M} UTC"


@app.command()
def log(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Which one.")],
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=10_000, help="How many lines.")] = 50,
    folder: FolderOption = HERE,
) -> None:
    """Print what a device has logged, as it would.

    \b
    Examples:
      anchorwatch lab log asav-941
      anchorwatch lab log asav-941 --last 500 | anchorwatch diagnose -
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "log", "device": device})
    for line in found["lines"][-last:]:
        say(printable(line, longest=20_000))


# --- the means ------------------------------------------------------------------------------------------------


def ask(folder: Path, question: Mapping[str, Any], *, heard: Any = lambda _: None) -> dict[str, Any]:
    """Ask the lab of a folder; `heard` is told how far it is."""
    from anchorwatch.lab import control

    return control.ask(folder, question, told=heard)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """End with a sentence where the lab's rooms raise one: 3 what could not be reached, 1 what was refused."""
    from anchorwatch.lab import control, lodging
    from anchorwatch.lab.story import StoryError

    try:
        yield
    except control.NotRunningError as error:
        fail(printable(str(error)), COULD_NOT_LOOK, "`anchorwatch lab up` starts one")
    except StoryError as error:
        for mistake in error.mistakes[:-1]:
            say(f"error: {printable(mistake)}", err=True, style="red")
        fail(printable(error.mistakes[-1]), TROUBLE)
    except control.ControlError as error:
        fail(printable(str(error)), TROUBLE)
    except lodging.LodgingError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
