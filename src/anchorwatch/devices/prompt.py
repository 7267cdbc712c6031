"""Prompts: who is speaking, in which mode, and what was typed.

A prompt is the only line of a capture that names the device, so it decides to whom the lines below it belong.
The shapes: ``asa#``, ``asa/context#``, ``asa/pri/act(config)#``, ``FP9300-A /security/trustpoint* #``,
``RP/0/RP0/CPU0:router#``.
Prose has such shapes too (``C#``, ``Serial#: 5``), so a line counts as a prompt only if what follows is a command,
or if nothing follows and the same name was seen with a command elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PROMPT = re.compile(
    r"^[ ]{0,4}(?:RP/\d+/\w+/CPU\d+:)?"
    r"(?P<host>[A-Za-z0-9_][\w.-]{0,62})"
    r"(?P<path>(?:/[\w.-]{1,40}){0,3})"
    r"(?P<mode>\([\w.+/ -]{1,48}\))?"
    r"(?P<scope>[ ]/[\w./*-]{1,120}\*?)?"
    r"(?P<star>\*?)[ ]?(?P<end>[#>])(?P<rest>.*)$"
)
_UNITS = {"pri": "primary", "sec": "secondary"}
_STATES = {"act": "active", "actNoFailover": "active", "stby": "standby", "negotiating": "negotiating"}

# The words a command of these platforms can start with, in full; the shortest form a person types follows each.
_VERBS: dict[str, int] = {
    "show": 2, "configure": 4, "crypto": 3, "call-home": 4, "license": 3, "ping": 2, "debug": 3, "undebug": 3,
    "enable": 2, "disable": 4, "exit": 2, "end": 3, "quit": 3, "terminal": 4, "write": 2, "copy": 3, "clear": 2,
    "reload": 6, "scope": 2, "enter": 3, "create": 3, "delete": 3, "set": 3, "commit-buffer": 6,
    "discard-buffer": 7, "up": 2, "top": 3, "register": 3, "deregister": 4, "renew": 3, "connect": 4,
    "traceroute": 5, "telnet": 4, "ssh": 3, "failover": 4, "changeto": 6, "no": 2, "clock": 2, "ntp": 3, "dns": 3,
    "more": 4, "dir": 3, "test": 4, "feature": 4, "throughput": 5, "do": 2, "nslookup": 4, "name-server": 6,
    "logging": 3, "pager": 3, "privacy": 4, "transport": 5, "profile": 4, "http-proxy": 5, "auto-import": 6,
    "enrollment": 6, "revocation-check": 6, "ip": 2, "domain": 6, "destination": 5, "verify": 4, "import": 6,
    "curl": 4, "aaa": 3, "interface": 3, "route": 5, "hostname": 4, "sh": 2, "wr": 2, "packet-tracer": 6,
    "capture": 4, "logout": 4, "perfmon": 7, "save": 4, "source-interface": 6, "service": 4, "system": 3,
}  # fmt: skip

# Every word of the commands we know the output of, with its shortest form; used to write a command in full.
_WORDS: dict[str, int] = _VERBS | {
    "all": 2, "summary": 3, "status": 4, "usage": 2, "registration": 3, "features": 4, "running-config": 3,
    "startup-config": 5, "certificates": 4, "trustpool": 6, "trustpoints": 6, "policy": 3, "detail": 3,
    "version": 1, "ca": 2, "pki": 3, "tech-support": 4, "associations": 3, "statistics": 4, "smart-licensing": 6,
    "tcp": 3, "terminal": 1, "entitlement": 3, "udi": 3, "hosts": 4, "hostnames": 8, "url": 3,
}  # fmt: skip
_ABBREVIATIONS = {
    "sh": "show", "run": "running-config", "cert": "certificates", "certificate": "certificates", "ver": "version",
    "lic": "license", "crypt": "crypto", "trustpoint": "trustpoint", "reg": "registration",
    "stat": "status", "det": "detail", "start": "startup-config",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt as printed: `host` (may hold a context behind ``/``), mode and what followed it.

    `unit` and `state` are set where the prompt shows them (``pri/act``); `scope` is the FXOS path with its ``*``
    while changes wait for `commit-buffer`. `typed` is the rest of the line, exactly.
    """

    host: str
    context: str = ""
    unit: str = ""
    state: str = ""
    mode: str = ""
    scope: str = ""
    privileged: bool = True
    typed: str = ""
    column: int = 0

    @property
    def device(self) -> str:
        """The name under which the lines below belong together: host, context and unit."""
        return "/".join(part for part in (self.host, self.context, self.unit) if part)


def recognise(text: str) -> Prompt | None:
    """Read a line as a prompt; None when it has not the shape of one. Whether it is one, `is_command` helps decide."""
    if "#" not in text and ">" not in text:
        return None
    match = _PROMPT.match(text[:512])
    if match is None:
        return None
    context = unit = state = ""
    for part in filter(None, match["path"].split("/")):
        if part in _UNITS and not unit:
            unit = _UNITS[part]
        elif part in _STATES and not state:
            state = _STATES[part]
        else:
            context = f"{context}/{part}".lstrip("/")
    scope = (match["scope"] or "").strip()
    if match["star"] and not scope.endswith("*"):
        scope += "*"
    return Prompt(
        host=match["host"],
        context=context,
        unit=unit,
        state=state,
        mode=(match["mode"] or "").strip("()"),
        scope=scope,
        privileged=match["end"] == "#",
        typed=match["rest"].strip() + text[512:].rstrip(),
        column=match.start("rest"),
    )


def is_command(text: str) -> bool:
    """Whether a text starts like a command a person types on one of these platforms."""
    word = text.split(None, 1)[0].lower() if text.strip() else ""
    return _complete(word, _VERBS) is not None


def canonical(typed: str) -> str:
    """Write an abbreviated command in full, as far as its words are known: ``sh run all crypto ca trustpool``."""
    words = typed.strip().rstrip("?").split()[:24]
    if words and words[0].lower() == "do":
        words = words[1:]
    return " ".join(_in_full(word) for word in words)


def _in_full(word: str) -> str:
    """A word in full; a name that merely looks like a word of a command (``License``) stays as it was typed."""
    lower = word.lower()
    full = _ABBREVIATIONS.get(lower) or _complete(lower, _WORDS)
    if full is None or (full == lower and not word.isupper()):
        return word
    return full


def _complete(word: str, known: dict[str, int]) -> str | None:
    if word in known:
        return word
    found = [full for full, least in known.items() if len(word) >= least and full.startswith(word)]
    return found[0] if len(found) == 1 else None


def known_words() -> frozenset[str]:
    """Every word that `canonical` can produce from an abbreviation."""
    return _ALL_WORDS


_ALL_WORDS = frozenset(_WORDS) | frozenset(_ABBREVIATIONS.values())
