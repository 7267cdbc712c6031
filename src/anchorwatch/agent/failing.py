"""What became of a connection that brought no answer, as one class of failure with its evidence.

The judge is asked only here, after a refusal: an agent that is well never loads it.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from anchorwatch.licensing import failure
from anchorwatch.licensing.failure import Evidence, Failure, FailureClass
from anchorwatch.licensing.state import AgentState
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.http import Broken, NotReached, RedirectRefused, TooLarge
from anchorwatch.net.outcome import (
    ClientCertificateWanted,
    Connected,
    HandshakeFailed,
    NotTls,
    TrustRefused,
    Unreachable,
)
from anchorwatch.net.tls import Observation
from anchorwatch.net.wiretap import ALERTS
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.truststore import TrustStore

_NUMBERS = {name: number for number, name in ALERTS.items()}
_LONGEST = 1024


def of_observation(
    seen: Observation, store: TrustStore, state: AgentState, *, peer: PeerName, at: datetime
) -> Failure:
    """The failure in a TLS connection that did not come about."""
    outcome = seen.outcome
    evidence = Evidence(peer=_words(str(seen.endpoint))[:300], words=_words(outcome.sentence))
    match outcome:
        case TrustRefused():
            return _refused(seen, outcome, store, state, peer, at)
        case Unreachable():
            return Failure(kind=_unreached(outcome), sentence=_words(seen.sentence), evidence=evidence)
        case HandshakeFailed() | ClientCertificateWanted():
            kind = FailureClass.TLS_ALERT
            if outcome.alert == "protocol_version":
                kind = FailureClass.TLS_VERSION
            elif isinstance(outcome, HandshakeFailed) and outcome.fault == "silence":
                kind = FailureClass.TCP_TIMEOUT
            told = Evidence(
                peer=evidence.peer,
                words=_words(outcome.words) or None,
                alert=_NUMBERS.get(outcome.alert or ""),
            )
            return Failure(kind=kind, sentence=_words(seen.sentence), evidence=told)
        case NotTls():
            # Whoever speaks HTTP there is a proxy or a captive portal; anything else is no TLS server at all.
            page = outcome.speech in {"http", "html"}
            kind = FailureClass.HTTP_ERROR if page else FailureClass.TLS_ALERT
            return Failure(kind=kind, sentence=_words(seen.sentence), evidence=evidence)
        case Connected():
            raise ValueError("a connection that came about is no failure")
        case _:
            assert_never(outcome)


def of_exchange(ended: NotReached | Broken | TooLarge | RedirectRefused, endpoint: Endpoint) -> Failure:
    """The failure in an exchange that was begun, or in a connection without TLS."""
    kind = FailureClass.HTTP_ERROR
    if isinstance(ended, Broken) and ended.timed_out:
        kind = FailureClass.TCP_TIMEOUT
    return Failure(kind=kind, sentence=_words(ended.sentence), evidence=Evidence(peer=str(endpoint)[:300]))


def _unreached(outcome: Unreachable) -> FailureClass:
    match outcome.stage:
        case "resolve":
            return FailureClass.DNS
        case "proxy":
            return FailureClass.PROXY_AUTH if outcome.credentials else FailureClass.PROXY_REFUSED
        case "route" | "tcp":
            return FailureClass.TCP_TIMEOUT if outcome.timed_out else FailureClass.TCP_REFUSED
        case _:
            assert_never(outcome.stage)


def _refused(
    seen: Observation,
    outcome: TrustRefused,
    store: TrustStore,
    state: AgentState,
    peer: PeerName,
    at: datetime,
) -> Failure:
    """Ask the judge why; where it would have trusted, OpenSSL's own words remain."""
    from anchorwatch.agent.judging import judged

    presented: list[Certificate] = []
    for der in seen.presented[:16]:
        try:
            presented.append(Certificate.from_der(der))
        except MalformedCertificateError:
            # What cannot be read vouches for nothing; the others are judged without it.
            continue
    refusal = judged(tuple(presented), store, peer=peer, at=at) if presented else None
    if refusal is None:
        kind = FailureClass.NAME_MISMATCH if outcome.fault == "name" else FailureClass.UNKNOWN_ROOT
        evidence = Evidence(
            peer=_words(str(seen.endpoint))[:300],
            presented=tuple(each.sha256 for each in presented),
            words=_words(outcome.words) or None,
        )
        return Failure(kind=kind, sentence=_words(seen.sentence), evidence=evidence)
    return failure.of_refusal(
        refusal,
        peer=str(seen.endpoint),
        presented=tuple(each.sha256 for each in presented),
        newest_bundle=state.bundle_is_newest,
        sent_issuers=len(presented) - 1,
    )


def _words(text: str) -> str:
    return "".join(letter if letter.isprintable() else "·" for letter in text)[:_LONGEST]
