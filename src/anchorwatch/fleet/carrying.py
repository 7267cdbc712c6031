"""One step carried out on a device, exactly as it is written, and stopped at the first surprise.

A surprise is anything the step did not foresee: a question, a mark of failure, an expected text that is missing, an
expected question that does not come, a command nobody saw arrive, silence, a prompt where the step does not end.
A question that nobody foresaw is answered with nothing. After a surprise the step's own cleanup is typed, and nothing
else; the lines after it are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from anchorwatch.base.secret import Secret
from anchorwatch.devices.session import Asked
from anchorwatch.devices.step import Effect, Entry, Pasted, Question, Step, Typed
from anchorwatch.fleet.filling import CERTIFICATE, Filling
from anchorwatch.fleet.visit import Visit
from anchorwatch.formats import read as read_certificates
from anchorwatch.net.console import Answer, Said

_CERTIFICATE = f"<{CERTIFICATE}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How a step went: what was printed, and the surprise it stopped at, "" for none.

    `typed` counts the lines that were typed; 0 means that nothing was begun. `settled` is False where the device does
    not stand where a step ends, so nothing more may be typed.
    """

    lines: tuple[str, ...]
    typed: int
    surprise: str = ""
    settled: bool = True


class _Surprised(Exception):
    """The step ends here; the message is the sentence."""


async def carry(
    visit: Visit, step: Step, filling: Filling, *, stop: Callable[[], bool] = lambda: False
) -> Carried:
    """Carry out one step; `stop` is asked between lines, and ends it as a surprise does.

    Raises `NoConversation` where the device is lost, and then nothing is known; `BadFilling` before anything is typed.
    """
    prepared = tuple(_prepared(step.lines, filling))  # all of it, before the first is typed
    work = _Work(visit, step.failure, careful=step.effect is not Effect.READ)
    try:
        await work.type_all(prepared, stop)
        _look_at_texts(step.expected.texts, work.printed)
        if not visit.at_ground:
            raise _Surprised(f"the device does not stand where the step should end: {_standing(visit)}")
    except _Surprised as surprise:
        settled = await _clean(visit, step.cleanup)
        return Carried(lines=tuple(work.printed), typed=work.typed, surprise=str(surprise), settled=settled)
    return Carried(lines=tuple(work.printed), typed=work.typed)


async def carry_lines(
    visit: Visit,
    entries: Sequence[Typed],
    *,
    failure: Sequence[str],
    stop: Callable[[], bool] = lambda: False,
) -> Carried:
    """Type the lines of an undo, with the same care."""
    work = _Work(visit, tuple(failure), careful=True)
    try:
        await work.type_all(tuple((entry, entry.text, ()) for entry in entries), stop)
        if not visit.at_ground:
            raise _Surprised(f"the device does not stand where it should: {_standing(visit)}")
    except _Surprised as surprise:
        # Nothing of the undo's own would clean up; leave the mode and, on FXOS, what is not committed.
        settled = await _clean(visit, _leaving(visit))
        return Carried(lines=tuple(work.printed), typed=work.typed, surprise=str(surprise), settled=settled)
    return Carried(lines=tuple(work.printed), typed=work.typed)


_Prepared = tuple[Typed | Pasted, str, tuple[Secret, ...]]


def _prepared(entries: Sequence[Entry], filling: Filling) -> Iterator[_Prepared]:
    """Each entry with its line filled in; a blank for a certificate becomes its paste."""
    skip = False
    for number, entry in enumerate(entries):
        if skip:
            skip = False
            continue
        match entry:
            case Pasted():
                yield entry, "", ()
            case Typed() if entry.text == _CERTIFICATE:
                # What follows is the line that ends the paste.
                after = entries[number + 1] if number + 1 < len(entries) else None
                end = after.text if isinstance(after, Typed) else ""
                yield _pasted(filling, end, after.questions if isinstance(after, Typed) else ()), "", ()
                skip = True
            case Typed():
                text, secrets = filling.line(entry.text)
                yield entry, text, secrets
            case _:
                assert_never(entry)


def _pasted(filling: Filling, terminator: str, questions: tuple[Question, ...]) -> Pasted:
    value = filling.values[CERTIFICATE]
    pem = value.reveal() if isinstance(value, Secret) else value
    return Pasted.of(
        read_certificates(pem.encode()).certificates[0], terminator=terminator, questions=questions
    )


class _Work:
    """The lines of a step as they are typed."""

    def __init__(self, visit: Visit, failure: Sequence[str], *, careful: bool) -> None:
        self._visit = visit
        self._failure = tuple(failure)
        self._careful = careful
        self.printed: list[str] = []
        self.typed = 0

    async def type_all(self, prepared: Sequence[_Prepared], stop: Callable[[], bool]) -> None:
        pasting = False
        for entry, text, secrets in prepared:
            if stop():
                raise _Surprised("somebody stopped it")
            foreseen = _Foreseen(entry.questions)
            if isinstance(entry, Pasted):
                if not pasting:
                    raise _Surprised("the device does not wait for the certificate")
                said = await self._visit.paste(entry.lines, entry.terminator, reply=foreseen)
                self.typed += len(entry.lines) + 1
            else:
                if pasting:
                    raise _Surprised("the device waits for a certificate that the step does not paste")
                said = await self._visit.say(text, reply=foreseen, secrets=secrets)
                self.typed += 1
            self.printed += said.lines
            self._judge(said, foreseen)
            pasting = said.pasting is not None
        if pasting:
            raise _Surprised("the device waits for a certificate that the step does not paste")

    def _judge(self, said: Said, foreseen: _Foreseen) -> None:
        if foreseen.refused:
            raise _Surprised(foreseen.refused)
        bad = said.failure or next(
            (line.strip() for line in said.lines if line.strip().startswith(self._failure)), ""
        )
        if bad:
            raise _Surprised(f"`{said.command}` was answered: {bad}")
        if said.asked is not None:
            raise _Surprised(f"`{said.command}` led to a question nobody foresaw: {said.asked.text}")
        if said.stalled is not None:
            raise _Surprised(f"`{said.command}` was followed by silence, behind “{said.stalled}”")
        if self._careful and not said.echoed:
            raise _Surprised(f"nobody saw `{said.command}` arrive")
        if said.pasting is None and foreseen.expected:
            raise _Surprised(f"`{said.command}` did not lead to the question “{foreseen.expected}”")


class _Foreseen:
    """The questions that a line may lead to, in order, as what answers them."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._left = list(questions)
        self.refused = ""
        """Why a question was answered with its other answer, "" where none was."""

    @property
    def expected(self) -> str:
        """The words of a question that should have come, "" where none is left."""
        return next((each.text for each in self._left if not each.may_be_absent), "")

    def __call__(self, asked: Asked, lines: Sequence[str]) -> Answer | None:
        while self._left:
            question = self._left[0]
            if question.text.strip() not in asked.text:
                if not question.may_be_absent:
                    return None
                self._left.pop(0)
                continue
            self._left.pop(0)
            if question.only_after and not any(question.only_after in line for line in lines):
                self.refused = f"the device asked “{question.text}” without “{question.only_after}” before it"
                return Answer(question.otherwise, one_key=question.one_key) if question.otherwise else None
            return Answer(question.reply, one_key=question.one_key)
        return None


def _look_at_texts(texts: Sequence[str], printed: Sequence[str]) -> None:
    missing = [text for text in texts if not any(text in line for line in printed)]
    if missing:
        raise _Surprised(f"the device did not print “{missing[0]}”")


def _standing(visit: Visit) -> str:
    if visit.at is None:
        return "it waits for something"
    prompt = visit.at.prompt
    return f"{prompt.device} {prompt.mode or prompt.scope or ('privileged' if prompt.privileged else 'user mode')}"


def _leaving(visit: Visit) -> tuple[Typed, ...]:
    """What leaves whatever mode an undo may have stopped in."""
    mode = visit.at.mode if visit.at is not None else None
    discard = (Typed(text="discard-buffer"),) if visit.at and visit.at.prompt.scope.endswith("*") else ()
    end = visit.speaks.mode(visit.speaks.ground)
    back = (mode.end or mode.leave) if mode is not None and mode is not end else ""
    return (*discard, *((Typed(text=back),) if back else ()))


async def _clean(visit: Visit, cleanup: Sequence[Typed]) -> bool:
    """Come out of what the step stopped in, with its own cleanup; whether the device is where steps begin."""
    terminators = {paste.terminator for paste in visit.speaks.pastes}
    for entry in cleanup:
        ends_paste = entry.text in terminators
        if visit.at is None and not (visit.pasting and ends_paste):
            await visit.give_up()
        # A terminator with no paste to end would be a command, and log out.
        if visit.at_ground or (visit.at is not None and ends_paste):
            continue
        await visit.say(entry.text)
    if visit.at is None:
        await visit.give_up()
    return visit.at_ground
