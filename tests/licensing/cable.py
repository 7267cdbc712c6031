"""A pretend cable between an agent and a desk, and a device around the agent: its disk, its clocks, its keys."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from anchorwatch.licensing import instance, signature, state, token, wire
from anchorwatch.licensing.clock import Reading, Timekeeping
from anchorwatch.licensing.event import (
    Action,
    Answered,
    ArrangeKeys,
    Broke,
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
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.message import Software, Udi
from anchorwatch.licensing.policy import SL1, AgentPolicy
from anchorwatch.licensing.state import AgentState, Product, Slot
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.licensing.trust import BundleState
from licensing.desk import BUILD, PORTAL, Desk, Reply

TIMEOUT = Failure(kind=FailureClass.TCP_TIMEOUT, sentence="nothing came back in time")
PRODUCT = Product(
    udi=Udi(pid="ASAv", sn="9ABCDEFGHIJ"),
    sw=Software(name="asa", version="9.16(4)"),
    agent="anchorwatch/1",
    portal=PORTAL,
)


class Dice:
    """Chance that a test can repeat."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def octets(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def fraction(self) -> float:
        return self._random.random()


@dataclass
class World:
    """True time, which everybody's clocks are measured against."""

    now: datetime


@dataclass
class Cable:
    """What carries requests. `faults` gives for each one what happens to it."""

    desk: Desk
    world: World
    up: bool = True
    faults: Callable[[], str] = lambda: ""
    kept: list[tuple[str, str, dict[str, str], bytes | None]] = field(default_factory=list)

    def carry(self, method: str, path: str, fields: dict[str, str], body: bytes | None) -> Reply | None:
        """The answer, or None where nothing came back."""
        if not self.up:
            return None
        fault = self.faults()
        if fault == "lose":
            return None
        if fault == "cut" and body:
            body = body[: len(body) // 2]
        if fault == "hold":
            self.kept.append((method, path, fields, body))
            return None
        if fault == "late" and self.kept:
            for held in reversed(self.kept):
                self._ask(*held)
            self.kept.clear()
        reply = self._ask(method, path, fields, body)
        if fault == "twice":
            reply = self._ask(method, path, fields, body)
        if fault == "lose-answer":
            return None
        if fault == "cut-answer":
            return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.retry_after)
        return reply

    def _ask(self, method: str, path: str, fields: dict[str, str], body: bytes | None) -> Reply:
        try:
            return self.desk.handle(method, path, fields, body, self.world.now)
        except ValueError:
            return Reply(400)


class Box:
    """A device: clocks that can be wrong, a disk, keys, and the loop around the machine."""

    def __init__(self, cable: Cable, *, policy: AgentPolicy = SL1, seed: int = 1) -> None:
        self.cable = cable
        self.policy = policy
        self.dice = Dice(seed)
        self.off = timedelta(0)
        self.boot = "boot-1"
        self.booted = cable.world.now
        self.keys: dict[Slot, tuple[ed25519.Ed25519PrivateKey, bytes]] = {}
        self.token: token.IdToken | None = None
        self.told: list[str] = []
        self.sent: list[Send] = []
        self.state = AgentState(product=PRODUCT, time=Timekeeping(build=BUILD))
        self.written = self.state
        self.power_fails: Callable[[], bool] = lambda: False
        self.intercept: Callable[[Send, Reply | None], Reply | Failure | None] = lambda _, reply: reply

    @property
    def disk(self) -> str:
        """The document as it was last written; made only when somebody looks, which is much faster."""
        return state.write(self.written)

    def reading(self) -> Reading:
        """What the device's clocks say."""
        now = self.cable.world.now
        return Reading(wall=now + self.off, mono=now - self.booted, boot=self.boot)

    def feed(self, event: Event) -> None:
        """Give an event to the machine and do what it says, until it wants nothing more."""
        waiting: list[Event] = [event]
        turns = 0
        while waiting:
            turns += 1
            assert turns < 200, "the machine never comes to rest"
            self.state, actions = instance.receive(
                self.policy, self.state, waiting.pop(0), self.reading(), self.dice
            )
            for action in actions:
                waiting += self.do(action)
                if self.power_fails():
                    self.crash()
                    return

    def do(self, action: Action) -> list[Event]:
        """Carry out one action; what comes of it."""
        match action:
            case Persist():
                self.written = self.state
            case MakeKey():
                if action.slot not in self.keys:
                    self.keys[action.slot] = self.new_key()
                key, csr = self.keys[action.slot]
                spki = SigningKey.of(key).public.spki_sha256
                return [KeyReady(slot=action.slot, csr=csr, spki_sha256=spki)]
            case Send():
                return [self.send(action)]
            case PromoteKey():
                if Slot.NEXT in self.keys:
                    self.keys[Slot.ACTIVE] = self.keys.pop(Slot.NEXT)
            case EraseToken():
                self.token = None
            case ArrangeKeys():
                held = {SigningKey.of(key).public.spki_sha256: (key, csr) for key, csr in self.keys.values()}
                wanted = {Slot.ACTIVE: action.active, Slot.NEXT: action.next}
                self.keys = {slot: held[spki] for slot, spki in wanted.items() if spki is not None}
            case WipeKeys():
                self.keys.clear()
                self.token = None
            case Tell():
                self.told.append(action.code)
        return []

    def new_key(self) -> tuple[ed25519.Ed25519PrivateKey, bytes]:
        """A key and its request."""
        key = ed25519.Ed25519PrivateKey.from_private_bytes(self.dice.octets(32))
        name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, PRODUCT.udi.sn)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, None)
        return key, request.public_bytes(serialization.Encoding.DER)

    def send(self, action: Send) -> Event:
        """One exchange."""
        self.sent.append(action)
        fields: dict[str, str] = {}
        if action.content_type:
            fields["content-type"] = action.content_type
        if action.idempotency_key:
            fields["idempotency-key"] = action.idempotency_key
        if action.token:
            assert self.token is not None
            csr = self.keys[Slot.NEXT][1]
            fields["authorization"] = token.prove(
                self.token, csr, portal=PORTAL, now=action.created, nonce=wire.from_base64url(action.nonce)
            )
        if action.signer is not None:
            identity = self.state.successor if action.signer is Slot.NEXT else self.state.identity
            assert identity is not None
            fields |= signature.sign(
                signature.Request(
                    method=action.method,
                    target_uri=f"https://{PORTAL}{action.path}",
                    body=action.body,
                    content_type=action.content_type,
                    idempotency_key=action.idempotency_key,
                ),
                SigningKey.of(self.keys[action.signer][0]),
                keyid=identity.x5t,
                created=action.created,
                nonce=action.nonce,
            )
        reply = self.intercept(action, self.cable.carry(action.method, action.path, fields, action.body))
        if reply is None:
            return Broke(number=action.number, failure=TIMEOUT)
        if isinstance(reply, Failure):
            return Broke(number=action.number, failure=reply)
        return Answered(
            number=action.number, status=reply.status, body=reply.body, retry_after=reply.retry_after
        )

    def registration(self) -> RegistrationState:
        """The state of the registration machine now."""
        return self.state.registration

    def authorization(self) -> AuthorizationState:
        """The state of the authorization machine now."""
        return self.state.authorization

    def bundle_state(self) -> BundleState:
        """The state of the bundle now."""
        return self.state.bundle_state

    def register(self, made: token.IdToken) -> None:
        """Paste a token."""
        self.token = made
        self.feed(Register(token_id=made.id, pin=made.pin, bundle_seq=made.bundle_seq))

    def crash(self, disk: str | None = None) -> None:
        """Lose what was not on disk, and start again; `disk` is that of a backup."""
        before = self.written
        self.state = self.written = state.read(self.disk if disk is None else disk)
        assert disk is not None or self.state == before
        self.boot = f"boot-{int(self.boot[5:]) + 1}"
        self.booted = self.cable.world.now
        self.feed(Started())

    def run(self, span: timedelta, *, until: Callable[[], bool] = lambda: False) -> None:
        """Turn the world's clock forward, waking whenever the machine wants it."""
        world = self.cable.world
        end = world.now + span
        while world.now < end and not until():
            wait = instance.next_wakeup(self.policy, self.state, self.reading())
            world.now = min(end, world.now + max(wait, timedelta(milliseconds=1)))
            self.feed(Tick())

    def clone(self) -> Box:
        """Another device with the same disk."""
        twin = copy.copy(self)
        twin.keys = dict(self.keys)
        twin.dice = Dice(99)
        twin.told = []
        twin.sent = []
        return twin
