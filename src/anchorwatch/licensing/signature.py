"""Signed requests: the one profile of RFC 9421 that devices use, and `Content-Digest` of RFC 9530.

Fixed: the label is ``sl1``; the components are ``@method`` and ``@target-uri``, then with a body
``content-digest`` and ``content-type``, then ``idempotency-key`` wherever the method is not GET; the parameters are
``created``, ``nonce`` (128 bits), ``keyid`` (base64url SHA-256 of the ID certificate), ``alg`` and
``tag="sl1"``, each once, in any order. Fixing it makes checking a matter of two patterns and one signature; a general
library costs as much as all the rest of a request.

What the caller does beside: find the certificate by `keyid`, and remember nonces for the window of `created`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from anchorwatch.licensing.deadline import created_in_window
from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.key import SigningKey, VerifyingKey
from anchorwatch.licensing.wire import base64url

MAX_FIELD = 1024
_PARAMETER = (
    r';(?:created=(?P<created>\d{1,11})|nonce="(?P<nonce>[A-Za-z0-9_-]{22})"|keyid="(?P<keyid>[A-Za-z0-9_-]{43})"'
    r'|alg="(?P<alg>[a-z0-9-]{1,32})"|tag="(?P<tag>[a-z0-9]{1,16})")'
)
_ONE = re.compile(_PARAMETER, re.ASCII)
_INPUT = re.compile(
    r'sl1=(?P<params>(?P<components>\((?:"[@a-z-]{1,32}" ?){2,5}\))(?P<rest>(?:;[a-z]{1,8}=[^;]{1,64}){5}))',
    re.ASCII,
)
_SIGNATURE = re.compile(r"sl1=:([A-Za-z0-9+/]{86}==):", re.ASCII)
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is signed of a request. `target_uri` is absolute, as the client wrote it; `body` None where there is none."""

    method: str
    target_uri: str
    body: bytes | None = field(default=None, repr=False)
    content_type: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A signature as it came, read and not yet checked."""

    keyid: str
    algorithm: str
    created: datetime
    nonce: str
    components: str
    parameters: str
    signature: bytes
    digest: str | None


def keyid(certificate: bytes) -> str:
    """The name of a certificate (DER): base64url of its SHA-256, the same as `x5t#S256`."""
    return base64url(hashlib.sha256(certificate).digest())


def content_digest(body: bytes) -> str:
    """The value of `Content-Digest` (RFC 9530), SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def sign(request: Request, key: SigningKey, *, keyid: str, created: datetime, nonce: str) -> dict[str, str]:
    """The fields to add to the request, by lower-case name. `nonce` is base64url of 16 octets."""
    parameters = (
        f'{_components(request)};created={int(created.timestamp())};nonce="{nonce}";keyid="{keyid}"'
        f';alg="{key.public.algorithm.http}";tag="sl1"'
    )
    fields = {}
    digest = None
    if request.body is not None:
        digest = content_digest(request.body)
        fields["content-digest"] = digest
    made = key.sign(_base(request, digest, parameters))
    fields["signature-input"] = f"sl1={parameters}"
    fields["signature"] = f"sl1=:{base64.b64encode(made).decode('ascii')}:"
    return fields


def read(fields: Mapping[str, str]) -> Presented:
    """Read the fields of a request, by lower-case name. Raises `SignatureRefusedError`; nothing is checked yet."""
    described, signed, digest = (
        fields.get(name) for name in ("signature-input", "signature", "content-digest")
    )
    if described is None or signed is None:
        raise SignatureRefusedError("the request is not signed")
    if len(described) > MAX_FIELD or len(signed) > MAX_FIELD or len(digest or "") > MAX_FIELD:
        raise SignatureRefusedError("a field of the signature is too long")
    shape = _INPUT.fullmatch(described)
    value = _SIGNATURE.fullmatch(signed)
    if shape is None or value is None:
        raise SignatureRefusedError("the signature is not of the profile sl1")
    found: dict[str, str] = {}
    position = 0
    rest = shape["rest"]
    while position < len(rest):
        one = _ONE.match(rest, position)
        if one is None or one.lastgroup is None or one.lastgroup in found:
            raise SignatureRefusedError("the signature's parameters are not those of the profile sl1")
        found[one.lastgroup] = one[one.lastgroup]
        position = one.end()
    if len(found) != 5 or found["tag"] != "sl1":
        raise SignatureRefusedError("the signature's parameters are not those of the profile sl1")
    try:
        octets = base64.b64decode(value[1], validate=True)
        created = datetime.fromtimestamp(int(found["created"]), UTC)
    except (binascii.Error, ValueError, OverflowError, OSError):
        raise SignatureRefusedError("the signature cannot be read") from None
    return Presented(
        keyid=found["keyid"],
        algorithm=found["alg"],
        created=created,
        nonce=found["nonce"],
        components=shape["components"],
        parameters=shape["params"],
        signature=octets,
        digest=digest,
    )


def verify(request: Request, presented: Presented, key: VerifyingKey, now: datetime) -> None:
    """Check a signature that `read` gave, at the server's time. Returns nothing; whoever returns is right.

    Raises `SignatureRefusedError` whose `problem` is ``signature-invalid``, ``digest-mismatch`` or
    ``created-out-of-window``. The window is looked at last, so that only the holder of the key learns our time from it.
    """
    if presented.components != _components(request):
        raise SignatureRefusedError("the signature covers other components than the profile asks for")
    if presented.algorithm != key.algorithm.http:
        raise SignatureRefusedError("the signature says another algorithm than its key is for")
    if request.body is not None:
        if presented.digest is None or not _DIGEST.fullmatch(presented.digest):
            raise SignatureRefusedError(
                "the request's Content-Digest is missing or not SHA-256", "digest-mismatch"
            )
        if not hmac.compare_digest(presented.digest, content_digest(request.body)):
            raise SignatureRefusedError("the body is not the one that was signed", "digest-mismatch")
    if not key.verify(presented.signature, _base(request, presented.digest, presented.parameters)):
        raise SignatureRefusedError("the signature of the request does not hold")
    if not created_in_window(presented.created, now):
        raise SignatureRefusedError("the request was made too long ago or ahead", "created-out-of-window")


def _components(request: Request) -> str:
    names = ['"@method"', '"@target-uri"']
    if request.body is not None:
        names += ['"content-digest"', '"content-type"']
    if request.method != "GET":
        names.append('"idempotency-key"')
    return f"({' '.join(names)})"


def _base(request: Request, digest: str | None, parameters: str) -> bytes:
    """The signature base, RFC 9421 section 2.5."""
    lines = [("@method", request.method), ("@target-uri", request.target_uri)]
    if request.body is not None:
        lines += [("content-digest", digest or ""), ("content-type", request.content_type or "")]
    if request.method != "GET":
        lines.append(("idempotency-key", request.idempotency_key or ""))
    for name, value in lines:
        if not _VISIBLE.fullmatch(value):
            raise SignatureRefusedError(f"the request has no usable value for {name}")
    text = "".join(f'"{name}": {value}\n' for name, value in lines)
    return f'{text}"@signature-params": {parameters}'.encode("ascii")
