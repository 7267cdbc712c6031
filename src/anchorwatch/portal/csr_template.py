"""E2: what a request for a certificate should hold, in both tongues of EST.

Clients of RFC 7030 read a list of algorithms and attributes and ignore what they do not know. Later ones read the one
template of RFC 9908 in that list and nothing else of it: a subject with a serial number, a key on P-256, and a URI as
alternative name, which is ``urn:sl:udi:<product>:<serial number>``; what is left empty is the client's to fill in.
"""

from __future__ import annotations

from anchorwatch.formats import tlv
from anchorwatch.pki import der

_TEMPLATE = "1.2.840.113549.1.9.16.2.61"
"""id-aa-certificationRequestInfoTemplate, RFC 9908 section 3.4."""
_EXTENSIONS = "1.2.840.113549.1.9.16.2.62"
"""id-aa-extensionReqTemplate."""
_EC_KEY, _P256, _ECDSA_SHA256 = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2"
_SERIAL_NUMBER, _ALTERNATIVE_NAME = "2.5.4.5", "2.5.29.17"
_V1 = b"\x00"
_KEY_TAG, _ATTRIBUTES_TAG, _URI_TAG = 0xA0, 0xA1, 0x86


def write() -> bytes:
    """The list (`CsrAttrs` of RFC 7030 section 4.5.2), in DER."""
    curve = _attribute(_EC_KEY, tlv.encode_oid(_P256))
    older = (curve, tlv.encode_oid(_ECDSA_SHA256), tlv.encode_oid(_SERIAL_NUMBER))
    return tlv.encode(der.SEQUENCE, *older, _attribute(_TEMPLATE, _template()))


def _template() -> bytes:
    serial = tlv.encode(der.SEQUENCE, tlv.encode_oid(_SERIAL_NUMBER))
    subject = tlv.encode(der.SEQUENCE, tlv.encode(der.SET, serial))
    algorithm = tlv.encode(der.SEQUENCE, tlv.encode_oid(_EC_KEY), tlv.encode_oid(_P256))
    names = tlv.encode(der.SEQUENCE, tlv.encode(_URI_TAG))
    extension = tlv.encode(
        der.SEQUENCE, tlv.encode_oid(_ALTERNATIVE_NAME), tlv.encode(der.OCTET_STRING, names)
    )
    return tlv.encode(
        der.SEQUENCE,
        tlv.encode(der.INTEGER, _V1),
        subject,
        tlv.encode(_KEY_TAG, algorithm),
        tlv.encode(_ATTRIBUTES_TAG, _attribute(_EXTENSIONS, tlv.encode(der.SEQUENCE, extension))),
    )


def _attribute(kind: str, value: bytes) -> bytes:
    return tlv.encode(der.SEQUENCE, tlv.encode_oid(kind), tlv.encode(der.SET, value))
