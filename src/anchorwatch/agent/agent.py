"""The licensing agent: it feeds its machine, does what the machine says, in order, and sleeps until it is wanted.

Nothing is decided here. What must stay in step is the disk: the state is written before anything that follows from it
is done (`Persist` comes first), so whoever starts again on the same folder goes on with the same request under the same
key, and the portal answers a repetition as it answered the first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never

from anchorwatch.agent.clocks import Chance, Clocks
from anchorwatch.agent.courier import Courier
from anchorwatch.agent.errand import prepare
from anchorwatch.agent.folder import BUILD, Folder, fresh
from anchorwatch.agent.reach import Reach
from anchorwatch.licensing import instance
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.licensing.event import (
    Action,
    ArrangeKeys,
    Broke,
    Entropy,
    EraseToken,
    Event,
    KeyReady,
    MakeKey,
    Persist,
    PromoteKey,
    Register,
    Send,
    Started,
    Tell,
    Tick,
    WipeKeys,
)
from anchorwatch.licensing.failure import Failure
from anchorwatch.licensing.policy import SL1, AgentPolicy
from anchorwatch.licensing.state import AgentState, Product, Step
from anchorwatch.licensing.token import IdToken

Hear = Callable[[Tell], None]


def _hear_nothing(_: Tell) -> None:
    return


class Agent:
    """An agent at work on a folder. One at a time, from one thread.

    Where the folder fails (a full disk), the error goes through and the agent is of no more use: make another one.
    """

    def __init__(
        self,
        folder: Folder,
        product: Product,
        *,
        reach: Reach,
        clocks: Clocks,
        policy: AgentPolicy = SL1,
        entropy: Entropy | None = None,
        hear: Hear = _hear_nothing,
        build: datetime = BUILD,
    ) -> None:
        """Read the folder's state; `product` is what a folder without one begins with, and is not looked at otherwise."""
        self._folder = folder
        self._clocks = clocks
        self._policy = policy
        self._entropy = entropy or Chance()
        self._hear = hear
        self._courier = Courier(reach, policy)
        self._state = folder.read() or fresh(product, build=build)

    @property
    def state(self) -> AgentState:
        """All that the agent knows now; what is on disk is the same."""
        return self._state

    def start(self) -> None:
        """Go on where the agent before us stopped. To be called first, once."""
        self.take(Started())

    def register(self, token: IdToken) -> None:
        """Begin a registration. Raises `EventRefusedError` where there can be none now; then the token is gone again."""
        self._folder.keep_token(token)
        try:
            self.take(Register(token_id=token.id, pin=token.pin, bundle_seq=token.bundle_seq))
        except EventRefusedError:
            self._erase_tokens()
            raise
        # After any other error the state on disk may still name the token, so it stays until the next start.
        self._erase_tokens()

    def run(self, *, until: Callable[[AgentState], bool] = lambda _: False) -> None:
        """Wake whenever the machine wants it, until `until` says so or the clocks were stopped."""
        while not until(self._state):
            if not self._clocks.wait(self.next_wakeup()):
                return
            self.take(Tick())

    def next_wakeup(self) -> timedelta:
        """How long the machine wants to sleep."""
        return instance.next_wakeup(self._policy, self._state, self._clocks.reading())

    def next_job(self) -> tuple[Step, timedelta] | None:
        """What the machine will do next, and in how long; None where it waits for somebody."""
        return instance.next_job(self._policy, self._state, self._clocks.reading())

    def take(self, event: Event) -> None:
        """Give an event to the machine, and do what it says until it wants nothing more for now.

        Raises `EventRefusedError` for what has no meaning in this state, `FolderRefusedError` where the disk fails.
        """
        waiting = deque([event])
        while waiting:
            self._state, actions = instance.receive(
                self._policy, self._state, waiting.popleft(), self._clocks.reading(), self._entropy
            )
            for action in actions:
                follows = self._do(action)
                if follows is not None:
                    waiting.append(follows)

    def take_at_rest(self, event: Event) -> None:
        """Take an event without saying anything to the portal, and without `start`: for what a person changes here.

        What follows from it over the wire is as if the power had failed before it: whoever starts next does it.
        Raises as `take` does.
        """
        self._state, actions = instance.receive(
            self._policy, self._state, event, self._clocks.reading(), self._entropy
        )
        for action in actions:
            if not isinstance(action, Send | MakeKey):
                self._do(action)

    def describe(self) -> str:
        """The last failure in the words of the device, empty where there is none."""
        return instance.describe(self._policy, self._state)

    def _do(self, action: Action) -> Event | None:
        """Carry out one action; what comes of it."""
        match action:
            case Persist():
                self._folder.write(self._state)
            case MakeKey():
                csr, spki_sha256 = self._folder.make_key(action.slot, self._state.product)
                return KeyReady(slot=action.slot, csr=csr, spki_sha256=spki_sha256)
            case Send():
                return self._send(action)
            case PromoteKey():
                self._folder.promote_key()
            case EraseToken():
                self._erase_tokens()
            case ArrangeKeys():
                self._folder.arrange(active=action.active, coming=action.next, token=self._token)
            case WipeKeys():
                self._folder.wipe()
            case Tell():
                self._hear(action)
            case _:
                assert_never(action)
        return None

    @property
    def _token(self) -> str | None:
        """The name of the token that the registration under way goes by."""
        return self._state.intent.token_id if self._state.intent is not None else None

    def _erase_tokens(self) -> None:
        """Erase every token but the one that is still needed."""
        self._folder.erase_tokens(but=self._token)

    def _send(self, send: Send) -> Event:
        errand = prepare(send, self._state, self._folder)
        if isinstance(errand, Failure):
            return Broke(number=send.number, failure=errand)
        return self._courier.carry(send, errand, self._state, self._clocks.reading())
