"""A plan as a change procedure for people: what is checked, typed, expected and taken back, fit for a change ticket.

Two forms of the same text: plain, and Markdown for a ticket system. Steps are numbered through a part, so that somebody
on a telephone can say where he is. Text that came from a device or a certificate stands in it as it is; whoever shows
it makes it harmless first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from anchorwatch.devices.step import AsRecorded, Decider, NoUndo, Pasted, Question, Step, Typed, Undo
from anchorwatch.doctor.plan import Part, Plan


@dataclass(frozen=True, slots=True)
class _Form:
    markdown: bool

    def heading(self, level: int, text: str) -> list[str]:
        if self.markdown:
            return ["", f"{'#' * level} {text}", ""]
        return ["", text, ("=" if level == 1 else "-") * len(text), ""] if level < 3 else ["", text]

    def item(self, text: str) -> str:
        return f"- {text}"

    def typed(self, lines: list[str]) -> list[str]:
        if self.markdown:
            # A fence longer than any run of back-ticks inside cannot be closed by what is typed.
            return ["", "```text", *(line.replace("```", "'''") for line in lines), "```", ""]
        return [f"      {line}" for line in lines]

    def strong(self, text: str) -> str:
        return f"**{text}**" if self.markdown else text.upper()


def text(plan: Plan) -> str:
    """A plan as plain text, a newline last."""
    return _written(plan, _Form(markdown=False))


def markdown(plan: Plan) -> str:
    """A plan as Markdown, a newline last."""
    return _written(plan, _Form(markdown=True))


def _written(plan: Plan, form: _Form) -> str:
    lines = [*_head(plan, form)]
    for part in plan.parts:
        lines += _part(plan, part, form)
    if plan.alternatives:
        lines += [*form.heading(2, "Alternatives"), *map(form.item, plan.alternatives)]
    if plan.proof:
        lines += [*form.heading(2, "Proof"), *map(form.item, plan.proof)]
    if form.markdown:
        lines = list(_escaped(lines))
    return "\n".join(lines).strip("\n") + "\n"


def _escaped(lines: list[str]) -> Iterator[str]:
    """Angle brackets outside code would be taken for HTML: blanks would vanish, and a stranger's name be a tag."""
    fenced = False
    for line in lines:
        if line in {"```", "```text"}:
            fenced = not fenced
        if fenced:
            yield line
        else:
            parts = line.split("`")
            yield "`".join(
                part.replace("<", "\\<") if index % 2 == 0 else part for index, part in enumerate(parts)
            )


def _head(plan: Plan, form: _Form) -> Iterator[str]:
    made = plan.made_for
    yield from form.heading(1, plan.title)
    yield form.item(f"Finding: {plan.code}. {plan.cause}")
    yield form.item(
        f"Made for: {made.device or 'a device without a name'}, {made.platform.value}, model {made.model}, "
        f"release {made.release or 'not known'}, portal {made.endpoint}, evidence of {made.at or 'an unknown day'}"
    )
    if made.units:
        yield form.item(f"Units, each in a part of its own: {', '.join(made.units)}")
    if plan.is_empty:
        yield form.item("Nothing is left to be changed; only look whether it holds.")
    if plan.admits is not None:
        yield form.item(f"Whom it lets in: {plan.admits.sentence}")
    if plan.anchors:
        yield from form.heading(2, "CAs of which any one would do")
        for anchor in plan.anchors:
            yield form.item(f"{anchor.name}: {anchor.standing}; SHA-256 {anchor.sha256 or 'not known'}")
    if plan.decisions or plan.decided_by_person:
        yield from form.heading(2, "A person decides")
        for decision in plan.decisions:
            yield form.item(f"{decision.question} {decision.why}")
        for purpose in dict.fromkeys(step.purpose for step in plan.decided_by_person):
            yield form.item(f"Whether to do this step: {purpose}")
    if plan.blanks:
        yield from form.heading(2, "To be filled in")
        for blank in plan.blanks:
            yield form.item(f"<{blank.name}>{' (secret)' if blank.secret else ''}: {blank.sentence}")
    if plan.cautions:
        yield from form.heading(2, "Mind")
        yield from map(form.item, plan.cautions)


def _part(plan: Plan, part: Part, form: _Form) -> Iterator[str]:
    place = f"{plan.made_for.device} {part.unit}".strip()
    title = f"On {place}" if len(plan.parts) > 1 or part.unit else "Procedure"
    yield from form.heading(2, title)
    number = 0
    for head, steps in (("Precheck", part.prechecks), ("Change", part.steps), ("Verify", part.verify)):
        if not steps:
            continue
        yield from form.heading(3, head)
        for step in steps:
            number += 1
            yield from _step(number, step, form)
    yield from form.heading(3, "Backout")
    if not part.backout:
        yield "Nothing has to be taken back."
    for step, undo in part.backout:
        yield form.item(f"{undo.sentence} (takes back: {step.purpose})")
        if undo.per:
            yield f"  For {undo.per}:"
        yield from form.typed(undo_lines(undo))


def undo_lines(undo: Undo) -> list[str]:
    """What is typed to take a step back, line by line; in brackets what depends on the recorded state."""
    return [line for entry in undo.lines for line in _typed(entry)]


def _step(number: int, step: Step, form: _Form) -> Iterator[str]:
    yield f"{number}. {step.purpose}"
    if step.decides is Decider.PERSON:
        yield f"   {form.strong('A person decides about this step.')}"
    for risk in step.risks:
        yield f"   {form.strong(risk.danger.value)}: {risk.sentence}"
    yield f"   Where: {_where(step)}"
    yield from form.typed([line for entry in step.lines for line in _typed(entry)])
    yield f"   Expected: {step.expected.sentence}"
    if step.repeat is not None:
        yield (f"   Again every {step.repeat.every_seconds} s, for {step.repeat.at_most_seconds} s at most.")
    if step.unconfirmed:
        yield f"   Not confirmed: {step.unconfirmed}"
    if step.cleanup:
        yield f"   If it stops half-way, type: {', '.join(entry.text for entry in step.cleanup)}"
    if not step.read_only:
        match step.undo:
            case Undo():
                yield f"   Undo: {step.undo.sentence} See Backout."
            case NoUndo():
                yield f"   No undo: {step.undo.reason}"
            case _:
                assert_never(step.undo)


def _where(step: Step) -> str:
    place = step.place
    context = f", context {place.context}" if place.context else ""
    return f"{place.platform.value}{f' {place.unit}' if place.unit else ''}{context}, {place.scope}"


def _typed(entry: Typed | Pasted | AsRecorded) -> list[str]:
    match entry:
        case AsRecorded():
            return _as_recorded(entry)
        case Typed():
            return [entry.text, *(_answer(question) for question in entry.questions)]
        case Pasted():
            return [*entry.lines, entry.terminator, *(_answer(question) for question in entry.questions)]
        case _:
            assert_never(entry)


def _as_recorded(entry: AsRecorded) -> list[str]:
    """What is typed where nothing stood, and what stood there decides."""
    stood = f"where the recorded state has a line “{entry.setting}{'' if entry.stays else ' …'}”"
    if entry.otherwise:
        return [entry.otherwise, f"    [{stood}: {'not this' if entry.stays else 'that line, not this'}]"]
    if entry.stays:
        return [f"no {entry.setting}", "    [only where the recorded state has this line]"]
    return [f"    [{stood}: that line]"]


def _answer(question: Question) -> str:
    key = "key " if question.one_key else ""
    absent = "if it asks " if question.may_be_absent else "at "
    answer = f"    [{absent}“{question.text}”: {key}{question.reply}"
    if question.only_after:
        answer += f", only below “{question.only_after}”; else {key}{question.otherwise} and stop"
    return answer + "]"
