"""OpenSSL, asked about one path.

Our own checks decide every fault of a path; OpenSSL is the maintained engine that must agree before anything
is trusted. It is given nothing to choose: its store holds the anchor alone, its untrusted certificates are
exactly the intermediates. PARTIAL_CHAIN lets an anchor that is not self-signed end the path, and X509_STRICT
stays off: it enforces rules for issuers that no client of ours has.

What it does not decide here: purposes (none is set), digests and key sizes (`X509_verify_cert` enforces a
security level only where one was set on the parameters; by default it is -1, so MD5 and RSA of 512 bits
pass) and e-mail addresses (pyOpenSSL does not reach that call). Those axes belong to our checks.

Verifying costs the signature checks of the path and nothing else of note: a store made anew for each
question is within 5 % of one kept per anchor, so nothing is kept but the parsed certificates, and no state
of one question can leak into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from cryptography.hazmat.backends.openssl import backend
from cryptography.x509 import load_der_x509_crl
from OpenSSL import crypto
from OpenSSL._util import ffi, lib

from anchorwatch.pki.answer import EngineAnswer
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import PeerName

ENGINE = backend.openssl_version_text().rsplit(" ", 3)[0]
"""Name and version, as in "OpenSSL 3.5.0"."""

# Numbers of OpenSSL's stable ABI (x509_vfy.h, x509v3.h) that pyOpenSSL does not name.
_NEVER_CHECK_SUBJECT = 0x20
_EXTENDED_CRL_SUPPORT = 0x1000
_USE_DELTAS = 0x2000
_NO_CHECK_TIME = 0x200000
_PARTIAL_CHAIN = crypto.X509StoreFlags.PARTIAL_CHAIN
_EVERY_LIST = (
    crypto.X509StoreFlags.CRL_CHECK
    | crypto.X509StoreFlags.CRL_CHECK_ALL
    | _EXTENDED_CRL_SUPPORT
    | _USE_DELTAS
)


def ask_openssl(
    path: Sequence[Certificate],
    *,
    at: datetime,
    peer: PeerName | None = None,
    common_name: bool = False,
    dates: bool = True,
    crls: Sequence[bytes] | None = None,
    signers: Sequence[Certificate] = (),
) -> EngineAnswer:
    """Ask OpenSSL whether it accepts this one path, leaf first, anchor last, at `at` (aware UTC).

    With `common_name` a leaf without DNS names is known by its subject, as OpenSSL does by default;
    without, never. `dates` off leaves the validity periods to the caller's own check. With `crls` (DER, None
    for no revocation) every certificate needs a good one, the anchor too; `signers` may have signed them.
    Never raises for a bad certificate. RFC 5280 section 6.1 without policies; RFC 9525 for `peer`.
    """
    leaf, *between = path if len(path) == 1 else path[:-1]
    flags = _PARTIAL_CHAIN if dates else _PARTIAL_CHAIN | _NO_CHECK_TIME
    try:
        store = crypto.X509Store()
        store.add_cert(_parsed(path[-1]))
        if crls is not None:
            flags |= _EVERY_LIST
            between += [signer for signer in signers if signer not in path]
            _add_lists(store, crls)
        if not _set_parameters(store, flags=flags, at=at, peer=peer, common_name=common_name):
            return _refusal(f"does not take the name {peer} to look for")
        return _verify(store, leaf, between)
    except crypto.Error as error:
        return _refusal(f"cannot load a certificate of the path: {_queue(error)}")
    finally:
        # A refused signature leaves its error behind, and the next connection of this thread would take
        # that for its own: SSL_get_error(3) wants an empty queue.
        lib.ERR_clear_error()


def _verify(store: crypto.X509Store, leaf: Certificate, untrusted: Sequence[Certificate]) -> EngineAnswer:
    context = crypto.X509StoreContext(store, _parsed(leaf), [_parsed(item) for item in untrusted])
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        code, depth, words = error.errors
        return _refusal(f"{words} (error {code} at depth {depth})")
    return EngineAnswer(accepted=True, engine=ENGINE, words="ok")


def _add_lists(store: crypto.X509Store, crls: Sequence[bytes]) -> None:
    """Add what can be read; a list that is missing only ever refuses."""
    for octets in crls:
        with suppress(ValueError, crypto.Error):
            store.add_crl(load_der_x509_crl(octets))


def _refusal(words: str) -> EngineAnswer:
    return EngineAnswer(accepted=False, engine=ENGINE, words=words)


def _queue(error: crypto.Error) -> str:
    """The last reason on OpenSSL's error queue."""
    entries = error.args[0] if error.args else []
    return str(entries[-1][-1] or "no reason given") if entries else "no reason given"


# A parsed certificate costs OpenSSL some 8 kB; 2,048 of them are 16 MB.
@lru_cache(maxsize=2_048)
def _parsed(certificate: Certificate) -> crypto.X509:
    """OpenSSL's own reading, from the octets: `cryptography` refuses some that OpenSSL takes."""
    return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)


def _set_parameters(
    store: crypto.X509Store, *, flags: int, at: datetime, peer: PeerName | None, common_name: bool
) -> bool:
    """Set everything a verification depends on, the time always: a forgotten one means *now*.

    False where OpenSSL does not take the peer's name for one.

    The only place below pyOpenSSL's public surface. `X509Store` has no host, no address and no host flags,
    and NEVER_CHECK_SUBJECT can be set nowhere else; without it OpenSSL takes the common name of a leaf
    without DNS names for its host. RFC 5280 counts whole seconds, so fractions are cut off.
    """
    parameters = ffi.gc(lib.X509_VERIFY_PARAM_new(), lib.X509_VERIFY_PARAM_free)
    lib.X509_VERIFY_PARAM_set_flags(parameters, flags)
    lib.X509_VERIFY_PARAM_set_time(parameters, int(at.timestamp() // 1))
    done = 1
    # Also where no host is asked for: name constraints look at the common name unless this flag is set.
    lib.X509_VERIFY_PARAM_set_hostflags(parameters, 0 if common_name else _NEVER_CHECK_SUBJECT)
    if peer is not None and peer.kind == "dns":
        host = peer.value.encode("ascii")
        done = lib.X509_VERIFY_PARAM_set1_host(parameters, host, len(host))
    elif peer is not None and peer.kind == "ip":
        done = lib.X509_VERIFY_PARAM_set1_ip(parameters, peer.octets, len(peer.octets))
    handle = cast(Any, store)._store  # noqa: SLF001 - the reason for this function
    return done == 1 and lib.X509_STORE_set1_param(handle, parameters) == 1
