"""The tables of the first edition.

The rules that must hold whatever the program does stand here, and the databases keep them: counters are never
negative, a `hard` pool is never over-allocated, one live device has a UDI, one ID certificate of a device is active,
grants of a device form one line of rising numbers, and nothing of one account points into another: a row that points
at a thing of an account names the account too, and the foreign key covers both.

Every pool carries the mode of its tag, held in step by its foreign key, so that the CHECK can see it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from anchorwatch.db.column import Document, Moment, words
from anchorwatch.db.word import CertificateStatus, LotKind, OperatorRole, TokenMode
from anchorwatch.licensing import seat
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.claim import OnExpiry, Role
from anchorwatch.licensing.sequence import Record

HARD_RULE = "mode <> 'hard' OR in_use + reserved + leased <= (purchased * (100 + overage_pct)) / 100"
"""Of a pool: seats given away are never more than bought, plus the overage allowed in percent, rounded down."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _within(noun: str, column: str, parent: str) -> ForeignKeyConstraint:
    """A foreign key to a thing of the same account."""
    return ForeignKeyConstraint(["account_id", column], [f"{parent}.account_id", f"{parent}.id"], name=noun)


def _account() -> Column[object]:
    return Column("account_id", Uuid, ForeignKey("smart_account.id"), nullable=False)


smart_account = Table(
    "smart_account",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("domain", String(253), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("policy", Document, nullable=False),
    Column("export_policy", String(32), nullable=False),
    Column("signing_set", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
)

virtual_account = Table(
    "virtual_account",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("name", String(200), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("tags", Document, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("account_id", "id"),
    UniqueConstraint("account_id", "name"),
    Index(
        "uq_virtual_account_default",
        "account_id",
        unique=True,
        sqlite_where=text("is_default"),
        postgresql_where=text("is_default"),
    ),
)

entitlement_tag = Table(
    "entitlement_tag",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("tag", String(300), nullable=False),
    Column("name", String(200), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("family", String(100), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("mode", words(seat.Mode, "mode"), nullable=False),
    Column("on_expiry", words(OnExpiry, "on_expiry"), nullable=False),
    UniqueConstraint("account_id", "tag"),
    UniqueConstraint("account_id", "id"),
    UniqueConstraint("account_id", "id", "mode"),
)

pool = Table(
    "pool",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("virtual_account_id", Uuid, nullable=False),
    Column("tag_id", Uuid, nullable=False),
    Column("mode", words(seat.Mode, "mode"), nullable=False),
    Column("purchased", BigInteger, nullable=False),
    Column("in_use", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("leased", BigInteger, nullable=False),
    Column("overage_pct", Integer, nullable=False),
    UniqueConstraint("virtual_account_id", "tag_id"),
    UniqueConstraint("account_id", "id"),
    _within("fk_pool_virtual_account", "virtual_account_id", "virtual_account"),
    ForeignKeyConstraint(
        ["account_id", "tag_id", "mode"],
        ["entitlement_tag.account_id", "entitlement_tag.id", "entitlement_tag.mode"],
        name="fk_pool_tag",
        onupdate="CASCADE",
    ),
    CheckConstraint(
        "purchased >= 0 AND in_use >= 0 AND reserved >= 0 AND leased >= 0 AND overage_pct >= 0",
        name="not_negative",
    ),
    CheckConstraint(HARD_RULE, name="hard"),
)

lot = Table(
    "lot",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("virtual_account_id", Uuid, nullable=False),
    Column("tag_id", Uuid, nullable=False),
    Column("kind", words(LotKind, "kind"), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment),
    Column("source", String(200), nullable=False),
    Column("parent_id", Uuid),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("account_id", "id"),
    _within("fk_lot_virtual_account", "virtual_account_id", "virtual_account"),
    _within("fk_lot_tag", "tag_id", "entitlement_tag"),
    _within("fk_lot_parent", "parent_id", "lot"),
    CheckConstraint("quantity <> 0", name="quantity"),
    CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="dates"),
    Index(None, "virtual_account_id", "tag_id"),
    Index(None, "starts_at"),
    Index(None, "ends_at"),
)

id_token = Table(
    "id_token",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("virtual_account_id", Uuid, nullable=False),
    Column("prefix", String(64), nullable=False, unique=True),
    Column("mode", words(TokenMode, "mode"), nullable=False),
    Column("public_key", LargeBinary),
    Column("secret_hash", LargeBinary),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("max_uses", Integer, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("export_allowed", Boolean, nullable=False),
    Column("force_allowed", Boolean, nullable=False),
    Column("approval_required", Boolean, nullable=False),
    Column("serial_pattern", String(200)),
    Column("network", String(64)),
    Column("note", String(500), nullable=False),
    Column("revoked_at", Moment),
    UniqueConstraint("account_id", "id"),
    _within("fk_id_token_virtual_account", "virtual_account_id", "virtual_account"),
    CheckConstraint("uses >= 0 AND uses <= max_uses AND max_uses > 0", name="uses"),
    CheckConstraint(
        "(mode = 'proof' AND public_key IS NOT NULL AND secret_hash IS NULL)"
        " OR (mode = 'basic' AND secret_hash IS NOT NULL AND public_key IS NULL)",
        name="secret",
    ),
)

device = Table(
    "device",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("virtual_account_id", Uuid, nullable=False),
    Column("pid", String(100), nullable=False),
    Column("sn", String(100), nullable=False),
    Column("uuid", String(64), nullable=False),
    Column("live", Boolean, nullable=False),
    Column("state", words(DeviceState, "state"), nullable=False),
    Column("ha_group", String(100), nullable=False),
    Column("software", String(200), nullable=False),
    Column("agent", String(100), nullable=False),
    Column("features", Document, nullable=False),
    Column("export_allowed", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_seen", Moment),
    Column("deadline", Moment),
    Column("id_ends", Moment),
    Column("skew_ms", BigInteger),
    Column("trust_seq", BigInteger, nullable=False),
    Column("grant_seq", BigInteger, nullable=False),
    Column("adoptions", Integer, nullable=False),
    Column("last_failure", String(64), nullable=False),
    UniqueConstraint("account_id", "id"),
    _within("fk_device_virtual_account", "virtual_account_id", "virtual_account"),
    CheckConstraint("grant_seq >= 0 AND trust_seq >= 0 AND adoptions >= 0", name="not_negative"),
    CheckConstraint("state <> 'removed' OR NOT live", name="removed"),
    Index(
        "uq_device_live_udi",
        "account_id",
        "pid",
        "sn",
        "uuid",
        unique=True,
        sqlite_where=text("live"),
        postgresql_where=text("live"),
    ),
    Index(None, "virtual_account_id"),
    Index("ix_device_deadline", "deadline", sqlite_where=text("live"), postgresql_where=text("live")),
    Index("ix_device_id_ends", "id_ends", sqlite_where=text("live"), postgresql_where=text("live")),
    Index("ix_device_last_seen", "last_seen", sqlite_where=text("live"), postgresql_where=text("live")),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("pool_id", Uuid, nullable=False),
    Column("kind", words(seat.EntryKind, "kind"), nullable=False),
    Column("counter", words(seat.Column, "counter"), nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("device_id", Uuid),
    Column("lot_id", Uuid),
    Column("request_id", String(100), nullable=False),
    Column("at", Moment, nullable=False),
    _within("fk_ledger_entry_pool", "pool_id", "pool"),
    _within("fk_ledger_entry_device", "device_id", "device"),
    _within("fk_ledger_entry_lot", "lot_id", "lot"),
    CheckConstraint("delta <> 0", name="delta"),
    Index(None, "pool_id", "id"),
    Index(None, "device_id", "id"),
    # A lot comes once and goes once: the two entries differ in their sign.
    Index(
        "uq_ledger_entry_lot_up",
        "lot_id",
        unique=True,
        sqlite_where=text("lot_id IS NOT NULL AND delta > 0"),
        postgresql_where=text("lot_id IS NOT NULL AND delta > 0"),
    ),
    Index(
        "uq_ledger_entry_lot_down",
        "lot_id",
        unique=True,
        sqlite_where=text("lot_id IS NOT NULL AND delta < 0"),
        postgresql_where=text("lot_id IS NOT NULL AND delta < 0"),
    ),
)

holding = Table(
    "holding",
    metadata,
    Column("device_id", Uuid, primary_key=True),
    Column("pool_id", Uuid, primary_key=True),
    _account(),
    Column("seats", BigInteger, nullable=False),
    _within("fk_holding_device", "device_id", "device"),
    _within("fk_holding_pool", "pool_id", "pool"),
    CheckConstraint("seats > 0", name="seats"),
    Index(None, "pool_id"),
)

certificate = Table(
    "certificate",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("der", LargeBinary, nullable=False),
)

id_certificate = Table(
    "id_certificate",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("device_id", Uuid, nullable=False),
    Column("sha256", String(64), ForeignKey("certificate.sha256"), nullable=False, unique=True),
    Column("serial", String(42), nullable=False),
    Column("spki_sha256", String(64), nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("not_after", Moment, nullable=False),
    Column("status", words(CertificateStatus, "status"), nullable=False),
    Column("predecessor_id", Uuid),
    Column("token_id", Uuid),
    Column("issued_at", Moment, nullable=False),
    Column("first_used_at", Moment),
    Column("retired_at", Moment),
    UniqueConstraint("account_id", "id"),
    _within("fk_id_certificate_device", "device_id", "device"),
    _within("fk_id_certificate_predecessor", "predecessor_id", "id_certificate"),
    _within("fk_id_certificate_token", "token_id", "id_token"),
    CheckConstraint("not_after > not_before", name="dates"),
    Index(None, "device_id"),
    Index(None, "account_id", "spki_sha256"),
    Index(
        "uq_id_certificate_active",
        "device_id",
        unique=True,
        sqlite_where=text("status = 'active'"),
        postgresql_where=text("status = 'active'"),
    ),
    Index(
        "uq_id_certificate_token",
        "token_id",
        "spki_sha256",
        unique=True,
        sqlite_where=text("token_id IS NOT NULL"),
        postgresql_where=text("token_id IS NOT NULL"),
    ),
)

device_entitlement = Table(
    "device_entitlement",
    metadata,
    Column("device_id", Uuid, primary_key=True),
    Column("tag_id", Uuid, primary_key=True),
    _account(),
    Column("requested", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("since", Moment, nullable=False),
    _within("fk_device_entitlement_device", "device_id", "device"),
    _within("fk_device_entitlement_tag", "tag_id", "entitlement_tag"),
    CheckConstraint("requested >= 0 AND granted >= 0", name="not_negative"),
)

license_grant = Table(
    "license_grant",
    metadata,
    Column("device_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _account(),
    Column("previous_seq", BigInteger, nullable=False),
    Column("jti", String(64), nullable=False, unique=True),
    Column("previous_jti", String(64)),
    Column("body_sha256", String(64), nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("refresh_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("grace_end", Moment, nullable=False),
    Column("jws", Text, nullable=False),
    Column("acked_at", Moment),
    UniqueConstraint("device_id", "previous_seq"),
    _within("fk_license_grant_device", "device_id", "device"),
    CheckConstraint("previous_seq >= 0 AND seq > previous_seq", name="rising"),
    CheckConstraint(
        "refresh_at >= issued_at AND deadline >= refresh_at AND grace_end >= deadline", name="dates"
    ),
)

trust_bundle = Table(
    "trust_bundle",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("jws", Text, nullable=False),
    Column("p7b", LargeBinary, nullable=False),
    Column("claims", Document, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
)

trust_bundle_anchor = Table(
    "trust_bundle_anchor",
    metadata,
    Column("seq", BigInteger, ForeignKey("trust_bundle.seq"), primary_key=True, autoincrement=False),
    Column("role", words(Role, "role"), primary_key=True),
    Column("sha256", String(64), ForeignKey("certificate.sha256"), primary_key=True),
)

trust_ack = Table(
    "trust_ack",
    metadata,
    Column("device_id", Uuid, primary_key=True),
    Column("seq", BigInteger, ForeignKey("trust_bundle.seq"), primary_key=True, autoincrement=False),
    _account(),
    Column("canary", String(64), nullable=False),
    Column("missing", Document, nullable=False),
    Column("at", Moment, nullable=False),
    _within("fk_trust_ack_device", "device_id", "device"),
)

incident = Table(
    "incident",
    metadata,
    Column("device_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("failure", String(64), nullable=False),
    Column("evidence", Document, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Column("repaired_by", String(100), nullable=False),
    _within("fk_incident_device", "device_id", "device"),
    CheckConstraint("count > 0 AND last_at >= first_at", name="span"),
    Index(None, "account_id", "last_at"),
)

idempotency_record = Table(
    "idempotency_record",
    metadata,
    Column("principal", String(100), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("state", words(Record, "state"), nullable=False),
    Column("claimed_at", Moment, nullable=False),
    Column("status", Integer),
    Column("headers", Document),
    Column("body", LargeBinary),
    Index(None, "claimed_at"),
)

nonce = Table(
    "nonce",
    metadata,
    Column("keyid", String(64), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Index(None, "expires_at"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("smart_account.id")),
    Column("prefix", String(32), nullable=False, unique=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("name", String(100), nullable=False),
    Column("role", words(OperatorRole, "role"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    CheckConstraint("expires_at IS NULL OR expires_at > created_at", name="dates"),
    Index(None, "account_id"),
)

__all__ = [
    "HARD_RULE",
    "api_key",
    "certificate",
    "device",
    "device_entitlement",
    "entitlement_tag",
    "holding",
    "id_certificate",
    "id_token",
    "idempotency_record",
    "incident",
    "ledger_entry",
    "license_grant",
    "lot",
    "metadata",
    "nonce",
    "pool",
    "smart_account",
    "trust_ack",
    "trust_bundle",
    "trust_bundle_anchor",
    "virtual_account",
]
