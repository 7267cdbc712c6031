"""Carrying one request to the portal and its answer back.

TLS is believed by the operator's store and, where the policy heals itself, by the anchors of the signed bundle, each
for the names it is for only. Which of those may speak depends on the leaf, and the leaf is known once it was presented:
so a first look may be refused and a second connection made; the request goes out only over one whose leaf is the one
that the store was made for.

What carries its own signature (T1, T2) needs no believed connection. It goes over TLS too, unjudged, for that is the
port that is open; where no TLS comes about, or somebody else's page comes over it, over plain HTTP. Nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from anchorwatch.agent import failing
from anchorwatch.agent.errand import Errand
from anchorwatch.agent.reach import Reach
from anchorwatch.licensing import trust_bundle
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.deadline import SKEW_CORRECTED
from anchorwatch.licensing.event import Answered, Broke, Send
from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState
from anchorwatch.licensing.wire import MAX_BODY
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.http import Answer, Ask, Exchange, converse, open_plain
from anchorwatch.net.limits import Deadline
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.tls import Dialled, Observation, dial
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.truststore import TrustStore

_LOOKS = 3
"""How often a server may present another leaf than the last time, before it is taken at its word."""


@dataclass(frozen=True, slots=True)
class _At:
    """A clock that shows the moment of one exchange."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


class Courier:
    """Carries requests one at a time; remembers the portal's last leaf, which saves a connection each time."""

    def __init__(self, reach: Reach, policy: AgentPolicy) -> None:
        self._reach = reach
        self._policy = policy
        self._leaf: bytes | None = None

    def carry(self, send: Send, errand: Errand, state: AgentState, now: Reading) -> Answered | Broke:
        """One exchange. Never raises for what a network or a server does."""
        deadline = Deadline(self._reach.limits)
        if errand.plain:
            ended = self._signed(errand.ask, state, now, deadline)
        else:
            ended = self._believed(errand.ask, state, now, send.created, deadline)
        seen: Failure | None = None
        if isinstance(ended, Failure) and self._may_be_watched(ended):
            seen = ended
            ended = self._watched(errand.ask, state, now, deadline) or ended
        if isinstance(ended, Failure):
            return Broke(number=send.number, failure=ended)
        if not isinstance(ended, Answer):
            return Broke(number=send.number, failure=failing.of_exchange(ended, self._reach.endpoint))
        return Answered(
            number=send.number,
            status=ended.status,
            body=ended.body,
            retry_after=_retry_after(ended),
            inspected=seen,
        )

    # --- whose answer is signed

    def _signed(self, ask: Ask, state: AgentState, now: Reading, deadline: Deadline) -> Exchange | Failure:
        dialled = self._dial(state, None, now.wall, deadline)
        first: Exchange | Failure
        if dialled.stream is not None:
            first = self._talk(dialled, ask, deadline)
            if _is_the_portals(first):
                return first
        else:
            first = self._failure(dialled, None, state, now.wall)
        plain = self._reach.plain
        stream = None if plain is None else open_plain(plain, self._reach.through(), deadline)
        if stream is None or isinstance(stream, Unreachable):
            return first
        try:
            url = ask.url.replace("https://", "http://", 1)
            return converse(stream, replace(ask, url=url), deadline, most_octets=MAX_BODY)
        finally:
            stream.close()

    # --- whose answer is believed for who gives it

    def _believed(
        self, ask: Ask, state: AgentState, now: Reading, created: datetime, deadline: Deadline
    ) -> Exchange | Failure:
        leaf = self._leaf
        for _ in range(_LOOKS):
            store, at = self._store(state, leaf, now, created)
            dialled = self._dial(state, store, at, deadline)
            presented = dialled.observation.presented
            met = presented[0] if presented else None
            if met is None or met == leaf or self._store(state, met, now, created) == (store, at):
                if dialled.stream is None:
                    return self._failure(dialled, store, state, at)
                self._leaf = met
                return self._talk(dialled, ask, deadline)
            if dialled.stream is not None:
                dialled.stream.close()
            leaf = met
        return Failure(
            kind=FailureClass.NAME_MISMATCH,
            sentence=f"{self._reach.endpoint} presents a certificate for other names at every connection",
        )

    def _may_be_watched(self, failure: Failure) -> bool:
        """Whether the operator lets somebody look on; only once the newest bundle has shown that somebody does."""
        return self._policy.tolerates_interception and failure.kind is FailureClass.TLS_INTERCEPTED

    def _watched(self, ask: Ask, state: AgentState, now: Reading, deadline: Deadline) -> Exchange | None:
        dialled = self._dial(state, None, now.wall, deadline)
        return None if dialled.stream is None else self._talk(dialled, ask, deadline)

    def _store(
        self, state: AgentState, leaf: bytes | None, now: Reading, created: datetime
    ) -> tuple[TrustStore, datetime]:
        """Whom to believe about this leaf, and at what time its dates are judged.

        A clock that is known to be more than an hour wrong is replaced by signed time, and then the bundle's anchors
        alone count: an operator's store was not made to be judged by another's clock.
        """
        own = self._reach.store()
        bundle = state.trust() if self._policy.heals_through_bundle else None
        if bundle is None or leaf is None:
            return own, now.wall
        try:
            certificate = Certificate.from_der(leaf)
        except MalformedCertificateError:
            return own, now.wall
        skew = state.time.skew
        if self._policy.rights_by_signed_time and skew is not None and abs(skew) > SKEW_CORRECTED:
            alone = trust_bundle.tls_store(bundle, TrustStore((), own.name), certificate)
            if alone.anchors:
                return alone, created
        return trust_bundle.tls_store(bundle, own, certificate), now.wall

    # --- the wire

    def _dial(self, state: AgentState, store: TrustStore | None, at: datetime, deadline: Deadline) -> Dialled:
        named = Endpoint.parse(state.product.portal)
        found = self._reach.endpoint if self._reach.find is None else self._reach.find()
        if isinstance(found, Unreachable):
            nothing = Observation(endpoint=named, outcome=found, at=at, took=timedelta(0))
            dialled = Dialled(observation=nothing, stream=None)
        else:
            dialled = dial(
                found,
                clock=_At(at),
                trust=store,
                sni=named.host,
                peer=named.peer,
                proxy=self._reach.through(),
                limits=deadline.limits,
            )
        self._reach.watch(dialled.observation)
        return dialled

    def _talk(self, dialled: Dialled, ask: Ask, deadline: Deadline) -> Exchange:
        assert dialled.stream is not None, "asked only where there is a stream"
        try:
            return converse(dialled.stream, ask, deadline, most_octets=MAX_BODY)
        finally:
            dialled.stream.close()

    def _failure(
        self, dialled: Dialled, store: TrustStore | None, state: AgentState, at: datetime
    ) -> Failure:
        peer = Endpoint.parse(state.product.portal).peer
        judged_by = store if store is not None else TrustStore((), "nobody")
        return failing.of_observation(dialled.observation, judged_by, state, peer=peer, at=at)


def _is_the_portals(ended: Exchange) -> bool:
    """Whether an answer may be the portal's own, and not the page of somebody between who terminates TLS."""
    return isinstance(ended, Answer) and (ended.status == 200 or ended.header("sl-server") is not None)


def _retry_after(answer: Answer) -> timedelta | None:
    """Retry-After (RFC 9110 section 10.2.3): in seconds, or a date, counted from the answer's own and not from ours."""
    text = (answer.header("retry-after") or "").strip()
    most = timedelta(days=400)
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text)), most) if len(text) <= 9 else most
    then, now = _moment(text), _moment(answer.header("date") or "")
    if then is None or now is None:
        return None
    return min(max(then - now, timedelta(0)), most)


def _moment(text: str) -> datetime | None:
    """A date of HTTP (RFC 9110 section 5.6.7), None for what is none."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text[:64]).astimezone(UTC) if text.endswith(("GMT", "UTC")) else None
    except (ValueError, OverflowError):
        return None
