"""Whether one certificate could have issued another: names, key identifiers, signature.

Only the first two are free; a signature costs a public-key operation, so it is checked last, with the
issuer's key itself (`verify_directly_issued_by` of `cryptography` compares names bytewise and refuses
SHA-1) and remembered per child and key: 159 of 911 real CA keys stand in more than one certificate, and
all of them answer alike.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from anchorwatch.pki import der
from anchorwatch.pki.certificate import HASHES, RSA_PSS, SIGNATURES, Certificate, pss_digest

_HASH_TYPES: dict[str, type[hashes.HashAlgorithm]] = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}

PublicKeyObject = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey | ed25519.Ed25519PublicKey
MAX_RSA_BITS = 16_384
"""Larger moduli are not computed with: OpenSSL's own bound (OPENSSL_RSA_MAX_MODULUS_BITS)."""


class KeyIdMatch(Enum):
    """How a certificate's authority key identifier fits a candidate issuer (RFC 5280 section 4.2.1.1)."""

    MATCH = "match"
    NO_DATA = "no data"
    MISMATCH = "mismatch"


class Signature(Enum):
    """What checking a signature with a key came to."""

    GOOD = "good"
    BAD = "bad"
    UNCHECKABLE = "uncheckable"
    """An algorithm or key nobody here computes with (MD2, explicit curves, 16k RSA): never taken as good."""


def names_fit(child: Certificate, parent: Certificate) -> bool:
    """Whether `child` names `parent` as its issuer (RFC 5280 section 7.1)."""
    return child.issuer.key == parent.subject.key


def key_id_match(child: Certificate, parent: Certificate) -> KeyIdMatch:
    """Compare identifiers: the key's first, else the issuer-and-serial form."""
    wanted = child.authority_key_id
    if wanted is None:
        return KeyIdMatch.NO_DATA
    if wanted.key_id is not None and parent.subject_key_id is not None:
        return KeyIdMatch.MATCH if wanted.key_id == parent.subject_key_id else KeyIdMatch.MISMATCH
    if wanted.serial is not None and wanted.issuer is not None:
        same = wanted.serial == parent.serial and wanted.issuer.key == parent.issuer.key
        return KeyIdMatch.MATCH if same else KeyIdMatch.MISMATCH
    return KeyIdMatch.NO_DATA


def signature(child: Certificate, parent: Certificate) -> Signature:
    """Check the signature on `child` with the key in `parent`; names are not looked at."""
    return _verify(child, parent.spki)


def signature_good(child: Certificate, parent: Certificate) -> bool:
    """Whether the key in `parent` made the signature on `child`."""
    return _verify(child, parent.spki) is Signature.GOOD


def is_self_signed(certificate: Certificate) -> bool:
    """Whether a certificate names itself as its issuer and its own key made its signature."""
    return certificate.self_issued and signature_good(certificate, certificate)


@lru_cache(maxsize=4_096)
def load_key(spki: bytes) -> PublicKeyObject | ed448.Ed448PublicKey | None:
    """The key for computing with; None where `cryptography` will not load it or it is oversized."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm, TypeError):
        return _load_pss_key(spki)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size > MAX_RSA_BITS:
        return None
    known = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, dsa.DSAPublicKey)
    if isinstance(key, (*known, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return key
    return None


def _load_pss_key(spki: bytes) -> rsa.RSAPublicKey | None:
    """A key bound to RSASSA-PSS (RFC 4055 section 1.2), which `cryptography` loads only without its OID."""
    try:
        algorithm, bits = der.inside(spki, der.whole(spki, der.SEQUENCE))
        oid = der.inside(spki, algorithm)[0]
        if der.oid_text(spki[oid.content : oid.stop]) != RSA_PSS:
            return None
        octets = spki[bits.content + 1 : bits.stop]
        modulus, exponent = der.inside(octets, der.whole(octets, der.SEQUENCE))
        numbers = rsa.RSAPublicNumbers(
            int.from_bytes(octets[exponent.content : exponent.stop], "big"),
            int.from_bytes(octets[modulus.content : modulus.stop], "big"),
        )
        return numbers.public_key() if numbers.n.bit_length() <= MAX_RSA_BITS else None
    except (der.DerError, ValueError, IndexError):
        return None


# One entry is a pair of hashes and a verdict; 65,536 of them are about 15 MB.
@lru_cache(maxsize=65_536)
def _verify(child: Certificate, spki: bytes) -> Signature:
    return verify_signature(
        spki, child.signature_algorithm, child.signature_parameters, child.signature, child.tbs
    )


def verify_signature(spki: bytes, algorithm: str, parameters: bytes, made: bytes, over: bytes) -> Signature:
    """Check the signature `made` `over` some octets (RFC 3279, 4055, 5758, 8410); never raises."""
    known = SIGNATURES.get(algorithm)
    if known is None:
        return Signature.UNCHECKABLE
    _, kind, digest = known
    key = load_key(spki)
    if key is None:
        return Signature.UNCHECKABLE
    hash_type = _HASH_TYPES.get((pss_digest(parameters) if kind == "rsa-pss" else digest) or "")
    try:
        match key:
            case rsa.RSAPublicKey() if kind == "rsa" and hash_type:
                key.verify(made, over, padding.PKCS1v15(), hash_type())
            case rsa.RSAPublicKey() if kind == "rsa-pss" and hash_type:
                key.verify(made, over, _pss_padding(parameters, hash_type), hash_type())
            case ec.EllipticCurvePublicKey() if kind == "ec" and hash_type:
                key.verify(made, over, ec.ECDSA(hash_type()))
            case dsa.DSAPublicKey() if kind == "dsa" and hash_type:
                key.verify(made, over, hash_type())
            case ed25519.Ed25519PublicKey() if kind == "ed25519":
                key.verify(made, over)
            case ed448.Ed448PublicKey() if kind == "ed448":
                key.verify(made, over)
            case _:
                # A key of another kind than the algorithm cannot have made it; a digest we lack is not proof.
                same = kind.removesuffix("-pss") == _kind(key)
                return Signature.UNCHECKABLE if same else Signature.BAD
    except InvalidSignature:
        return Signature.BAD
    except (ValueError, UnsupportedAlgorithm, TypeError, der.DerError, IndexError):
        return Signature.UNCHECKABLE
    return Signature.GOOD


def _kind(key: object) -> str:
    match key:
        case rsa.RSAPublicKey():
            return "rsa"
        case ec.EllipticCurvePublicKey():
            return "ec"
        case dsa.DSAPublicKey():
            return "dsa"
        case ed25519.Ed25519PublicKey():
            return "ed25519"
        case _:
            return "ed448"


def _pss_padding(parameters: bytes, hash_type: type[hashes.HashAlgorithm]) -> padding.PSS:
    """Salt length and mask hash of RSASSA-PSS parameters (RFC 4055 section 3.1)."""
    mask = hashes.SHA1()
    salt = 20
    if parameters:
        for item in der.inside(parameters, der.whole(parameters, der.SEQUENCE)):
            if item.tag == 0xA1:
                algorithm = der.inside(parameters, der.inside(parameters, item)[0])
                inner = der.inside(parameters, algorithm[1])[0]
                name = HASHES.get(der.oid_text(parameters[inner.content : inner.stop]), "")
                mask = _HASH_TYPES[name]() if name in _HASH_TYPES else hash_type()  # type: ignore[assignment]  # both are hash algorithms
            elif item.tag == 0xA2:
                number = der.inside(parameters, item)[0]
                salt = der.integer(parameters[number.content : number.stop])
    return padding.PSS(mgf=padding.MGF1(mask), salt_length=salt)
