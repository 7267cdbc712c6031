"""Playing a story: what happens in the town, scene by scene, each with what was observed.

A scene holds what was printed and whether what it claims was seen to happen.
Nothing in a scene is written beforehand: lines come from the device, chains from the wire, causes from the doctor,
verdicts from the judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from anchorwatch.devices.fact import (
    CallHomeTest,
    ImportReport,
    LogMessage,
    NoTrustpoint,
    Platform,
    TrustpoolPolicy,
)
from anchorwatch.devices.reading import Reading, read
from anchorwatch.doctor.diagnosis import Report, diagnose
from anchorwatch.doctor.finding import Confidence, Finding
from anchorwatch.doctor.remedy import commands
from anchorwatch.formats import read as read_bundle
from anchorwatch.formats.verification import Rule, Verified, verify
from anchorwatch.lab.device import VirtualAsa
from anchorwatch.lab.play_town import DATES, Town
from anchorwatch.lab.story import Story
from anchorwatch.net.outcome import Connected, TrustRefused
from anchorwatch.pki.catalogue import Catalogue, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.profile import PROFILES
from anchorwatch.pki.question import Question
from anchorwatch.pki.verdict import Refused, Trusted

PROFILE = "cisco"

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A command typed at the device and what it printed."""

    prompt: str
    command: str
    output: str

    @property
    def text(self) -> str:
        """The exchange as a console shows it."""
        return f"{self.prompt}{self.command}\n{self.output}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One step: a title, one or two sentences, what was seen, and whether that is what the step claims.

    `missed` says what was not observed, empty where everything was.
    """

    code: str
    title: str
    said: str
    date: str
    chain: tuple[Certificate, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    notes: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()

    @property
    def observed(self) -> bool:
        """Whether everything the scene claims was seen to happen."""
        return not self.missed


def play(story: Story) -> Iterator[Scene]:
    """Build the town of a story, play it, and close the town; one scene at a time, in order."""
    with Town(story) as town:
        yield from _Play(town).scenes()


class _Play:
    """The town, its device, and what the device printed since the portal moved."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.device: VirtualAsa = town.device()
        self.console: list[Exchange] = []
        self.report: Report | None = None

    def scenes(self) -> Iterator[Scene]:
        yield self._before()
        yield self._move()
        yield self._diagnosis()
        yield self._judgement()
        yield self._tampering()
        yield self._repair()
        yield self._proof()

    # --------------------------------------------------------------------------------------- scenes

    def _before(self) -> Scene:
        exchange = self._type("call-home test profile License")
        chain = self._presented()
        trusted = ", ".join(
            f"“{a.certificate.title}”" for s in self.device.trustpoints.values() for a in s.anchors
        )
        return self._scene(
            "before",
            "The portal and the firewall agree",
            f"The firewall asks {self.town.story.host} for its licence. "
            f"All it trusts is one intermediate: {trusted}.",
            chain=chain,
            exchanges=(exchange,),
            claims=(
                (_succeeded(exchange), "the device's message was delivered"),
                (
                    chain == self.town.certificates(*self.town.story.chains["old"]),
                    "the old chain was presented",
                ),
            ),
        )

    def _move(self) -> Scene:
        self.town.turn_to("moved")
        self.town.show_chain("new")
        exchanges = (self._type("call-home test profile License"), self._type("show logging"))
        chain = self._presented()
        outcome = self.device.seen.outcome if self.device.seen else None
        refused = [m.detail for m in _facts(exchanges[1], LogMessage) if isinstance(m.detail, NoTrustpoint)]
        shown = [format(certificate.serial, "x") for certificate in reversed(chain[1:])]
        return self._scene(
            "move",
            "The portal moves to another CA",
            "Overnight the portal's certificate comes from another intermediate. "
            "The name looks alike; the firewall knows none of it.",
            chain=chain,
            exchanges=exchanges,
            claims=(
                (
                    chain == self.town.certificates(*self.town.story.chains["new"]),
                    "the new chain was presented",
                ),
                (_failed(exchanges[0]), "the device's message was refused"),
                (isinstance(outcome, TrustRefused) and outcome.fault == "chain", "the chain was why"),
                (
                    [detail.serial.lower().lstrip("0") for detail in refused] == shown,
                    "the log names every certificate without anchor",
                ),
            ),
        )

    def _diagnosis(self) -> Scene:
        self._type("show crypto ca certificates")
        self._type("show crypto ca trustpool policy")
        self.report = diagnose([("console", "\n".join(exchange.text for exchange in self.console))])
        finding = self._finding()
        notes: list[str] = []
        if finding:
            notes.append(f"{finding.code} ({finding.confidence}): {finding.sentence}")
            notes += [f"{span}  {_short(span.text)}" for span in finding.evidence]
            if finding.near_miss:
                words = " and ".join(f"{has} is not {lacks}" for has, lacks in finding.near_miss.differing)
                notes.append(f"Nearly the same name is trusted, “{finding.near_miss.has.label}”: {words}.")
        return self._scene(
            "diagnosis",
            "The doctor reads what the firewall printed",
            "It is given the console's words and nothing else.",
            notes=tuple(notes),
            claims=(
                (finding is not None, "the doctor found that an anchor is missing"),
                (finding is not None and finding.confidence is Confidence.CONFIRMED, "it was sure"),
                (finding is not None and len(finding.sufficient) == 3, "it named three CAs that would do"),
                (
                    finding is not None and finding.near_miss is not None,
                    "it saw the name that is nearly the same",
                ),
            ),
        )

    def _judgement(self) -> Scene:
        plan = self.town.story.source
        bundle = read_bundle(self.town.publish_bundle(), source=plan.url)
        checked = bundle.signed and verify(
            bundle.signed, at=self.town.clock.now(), rule=Rule(pins=self.device.pins)
        )
        known = bundle.certificates if isinstance(checked, Verified) else ()
        verdict = judge(self._question(Catalogue.of(known, Origin.BUNDLE, plan.name)))
        finding = self._finding()
        said = {name.key for name in finding.sufficient} if finding else set()
        notes: list[str] = []
        fixes = 0
        same = False
        if isinstance(verdict, Refused):
            notes.append(verdict.sentence)
            same = said == {self.device.printed(missing.subject).key for missing in verdict.missing}
            for fix in verdict.fixes:
                if fix.caution is None:
                    fixes += 1
                    notes.append(("recommended: " if fix.recommended else "possible: ") + fix.sentence)
        return self._scene(
            "judgement",
            "The judge looks at the same chain and store",
            "It tries every path, and every single change that would mend it.",
            notes=tuple(notes),
            claims=(
                (isinstance(verdict, Refused), "the judge refuses the chain"),
                (same, "doctor and judge name the same CAs"),
                (fixes > 0, "a change that mends it was found by trying it"),
            ),
        )

    def _tampering(self) -> Scene:
        self.town.turn_to("mended")
        with self.town.altered_bundle():
            exchange = self._type(self._repair_command())
        policy = self._type("show crypto ca trustpool policy")
        (count,) = [fact.count.value for fact in _facts(policy, TrustpoolPolicy) if fact.count] or [-1]
        return self._scene(
            "tampering",
            "A bundle that was changed on its way is refused",
            "The bundle comes over plain HTTP, so only its signature counts.",
            exchanges=(exchange,),
            claims=(
                (not _facts(exchange, ImportReport), "the changed bundle was not imported"),
                (count == 0, "the pool is still empty"),
            ),
        )

    def _repair(self) -> Scene:
        exchange = self._type(self._repair_command())
        reports = _facts(exchange, ImportReport)
        report = reports[0] if reports else ImportReport()
        finding = self._finding()
        wanted = {name.key for name in finding.sufficient} if finding else set()
        held = [anchor.certificate for anchor in self.device.pool.anchors]
        arrived = [each.title for each in held if self.device.printed(each.subject).key in wanted]
        return self._scene(
            "repair",
            "The signed bundle is imported",
            "The command is the doctor's. The firewall fetches the bundle, checks it against the pinned signer, "
            "and counts.",
            exchanges=(exchange,),
            notes=tuple(f"now in the pool, and enough: “{title}”" for title in arrived),
            claims=(
                (
                    report.signature_verified is not None and report.signature_verified.value,
                    "the signature was good",
                ),
                (report.adds_up, "the counters add up"),
                (
                    report.installed is not None
                    and report.installed.value
                    == len(held)
                    == len(self.town.story.bundles[self.town.story.serves].holds),
                    "every entry was installed",
                ),
                (bool(arrived), "a CA that suffices arrived"),
            ),
        )

    def _proof(self) -> Scene:
        exchange = self._type("call-home test profile License")
        chain = self._presented()
        outcome = self.device.seen.outcome if self.device.seen else None
        verdict = judge(self._question())
        return self._scene(
            "proof",
            "The connection is back",
            "The same portal, the same chain, the same check: now it leads to an anchor.",
            exchanges=(exchange,),
            notes=(verdict.sentence,),
            claims=(
                (_succeeded(exchange), "the device's message was delivered"),
                (outcome == Connected(judged=True), "the chain was checked"),
                (chain == self.town.certificates(*self.town.story.chains["new"]), "it was the new chain"),
                (isinstance(verdict, Trusted), "the judge agrees"),
            ),
        )

    # ------------------------------------------------------------------------------------ the means

    def _type(self, command: str) -> Exchange:
        exchange = Exchange(prompt=self.device.prompt, command=command, output=self.device.type(command))
        if self.town.clock.now() >= DATES["moved"]:
            self.console.append(exchange)
        return exchange

    def _presented(self) -> tuple[Certificate, ...]:
        seen = self.device.seen
        return tuple(Certificate.from_der(der) for der in seen.presented) if seen else ()

    def _finding(self) -> Finding | None:
        found = (f for d in (self.report.diagnoses if self.report else ()) for f in d.findings)
        return next((finding for finding in found if finding.code == "anchor-missing"), None)

    def _repair_command(self) -> str:
        finding = self._finding()
        lines = commands(finding.code, Platform.ASA) if finding else ()
        return lines[0] if lines else ""

    def _question(self, catalogue: Catalogue | None = None) -> Question:
        return Question(
            presented=self._presented(),
            store=self.device.trust(),
            at=self.town.clock.now(),
            peer=PeerName("dns", self.town.story.host),
            profile=PROFILES[PROFILE],
            catalogue=catalogue or Catalogue(),
        )

    def _scene(
        self,
        code: str,
        title: str,
        said: str,
        *,
        chain: tuple[Certificate, ...] = (),
        exchanges: tuple[Exchange, ...] = (),
        notes: tuple[str, ...] = (),
        claims: tuple[tuple[bool, str], ...],
    ) -> Scene:
        return Scene(
            code=code,
            title=title,
            said=said,
            date=self.town.clock.now().date().isoformat(),
            chain=chain,
            exchanges=exchanges,
            notes=notes,
            missed=tuple(claim for holds, claim in claims if not holds),
        )


def _short(text: str) -> str:
    """The beginning of a quoted line; the whole of it was shown when the device printed it."""
    return text if len(text) <= 120 else f"{text[:119]}…"


def _reading(exchange: Exchange) -> Reading:
    return read([("console", exchange.text)])


def _facts(exchange: Exchange, kind: type[F]) -> tuple[F, ...]:
    return tuple(item.fact for item in _reading(exchange).items if isinstance(item.fact, kind))


def _succeeded(exchange: Exchange) -> bool:
    return [bool(test.succeeded and test.succeeded.value) for test in _facts(exchange, CallHomeTest)] == [
        True
    ]


def _failed(exchange: Exchange) -> bool:
    return [str(test.failure) for test in _facts(exchange, CallHomeTest)] == ["CONNECT_FAILED"]
