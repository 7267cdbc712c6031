"""Why the agent's TLS client refused a chain, in the judge's words. Heavy, so loaded after a refusal only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from anchorwatch.pki.catalogue import Catalogue
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.profile import RFC5280, SHA1_AND_BROKEN
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.pki.verdict import Refused

AGENT = replace(
    RFC5280,
    name="licensing-agent",
    title="the licensing agent's own TLS client",
    refused_digests=SHA1_AND_BROKEN,
    minimum_rsa=2048,
    minimum_anchor_rsa=2048,
)
"""The rules of `anchorwatch.net.tls` at OpenSSL's level 2: any trusted authority ends a path, names by RFC 9525."""


def judged(
    presented: tuple[Certificate, ...], store: TrustStore, *, peer: PeerName, at: datetime
) -> Refused | None:
    """Why the store does not vouch for a chain, None where the judge finds that it does."""
    known = Catalogue.of(anchor.certificate for anchor in store.anchors)
    question = Question(presented=presented, store=store, at=at, peer=peer, profile=AGENT, catalogue=known)
    verdict = judge(question)
    return verdict if isinstance(verdict, Refused) else None
