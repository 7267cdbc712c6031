"""How real clients look for a path: deliberately incomplete, as they are.

Each builder takes one candidate at every step and never goes back. What it arrives at is what the client
will judge, so a stale anchor or an odd order can refuse a server although a good path exists beside it
(AddTrust in May 2020, DST Root CA X3 in September 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import assert_never

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import KeyIdMatch, key_id_match, names_fit
from anchorwatch.pki.path import OpenEnd, Path
from anchorwatch.pki.profile import AnchorKind, BuilderKind
from anchorwatch.pki.truststore import Anchor, TrustStore

MAX_DEPTH = 100
"""OpenSSL's default verification depth."""

Pick = Callable[[Certificate, Iterable[Certificate], datetime], Certificate | None]


def build(
    kind: BuilderKind,
    presented: Sequence[Certificate],
    store: TrustStore,
    at: datetime,
    anchors: AnchorKind,
) -> Path | OpenEnd:
    """The one path this kind of client arrives at, or where it got stuck.

    Signatures are not checked here: none of these builders does so while it looks.
    """
    match kind:
        case BuilderKind.OPENSSL_1_1:
            return _openssl_1_1(presented, store, at, anchors)
        case BuilderKind.OPENSSL_1_0_2:
            return _openssl_1_0_2(presented, store, at)
        case BuilderKind.SENT_ORDER:
            return _sent_order(presented, store, at)
        case BuilderKind.EXHAUSTIVE:
            raise ValueError("the exhaustive builder is `anchorwatch.pki.path.Enumerator`")
        case _:
            assert_never(kind)


def may_have_issued(child: Certificate, parent: Certificate) -> bool:
    """Whether name and key identifier fit; no builder checks the signature while it looks."""
    return names_fit(child, parent) and key_id_match(child, parent) is not KeyIdMatch.MISMATCH


def _may_have_issued_1_0_2(child: Certificate, parent: Certificate) -> bool:
    """For 1.0.2 a certificate whose key usage lacks keyCertSign is no candidate; later ones refuse it at the end."""
    return may_have_issued(child, parent) and _may_sign(parent)


def _may_sign(certificate: Certificate) -> bool:
    return certificate.key_usage is None or "keyCertSign" in certificate.key_usage


def _self_signed(certificate: Certificate) -> bool:
    """OpenSSL's EXFLAG_SS: self-issued and not denied by its own key identifier."""
    return certificate.self_issued and key_id_match(certificate, certificate) is not KeyIdMatch.MISMATCH


def _self_signed_1_0_2(certificate: Certificate) -> bool:
    """For 1.0.2 one that may not sign certificates has not signed itself either."""
    return _self_signed(certificate) and _may_sign(certificate)


def _valid_then_latest(
    child: Certificate, candidates: Iterable[Certificate], at: datetime
) -> Certificate | None:
    """The first issuer valid at that time, else the one that ends last (OpenSSL 1.1.0 and later)."""
    best: Certificate | None = None
    for candidate in candidates:
        if may_have_issued(child, candidate):
            if candidate.not_before <= at <= candidate.not_after:
                return candidate
            if best is None or candidate.not_after > best.not_after:
                best = candidate
    return best


def _first(child: Certificate, candidates: Iterable[Certificate], at: datetime) -> Certificate | None:
    """The first issuer that fits, whatever its dates at `at` (OpenSSL 1.0.2, measured on 1.0.2e and 1.0.2r)."""
    del at
    return next((candidate for candidate in candidates if _may_have_issued_1_0_2(child, candidate)), None)


def _from_store(child: Certificate, store: TrustStore, at: datetime, pick: Pick) -> Certificate | None:
    return pick(child, (anchor.certificate for anchor in store.named(child.issuer.key)), at)


def _ended(chain: Sequence[Certificate], anchor: Anchor | None) -> Path | OpenEnd:
    return Path(tuple(chain), anchor) if anchor is not None else OpenEnd(tuple(chain))


def _openssl_1_1(
    presented: Sequence[Certificate], store: TrustStore, at: datetime, anchors: AnchorKind
) -> Path | OpenEnd:
    """`build_chain()` with trusted-first.

    The store is asked at every step; after its first answer the peer's certificates are not looked at.
    """
    chain = [presented[0]]
    rest = list(presented[1:])
    from_peer = True
    while len(chain) < MAX_DEPTH:
        last = chain[-1]
        if _self_signed(last):
            return _ended(chain, store.anchor(last))
        issuer = _from_store(last, store, at, _valid_then_latest)
        if issuer is not None and issuer not in chain:
            chain.append(issuer)
            from_peer = False
            if anchors is not AnchorKind.SELF_SIGNED:
                break
            continue
        if from_peer:
            issuer = _valid_then_latest(last, (c for c in rest if c not in chain), at)
            if issuer is not None:
                chain.append(issuer)
                continue
        break
    last = chain[-1]
    complete = not from_peer and (anchors is not AnchorKind.SELF_SIGNED or _self_signed(last))
    return _ended(chain, store.anchor(last) if complete else None)


def _openssl_1_0_2(presented: Sequence[Certificate], store: TrustStore, at: datetime) -> Path | OpenEnd:
    """`X509_verify_cert()` of 1.0.2b and later: the peer's certificates as far as they go, then the store.

    If that does not end in a root of the store, an alternative issuer for each earlier one, top down.
    """
    chain = [presented[0]]
    rest = list(presented[1:])
    while len(chain) < MAX_DEPTH and not _self_signed_1_0_2(chain[-1]):
        issuer = _first(chain[-1], rest, at)
        if issuer is None:
            break
        chain.append(issuer)
        rest.remove(issuer)
    if _self_signed_1_0_2(chain[-1]):
        if len(chain) == 1:
            return _ended(chain, store.anchor(chain[0]))
        chain.pop()
    untrusted = len(chain)
    while True:
        while len(chain) < MAX_DEPTH and not _self_signed_1_0_2(chain[-1]):
            issuer = _from_store(chain[-1], store, at, _first)
            if issuer is None or issuer in chain:
                break
            chain.append(issuer)
        if len(chain) > untrusted and _self_signed_1_0_2(chain[-1]):
            return _ended(chain, store.anchor(chain[-1]))
        # Alternative chains: the topmost earlier certificate for which the store has an issuer.
        for keep in range(untrusted - 1, 0, -1):
            issuer = _from_store(chain[keep - 1], store, at, _first)
            if issuer is not None:
                chain = [*chain[:keep], issuer]
                untrusted = keep
                break
        else:
            return OpenEnd(tuple(chain))


def _sent_order(presented: Sequence[Certificate], store: TrustStore, at: datetime) -> Path | OpenEnd:
    """The chain exactly as sent: at each certificate the store is asked, else the next one sent must fit."""
    chain: list[Certificate] = []
    for certificate in presented:
        if chain and not may_have_issued(chain[-1], certificate):
            break
        chain.append(certificate)
        anchor = store.anchor(certificate)
        if anchor is not None and (len(chain) > 1 or certificate.self_issued):
            return Path(tuple(chain), anchor)
        issuer = _from_store(certificate, store, at, _valid_then_latest)
        if issuer is not None and issuer not in chain:
            return _ended([*chain, issuer], store.anchor(issuer))
    return OpenEnd(tuple(chain))
