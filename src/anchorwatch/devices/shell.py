"""How a platform's command line is entered and left, and the steps that differ in nothing else.

Looking, changing, asking the portal and taking back have the same shape everywhere; what is typed around the lines
does not: an ASA enters and ends its configuration, IOS-XE too, FXOS walks from the top of its scopes and commits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from anchorwatch.devices.step import (
    NOTHING_CHANGED,
    About,
    AsRecorded,
    Claim,
    Danger,
    Decider,
    Effect,
    Entry,
    Expected,
    NoUndo,
    Place,
    Repeat,
    Risk,
    Step,
    Typed,
    Undo,
    lines,
)

E = TypeVar("E", bound=Entry | AsRecorded)
UNSURE = "syntax not confirmed on this version: check with ?"
_POLLED = Repeat(every_seconds=30, at_most_seconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """One command line.

    `failure` is what a line begins with when the device refuses what was typed. `before` and `after` stand around what
    is typed at the prompt where a step begins; `enter` and `leave` around what changes the configuration, which `scope`
    names; `cleanup` is typed when such a step stops half-way. `asked` is what to expect of a request to the portal.
    `recorded` prints the configuration on which an undo may depend.
    """

    failure: tuple[str, ...]
    before: tuple[Typed, ...] = ()
    after: tuple[Typed, ...] = ()
    enter: tuple[Typed, ...]
    leave: tuple[Typed, ...]
    cleanup: tuple[Typed, ...]
    scope: str
    asked: str
    recorded: tuple[str, ...] = ()

    def at(self, place: Place, *entries: E) -> tuple[Typed | E, ...]:
        """What is typed, from the system execution space where the place is there."""
        return (*_system(place), *self.before, *entries, *self.after)

    def look(
        self,
        id_: str,
        purpose: str,
        place: Place,
        commands: tuple[str, ...],
        expected: Expected,
        *,
        unconfirmed: str = "",
        repeat: Repeat | None = None,
    ) -> Step:
        """A step that only looks."""
        return Step(
            id=id_,
            purpose=purpose,
            place=place,
            lines=self.at(place, *lines(*commands)),
            expected=expected,
            effect=Effect.READ,
            undo=NOTHING_CHANGED,
            failure=self.failure,
            unconfirmed=unconfirmed,
            repeat=repeat,
        )

    def change(
        self,
        id_: str,
        purpose: str,
        place: Place,
        entries: tuple[str | Entry, ...],
        undo: Undo | NoUndo,
        expected: Expected,
        *,
        scope: str = "",
        cleanup: tuple[Typed, ...] = (),
        unconfirmed: str = "",
        risks: tuple[Risk, ...] = (),
        decides: Decider = Decider.OPERATOR,
    ) -> Step:
        """A step that changes the configuration, in `scope` where that is not the shell's own."""
        return Step(
            id=id_,
            purpose=purpose,
            place=replace(place, scope=scope or self.scope or place.scope),
            lines=self._changing(place, entries),
            expected=expected,
            effect=Effect.CONFIGURATION,
            undo=undo,
            failure=self.failure,
            cleanup=cleanup or self.cleanup,
            unconfirmed=unconfirmed,
            risks=risks,
            decides=decides,
        )

    def undo(
        self, place: Place, sentence: str, *entries: str | Typed | AsRecorded, shown: tuple[str, ...] = ()
    ) -> Undo:
        """How such a change is taken back; `shown` prints what it depends on, where `recorded` does not."""
        depends = any(isinstance(entry, AsRecorded) for entry in entries)
        return Undo(
            sentence=sentence,
            lines=self._changing(place, entries),
            shown=self.at(place, *lines(*(shown or self.recorded))) if depends else (),
        )

    def _changing(self, place: Place, entries: tuple[str | E, ...]) -> tuple[Typed | E, ...]:
        typed = (Typed(text=entry) if isinstance(entry, str) else entry for entry in entries)
        return (*_system(place), *self.enter, *typed, *self.leave)

    def ask_portal(
        self,
        id_: str,
        purpose: str,
        place: Place,
        commands: tuple[str, ...],
        claim: Claim,
        *,
        scope: str = "",
        unconfirmed: str = "",
        risks: tuple[Risk, ...] = (),
    ) -> Step:
        """A step that lets the agent ask the portal for something; with a risk a person decides about it."""
        return Step(
            id=id_,
            purpose=purpose,
            place=replace(place, scope=scope or place.scope),
            lines=self.at(place, *lines(*commands)),
            expected=Expected(sentence=self.asked, claim=claim),
            effect=Effect.LICENCE,
            undo=NoUndo(
                reason="What was asked of the portal cannot be taken back; asking again is harmless."
            ),
            failure=self.failure,
            unconfirmed=unconfirmed,
            risks=risks,
            decides=Decider.PERSON if risks else Decider.OPERATOR,
        )

    def register(
        self,
        place: Place,
        commands: tuple[str, ...],
        *,
        force: bool,
        loses: str,
        scope: str = "",
        unconfirmed: str = "",
    ) -> Step:
        """Register with a new token; with force, a token without export-controlled functionality `loses` something."""
        return self.ask_portal(
            "register",
            "Register with a new token."
            + (" force replaces the identity the portal knows." if force else ""),
            place,
            commands,
            Claim(about=About.REGISTERED),
            scope=scope,
            unconfirmed=unconfirmed,
            risks=lost_export(loses) if force else (),
        )

    def export_flag(self, place: Place, commands: tuple[str, ...], *, after: bool, loses: str) -> Step:
        """Look at the export-controlled functionality, before or after a new registration."""
        if not after:
            return self.look(
                "check-export-before",
                f"Note the export-controlled functionality: a token without it takes {loses} away.",
                place,
                commands,
                Expected(
                    sentence="“Export-Controlled Functionality” is noted; the token must have the same."
                ),
            )
        return self.look(
            "check-export-after",
            "Compare the export-controlled functionality with what it was before.",
            place,
            commands,
            Expected(
                sentence="“Export-Controlled Functionality” says what it said before.",
                claim=Claim(about=About.EXPORT_UNCHANGED),
            ),
            repeat=_POLLED,
        )

    def wait_for_success(self, place: Place, commands: tuple[str, ...], sentence: str) -> Step:
        """Poll until the agent reports a success newer than the repair."""
        return self.look(
            "wait-for-success",
            "Wait until the agent reports a success that is newer than this repair.",
            place,
            commands,
            Expected(sentence=sentence, claim=Claim(about=About.NEW_SUCCESS)),
            repeat=_POLLED,
        )

    def save(self, place: Place) -> Step:
        """Save the configuration, after asking."""
        return Step(
            id="save",
            purpose="Save the configuration, if nothing but this change is unsaved or its owner agrees.",
            place=place,
            lines=self.at(place, *lines("write memory")),
            expected=Expected(
                sentence="[OK]. Compare with the recorded state first: others' unsaved changes would be saved too.",
                texts=("[OK]",),
                claim=Claim(about=About.SAVED),
            ),
            effect=Effect.SAVE,
            undo=NoUndo(reason="Undo the other steps and save again."),
            failure=self.failure,
            decides=Decider.PERSON,
        )


def _system(place: Place) -> tuple[Typed, ...]:
    return lines("changeto system") if place.context == "system" else ()


def lost_export(what: str) -> tuple[Risk, ...]:
    """The outage that a token without export-controlled functionality may be."""
    return (
        Risk(danger=Danger.OUTAGE, sentence=f"A token without export-controlled functionality takes {what}."),
    )
