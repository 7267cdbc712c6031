"""OpenSSL by itself: its own search among the whole store and everything that was sent, at a given moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from OpenSSL import crypto

from anchorwatch.pki import Certificate, TrustStore


@cache
def _parsed(certificate: Certificate) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)


def _store(store: TrustStore) -> crypto.X509Store:
    made = crypto.X509Store()
    for anchor in store.anchors:
        made.add_cert(_parsed(anchor.certificate))
    return made


def openssl_alone(presented: Sequence[Certificate], store: TrustStore, at: datetime) -> str | None:
    """None where OpenSSL accepts, its own words where it refuses.

    As `openssl verify -attime` does: default flags, no security level, so that only the search is compared.
    """
    # Made anew each time: the moment of a store can be set once, and a second one is ignored.
    made = _store(store)
    made.set_time(at)
    leaf, *rest = presented
    context = crypto.X509StoreContext(made, _parsed(leaf), [_parsed(certificate) for certificate in rest])
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error)
    return None
