"""A portal for the tests: the rulings of `licensing.account`, `sequence` and `seat`, with dictionaries for a database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from anchorwatch.licensing import (
    account,
    deadline,
    enrolment,
    jws,
    message,
    problem,
    seat,
    sequence,
    signature,
    token,
    wire,
)
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.claim import (
    Account,
    AnchorClaim,
    Confirmation,
    Entitled,
    Export,
    Grant,
    PublicKeyClaim,
    Receipt,
    Revocation,
    Revoked,
    Role,
    TimeClaim,
    TrustBundle,
)
from anchorwatch.licensing.error import LicensingError, SignatureRefusedError
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import SigningKey, VerifyingKey, verifying_key
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.sequence import Once, Record, Ruling
from anchorwatch.licensing.status import AuthorizationState
from builders.certs import CA, new_key

PORTAL = "portal.example"
BUILD = datetime(2025, 1, 1, tzinfo=UTC)


def public_claim(key: SigningKey, kid: str | None = None) -> PublicKeyClaim:
    """A key as a bundle names it."""
    return PublicKeyClaim(kid=kid or key.public.kid, alg=key.public.algorithm, spki=key.public.spki)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    retry_after: timedelta | None = None


@dataclass
class Device:
    """A row of the portal's devices."""

    id: str
    state: DeviceState
    certificates: list[bytes]
    last_contact: datetime
    known: sequence.Known = field(default_factory=sequence.Known)
    grant: str | None = None
    grant_deadline: datetime | None = None
    id_end: datetime = BUILD
    adoptions: int = 0
    held: dict[str, int] = field(default_factory=dict)


class Desk:
    """The portal's decisions; `now` is given with every request."""

    def __init__(self, now: datetime, seats: int = 10, mode: seat.Mode = seat.Mode.LIMIT) -> None:
        self.root_ca = CA.root("Licensing Root", key="ed25519")
        self.root = SigningKey.of(self.root_ca.key)
        self.grants = SigningKey.of(new_key("ec256"))
        self.pool = seat.Pool(mode=mode)
        self.ledger: list[seat.Entry] = []
        self.enter(seat.Entry(kind=seat.EntryKind.BUY, delta=seats))
        self.devices: dict[str, Device] = {}
        self.by_keyid: dict[str, tuple[str, bytes]] = {}
        self.enrolled: dict[tuple[str, bytes], bytes] = {}
        self.tokens: dict[str, VerifyingKey] = {}
        self.uses: dict[str, int] = {}
        self.max_uses = 1
        self.records: dict[str, tuple[bytes, Reply]] = {}
        self.nonces: set[str] = set()
        self.incidents: list[str] = []
        self.told: set[str] = set()
        self.effects: list[str] = []
        self.receipts: dict[str, Reply] = {}
        self.approve = True
        self.windows: message.RenewalInfo | None = None
        self.bundle = self.make_bundle(now)

    def make_bundle(self, now: datetime, *, seq: int = 1, anchors: tuple[AnchorClaim, ...] = ()) -> str:
        """A signed bundle."""
        identity = AnchorClaim(
            role=Role.ID,
            sha256=bytes.fromhex(self.root_ca.sha256),
            not_after=datetime(2049, 1, 1, tzinfo=UTC),
            x5c=self.root_ca.der,
        )
        self.claims = TrustBundle(
            iss=PORTAL,
            seq=seq,
            iat=now.replace(microsecond=0),
            exp=now.replace(microsecond=0) + timedelta(days=4000),
            refresh_hint=timedelta(days=7),
            anchors=(identity, *anchors),
            grant_keys=(public_claim(self.grants),),
            roots=(public_claim(self.root),),
        )
        return jws.sign(Kind.TRUST, wire.dump(self.claims), self.root)

    def enter(self, entry: seat.Entry) -> None:
        """Write a line of the ledger and the pool with it."""
        self.pool = seat.applied(self.pool, entry)
        self.ledger.append(entry)

    def issue_token(self, number: int = 1) -> token.IdToken:
        """A token; the desk keeps its public key only."""
        made = token.make(
            id_octets=number.to_bytes(10),
            seed=hashlib.sha256(number.to_bytes(4)).digest(),
            root_spki=self.root.public.spki,
            bundle_seq=1,
        )
        self.tokens[made.id] = made.key().public
        return made

    def sign(self, kind: Kind, claims: object) -> str:
        """A signed object by the key for grants."""
        return jws.sign(kind, wire.dump(claims), self.grants)

    def refuse(self, kind: Type, **more: str | None) -> Reply:
        """A problem."""
        found = problem.problem(kind, **more)  # type: ignore[arg-type]  # signed and nonce only
        return Reply(found.status, problem.write(found))

    # --- time

    def tick(self, now: datetime) -> None:
        """What time does to the devices."""
        for device in self.devices.values():
            dates = account.Dates(
                last_contact=device.last_contact,
                grant_deadline=device.grant_deadline,
                id_end=device.id_end,
            )
            for entered in account.moved_by_time(device.state, dates, now):
                if account.gives_seats_back(device.state, entered):
                    self.release(device)
                device.state = entered

    def release(self, device: Device) -> None:
        """Seats back to the pool."""
        for held in device.held.values():
            if held:
                self.enter(seat.Entry(kind=seat.EntryKind.RELEASE, delta=-held))
        device.held.clear()

    # --- requests

    def handle(
        self, method: str, path: str, fields: dict[str, str], body: bytes | None, now: datetime
    ) -> Reply:
        """One request."""
        self.tick(now)
        if path == message.TRUST:
            return Reply(200, self.bundle.encode())
        if path == message.TIME:
            nonce = wire.parse(message.TimeRequest, body or b"").nonce
            return Reply(200, self.time(nonce, now).encode())
        if path.endswith("/simpleenroll"):
            return self.enrol(fields, body or b"", now)
        try:
            presented = signature.read(fields)
            request = signature.Request(
                method=method,
                target_uri=f"https://{PORTAL}{path}",
                body=body,
                content_type=fields.get("content-type"),
                idempotency_key=fields.get("idempotency-key"),
            )
            found = self.by_keyid.get(presented.keyid)
            if found is None:
                return self.refuse(Type.IDENTITY_UNKNOWN)
            device = self.devices[found[0]]
            signature.verify(request, presented, verifying_key(found[1]), now)
        except SignatureRefusedError as error:
            kind = Type(error.problem)
            if kind is Type.CREATED_OUT_OF_WINDOW:
                return self.refuse(kind, signed=self.time(presented.nonce, now), nonce=presented.nonce)
            return self.refuse(kind)
        if presented.nonce in self.nonces:
            return self.refuse(Type.REPLAY)
        self.nonces.add(presented.nonce)
        if device.state is DeviceState.REVOKED:
            told = Revocation(
                iss=PORTAL,
                sub=presented.keyid,
                what=Revoked.IDENTITY,
                problem=Type.IDENTITY_REVOKED,
                req=fields["idempotency-key"],
                iat=now,
            )
            return self.refuse(Type.IDENTITY_REVOKED, signed=self.sign(Kind.REVOKE, told))
        if (method, path) == ("GET", message.ENTITLEMENTS):
            return Reply(204) if device.grant is None else Reply(200, device.grant.encode())
        if (method, path) == ("GET", message.RENEWAL_INFO):
            return Reply(404) if self.windows is None else Reply(200, wire.dump(self.windows))
        return self.once(device, presented.keyid, method, path, fields, body, now)

    def once(
        self,
        device: Device,
        keyid: str,
        method: str,
        path: str,
        fields: dict[str, str],
        body: bytes | None,
        now: datetime,
    ) -> Reply:
        """The idempotency key, then the request."""
        key = f"{keyid} {fields.get('idempotency-key')}"
        digest = hashlib.sha256(method.encode() + path.encode() + (body or b"")).digest()
        stored = self.records.get(key)
        match sequence.once(
            fields.get("idempotency-key"),
            Record.DONE if stored else None,
            stored[0] if stored else None,
            digest,
        ):
            case Once.PROCESS:
                reply = self.process(device, keyid, method, path, body or b"", digest, now)
                if reply.status < 400:
                    self.records[key] = (digest, reply)
                return reply
            case Once.REPEAT:
                assert stored is not None
                return stored[1]
            case Once.REUSED:
                return self.refuse(Type.KEY_REUSE)
            case Once.MISSING:
                return self.refuse(Type.KEY_MISSING)
            case Once.WAIT:
                return self.refuse(Type.REQUEST_IN_FLIGHT)

    def process(
        self, device: Device, keyid: str, method: str, path: str, body: bytes, digest: bytes, now: datetime
    ) -> Reply:
        """A request that is who it says it is, for the first time."""
        if path.endswith("/simplereenroll"):
            csr = enrolment.read_request(body)
            device.state = account.TABLE.target(device.state, DeviceEvent.RENEWED)
            return Reply(200, enrolment.write_certificates((self.certify(device, csr, now),)))
        if path == message.INCIDENTS:
            told = wire.parse(message.IncidentReport, body)
            fresh = [each for each in told.incidents if each.id not in self.told]
            self.incidents += [str(each.failure.kind) for each in fresh]
            self.told |= {each.id for each in fresh}
            return Reply(202)
        if path == message.SELF and method == "PUT":
            wire.parse(message.DeviceInfo, body)
            return Reply(200, wire.dump(message.DeviceAnswer(device_id=device.id, va="default")))
        if path == message.SELF:
            device.state = account.TABLE.target(device.state, DeviceEvent.DEREGISTERED)
            released = tuple(
                Entitled(tag=tag, n=n, status=AuthorizationState.NOT_IN_USE) for tag, n in device.held.items()
            )
            self.release(device)
            self.effects.append(f"removed {device.id}")
            receipt = Receipt(iss=PORTAL, sub=device.id, iat=now, released=released)
            return Reply(200, self.sign(Kind.RECEIPT, receipt).encode())
        return self.entitle(device, keyid, wire.parse(message.EntitlementRequest, body), digest, now)

    def entitle(
        self, device: Device, keyid: str, asked: message.EntitlementRequest, digest: bytes, now: datetime
    ) -> Reply:
        """L1."""
        claimed = sequence.Claimed(
            seq=asked.seq,
            last_jti=asked.last_jti,
            request_sha256=digest,
            proven_seq=self.proven(asked.grant, device),
        )
        if device.state is DeviceState.CONFLICT:
            return self.refuse(Type.SEQUENCE_FORK)
        ruling = sequence.rule(device.known, claimed)
        match ruling:
            case Ruling.REPEAT:
                return Reply(200, (device.grant or "").encode())
            case Ruling.STALE:
                device.adoptions += 1
                return self.refuse(Type.STALE_SEQUENCE, signed=device.grant)
            case Ruling.FORK:
                device.state = account.TABLE.target(device.state, DeviceEvent.FORKED)
                return self.refuse(Type.SEQUENCE_FORK)
            case Ruling.SHOW:
                return self.refuse(Type.HISTORY_LOST)
            case Ruling.RECOVER | Ruling.PROCESS:
                return self.give(device, keyid, asked, digest, now)

    def give(
        self, device: Device, keyid: str, asked: message.EntitlementRequest, digest: bytes, now: datetime
    ) -> Reply:
        """Decide seats, sign a grant."""
        device.state = account.TABLE.target(device.state, DeviceEvent.CONTACT)
        ent = []
        for wanted in asked.entitlements:
            decided = seat.decide(self.pool, held=device.held.get(wanted.tag, 0), asked=wanted.count)
            if decided.entry is not None:
                self.enter(decided.entry)
            device.held[wanted.tag] = decided.granted
            ent.append(Entitled(tag=wanted.tag, n=decided.granted, status=decided.status))
        compliant = all(each.status is not AuthorizationState.OUT_OF_COMPLIANCE for each in ent)
        now = now.replace(microsecond=0)
        dates = deadline.grant_dates(now, compliant=compliant)
        grant = Grant(
            iss=PORTAL,
            sub=device.id,
            cnf=Confirmation(x5t=keyid),
            jti=hashlib.sha256(f"{device.id} {asked.seq} {len(self.effects)}".encode()).hexdigest(),
            prev=device.known.jti,
            seq=asked.seq,
            iat=now,
            nbf=dates.not_before,
            ref=dates.refresh,
            exp=dates.deadline,
            grace=dates.grace_end,
            acct=Account(sa="Harbour", va="default"),
            ent=tuple(ent),
            export=Export(allowed=False),
            trust_seq=self.claims.seq,
        )
        device.grant = self.sign(Kind.GRANT, grant)
        device.known = sequence.Known(seq=asked.seq, jti=grant.jti, request_sha256=digest)
        device.last_contact = now
        device.grant_deadline = grant.exp
        self.effects.append(f"granted {device.id} {asked.seq}")
        return Reply(200, device.grant.encode())

    def proven(self, text: str | None, device: Device) -> int | None:
        """The number of a grant of ours that a client shows."""
        if text is None:
            return None
        try:
            signed = jws.verify(text, (Kind.GRANT,), lambda _: self.grants.public)
            grant = wire.parse(Grant, signed.payload)
        except LicensingError:
            return None
        return grant.seq if grant.sub == device.id else None

    def time(self, nonce: str, now: datetime) -> str:
        """Signed time."""
        return self.sign(Kind.TIME, TimeClaim(iss=PORTAL, nonce=nonce, now=now, radius_ms=500))

    def enrol(self, fields: dict[str, str], body: bytes, now: datetime) -> Reply:
        """E3."""
        csr = enrolment.read_request(body)
        authorization = fields.get("authorization", "")
        try:
            name = token.token_id(authorization)
            public = self.tokens.get(name)
            if public is None:
                return self.no_token(Type.TOKEN_INVALID, name, fields, now)
            token.check_proof(authorization, public, csr.der, portal=PORTAL, now=now)
        except SignatureRefusedError as error:
            return self.refuse(Type(error.problem))
        if (name, csr.spki_sha256) in self.enrolled:
            der = self.enrolled[name, csr.spki_sha256]
            return Reply(200, enrolment.write_certificates((der,)))
        if not self.approve:
            return Reply(202, retry_after=timedelta(minutes=10))
        if self.uses.get(name, 0) >= self.max_uses:
            return self.no_token(Type.TOKEN_EXHAUSTED, name, fields, now)
        self.uses[name] = self.uses.get(name, 0) + 1
        device = Device(
            id=f"device-{len(self.devices) + 1}",
            state=DeviceState.ACTIVE,
            certificates=[],
            last_contact=now,
        )
        self.devices[device.id] = device
        der = self.certify(device, csr, now)
        self.enrolled[name, csr.spki_sha256] = der
        self.effects.append(f"enrolled {device.id}")
        return Reply(200, enrolment.write_certificates((der,)))

    def no_token(self, kind: Type, name: str, fields: dict[str, str], now: datetime) -> Reply:
        """A signed refusal of a token."""
        told = Revocation(
            iss=PORTAL, sub=name, what=Revoked.TOKEN, problem=kind, req=fields["idempotency-key"], iat=now
        )
        return self.refuse(kind, signed=self.sign(Kind.REVOKE, told))

    def certify(self, device: Device, csr: enrolment.Csr, now: datetime) -> bytes:
        """An ID certificate."""
        dates = deadline.identity_dates(now.replace(microsecond=0))
        public = serialization.load_der_public_key(csr.spki)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, device.id)]))
            .issuer_name(self.root_ca.subject)
            .public_key(public)  # type: ignore[arg-type]  # a key of a request that was checked
            .serial_number(x509.random_serial_number())
            .not_valid_before(dates.not_before.replace(tzinfo=None))
            .not_valid_after(dates.not_after.replace(tzinfo=None))
            .sign(self.root_ca.key, None)
        )
        der = certificate.public_bytes(serialization.Encoding.DER)
        device.certificates.append(der)
        device.id_end = dates.not_after
        self.by_keyid[signature.keyid(der)] = (device.id, csr.spki)
        return der

    def snapshot(self) -> dict[str, object]:
        """What a backup keeps."""
        return {
            "devices": {
                name: replace(each, held=dict(each.held), certificates=list(each.certificates))
                for name, each in self.devices.items()
            },
            "pool": self.pool,
            "ledger": list(self.ledger),
        }

    def restore(self, kept: dict[str, object]) -> None:
        """Go back to a backup."""
        self.devices = kept["devices"]  # type: ignore[assignment]
        self.pool = kept["pool"]  # type: ignore[assignment]
        self.ledger = kept["ledger"]  # type: ignore[assignment]
        self.records = {}
