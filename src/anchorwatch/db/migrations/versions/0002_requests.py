"""Trust bundles, incidents, and the memory of requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from anchorwatch.db.column import Document, Moment

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def _words(name: str, *allowed: str) -> sa.Enum:
    return sa.Enum(*allowed, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    """Make the tables of this step."""
    op.create_table(
        "trust_bundle",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("p7b", sa.LargeBinary(), nullable=False),
        sa.Column("claims", Document, nullable=False),
        sa.Column("issued_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_trust_bundle_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_trust_bundle")),
    )
    op.create_table(
        "trust_bundle_anchor",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role", _words("role", "tls", "licensing", "id"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["trust_bundle.seq"], name=op.f("fk_trust_bundle_anchor_seq")),
        sa.ForeignKeyConstraint(
            ["sha256"], ["certificate.sha256"], name=op.f("fk_trust_bundle_anchor_sha256")
        ),
        sa.PrimaryKeyConstraint("seq", "role", "sha256", name=op.f("pk_trust_bundle_anchor")),
    )
    op.create_table(
        "trust_ack",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("canary", sa.String(length=64), nullable=False),
        sa.Column("missing", Document, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"], ["device.account_id", "device.id"], name="fk_trust_ack_device"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_trust_ack_account_id")),
        sa.ForeignKeyConstraint(["seq"], ["trust_bundle.seq"], name=op.f("fk_trust_ack_seq")),
        sa.PrimaryKeyConstraint("device_id", "seq", name=op.f("pk_trust_ack")),
    )
    op.create_table(
        "incident",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=False),
        sa.Column("evidence", Document, nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("repaired_by", sa.String(length=100), nullable=False),
        sa.CheckConstraint("count > 0 AND last_at >= first_at", name=op.f("ck_incident_span")),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"], ["device.account_id", "device.id"], name="fk_incident_device"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_incident_account_id")),
        sa.PrimaryKeyConstraint("device_id", "id", name=op.f("pk_incident")),
    )
    op.create_index(
        op.f("ix_incident_account_id_last_at"), "incident", ["account_id", "last_at"], unique=False
    )
    op.create_table(
        "idempotency_record",
        sa.Column("principal", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("state", _words("state", "in-flight", "done"), nullable=False),
        sa.Column("claimed_at", Moment(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", Document, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency_record")),
    )
    op.create_index(
        op.f("ix_idempotency_record_claimed_at"), "idempotency_record", ["claimed_at"], unique=False
    )
    op.create_table(
        "nonce",
        sa.Column("keyid", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("keyid", "nonce", name=op.f("pk_nonce")),
    )
    op.create_index(op.f("ix_nonce_expires_at"), "nonce", ["expires_at"], unique=False)
