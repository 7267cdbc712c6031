"""A client made by hand, that can do everything right and any one thing wrong."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from anchorwatch.licensing import enrolment, message, problem, signature, token, wire
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.message import ClockReport, EntitlementRequest, Mode, Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.portal.reply import Reply
from builders.certs import PrivateKey, new_key
from licensing.desk import PORTAL
from portal.office import Office

ENROL = f"{message.EST}/sl1/simpleenroll"
REENROL = f"{message.EST}/sl1/simplereenroll"


def kind_of(reply: Reply) -> Type | None:
    """The type of the problem in an answer, None where it is none."""
    found = problem.read(reply.body)
    return None if found is None else found.kind


def request_for(key: PrivateKey, *, sn: str = "9A1", uri: str | None = "urn:sl:udi:ASAv:9A1") -> bytes:
    """A certificate request (DER)."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, sn)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if uri is not None:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = builder.add_extension(names, critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def nonce() -> str:
    """A fresh one."""
    return wire.base64url(secrets.token_bytes(16))


@dataclass
class Hand:
    """A key, and a certificate once it is enrolled."""

    office: Office
    key: PrivateKey = field(default_factory=lambda: new_key("ec256"))
    certificate: bytes = b""
    sn: str = "9A1"
    seq: int = 0
    jti: str | None = None

    @property
    def csr(self) -> bytes:
        return request_for(self.key, sn=self.sn, uri=f"urn:sl:udi:ASAv:{self.sn}")

    @property
    def keyid(self) -> str:
        return signature.keyid(self.certificate)

    def enrol(
        self,
        made: token.IdToken,
        *,
        csr: bytes | None = None,
        portal: str = PORTAL,
        at: datetime | None = None,
        proves: bytes | None = None,
    ) -> Reply:
        """E3 in proof mode."""
        asked = csr or self.csr
        proof = token.prove(
            made,
            proves or asked,
            portal=portal,
            now=at or self.office.clock.now(),
            nonce=secrets.token_bytes(16),
        )
        fields = {
            "content-type": message.PKCS10,
            "authorization": proof,
            "idempotency-key": str(uuid.uuid4()),
        }
        return self.taken(self.office.ask("POST", ENROL, fields, enrolment.encode(asked)))

    def taken(self, reply: Reply) -> Reply:
        """Keep the certificate in an answer."""
        if reply.status == 200:
            (found,) = pkcs7.load_der_pkcs7_certificates(enrolment.decode(reply.body, limit=65_536))
            self.certificate = found.public_bytes(serialization.Encoding.DER)
        return reply

    def signed(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
        created: datetime | None = None,
        content_type: str = message.JSON,
        target: str | None = None,
        once: str | None = None,
    ) -> dict[str, str]:
        """The fields of a signed request."""
        fields = {}
        if body is not None:
            fields["content-type"] = content_type
        if method != "GET":
            fields["idempotency-key"] = key or str(uuid.uuid4())
        request = signature.Request(
            method=method,
            target_uri=target or f"https://{PORTAL}{path}",
            body=body,
            content_type=fields.get("content-type"),
            idempotency_key=fields.get("idempotency-key"),
        )
        signing = SigningKey.of(self.key)
        return fields | signature.sign(
            request,
            signing,
            keyid=self.keyid,
            created=created or self.office.clock.now(),
            nonce=once or nonce(),
        )

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, content_type: str = message.JSON
    ) -> Reply:
        """A signed request, all right."""
        fields = self.signed(method, path, body, content_type=content_type)
        return self.office.ask(method, path, fields, body)

    def wants(
        self, *wanted: Wanted, seq: int | None = None, last: str | None = None, mode: Mode = Mode.NORMAL
    ) -> bytes:
        """The body of an L1."""
        now = self.office.clock.now()
        clock = ClockReport(now=now, source="device", mono_ms=1, boot_id="b")
        return wire.dump(
            EntitlementRequest(
                seq=self.seq + 1 if seq is None else seq,
                entitlements=wanted,
                clock=clock,
                trust_seq=1,
                last_jti=last or self.jti,
                mode=mode,
            )
        )

    def later(self, by: timedelta) -> None:
        """Turn the clock."""
        self.office.clock.advance(by)


def enrolled(office: Office, *, sn: str = "9A1", kind: str = "ec256") -> Hand:
    """A client with a certificate."""
    hand = Hand(office, key=new_key(kind), sn=sn)  # type: ignore[arg-type]  # a kind of key by its name
    assert hand.enrol(office.token()).status == 200
    assert isinstance(hand.key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
    return hand
