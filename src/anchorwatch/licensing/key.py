"""Keys for signing and the two algorithms of the protocol, each bound to its key.

`Ed25519` and `ES256` (RFC 9864, RFC 7518) are what a signed object names; `ed25519` and `ecdsa-p256-sha256` are the
same two in RFC 9421. The algorithm follows from the key, never from what a message says about itself. ECDSA
signatures are the two numbers r and s of 32 octets each, one after the other; the library speaks DER.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.wire import base64url

_ECDSA = ec.ECDSA(hashes.SHA256())


class Algorithm(StrEnum):
    """The signature algorithms, by their JOSE names."""

    ED25519 = "Ed25519"
    ES256 = "ES256"

    @property
    def http(self) -> str:
        """The name in RFC 9421 section 6.2."""
        return "ed25519" if self is Algorithm.ED25519 else "ecdsa-p256-sha256"


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key that can check signatures; equal to another where the SubjectPublicKeyInfo is the same."""

    spki: bytes
    algorithm: Algorithm = field(compare=False)
    _native: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey = field(compare=False, repr=False)

    @property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo."""
        return hashlib.sha256(self.spki).digest()

    @property
    def kid(self) -> str:
        """How signed objects name the key: base64url of `spki_sha256`."""
        return base64url(self.spki_sha256)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether the 64 octets are this key's signature over the data."""
        if len(signature) != 64:
            return False
        try:
            if isinstance(self._native, ed25519.Ed25519PublicKey):
                self._native.verify(signature, data)
            else:
                r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
                self._native.verify(encode_dss_signature(r, s), data, _ECDSA)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of one of the two kinds. It prints without itself."""

    _native: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    public: VerifyingKey

    @classmethod
    def of(cls, native: object) -> SigningKey:
        """Wrap a key of `cryptography`. Raises `ValueError` for any other kind."""
        if isinstance(native, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            return cls(native, verifying_key_of(native.public_key()))
        raise ValueError("a signing key is Ed25519 or ECDSA on P-256")

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """The Ed25519 key of a 32-octet seed."""
        return cls.of(ed25519.Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, data: bytes) -> bytes:
        """64 octets."""
        if isinstance(self._native, ed25519.Ed25519PrivateKey):
            return self._native.sign(data)
        r, s = decode_dss_signature(self._native.sign(data, _ECDSA))
        return r.to_bytes(32) + s.to_bytes(32)


def verifying_key_of(native: object) -> VerifyingKey:
    """Wrap a public key of `cryptography`. Raises `SignatureRefusedError` for another kind or curve."""
    if isinstance(native, ed25519.Ed25519PublicKey):
        algorithm = Algorithm.ED25519
    elif isinstance(native, ec.EllipticCurvePublicKey) and isinstance(native.curve, ec.SECP256R1):
        algorithm = Algorithm.ES256
    else:
        raise SignatureRefusedError("the key is neither Ed25519 nor on P-256")
    spki = native.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return VerifyingKey(spki, algorithm, native)


@lru_cache(maxsize=4096)
def verifying_key(spki: bytes) -> VerifyingKey:
    """Read a SubjectPublicKeyInfo. Raises `SignatureRefusedError` for another kind, curve or a damaged one."""
    if len(spki) > 128:
        raise SignatureRefusedError("the key is neither Ed25519 nor on P-256")
    try:
        native = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise SignatureRefusedError("the key cannot be read") from None
    return verifying_key_of(native)
