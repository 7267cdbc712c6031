"""From whatever an engineer saved to clean lines that know where they came from.

Captures arrive as console logs with pager marks and cursor movements, as mails with quotation marks, as web pages
turned into text with Markdown around the words, in any encoding and with any line ending.
None of that is the device's.
Here it is taken off, once, so that every parser sees the words the device printed, and the line numbers of the file
stay with them.
Nothing that leaves this module can move a terminal's cursor.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from itertools import pairwise

from anchorwatch.devices.span import Span

# A screen line is at most a few hundred characters; a longer one (a log without line ends) is cut into pieces so
# that no expression ever runs over megabytes.
LONGEST_LINE = 65_536

_ESCAPE = re.compile(
    r"\x1b\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"  # operating system commands: titles, links, clipboard
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"  # control sequences
    r"|\x1b[PX^_][^\x1b\n]{0,4096}(?:\x1b\\)?"  # device control, privacy and application strings
    r"|\x1b[ -/]{0,4}[0-~]?"
)
_PAGER = re.compile(
    r"<-{2,3} ?More ?-{2,3}>[ \x08]*|[ ]?-{2} ?More ?-{2}(?: \(or q\))?[ \x08]*", re.IGNORECASE
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_BREAK = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
_QUOTED = re.compile(r"^[ \t]?(?:>[ \t]?){1,8}")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$")
_LINK = re.compile(r"!?\[((?:[^\[\]\\]|\\.){1,300})\]\([^()\s]{0,500}\)")
_BOLD = re.compile(r"\*\*(?=[^\s*])([^*\n]{0,500}[^\s*])\*\*")
# Half of a pair whose other half was folded onto another line.
_STRAY_BOLD = re.compile(r"(?<!\*)\*\*(?=\w)|(?<=[\w.)])\*\*(?!\*)")
_MARKUP_ESCAPE = re.compile(r"\\([_*#`\[\]<>~|()!+.{}-])")
_MARKUP = re.compile(r"<(?:html|body|pre|div|table|!doctype)\b|<(?:p|br ?/?)>", re.IGNORECASE)
_HIDDEN_PARTS = re.compile(
    r"<(script|style|head)\b[^<>]{0,2000}>.{0,200000}?</\1\s{0,8}>|<!--.{0,20000}?-->",
    re.IGNORECASE | re.DOTALL,
)
_LINE_TAGS = re.compile(
    r"<br\b[^<>]{0,200}>|</?(?:p|div|li|tr|h[1-6]|pre|table|ul|ol|section|blockquote)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_OTHER_TAGS = re.compile(
    r"</?(?:html|body|a|b|i|u|em|strong|span|code|font|td|th|tbody|thead|img|meta|link|tt|kbd|samp|small|sup|sub|hr"
    r"|article|main|nav|header|footer|form|input|button|label|!doctype)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
# A time, a mark that a program puts behind it, and one blank: what follows is the device's own indentation.
_BEHIND = r"(?:[ \t]?[|:>-]{1,2}[ \t]?|[ \t])"
_STAMP = re.compile(
    r"^\s{0,4}[\[(]?\d{4}[-/.]\d{2}[-/.]\d{2}[T ]\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,6})?(?:Z|[+-]\d{2}:?\d{2})?[\])]?"
    rf"{_BEHIND}?"
    rf"|^\s{{0,4}}[\[(]?\d{{1,2}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,6}})?(?:[\])]{_BEHIND}?|{_BEHIND}|$)"
)
_NUMBERED = re.compile(r"^ {0,6}(\d{1,7})(?:[:.)] ?| ?\| ?|\t|  ?)")
# Blank lines part paragraphs; more than a few in a row say nothing more.
_MOST_BLANK = 3
_ENTITY = re.compile(r"&(?:nbsp|lt|gt|amp|quot|#39|#x27|#160);")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One clean line of an input: `number` from 1, `text` without line end, `offset` characters cut on the left.

    Pieces that shared one line of the file (separated by carriage returns) share its number.
    """

    source: str
    number: int
    text: str
    offset: int = 0

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The place of a part of this line; the words of the span are those of the part."""
        return Span(
            source=self.source,
            line=self.number,
            column=self.offset + start + 1,
            text=self.text[start:end].strip(),
        )

    @property
    def whole(self) -> Span:
        """The place of the whole line, from its first word on."""
        indent = len(self.text) - len(self.text.lstrip())
        return self.span(indent)


def decode(data: bytes) -> str:
    """Turn bytes into text; never fails: what is not UTF-8 or UTF-16 is read as Windows Latin."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", errors="replace")
    head = data[:4096]
    # Text of a Windows tool without a byte order mark: every second byte is zero.
    if len(head) >= 8 and head[1::2].count(0) > len(head) // 3:
        return data.decode("utf-16-le", errors="replace")
    if len(head) >= 8 and head[0::2].count(0) > len(head) // 3:
        return data.decode("utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def clean(text: str, source: str = "<text>") -> tuple[Line, ...]:
    """Cut a text into clean lines.

    Terminal escapes, pager marks, backspaces, mail quotation marks, Markdown and HTML entities are taken off.
    Lines that hold nothing else stay as empty lines (of a long run of empty lines only the first few do).
    """
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    if _MARKUP.search(text[:200_000]):
        text = _without_tags(text)
    prefix = _prefix_of(text)
    markdown = "```" in text or bool(_LINK.search(text[:200_000]))
    entities = bool(_ENTITY.search(text))
    lines: list[Line] = []
    blank = 0
    for number, whole in enumerate(text.split("\n"), start=1):
        cut = prefix.match(whole) if prefix else None
        left = cut.end() if cut else 0
        raw = whole[left:]
        blank = 0 if raw else blank + 1
        if blank > _MOST_BLANK:
            continue
        for piece in _pieces(raw):
            shown = piece
            if entities:
                shown = _ENTITY.sub(lambda found: html.unescape(found[0]), shown)
            if markdown:
                shown = _unmark(shown)
            shown = shown.replace("\xa0", " ").replace("\u3000", " ")
            lines.append(Line(source=source, number=number, text=shown.rstrip("\n"), offset=left))
    return tuple(_unquote(lines))


def _without_tags(text: str) -> str:
    """Take the tags off a page that was saved as it came; a tag that ends a line of the page becomes a line end.

    The new line ends are of a kind that does not count as a line of the file.
    """
    text = _HIDDEN_PARTS.sub(lambda found: "\n" * found[0].count("\n"), text)
    text = _LINE_TAGS.sub("\x0b", text)
    return _OTHER_TAGS.sub(lambda found: "\n" * found[0].count("\n"), text)


def _prefix_of(text: str) -> re.Pattern[str] | None:
    """What a program wrote before every line: a time, or numbers that count up; None where nothing is.

    A syslog file has times before every line too, but those are the device's: it is left alone.
    """
    head = [line for line in text[:20_000].split("\n") if line.strip()]
    if len(head) < 5 or sum("%" in line for line in head) > len(head) * 0.5:
        return None
    if sum(1 for line in head if _STAMP.match(line)) >= len(head) * 0.8:
        return _STAMP
    numbers = [int(found[1]) for line in head[:-1] if (found := _NUMBERED.match(line))]
    if len(numbers) == len(head) - 1 and all(after == before + 1 for before, after in pairwise(numbers)):
        return _NUMBERED
    return None


def _pieces(raw: str) -> list[str]:
    """What one line of the file shows on a screen, mostly one piece."""
    raw = raw.rstrip("\r")
    if raw.isascii() and raw.isprintable() and "More" not in raw:
        pieces = [raw]
    else:
        if "\x1b" in raw or "\x9b" in raw:
            raw = _ESCAPE.sub("", raw)
        raw = _PAGER.sub("", raw) if "ore" in raw or "ORE" in raw else raw
        pieces = [piece for piece in _BREAK.split(raw) if piece.strip()] or [""]
        pieces = [_CONTROL.sub("", _erase(piece)).replace("\t", " ") for piece in pieces]
    if all(len(piece) <= LONGEST_LINE for piece in pieces):
        return pieces
    return [
        piece[start : start + LONGEST_LINE]
        for piece in pieces
        for start in range(0, max(len(piece), 1), LONGEST_LINE)
    ]


def _erase(piece: str) -> str:
    """Apply backspaces; each takes the character before it."""
    if "\x08" not in piece:
        return piece
    kept: list[str] = []
    for character in piece:
        if character != "\x08":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


def _unmark(text: str) -> str:
    r"""Take Markdown off a line: fences, bold, links, escapes (but never the ``\,`` of a device)."""
    if _FENCE.match(text):
        return ""
    text = text.replace("```", "   ") if "```" in text else text
    text = _LINK.sub(lambda found: found[1], text)
    text = _STRAY_BOLD.sub("", _BOLD.sub(lambda found: found[1], text))
    return _MARKUP_ESCAPE.sub(lambda found: found[1], text)


def _unquote(lines: list[Line]) -> list[Line]:
    """Take mail quotation marks off runs of three lines and more.

    A shorter run is left alone: the FXOS prompts each pasted line with ``>``, and a lone ``>`` may be data.
    """
    quoted = [bool(_QUOTED.match(line.text)) for line in lines]
    if not any(quoted):
        return lines
    result = list(lines)
    start = 0
    while start < len(lines):
        if not quoted[start]:
            start += 1
            continue
        end = start
        while end < len(lines) and quoted[end]:
            end += 1
        if end - start >= 3:
            for index in range(start, end):
                line = lines[index]
                found = _QUOTED.match(line.text)
                cut = found.end() if found else 0
                result[index] = Line(
                    source=line.source, number=line.number, text=line.text[cut:], offset=line.offset + cut
                )
        start = end
    return result
