"""A text cut into command blocks: who was asked what, and what came back.

Three passes over clean lines, each linear.
First the notices that a device throws between other lines at any time (the two lines of an unlicensed ASAv) are
lifted out, even from the middle of an echo, and the echo is put together again.
Then syslog lines are set aside: they may stand anywhere, and they are events, not output.
Last, prompts (and the headings of `show tech-support`, and commands that stand alone on a line) open blocks.
Lines before the first prompt form a block without one: most files that people send hold no prompt at all.
Nothing is lost: every line is in a block, or among the notices, or among the logged lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from anchorwatch.devices import capture, prompt
from anchorwatch.devices.capture import Line
from anchorwatch.devices.prompt import Prompt
from anchorwatch.devices.rejoined import take_apart

_NAGS = (
    re.compile(r"Warning: ?ASAv? platform license state is Unlicensed\.?", re.IGNORECASE),
    re.compile(r"Install ASAv? platform license for full functionality\.?", re.IGNORECASE),
)
_TECH_HEADING = re.compile(r"^-{5,60} (?P<command>show [^-].{0,200}?) -{5,60}$")
LOGGED = re.compile(r"%[A-Z][A-Z0-9_]{1,40}(?:-[A-Za-z0-9_]{1,40}){0,3}-[0-7]-[A-Z0-9_]{2,60}\s?:")

# A message is at most this many screen lines long: the names of a certificate, folded by a narrow window.
_LONGEST_MESSAGE = 40
_NAMES_CERTIFICATE = re.compile(
    r"-7170(?:09|2[27-9]|3[01]|5[45])\s?:|serialnumber:|subjectname:", re.IGNORECASE
)
_OF_CERTIFICATE = re.compile(
    r"^(?:\.$|No |[\w ]*(?:suitable|trustpoint|serial|subject|issuer))|=", re.IGNORECASE
)
_LABELLED = re.compile(r"^\s*[A-Z][\w /()'-]{2,50}:(?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One command and what came back; `prompt` and `echo` are None for lines no prompt stands above.

    `typed` is what was typed, `command` the same in full words. `lines` excludes echo, notices and logged lines.
    """

    prompt: Prompt | None = None
    echo: Line | None = None
    typed: str = ""
    command: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def device(self) -> str:
        """The name of the device as its prompt shows it; empty where no prompt was seen."""
        return self.prompt.device if self.prompt else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Consecutive lines that start with a logged message; `owner` is the block they interrupted."""

    lines: tuple[Line, ...]
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One input, cut: blocks in order, logged lines in order, and the notices that were lifted out."""

    source: str
    blocks: tuple[Block, ...]
    logged: tuple[Logged, ...]
    notices: tuple[Line, ...]


def read(data: str | bytes, source: str = "<text>") -> Transcript:
    """Cut any text into command blocks; never fails, whatever the text is."""
    text = capture.decode(data) if isinstance(data, bytes) else data
    return split(tuple(take_apart(capture.clean(text, source))), source)


@dataclass(slots=True)
class _Open:
    """A block while its lines are gathered."""

    prompt: Prompt | None = None
    echo: Line | None = None
    typed: str = ""
    lines: list[Line] = field(default_factory=list)

    def close(self) -> Block:
        return Block(
            prompt=self.prompt,
            echo=self.echo,
            typed=self.typed,
            command=prompt.canonical(self.typed),
            lines=tuple(self.lines),
        )


def split(lines: Sequence[Line], source: str = "<text>") -> Transcript:
    """Cut clean lines into command blocks."""
    rest, notices = _lift_notices(lines)
    hosts = _hosts(rest)
    blocks: list[Block] = []
    logged: list[Logged] = []
    current = _Open()
    message_open = False  # whether the line above belongs to a logged message
    for line in rest:
        if "%" in line.text and LOGGED.search(line.text):
            logged.append(Logged(lines=(line,), device=current.prompt.device if current.prompt else ""))
            message_open = True
            continue
        opened = _opens(line, current, hosts)
        if message_open and opened is None and _continues(logged[-1].lines, line):
            before = logged[-1]
            logged[-1] = Logged(lines=(*before.lines, line), device=before.device)
            continue
        message_open = False
        if opened is None:
            current.lines.append(line)
        else:
            blocks.append(current.close())
            current = opened
    blocks.append(current.close())
    kept = tuple(block for block in blocks if block.echo or any(line.text.strip() for line in block.lines))
    return Transcript(source=source, blocks=kept, logged=tuple(logged), notices=tuple(notices))


def _continues(message: tuple[Line, ...], line: Line) -> bool:
    """Whether a line is the wrapped rest of the logged message above it.

    A message that names a certificate ends with a full stop and is continued until it does.
    Any other is continued only by a line that can be nothing else: below a line as wide as a screen, and neither a
    field nor a sentence of its own.
    """
    text = line.text.strip()
    if not text or len(message) >= _LONGEST_MESSAGE:
        return False
    above = message[-1].text.rstrip()
    so_far = "".join(part.text for part in message).replace(" ", "")
    if _NAMES_CERTIFICATE.search(so_far):
        if above.endswith(" .") or _LABELLED.match(text):
            return False
        return not above.endswith(".") or bool(_OF_CERTIFICATE.search(text))
    wide = len(message[0].text) >= 70 and len(message[0].text) >= len(above)
    return wide and not above.endswith((".", "!", ")", "}")) and (line.text[0] in " \t" or text[0].islower())


def _opens(line: Line, current: _Open, hosts: frozenset[str]) -> _Open | None:
    """The block that this line opens, or None."""
    text = line.text
    found = prompt.recognise(text)
    if found and (prompt.is_command(found.typed) or (not found.typed and found.host in hosts)):
        return _Open(prompt=found, echo=line, typed=found.typed)
    heading = _TECH_HEADING.match(text.strip()) if text.startswith("-----") else None
    if heading:
        return _Open(prompt=current.prompt, echo=line, typed=heading["command"])
    if text[:2].lower() == "sh" and len(text) < 120 and text.rstrip()[-1:] not in ".:;,":
        full = prompt.canonical(text)
        if full.startswith("show ") and len(full.split()) <= 8 and _KNOWN_SHOW.match(full):
            return _Open(prompt=current.prompt, echo=line, typed=text.strip())
    return None


# A command that stands alone on a line, without a prompt, must be one we know the output of: prose starts with
# "show" too.
_KNOWN_SHOW = re.compile(
    r"show (?:license|crypto (?:ca|pki)|running-config|version|clock|ntp|dns|call-home|logging|tech|trustpoint"
    r"|failover|mode|hosts)(?: [\w./-]+){0,6}$"
)


def _hosts(lines: Iterable[Line]) -> frozenset[str]:
    """Names that were seen as a prompt with a command behind it."""
    hosts = set()
    for line in lines:
        found = prompt.recognise(line.text)
        if found and found.typed and prompt.is_command(found.typed):
            hosts.add(found.host)
    return frozenset(hosts)


def _lift_notices(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Take the unlicensed device's two lines out, and put together the echo that they broke."""
    rest: list[Line] = []
    notices: list[Line] = []
    broken: Line | None = None  # a prompt line whose echo was interrupted
    for line in lines:
        text = line.text
        cut = None
        if "platform license" in text:
            for nag in _NAGS:
                found = nag.search(text)
                if found:
                    notices.append(
                        Line(source=line.source, number=line.number, text=found[0], offset=line.offset)
                    )
                    text = text[: found.start()] + text[found.end() :]
                    cut = found
        if cut is not None:
            if text.strip() == "":
                if broken is None and rest and _half_typed(rest[-1].text):
                    broken = rest[-1]
                continue
            line = Line(source=line.source, number=line.number, text=text, offset=line.offset)
            rest.append(line)
            if _half_typed(text):
                broken = line
            continue
        if broken is not None and rest and rest[-1] is broken and text.strip():
            whole = broken.text + text
            found_prompt = prompt.recognise(whole)
            if found_prompt and prompt.recognise(text) is None and _completes(broken.text, text):
                rest[-1] = Line(source=broken.source, number=broken.number, text=whole, offset=broken.offset)
                broken = None
                continue
            broken = None
        rest.append(line)
    return rest, notices


def _half_typed(text: str) -> bool:
    """Whether a line is a prompt with something typed or nothing typed yet."""
    return prompt.recognise(text) is not None


def _completes(first: str, second: str) -> bool:
    """Whether `second` continues the command begun on `first`.

    The word that was cut must become one we know, and every word behind it must be one too: a line that starts
    the command's output has neither.
    """
    if len(second) > 120:
        return False
    joined = prompt.recognise(first + second)
    half = prompt.recognise(first)
    if joined is None or half is None or not prompt.is_command(joined.typed):
        return False
    new = joined.typed[len(half.typed) :].split()
    if new and not second.startswith(" ") and half.typed:
        new[0] = (half.typed.split() or [""])[-1] + new[0]
    known = prompt.known_words()
    return bool(new) and all(word.lower() in known for word in new)
