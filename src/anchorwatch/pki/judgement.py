"""The judge: does this store vouch for what was presented, as this client would decide?

Layers, each with its own module: `edge` (could this one have issued that one?), `path` (every way from leaf
to anchor) or `builder` (the one way a real client takes), `check` (every fault of a path), `engine` (does a
maintained implementation agree about that one path?), then the explanation: `missing` issuers and `fix`.
There are three different "no": no path exists; a path exists and this client will not find it; the path is
fine and a rule refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from anchorwatch.pki import builder, check, engine, fix, missing
from anchorwatch.pki.certificate import title
from anchorwatch.pki.edge import is_self_signed
from anchorwatch.pki.path import Budget, Enumerator, Exhausted, Found, OpenEnd, Path
from anchorwatch.pki.profile import BuilderKind
from anchorwatch.pki.question import Question
from anchorwatch.pki.reason import MEANINGS, Fault, Position, Reason, most_telling
from anchorwatch.pki.verdict import Attempt, Refused, Trusted, Unsupported, Verdict

MAX_ATTEMPTS = 32
"""Attempts kept for the explanation; the rest only counted against the budget."""


def judge(question: Question, *, fixes: bool = True) -> Verdict:
    """Decide whether a store vouches for what a peer presented, and show the work.

    Paths are leaf first. `Refused` lists the paths tried, each with every fault, the most telling first, what
    is missing and, unless `fixes` is off, the single changes after which the answer would be `Trusted`.
    Never raises for a bad certificate. RFC 5280 section 6.1; candidate order follows RFC 4158 section 3.5.
    """
    verdict = _decide(question)
    if not isinstance(verdict, Refused):
        return verdict
    verdict = replace(verdict, missing=missing.issuers(question, verdict))
    if fixes:
        verdict = replace(verdict, fixes=fix.search(question, verdict, _decide))
    return verdict


def _decide(question: Question) -> Verdict:
    """The verdict without its explanation; under every combination of a client's unknown axes."""
    unsupported = _unsupported(question)
    if unsupported is not None:
        return Unsupported(sentence=unsupported, profile=question.profile)
    if not question.profile.unknown:
        return _decide_known(question)
    outcomes = [
        (dict(labels), _decide_known(replace(question, profile=variant)))
        for labels, variant in question.profile.variants()
    ]
    trusted = [index for index, (_, verdict) in enumerate(outcomes) if isinstance(verdict, Trusted)]
    if not trusted or len(trusted) == len(outcomes):
        # The first combination is the most lenient one; its faults are the ones no axis can excuse.
        return replace(outcomes[0][1], profile=question.profile)
    return _depends(question, outcomes)


def _depends(question: Question, outcomes: list[tuple[dict[str, str], Verdict]]) -> Refused:
    """Name the axes on which alone the answer turns somewhere."""
    accepted = {tuple(labels.items()): isinstance(verdict, Trusted) for labels, verdict in outcomes}
    deciding = []
    for axis in question.profile.unknown:
        labels = [label for label, _ in axis.choices]
        for combination in accepted:
            turned = {
                accepted[tuple((name, label if name == axis.name else value) for name, value in combination)]
                for label in labels
            }
            if len(turned) > 1:
                deciding.append(axis)
                break
    refused = [verdict for _, verdict in outcomes if isinstance(verdict, Refused)]
    questions = "; ".join(f"{axis.name} ({axis.question})" for axis in deciding)
    sentence = f"it depends on what nobody has proven of {question.profile.name}: {questions}"
    fault = Fault(reason=Reason.DEPENDS_ON_UNKNOWN_AXIS, position=Position.LEAF, sentence=sentence)
    closest = min(refused, key=lambda verdict: verdict.reason.rank)
    first, *others = closest.attempts
    return Refused(
        reason=Reason.DEPENDS_ON_UNKNOWN_AXIS,
        sentence=f"refused, not proven: {sentence}",
        profile=question.profile,
        attempts=(replace(first, faults=(fault, *first.faults)), *others),
        axes=tuple(axis.name for axis in deciding),
        engine=closest.engine,
    )


def _unsupported(question: Question) -> str | None:
    if question.peer is not None and question.peer.kind == "email" and question.purpose == "server_auth":
        return None
    return engine.unsupported(question)


def _decide_known(question: Question) -> Verdict:
    """The verdict of a client all of whose axes are known."""
    profile = question.profile
    budget = Budget(profile.limits)
    everything = Enumerator(question.presented, question.store, profile.anchors, budget)
    if profile.builder is BuilderKind.EXHAUSTIVE:
        return _first_good(question, iter(everything))
    built = builder.build(profile.builder, question.presented, question.store, question.at, profile.anchors)
    verdict = _first_good(question, iter((built,)))
    if isinstance(verdict, Trusted):
        return verdict
    beside = _first_good(question, iter(everything))
    if isinstance(beside, Trusted):
        return _not_found(question, verdict, beside)
    own = verdict.attempts[0].certificates if verdict.attempts else ()
    rest = tuple(attempt for attempt in beside.attempts if attempt.certificates != own)
    return replace(verdict, attempts=(verdict.attempts + rest)[:MAX_ATTEMPTS])


def _not_found(question: Question, refused: Refused, beside: Trusted) -> Refused:
    """A good path exists; this client arrives elsewhere."""
    anchor = beside.path.anchor.certificate
    sentence = (
        f"a good path to “{anchor.title}” exists, but {question.profile.name} does not find it: "
        f"where it looks, {_lowered(most_telling(refused.attempts[0].faults).sentence)}"
    )
    fault = Fault(
        reason=Reason.NOT_FOUND_BY_THIS_BUILDER,
        position=Position.LEAF,
        sentence=sentence,
        certificate=question.leaf,
        other=anchor,
    )
    good = Attempt(beside.path.certificates, (fault,), complete=True)
    return replace(
        refused,
        reason=Reason.NOT_FOUND_BY_THIS_BUILDER,
        sentence=f"refused: {sentence}",
        attempts=(*refused.attempts, good),
        engine=beside.engine,
    )


def _first_good(question: Question, candidates: Iterator[Found]) -> Trusted | Refused:
    """Take candidates until one holds; refuse with everything that was learned on the way."""
    attempts: list[Attempt] = []
    engine_words: str | None = None
    for found in candidates:
        match found:
            case Path():
                faults = check.faults(found, question, question.profile)
                if not faults:
                    answer = engine.confirm(found.certificates, question)
                    if answer.accepted:
                        return Trusted(
                            path=found,
                            valid_until=_valid_until(found, question),
                            engine=answer.engine,
                            profile=question.profile,
                            attempts=tuple(attempts),
                        )
                    engine_words = f"{answer.engine}: {answer.words}"
                    faults = [_engines_differ(found, engine_words)]
                attempt = Attempt(found.certificates, tuple(faults), complete=True)
            case OpenEnd():
                attempt = Attempt(found.certificates, _open_faults(found, question), False, found.wrong_keys)
            case Exhausted():
                attempt = Attempt(question.presented[:1], (_exhausted(found),), complete=False)
        if len(attempts) < MAX_ATTEMPTS or isinstance(found, Exhausted):
            attempts.append(attempt)
    return _refuse(question, attempts, engine_words)


def _refuse(question: Question, attempts: list[Attempt], engine_words: str | None) -> Refused:
    """Order the attempts by closeness to acceptance and sum the closest one up."""
    exhausted = [a for a in attempts if a.faults[0].reason is Reason.BUDGET_EXHAUSTED and not a.complete]
    ranked = sorted(attempts, key=_closeness)
    if exhausted:
        ranked = [*exhausted, *(attempt for attempt in ranked if attempt not in exhausted)]
    telling = most_telling(ranked[0].faults)
    return Refused(
        reason=telling.reason,
        sentence=f"refused: {telling.sentence}"
        if telling.sentence
        else f"refused: {MEANINGS[telling.reason]}",
        profile=question.profile,
        attempts=tuple(ranked),
        engine=engine_words,
    )


def _closeness(attempt: Attempt) -> tuple[int, int, int]:
    """Fewer and lighter faults first; of equals the longer path, which says more."""
    return (
        most_telling(attempt.faults).reason.rank,
        len(attempt.faults),
        -len(attempt.certificates),
    )


def _valid_until(path: Path, question: Question) -> datetime:
    counted = (
        path.certificates if question.profile.anchor_expiry else path.certificates[:-1] or path.certificates
    )
    return min(certificate.not_after for certificate in counted)


def _engines_differ(path: Path, words: str) -> Fault:
    return Fault(
        reason=Reason.ENGINES_DIFFER,
        position=Position.LEAF,
        sentence=f"our checks find no fault, the engine refuses ({words}); refused until both agree",
        certificate=path.certificates[0],
    )


def _exhausted(found: Exhausted) -> Fault:
    return Fault(
        reason=Reason.BUDGET_EXHAUSTED,
        position=Position.LEAF,
        sentence=f"looking for a path needs {found.what}; no honest chain does",
    )


def _open_faults(found: OpenEnd, question: Question) -> tuple[Fault, ...]:
    """What is wrong at an open end, and with the certificates on the way to it."""
    last = found.certificates[-1]
    position = Position.LEAF if len(found.certificates) == 1 else Position.INTERMEDIATE
    with_that_name = [w.candidate for w in found.wrong_keys if w.trusted]
    if is_self_signed(last):
        sentence = f"“{last.title}” is self-signed and not in the store"
    elif with_that_name:
        sentence = (
            f"the store has an authority named “{title(last.issuer)}”, "
            f"but with another key than the one that signed “{last.title}”"
        )
    elif found.wrong_keys:
        sentence = (
            f"“{last.title}” was not signed by the “{found.wrong_keys[0].candidate.title}” that was presented"
        )
    else:
        issuers = dict.fromkeys(title(certificate.issuer) for certificate in found.certificates)
        named = ", ".join(f"“{name}”" for name in issuers)
        sentence = f"nothing presented leads to an anchor: the store has no issuer of it ({named})"
    bad = bool(found.wrong_keys) and not (is_self_signed(last))
    reason = Reason.BAD_SIGNATURE if bad else Reason.ISSUER_UNKNOWN
    fault = Fault(
        reason=reason,
        position=position,
        sentence=sentence,
        certificate=last,
        other=found.wrong_keys[0].candidate if bad else None,
    )
    on_the_way = check.partial_faults(found.certificates, question, question.profile)
    return tuple(chain((fault,), on_the_way))


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
