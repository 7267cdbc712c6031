"""`anchorwatch agent run`: at work until it is told to end."""

from __future__ import annotations

import contextlib
import json as jsonlib
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli.agent_work import (
    HERE,
    STRAIGHT,
    FolderOption,
    Road,
    at_work,
    by_road,
    there,
)
from anchorwatch.cli.terminal import TROUBLE, fail, printable, say, say_document

if TYPE_CHECKING:
    from anchorwatch.agent.agent import Agent
    from anchorwatch.agent.clocks import MachineClocks
    from anchorwatch.licensing.event import Tell
    from anchorwatch.licensing.failure import Failure
    from anchorwatch.licensing.state import AgentState, Step

__all__ = ["HELP", "run"]

HELP = """Work until it is told to end: renew on time, heal, deliver what went wrong.

\b
Examples:
  anchorwatch agent run --folder /var/lib/anchorwatch-agent
  anchorwatch agent run --json | logger -t licence

What happens is told on standard error, one line each, also what comes next and when; with --json as one JSON
document a line on standard output. SIGTERM or Ctrl-C ends it after the exchange under way; SIGHUP tries at once
what waits, and reads the anchors again.
Exit status: 0 ended by a signal, 1 nothing to work for: register first, 3 the folder cannot be used.
"""
_STEPS = {
    "T1": "asks for the trust bundle",
    "T2": "asks for signed time",
    "E3": "registers",
    "E4": "renews the ID certificate",
    "D1": "describes the device",
    "L1": "renews the authorization",
    "L2": "asks for the last grant",
    "L3": "asks when to call",
    "L5": "gives the device back",
    "L6": "tells what went wrong",
}
"""By the name of the endpoint; what an agent does next, for people."""


class _Log:
    """One line for each thing that happens, for people or for programs."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._failure: Failure | None = None
        self._next: tuple[Step, datetime] | None = None

    def heard(self, told: Tell) -> None:
        self.line(told.code, told.sentence)

    def line(self, code: str, sentence: str, **more: str) -> None:
        if self._json:
            say_document(
                jsonlib.dumps({"code": code, "sentence": sentence, **more}, ensure_ascii=False) + "\n"
            )
            sys.stdout.flush()
        else:
            say(printable(f"{code}: {sentence}"), err=True)

    def looked(self, agent: Agent, now: datetime) -> None:
        """Say what is new since the last look: a failure, its end, and what comes next."""
        from anchorwatch.agent.advice import next_step

        failure = agent.state.failure
        before, self._failure = self._failure, failure
        if failure is not None and (before is None or before.kind is not failure.kind):
            self.line(
                "failed", failure.sentence, **{"class": str(failure.kind)}, next_step=next_step(failure)
            )
            if not self._json:
                self.line("hint", next_step(failure))
        if failure is None and before is not None:
            self.line("recovered", "nothing fails any more")
        coming = agent.next_job()
        if coming is None:
            return
        step, wait = coming
        at = now + wait
        if self._next is None or self._next[0] is not step or abs(self._next[1] - at) > timedelta(minutes=1):
            self._next = (step, at)
            self.line("next", f"{_STEPS[step]} at {at:%Y-%m-%d %H:%M:%S} UTC", at=f"{at:%Y-%m-%dT%H:%M:%SZ}")


@by_road
def run(
    folder: FolderOption = HERE,
    road: Road = STRAIGHT,
    json: Annotated[
        bool, typer.Option("--json", help="Tell what happens as JSON, a document a line.")
    ] = False,
) -> None:
    """Work in the foreground."""
    from anchorwatch.licensing.event import LocalChange, Tick
    from anchorwatch.licensing.status import AuthorizationState, RegistrationState

    def idle(state: AgentState) -> bool:
        over = (RegistrationState.NOT_REGISTERED, RegistrationState.FAILED, RegistrationState.EXPIRED)
        # An evaluation is something to work for: it is counted while we run.
        return state.registration in over and state.authorization is not AuthorizationState.EVALUATION

    state = there(folder)
    if idle(state):
        fail("this agent is not registered", TROUBLE, "register it: anchorwatch agent register --help")
    log = _Log(json=json)
    with at_work(folder, state.product, road, hear=log.heard) as (agent, clocks), _signals(clocks) as rung:
        log.line("started", f"at work in {folder}; Ctrl-C ends it")
        log.looked(agent, clocks.reading().wall)
        while not idle(agent.state) and clocks.wait(agent.next_wakeup()):
            agent.take(LocalChange("a signal") if rung else Tick())
            rung.clear()
            log.looked(agent, clocks.reading().wall)
        if idle(agent.state):
            reason = agent.state.reason or "it is not registered"
            fail(f"this agent has nothing to work for any more: {printable(reason)}", TROUBLE)
        # What the clocks have counted since the last look goes on disk as well.
        agent.take_at_rest(Tick())
        log.line("stopped", "the state is on disk; the next start goes on from it")


@contextlib.contextmanager
def _signals(clocks: MachineClocks) -> Iterator[list[int]]:
    """SIGINT and SIGTERM end the waiting, SIGHUP rings; what was rung is in the list."""
    rung: list[int] = []

    def ring(number: int, _: object) -> None:
        rung.append(number)
        clocks.nudge()

    handlers = {signal.SIGINT: lambda *_: clocks.stop(), signal.SIGTERM: lambda *_: clocks.stop()}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = ring
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield rung
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
