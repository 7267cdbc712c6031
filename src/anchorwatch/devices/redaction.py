"""Secrets taken out of whatever a device printed, before anything is shown or saved.

A secret becomes four dots (`base.secret.DOTS`); nothing before it on its line moves, no line is added or lost, so
that a place quoted as line and column stays true.
Masking masked text changes nothing.
Public things stay: certificates, public keys, fingerprints, serial numbers, names of users.

Lines are read in order, with a little memory, because a token of 130 characters is folded by terminals and mails:
a value that runs into the end of a wide line goes on below it; a private key goes on until its end line; a token may
stand alone on two to four lines, with no word near it that tells what it is.
The rules are in `secret_grammar`. Time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from anchorwatch.base.secret import DOTS
from anchorwatch.devices import secret_grammar as grammar
from anchorwatch.devices.secret_grammar import Kind

# A line that ends in a value and is narrower was not folded there. A token is longer than any line, so the line that
# ends in one may be a narrow one.
_FOLDED_WIDTH = 72
_FOLDED_TOKEN_WIDTH = 40
# The shortest ID token seen has 100 characters, the longest 130; with room for other portals.
_SHORTEST_TOKEN = 90
_LONGEST_TOKEN = 260
_TOKEN_LINES = 4
# Lines that a device prints between the command that asks for a PKCS#12 and the first line of it.
_BLOB_INTRODUCTION = 6

_LINE_BREAKS = re.compile("([\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]+)")
_ESCAPES = re.compile(r"%([0-9A-Fa-f]{2})")
_BASE64_ESCAPES = frozenset({"0A", "0D", "3D", "2B", "2F"})
_CLOSING = "'\"`,;)}]\\"


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets, and how many of each kind were masked in it now (none twice)."""

    text: str
    counts: Mapping[Kind, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def redact(text: str) -> Redacted:
    """Mask every secret in a text; its lines keep their numbers, and what stands before a secret its columns."""
    counts: Counter[Kind] = Counter()
    return Redacted(
        "\n".join(redact_lines(text.split("\n"), counts)),
        {kind: count for kind, count in counts.items() if count},
    )


def redact_lines(lines: Iterable[str], counts: Counter[Kind] | None = None) -> Iterator[str]:
    """The same for lines in order, one out for each one in, at most four behind; `counts` is added to."""
    reader = _Reader(counts if counts is not None else Counter())
    for line in lines:
        yield from reader.take(line)
    yield from reader.close()


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    kind: Kind


@dataclass(slots=True)
class _Reader:
    """What must be remembered from line to line."""

    counts: Counter[Kind]
    held: deque[str] = field(
        default_factory=deque
    )  # lines that may be a token standing alone, not yet given out
    barred: bool = False  # too many such lines in a row: a certificate without its first line, not a token
    in_private: bool = False
    counted: bool = False  # the private key one is inside of
    in_public: bool = False
    blob_within: int = 0  # lines left in which a pasted PKCS#12 may begin; -1 inside one
    unfinished: Kind | None = None  # the value that ran into the end of the line above
    awaited: str | None = (
        None  # the rest of the word "idtoken", cut by the end of the line above; "" for none
    )

    def take(self, line: str) -> Iterator[str]:
        alone = self._may_stand_alone(line)
        if alone and not self.barred:
            self.held.append(line)
            if len(self.held) > _TOKEN_LINES:
                self.barred = True
                yield from self._release()
            return
        yield from self._release()
        if not alone:
            self.barred = False
        yield self._line(line)

    def close(self) -> Iterator[str]:
        yield from self._release()

    def _may_stand_alone(self, line: str) -> bool:
        if (
            self.in_private
            or self.in_public
            or self.unfinished
            or self.awaited is not None
            or self.blob_within
        ):
            return False
        match = grammar.TOKEN_LINE.match(line) if len(line) <= _LONGEST_TOKEN else None
        if match is None:
            return False
        if not self.held:
            return len(match["s"]) >= 20
        # A terminal folds at one width: behind a shorter line something else begins.
        first, above = (grammar.TOKEN_LINE.match(other) for other in (self.held[0], self.held[-1]))
        return bool(first and above and len(first["s"]) == len(above["s"]) >= len(match["s"]))

    def _release(self) -> Iterator[str]:
        held = tuple(self.held)
        self.held.clear()
        for count in range(len(held), 1, -1) if not self.barred else ():
            pieces = [grammar.TOKEN_LINE.match(line) for line in held[:count]]
            whole = "".join(piece["s"] for piece in pieces if piece)
            ends_plain = _is_plain(pieces[-1]["s"]) if pieces[-1] else False
            if not ends_plain and _SHORTEST_TOKEN <= len(whole) <= _LONGEST_TOKEN and _is_token(whole):
                self.counts[Kind.TOKEN] += 1
                for piece in pieces:
                    if piece:
                        yield piece.string[: piece.start("s")] + DOTS + piece.string[piece.end("s") :]
                held = held[count:]
                break
        for line in held:
            yield self._line(line)

    def _line(self, line: str) -> str:
        if self.in_private:
            return self._inside_private(line)
        if self.blob_within:
            if grammar.BLOB_LINE.match(line):
                if self.blob_within > 0:
                    self.counts[Kind.PRIVATE_KEY] += 1
                self.blob_within = -1
                return _mask_line(line)
            self.blob_within = max(0, self.blob_within - 1)
        spans = list(self._continued(line))
        self.unfinished, self.awaited = None, None
        lowered = line.lower()
        if any(trigger in lowered for trigger in grammar.TRIGGERS):
            spans += _by_words(line)
            self._note_what_follows(line, lowered)
        if self.in_public and not grammar.PEM_BODY.match(line):
            self.in_public = False
        if not self.in_public and len(line) >= 40:
            spans += _by_shape(line)
        if "-----" in line:
            spans += self._pem(line)
        if not spans:
            return line
        return self._mask(line, spans)

    def _inside_private(self, line: str) -> str:
        end = grammar.PRIVATE_END.search(line)
        if end:
            self.in_private = False
            return (
                _mask_line(line[: end.start()]) if line[: end.start()].strip(" \t>|") else line[: end.start()]
            ) + line[end.start() :]
        if grammar.PEM_BODY.match(line):
            masked = _mask_line(line)
            self.counts[Kind.PRIVATE_KEY] += masked != line and not self.counted
            self.counted = self.counted or masked != line
            return masked
        self.in_private = False
        return self._line(line)

    def _continued(self, line: str) -> Iterator[_Span]:
        if self.awaited is not None:
            indent = len(line) - len(line.lstrip(" \t>|"))
            if line[indent : indent + len(self.awaited)].lower() == self.awaited.lower():
                match = grammar.TOKEN_REST.match(line, indent + len(self.awaited))
                if match and len(match["s"]) >= 8:
                    yield _Span(match.start("s"), match.end("s"), Kind.TOKEN)
            return
        if self.unfinished is None:
            return
        rest = grammar.TOKEN_REST if self.unfinished is Kind.TOKEN else grammar.VALUE_REST
        match = rest.match(line)
        if match is None:
            return
        # A plain word is the next command, "exit" or "names".
        if not _is_plain(match["s"]):
            yield _Span(match.start("s"), match.end("s"), self.unfinished)

    def _note_what_follows(self, line: str, lowered: str) -> None:
        if "pkcs12" in lowered and "import" in lowered and grammar.BLOB_ASKED.search(line):
            self.blob_within = _BLOB_INTRODUCTION
        if "reg" in lowered or "trust" in lowered:
            asked = grammar.ASKED.search(line.rstrip()[-60:])
            word = asked["word"].lower() if asked else ""
            if word and "idtoken".startswith(word.replace("-", "")):
                self.awaited = "idtoken"[len(word.replace("-", "")) :]

    def _pem(self, line: str) -> Iterator[_Span]:
        begin = grammar.PRIVATE_BEGIN.search(line)
        if begin is None:
            self.in_public = bool(grammar.PUBLIC_BEGIN.search(line))
            return
        # On one line: in JSON, or in a mail that lost its line ends. All after the first key's head is taken.
        end = grammar.PRIVATE_END.search(line, begin.end())
        stop = end.start() if end else len(line.rstrip())
        if line[begin.end() : stop].strip():
            yield _Span(begin.end(), stop, Kind.PRIVATE_KEY)
        self.in_private, self.counted = end is None, False
        while end and (begin := grammar.PRIVATE_BEGIN.search(line, end.end())):
            end = grammar.PRIVATE_END.search(line, begin.end())
            yield _Span(begin.end(), end.start() if end else len(line), Kind.PRIVATE_KEY)

    def _mask(self, line: str, spans: list[_Span]) -> str:
        pieces: list[str] = []
        done = 0
        spans.sort(key=lambda span: (span.start, -span.end))
        merged: list[_Span] = []
        for span in spans:
            if merged and span.start < merged[-1].end:
                last = merged[-1]
                merged[-1] = _Span(last.start, max(last.end, span.end), last.kind)
            else:
                merged.append(span)
        for span in merged:
            value = line[span.start : span.end]
            masked = _dots(value)
            pieces += (line[done : span.start], masked)
            done = span.end
            self.counts[span.kind] += masked != value
        last = merged[-1]
        if last.end >= len(line.rstrip()):
            narrowest = _FOLDED_TOKEN_WIDTH if last.kind is Kind.TOKEN else _FOLDED_WIDTH
            if len(line.rstrip()) >= narrowest and last.kind is not Kind.PRIVATE_KEY:
                self.unfinished = last.kind
        return "".join(pieces) + line[done:]


def _by_words(line: str) -> Iterator[_Span]:
    for rule in grammar.RULES:
        for match in rule.pattern.finditer(line):
            start, end = match.span("s")
            value = line[start:end]
            stripped = value.rstrip(_CLOSING)
            if value[:1] in "'\"" and len(stripped) > 1:
                start, stripped = start + 1, stripped[1:]
            if not stripped or _is_no_secret(stripped, rule):
                continue
            yield _Span(start, start + len(stripped), rule.kind)


def _is_no_secret(value: str, rule: grammar.Rule) -> bool:
    if value != DOTS and grammar.PLACEHOLDER.fullmatch(value[:400]):
        return True
    if rule.prose and value.rstrip(".:!?").lower() in grammar.PROSE:
        return True
    # The number of a key, not a key.
    return rule.kind is Kind.KEY and value.isdecimal() and len(value) <= 4


def _by_shape(line: str) -> Iterator[_Span]:
    for match in grammar.TOKEN_RUN.finditer(line):
        run = match[0]
        escaped = "%" in run and all(code.upper() in _BASE64_ESCAPES for code in _ESCAPES.findall(run))
        least = 40 if escaped else 80
        if least <= len(run) <= _LONGEST_TOKEN and _is_token(run):
            yield _Span(match.start(), match.end(), Kind.TOKEN)


def _is_plain(word: str) -> bool:
    """Whether a line's only word is a command, "exit" or "names", and not the end of a token."""
    return len(word) < 8 and word.isalpha() and word.islower()


def _is_token(run: str) -> bool:
    """Whether a run of base64 is a token: mixed, not hexadecimal, and no certificate, public key or path."""
    if run.startswith(("MII", "AAAA")) or "-" in run or "_" in run:
        return False
    body = _ESCAPES.sub("", run)
    if run.count("%") != len(_ESCAPES.findall(run)) or body.count("/") * 12 > len(body):
        return False
    classes = (
        sum(map(str.isupper, body)),
        sum(map(str.islower, body)),
        sum(map(str.isdigit, body)),
    )
    return min(classes) >= 3 and len(set(body)) >= 16


def _mask_line(line: str) -> str:
    """A line of a key: everything but its indentation and its end."""
    end = len(line.rstrip())
    start = len(line) - len(line.lstrip(" \t>|"))
    return line[:start] + _dots(line[start:end]) + line[end:] if start < end else line


def _dots(value: str) -> str:
    """Dots for a value; what some readers take for the end of a line stays, so that no reader counts another line."""
    return "".join(
        part if index % 2 else (DOTS if part else "") for index, part in enumerate(_LINE_BREAKS.split(value))
    )
