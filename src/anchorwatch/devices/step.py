"""What can be done to a device, as data.

A step is a purpose, the lines to type, what the device is expected to answer, what would mean failure, and how to
take it back. Whoever carries it out (a person with a change ticket, a program over SSH) needs nothing else:

- A step begins at the privileged prompt of the place it names (`Place`), FXOS steps at the top scope, and ends there.
- Lines are typed one by one. After each the device prints until its prompt comes back, or until it asks a question
  that the line foresees. A question nobody foresaw is answered with nothing: the step has failed.
- A question may be answered only after something was printed ("Root file signature verified."); else the answer is
  `otherwise`, and the step has failed. So "abort unless" is data too.
- Texts are compared as they are, not as patterns: a plan file from a stranger must not cost more time than its length.

What must never be typed cannot be put into a step at all: see `anchorwatch.devices.banned`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from anchorwatch.devices.banned import why_banned
from anchorwatch.devices.blank import Blank, blanks
from anchorwatch.devices.fact import Platform
from anchorwatch.formats import read as read_certificates
from anchorwatch.pki.certificate import Certificate

# Printable ASCII without "?": that is a request for help on all of these devices and would never arrive.
_LINE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_LINE = 510
_LONGEST_PASTE = 64_000


class BadStep(ValueError):
    """A step that must not exist; the message is one sentence."""


class Effect(StrEnum):
    """What a step changes."""

    READ = "read"
    """Nothing: it only looks."""
    STORE = "trust-store"
    """The trust pool, which lies on flash beside the configuration and needs no saving."""
    CONFIGURATION = "configuration"
    """The running configuration (on FXOS, committed and thereby saved)."""
    LICENCE = "licence"
    """The state of the licensing agent: it asks the portal for something."""
    SAVE = "save"
    """The saved configuration."""


class Danger(StrEnum):
    """Why a step is more than routine."""

    DESTRUCTIVE = "destructive"
    OUTAGE = "outage"
    WIDENS_TRUST = "widens-trust"


class Decider(StrEnum):
    """Who says that a step is done."""

    OPERATOR = "operator"
    """Whoever carries out the plan."""
    PERSON = "person"
    """A person, asked for this step: a program never does it by itself."""


class About(StrEnum):
    """What a claim is about; the facts of a device show whether it holds."""

    CLOCK_RIGHT = "clock-right"
    NAME_RESOLVES = "name-resolves"
    PORT_ANSWERS = "port-answers"
    ANCHOR_PRESENT = "anchor-present"
    """One of the certificates (SHA-256) is in the store that licensing uses."""
    POOL_RENEWED = "pool-renewed"
    """The pool holds what a bundle of today holds."""
    AUTO_IMPORT_ON = "auto-import-on"
    AUTO_IMPORT_FROM = "auto-import-from"
    REVOCATION_OFF = "revocation-off"
    NAME_SERVER_SET = "name-server-set"
    TIME_SERVER_SET = "time-server-set"
    ROUTE_SET = "route-set"
    PROXY_SET = "proxy-set"
    TRANSPORT_ON = "transport-on"
    PORTAL_NAMED = "portal-named"
    CLIENT_VERSION_SET = "client-version-set"
    ENTITLEMENT_ASKED = "entitlement-asked"
    CALL_HOME_WORKS = "call-home-works"
    REGISTERED = "registered"
    NEW_SUCCESS = "new-success"
    """A success of the agent that is newer than the trouble."""
    EXPORT_UNCHANGED = "export-unchanged"
    SAVED = "saved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that is true of a device after a step; `any_of` are the things of which one is enough, may be empty."""

    about: About
    any_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step is typed. `unit` names the HA unit or chassis, `context` the ASA context (``system``); "" is the only one.

    `scope` says for people in which mode or scope the work happens; the lines themselves go there and come back.
    """

    platform: Platform
    unit: str = ""
    context: str = ""
    scope: str = "privileged EXEC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question a line may lead to, and its answer.

    `reply` is sent with a line end unless `one_key`. With `only_after`, it is sent only if the device printed that
    text since the line was typed; else `otherwise` is sent and the step has failed. `may_be_absent` says that the
    line is also fine when the question does not come.
    """

    text: str
    reply: str
    only_after: str = ""
    otherwise: str = ""
    one_key: bool = False
    may_be_absent: bool = False

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise BadStep("a question without words would be answered at once")
        for reply in filter(None, (self.reply, self.otherwise)):
            _check_typed(reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One line to type. Blanks are written ``<ID token>``; `questions` in the order in which they may come."""

    text: str
    questions: tuple[Question, ...] = ()
    kind: Literal["typed"] = "typed"

    def __post_init__(self) -> None:
        _check_typed(self.text)

    @property
    def blanks(self) -> tuple[Blank, ...]:
        """What has to be filled in before this can be typed."""
        return blanks(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """Certificates to paste after the line before asked for them, ended by `terminator` on a line of its own.

    `prompt` is what the device prints before each line, "" where it prints nothing. The text must hold exactly the
    certificate with this SHA-256 (lower-case hex): a damaged or another one cannot be put into a step.
    """

    pem: str
    sha256: str
    name: str
    terminator: str
    prompt: str = ""
    questions: tuple[Question, ...] = ()
    kind: Literal["pasted"] = "pasted"

    def __post_init__(self) -> None:
        if len(self.pem) > _LONGEST_PASTE:
            raise BadStep("a pasted certificate of more than 64 kB is none")
        found = read_certificates(self.pem.encode())
        if [(each.sha256, each.pem) for each in found.certificates] != [(self.sha256, self.pem)]:
            raise BadStep(f"what is to be pasted as {self.name!r} is not the certificate {self.sha256}")
        if any(not _LINE.fullmatch(line) or line == self.terminator for line in self.lines):
            raise BadStep("a pasted certificate is PEM and nothing else")
        _check_typed(self.terminator)

    @classmethod
    def of(
        cls,
        certificate: Certificate,
        *,
        terminator: str,
        prompt: str = "",
        questions: tuple[Question, ...] = (),
    ) -> Pasted:
        """The paste of one certificate, written anew from its octets."""
        return cls(
            pem=certificate.pem,
            sha256=certificate.sha256,
            name=certificate.title,
            terminator=terminator,
            prompt=prompt,
            questions=questions,
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the certificate, without the terminator."""
        return tuple(self.pem.splitlines())


Entry = Typed | Pasted


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a step should lead to: a sentence for people, texts that must be printed, the claim that then holds."""

    sentence: str
    texts: tuple[str, ...] = ()
    claim: Claim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsRecorded:
    """A line of an undo that depends on what the device had before: `devices.recorded` makes the lines to type of it.

    `setting` are the words with which the line begins that the configuration may hold; `under` are the heads of the
    blocks it stands in, the inner last. Where it stood, it is typed as it stood, and where its ``no`` stood, that. Where
    neither did, `otherwise` is typed, "" nothing. With `stays`, the step leaves what stood: `setting` is the line
    itself, or one value of a list, and nothing is typed where it stood.
    """

    setting: str
    under: tuple[str, ...] = ()
    otherwise: str = ""
    stays: bool = False
    kind: Literal["as-recorded"] = "as-recorded"

    def __post_init__(self) -> None:
        for text in filter(None, (self.setting, *self.under, self.otherwise)):
            _check_typed(text)
        if not self.setting:
            raise BadStep("what is to be restored has no name")


# What a step may type that says it only looks: a plan from a stranger could say so of anything.
_LOOKS = re.compile(
    r"(?:show|scope|ping|telnet) [^|]*(?:\| (?:include|exclude|begin|section|grep|count|no-more)\b[^|]*)?"
    r"|top|up|exit|end|changeto system|connect local-mgmt|terminal (?:pager|length) [0-9]{1,4}"
    r"|call-home test profile \S+"
)


def _only_looks(entries: Iterable[Entry]) -> bool:
    return all(isinstance(entry, Typed) and _LOOKS.fullmatch(entry.text) for entry in entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """How to take a step back; `per` says for what the lines are repeated, "" where they are typed once.

    `shown` are lines that only look: before the step they print the configuration on which an `AsRecorded` depends.
    """

    sentence: str
    lines: tuple[Typed | AsRecorded, ...]
    per: str = ""
    shown: tuple[Typed, ...] = ()
    kind: Literal["undo"] = "undo"

    def __post_init__(self) -> None:
        if any(isinstance(line, AsRecorded) for line in self.lines) and not self.shown:
            raise BadStep("an undo that depends on the configuration before does not say what prints it")
        if not _only_looks(self.shown) or any(line.blanks for line in self.shown):
            raise BadStep("what prints the configuration before a step only looks")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoUndo:
    """Why there is nothing to take back, or no way to."""

    reason: str
    kind: Literal["no-undo"] = "no-undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One danger of a step, in a sentence."""

    danger: Danger
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A step to be carried out again until it is as expected."""

    every_seconds: int
    at_most_seconds: int

    def __post_init__(self) -> None:
        if not 1 <= self.every_seconds <= self.at_most_seconds <= 86_400:
            raise BadStep("a step is repeated at least every second and for a day at most")


NOTHING_CHANGED = NoUndo(reason="It changes nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, see the module's head.

    `id` is unique within a part of a plan. `failure` are beginnings of lines that mean failure beside what the
    platform prints for a wrong command. `cleanup` is typed when the step stops half-way. `unconfirmed` says which
    grammar no source of ours confirms, "" where all is known.
    """

    id: str
    purpose: str
    place: Place
    lines: tuple[Entry, ...]
    expected: Expected
    effect: Effect
    undo: Undo | NoUndo
    failure: tuple[str, ...] = ()
    cleanup: tuple[Typed, ...] = ()
    risks: tuple[Risk, ...] = ()
    decides: Decider = Decider.OPERATOR
    repeat: Repeat | None = None
    unconfirmed: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise BadStep(f"a step is named by small words, not {self.id!r}")
        if not self.lines:
            raise BadStep(f"the step {self.id} types nothing")
        if self.effect is Effect.READ and isinstance(self.undo, Undo):
            raise BadStep(f"the step {self.id} only looks, so it takes nothing back")
        if self.effect is Effect.SAVE and self.decides is not Decider.PERSON:
            raise BadStep(f"the step {self.id} saves a configuration without asking")
        if (
            any(risk.danger is not Danger.WIDENS_TRUST for risk in self.risks)
            and self.decides is not Decider.PERSON
        ):
            raise BadStep(f"the step {self.id} is an outage or destroys something, so a person decides")
        _check_revocation(self.lines)
        if isinstance(self.undo, Undo):
            _check_revocation(self.undo.lines)

        if self.effect is Effect.READ and not _only_looks((*self.lines, *self.cleanup)):
            raise BadStep(f"the step {self.id} says that it only looks, and types more")
        if isinstance(self.undo, Undo):
            self._check_blanks(self.undo)

    def _check_blanks(self, undo: Undo) -> None:
        """What an undo has filled in must be known before the step is begun, and it is written down: no secret."""
        allowed = {blank.name for blank in self.blanks if not blank.secret}
        for line in undo.lines:
            texts = (line.setting, line.otherwise) if isinstance(line, AsRecorded) else (line.text,)
            for blank in (each for text in texts for each in blanks(text)):
                if blank.name not in allowed and not (blank.seen_there and undo.per):
                    raise BadStep(f"the undo of {self.id} needs <{blank.name}>, which the step does not")

    @property
    def read_only(self) -> bool:
        """Whether it changes nothing."""
        return self.effect is Effect.READ

    @property
    def changes_configuration(self) -> bool:
        """Whether it leaves something to be saved."""
        return self.effect is Effect.CONFIGURATION

    @property
    def blanks(self) -> tuple[Blank, ...]:
        """What has to be filled in, each once, secrets among them."""
        found = (blank for entry in self.lines if isinstance(entry, Typed) for blank in entry.blanks)
        return tuple(dict.fromkeys(found))

    @property
    def typed(self) -> Iterator[str]:
        """Every line that is typed when all goes well, in order, pasted ones and terminators too."""
        for entry in self.lines:
            match entry:
                case Typed():
                    yield entry.text
                case Pasted():
                    yield from entry.lines
                    yield entry.terminator


def lines(*texts: str) -> tuple[Typed, ...]:
    """Plain lines without questions."""
    return tuple(Typed(text=text) for text in texts)


def _check_typed(text: str) -> None:
    if len(text) > _LONGEST_LINE or not _LINE.fullmatch(text) or "?" in text:
        raise BadStep("a line to type is printable ASCII without a question mark, at most 510 characters")
    try:
        blanks(text)
    except KeyError as error:
        raise BadStep(f"nobody knows what to fill in for <{error.args[0]}>") from None
    why = why_banned(text)
    if why is not None:
        raise BadStep(f"no step types `{text}`: {why}")


# Where an unreachable revocation list may be overlooked: it then concerns what the device itself calls, and no user.
_MAY_SKIP_REVOCATION = (
    "crypto ca trustpool policy",
    "crypto pki trustpool policy",
    "crypto ca trustpoint _SmartCallHome_",
    "crypto ca trustpoint anchor-",
)


def _check_revocation(entries: tuple[Entry | AsRecorded, ...]) -> None:
    scope = ""
    for entry in entries:
        if not isinstance(entry, Typed):
            continue
        words = entry.text.split()
        if words[:2] in (["crypto", "ca"], ["crypto", "pki"]):
            scope = entry.text
        skips = len(words) == 2 and "revocation-check".startswith(words[0]) and "none".startswith(words[1])
        if skips and len(words[0]) > 2 and not scope.startswith(_MAY_SKIP_REVOCATION):
            raise BadStep(
                "revocation is left unchecked only in the trust pool's policy or a trustpoint of call-home alone"
            )
