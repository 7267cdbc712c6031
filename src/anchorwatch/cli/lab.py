"""`anchorwatch lab`: a town on this machine, with firewalls one can ssh to and a portal whose CA moves."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from anchorwatch.base.schema import Schema, write
from anchorwatch.cli.file import FileTroubleError, read_bounded, write_atomically
from anchorwatch.cli.moment import parse_moment
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

__all__ = ["app"]

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
clock_app = typer.Typer(name="clock", no_args_is_help=True, help="The town's clock.")
app.add_typer(clock_app)

FolderOption = Annotated[
    Path, typer.Option("--folder", "-d", envvar=FOLDER, help="The lab's folder: all it knows is kept there.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DeviceArgument = Annotated[
    str | None,
    typer.Argument(metavar="[DEVICE]", help="One device; all of them without.", show_default=False),
]


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
    with _told():
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
        child = _spawn(folder)
        status = _await_ready(folder, child)
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
        lodging.establish(folder, _story_text(story or "2018"), terms, keys=_public_keys(keys))
        return
    if story is not None and _story_text(story) != lodging.story_text(folder):
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


def _story_text(story: str) -> str:
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


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    """Start the lab as a process of its own that outlives this one."""
    from anchorwatch.lab import lodging

    log = os.open(folder / lodging.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "anchorwatch", "lab", "serve", "--folder", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(log)


def _await_ready(folder: Path, child: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait until the lab can be used, saying how far it is."""
    from anchorwatch.lab import control

    def told(text: str) -> None:
        say(f"… {printable(text)}", err=True)

    end = time.monotonic() + _SOON
    while time.monotonic() < end and child.poll() is None:
        try:
            return control.ask(folder, {"do": "wait"}, told=told)
        except control.NotRunningError:
            time.sleep(0.05)
        except control.RefusedError as error:
            fail(f"the lab did not start: {printable(str(error))}", COULD_NOT_LOOK)
        except control.ControlError:
            break
    return _not_started(folder)


def _not_started(folder: Path) -> NoReturn:
    from anchorwatch.lab import lodging

    log = folder / lodging.LOG
    last = ""
    with contextlib.suppress(OSError, IndexError):
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1]
    fail(
        f"the lab did not start: {printable(last) or 'it said nothing'}",
        COULD_NOT_LOOK,
        f"its log is {printable(str(log))}",
    )


@app.command(hidden=True)
def serve(folder: FolderOption = HERE) -> None:
    """Be the lab of a folder, until told to end: what `lab up` starts."""
    with _told():
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
    with _told():
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
    with _told():
        found = _ask(folder, {"do": "status"})
        login = lodging.login(folder)
    if as_json:
        say_document(write(SCHEMA, found))
        return
    _show(found, login.user)
    if show_passwords:
        say()
        say(f"user {login.user}, password {login.password.reveal()}, enable password {login.enable.reveal()}")
    _tell("happened", found["happened"])
    _tell("to come", found["coming"])


def _show(found: Mapping[str, Any], user: str) -> None:
    say(
        f"{printable(found['title'])} (story {printable(found['story'])}): it is {_minute(found['now'])}, "
        f"{printable(found['portal'])} shows the chain “{printable(found['chain'])}”."
    )
    say()
    rows = []
    for each in found["devices"]:
        state = _state(each) if each["on"] else f"is switched on at {_minute(each['since'])}"
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
        say(f"Next: {printable(found['coming'][0]['said'])}, at {_minute(found['coming'][0]['at'])}.")
        say(f"  anchorwatch lab clock advance --to-next-event{where}")
    say(f"  anchorwatch lab token{where}            an ID token, to register a device with")
    say(f"  anchorwatch lab break dns{where}        something to diagnose")
    say(f"  anchorwatch lab down{where}")


def _tell(head: str, happenings: list[Mapping[str, Any]]) -> None:
    if happenings:
        say()
        say(f"{head}:")
    for each in happenings:
        say(f"  {_minute(each['at'])}  {printable(each['said'])}")


def _minute(moment: str) -> str:
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
    with _told():
        found = _ask(folder.absolute(), {"do": "log", "device": device})
    for line in found["lines"][-last:]:
        say(printable(line, longest=20_000))


# --- doing ----------------------------------------------------------------------------------------------------


@clock_app.command("show")
def show_clock(folder: FolderOption = HERE) -> None:
    """Say what time it is in the town, and what is to come.

    \b
    Examples:
      anchorwatch lab clock show
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        found = _ask(folder.absolute(), {"do": "status"})
    say(_minute(found["now"]))
    _tell("to come", found["coming"])


@clock_app.command()
def advance(
    span: Annotated[
        str | None, typer.Argument(metavar="[SPAN]", help="How far: 90d, 12h, 3d12h.", show_default=False)
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Until when, in UTC.")] = None,
    to_next_event: Annotated[
        bool, typer.Option("--to-next-event", help="Until the next thing that the story holds.")
    ] = False,
    folder: FolderOption = HERE,
) -> None:
    """Let time pass quickly: renewals, imports and expiries happen at their moments, and so does the story.

    \b
    Examples:
      anchorwatch lab clock advance 90d
      anchorwatch lab clock advance --to 2018-10-09T12:00
      anchorwatch lab clock advance --to-next-event
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    if (span is not None) + (to is not None) + to_next_event != 1:
        fail("say how far: a span, --to DATE, or --to-next-event", ASKED_WRONGLY)
    question: dict[str, Any] = {"do": "advance"}
    if span is not None:
        question["span"] = _span(span)
    if to is not None:
        try:
            question["to"] = parse_moment(to).isoformat()
        except ValueError as error:
            fail(printable(str(error)), ASKED_WRONGLY)
    with _told(), _progress() as told:
        found = _ask(folder.absolute(), question, told=told)
    say(_minute(found["now"]))
    _tell("happened", found["happened"])
    _tell("to come", found["coming"])


def _span(text: str) -> str:
    from anchorwatch.lab.span import SpanError, parse_span

    try:
        if parse_span(text).total_seconds() < 0:
            fail("time does not go back in a town", ASKED_WRONGLY)
    except SpanError as error:
        fail(printable(str(error)), ASKED_WRONGLY)
    return text


@contextlib.contextmanager
def _progress() -> Iterator[Any]:
    """A line on a terminal that says how far it is; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: typer.echo(f"\r… {printable(text)}", nl=False, err=True)
    finally:
        typer.echo("\r              \r", nl=False, err=True)


@app.command()
def migrate(
    chain: Annotated[
        str | None, typer.Argument(metavar="[CHAIN]", help="A chain of the story; the next one without.")
    ] = None,
    folder: FolderOption = HERE,
) -> None:
    """Let the portal move to another CA now.

    \b
    Examples:
      anchorwatch lab migrate
      anchorwatch lab migrate old
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        found = _ask(folder.absolute(), {"do": "migrate", "chain": chain})
    say(f"the portal shows the chain “{printable(found['chain'])}” from the next connection on")


@app.command()
def publish(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="An issue of the story's bundle.")],
    folder: FolderOption = HERE,
) -> None:
    """Serve another issue of the signed bundle.

    \b
    Examples:
      anchorwatch lab publish 2017
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        _ask(folder.absolute(), {"do": "publish", "bundle": bundle})
    say(f"the bundle “{printable(bundle)}” is served")


@app.command("break")
def break_(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What to break; `lab faults` lists it.")],
    device: DeviceArgument = None,
    folder: FolderOption = HERE,
) -> None:
    """Break something around one device or all of them.

    \b
    Examples:
      anchorwatch lab break dns
      anchorwatch lab break tls-inspection asav-982
      anchorwatch lab break port80 fpr2110-open
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        found = _ask(folder.absolute(), {"do": "break", "fault": what, "device": device})
    say(printable(found["meaning"]))
    _changed(found["changed"], "it was broken before")


@app.command()
def mend(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What to mend.")],
    device: DeviceArgument = None,
    folder: FolderOption = HERE,
) -> None:
    """Mend what was broken around one device or all of them.

    \b
    Examples:
      anchorwatch lab mend dns
      anchorwatch lab mend port80 fpr2110-blocked
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        found = _ask(folder.absolute(), {"do": "mend", "fault": what, "device": device})
    _changed(found["changed"], "it was whole before")


def _changed(names: list[str], otherwise: str) -> None:
    if not names:
        say(f"nothing changes: {otherwise}")
        return
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    say(f"for {printable(', '.join(names[:8]))}{more}")


@app.command()
def faults() -> None:
    """List what can be broken.

    \b
    Examples:
      anchorwatch lab faults
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab.network import Fault

    table(("fault", "meaning"), [(each.value, each.meaning) for each in Fault])


@app.command()
def token(folder: FolderOption = HERE) -> None:
    """Make an ID token for the town's portal and show it, to be pasted at a device.

    \b
    Examples:
      anchorwatch lab token
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        found = _ask(folder.absolute(), {"do": "token"})
    say(printable(found["token"]))


@app.command("export-catalogue")
def export_catalogue(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, made where it is not there.")],
    folder: FolderOption = HERE,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write the town's CAs, its signed bundles and whom its devices pin, for `diagnose`, `judge` and `bundle verify`.

    \b
    Examples:
      anchorwatch lab export-catalogue town
      anchorwatch diagnose console.log --catalogue town/cas.pem
      anchorwatch bundle verify town/bundle-2017.p7b --pin "$(cat town/pin.txt)"

    The town's CAs carry well-known names and are not the well-known ones; a plan says so where it meets them.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        found = _ask(folder.absolute(), {"do": "catalogue"})
    files = {"cas.pem": "".join(found["certificates"]).encode("ascii")}
    files["pin.txt"] = "".join(f"{each}\n" for each in found["pins"]).encode("ascii")
    files |= {f"bundle-{code}.p7b": bytes.fromhex(octets) for code, octets in found["bundles"].items()}
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, octets in files.items():
            write_atomically(str(into / name), octets, replace=force)
    except (FileTroubleError, OSError) as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    say(
        f"{len(found['certificates'])} CAs, {len(found['bundles'])} bundles and the pin are in {printable(str(into))}"
    )


# --- stories --------------------------------------------------------------------------------------------------


@app.command()
def stories() -> None:
    """List the stories there are.

    \b
    Examples:
      anchorwatch lab stories
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import story_file

    rows = []
    for name in story_file.names():
        told = story_file.load(name)
        rows.append((name, told.title, f"{told.starts:%Y-%m-%d}", str(len(told.devices))))
    table(("story", "title", "starts", "devices"), rows, right=(3,))


@app.command()
def story(
    name: Annotated[str, typer.Argument(metavar="STORY", help="A story of `lab stories`.")],
) -> None:
    """Print a story as it is written, to begin one's own with.

    \b
    Examples:
      anchorwatch lab story 2018 > mine.toml
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with _told():
        typer.echo(_story_text(name), nl=False)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A story of one's own.")],
) -> None:
    """Say what is wrong with a story, all of it at once.

    \b
    Examples:
      anchorwatch lab check mine.toml

    Exit status: 0 it can be told, 1 it cannot, 3 the file cannot be read.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import story_file
    from anchorwatch.lab.story import StoryError

    try:
        text = story_file.read_file(file)
    except StoryError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    with _told():
        told = story_file.read(text)
    say(
        f"{printable(told.title)}: {len(told.devices)} devices, {len(told.chains)} chains, "
        f"{len(told.bundles)} bundles, {len(told.events)} events, from {told.begins:%Y-%m-%d}"
    )


# --- the means ------------------------------------------------------------------------------------------------


def _ask(folder: Path, question: Mapping[str, Any], *, told: Any = lambda _: None) -> dict[str, Any]:
    from anchorwatch.lab import control

    return control.ask(folder, question, told=told)


@contextlib.contextmanager
def _told() -> Iterator[None]:
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
