"""Our signed objects and a JOSE library's are the same: each reads what the other wrote, and refuses what it refuses."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as jose
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from anchorwatch.licensing import jws
from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import Algorithm, SigningKey

NATIVES = [ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), ec.derive_private_key(7, ec.SECP256R1())]
PAIRS = [(SigningKey.of(native), native) for native in NATIVES]


def _jose_key(native: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> OKPKey | ECKey:
    pem = native.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return OKPKey.import_key(pem) if isinstance(native, ed25519.Ed25519PrivateKey) else ECKey.import_key(pem)


both_keys = pytest.mark.parametrize(("key", "native"), PAIRS, ids=[key.public.algorithm for key, _ in PAIRS])


@both_keys
@given(payload=st.binary(max_size=300), kind=st.sampled_from(Kind))
def test_a_jose_library_reads_what_we_sign(
    key: SigningKey, native: object, payload: bytes, kind: Kind
) -> None:
    """A library that knows nothing of us reads the payload and the three members of the header."""
    text = jws.sign(kind, payload, key)
    read = jose.deserialize_compact(text, _jose_key(native), algorithms=[key.public.algorithm.value])  # type: ignore[arg-type]
    assert read.payload == payload
    assert read.headers() == {"alg": key.public.algorithm, "typ": kind, "kid": key.public.kid}


@both_keys
@given(payload=st.binary(max_size=300), kind=st.sampled_from(Kind))
def test_we_read_what_a_jose_library_signs(
    key: SigningKey, native: object, payload: bytes, kind: Kind
) -> None:
    """What a portal written on a library would send is accepted."""
    algorithm = key.public.algorithm.value
    header = {"alg": algorithm, "typ": kind.value, "kid": key.public.kid}
    text = jose.serialize_compact(header, payload, _jose_key(native), algorithms=[algorithm])  # type: ignore[arg-type]
    signed = jws.verify(text, {kind}, lambda _: key.public)
    assert signed.payload == payload
    assert signed.header.alg is Algorithm(algorithm)


@both_keys
@given(payload=st.binary(min_size=1, max_size=60), data=st.data())
def test_one_changed_letter_is_refused_by_both(
    key: SigningKey, native: object, payload: bytes, data: st.DataObject
) -> None:
    """A payload that was changed by one letter is believed by neither."""
    text = jws.sign(Kind.GRANT, payload, key)
    start = text.index(".") + 1
    place = data.draw(st.integers(start, text.rindex(".") - 1))
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(SignatureRefusedError):
        jws.verify(changed, {Kind.GRANT}, lambda _: key.public)
    with pytest.raises(JoseError):
        jose.deserialize_compact(changed, _jose_key(native), algorithms=[key.public.algorithm.value])  # type: ignore[arg-type]
