"""Accounts, what they bought, their devices, and what those hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from anchorwatch.db.column import Document, Moment

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def _words(name: str, *allowed: str) -> sa.Enum:
    return sa.Enum(*allowed, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    """Make the tables of this step."""
    op.create_table(
        "smart_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("policy", Document, nullable=False),
        sa.Column("export_policy", sa.String(length=32), nullable=False),
        sa.Column("signing_set", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_smart_account")),
        sa.UniqueConstraint("domain", name=op.f("uq_smart_account_domain")),
    )
    op.create_table(
        "virtual_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("tags", Document, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["smart_account.id"], name=op.f("fk_virtual_account_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_virtual_account")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_virtual_account_account_id_id")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_virtual_account_account_id_name")),
    )
    op.create_index(
        "uq_virtual_account_default",
        "virtual_account",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "entitlement_tag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("mode", _words("mode", "report", "limit", "hard"), nullable=False),
        sa.Column("on_expiry", _words("on_expiry", "continue", "no-new-use", "disable"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["smart_account.id"], name=op.f("fk_entitlement_tag_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlement_tag")),
        sa.UniqueConstraint("account_id", "id", "mode", name=op.f("uq_entitlement_tag_account_id_id_mode")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_entitlement_tag_account_id_id")),
        sa.UniqueConstraint("account_id", "tag", name=op.f("uq_entitlement_tag_account_id_tag")),
    )
    op.create_table(
        "pool",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("virtual_account_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("mode", _words("mode", "report", "limit", "hard"), nullable=False),
        sa.Column("purchased", sa.BigInteger(), nullable=False),
        sa.Column("in_use", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("leased", sa.BigInteger(), nullable=False),
        sa.Column("overage_pct", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "mode <> 'hard' OR in_use + reserved + leased <= (purchased * (100 + overage_pct)) / 100",
            name=op.f("ck_pool_hard"),
        ),
        sa.CheckConstraint(
            "purchased >= 0 AND in_use >= 0 AND reserved >= 0 AND leased >= 0 AND overage_pct >= 0",
            name=op.f("ck_pool_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "tag_id", "mode"],
            ["entitlement_tag.account_id", "entitlement_tag.id", "entitlement_tag.mode"],
            name="fk_pool_tag",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "virtual_account_id"],
            ["virtual_account.account_id", "virtual_account.id"],
            name="fk_pool_virtual_account",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_pool_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_pool_account_id_id")),
        sa.UniqueConstraint("virtual_account_id", "tag_id", name=op.f("uq_pool_virtual_account_id_tag_id")),
    )
    op.create_table(
        "lot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("virtual_account_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words("kind", "buy", "transfer"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name=op.f("ck_lot_dates")),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_lot_quantity")),
        sa.ForeignKeyConstraint(
            ["account_id", "parent_id"], ["lot.account_id", "lot.id"], name="fk_lot_parent"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "tag_id"], ["entitlement_tag.account_id", "entitlement_tag.id"], name="fk_lot_tag"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "virtual_account_id"],
            ["virtual_account.account_id", "virtual_account.id"],
            name="fk_lot_virtual_account",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_lot_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_lot_account_id_id")),
    )
    op.create_index(op.f("ix_lot_ends_at"), "lot", ["ends_at"], unique=False)
    op.create_index(op.f("ix_lot_starts_at"), "lot", ["starts_at"], unique=False)
    op.create_index(
        op.f("ix_lot_virtual_account_id_tag_id"), "lot", ["virtual_account_id", "tag_id"], unique=False
    )
    op.create_table(
        "id_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("virtual_account_id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.String(length=64), nullable=False),
        sa.Column("mode", _words("mode", "proof", "basic"), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("export_allowed", sa.Boolean(), nullable=False),
        sa.Column("force_allowed", sa.Boolean(), nullable=False),
        sa.Column("approval_required", sa.Boolean(), nullable=False),
        sa.Column("serial_pattern", sa.String(length=200), nullable=True),
        sa.Column("network", sa.String(length=64), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "(mode = 'proof' AND public_key IS NOT NULL AND secret_hash IS NULL) OR (mode = 'basic' AND secret_hash IS NOT NULL AND public_key IS NULL)",
            name=op.f("ck_id_token_secret"),
        ),
        sa.CheckConstraint("uses >= 0 AND uses <= max_uses AND max_uses > 0", name=op.f("ck_id_token_uses")),
        sa.ForeignKeyConstraint(
            ["account_id", "virtual_account_id"],
            ["virtual_account.account_id", "virtual_account.id"],
            name="fk_id_token_virtual_account",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_id_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_id_token")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_id_token_account_id_id")),
        sa.UniqueConstraint("prefix", name=op.f("uq_id_token_prefix")),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("virtual_account_id", sa.Uuid(), nullable=False),
        sa.Column("pid", sa.String(length=100), nullable=False),
        sa.Column("sn", sa.String(length=100), nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            _words(
                "state",
                "pending",
                "active",
                "overdue",
                "auth-expired",
                "id-expired",
                "removed",
                "suspended",
                "conflict",
                "revoked",
            ),
            nullable=False,
        ),
        sa.Column("ha_group", sa.String(length=100), nullable=False),
        sa.Column("software", sa.String(length=200), nullable=False),
        sa.Column("agent", sa.String(length=100), nullable=False),
        sa.Column("features", Document, nullable=False),
        sa.Column("export_allowed", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_seen", Moment(), nullable=True),
        sa.Column("deadline", Moment(), nullable=True),
        sa.Column("id_ends", Moment(), nullable=True),
        sa.Column("skew_ms", sa.BigInteger(), nullable=True),
        sa.Column("trust_seq", sa.BigInteger(), nullable=False),
        sa.Column("grant_seq", sa.BigInteger(), nullable=False),
        sa.Column("adoptions", sa.Integer(), nullable=False),
        sa.Column("last_failure", sa.String(length=64), nullable=False),
        sa.CheckConstraint("state <> 'removed' OR NOT live", name=op.f("ck_device_removed")),
        sa.CheckConstraint(
            "grant_seq >= 0 AND trust_seq >= 0 AND adoptions >= 0", name=op.f("ck_device_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "virtual_account_id"],
            ["virtual_account.account_id", "virtual_account.id"],
            name="fk_device_virtual_account",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_device_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_device_account_id_id")),
    )
    op.create_index(
        "ix_device_deadline",
        "device",
        ["deadline"],
        unique=False,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(
        "ix_device_id_ends",
        "device",
        ["id_ends"],
        unique=False,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(
        "ix_device_last_seen",
        "device",
        ["last_seen"],
        unique=False,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(op.f("ix_device_virtual_account_id"), "device", ["virtual_account_id"], unique=False)
    op.create_index(
        "uq_device_live_udi",
        "device",
        ["account_id", "pid", "sn", "uuid"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            _words(
                "kind",
                "buy",
                "expire",
                "transfer-in",
                "transfer-out",
                "consume",
                "release",
                "reserve",
                "return",
                "lease",
                "lease-end",
                "adjust",
            ),
            nullable=False,
        ),
        sa.Column("counter", _words("counter", "purchased", "in_use", "reserved", "leased"), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=100), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.CheckConstraint("delta <> 0", name=op.f("ck_ledger_entry_delta")),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"], ["device.account_id", "device.id"], name="fk_ledger_entry_device"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "lot_id"], ["lot.account_id", "lot.id"], name="fk_ledger_entry_lot"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "pool_id"], ["pool.account_id", "pool.id"], name="fk_ledger_entry_pool"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["smart_account.id"], name=op.f("fk_ledger_entry_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
    )
    op.create_index(op.f("ix_ledger_entry_device_id_id"), "ledger_entry", ["device_id", "id"], unique=False)
    op.create_index(op.f("ix_ledger_entry_pool_id_id"), "ledger_entry", ["pool_id", "id"], unique=False)
    op.create_index(
        "uq_ledger_entry_lot_down",
        "ledger_entry",
        ["lot_id"],
        unique=True,
        sqlite_where=sa.text("lot_id IS NOT NULL AND delta < 0"),
        postgresql_where=sa.text("lot_id IS NOT NULL AND delta < 0"),
    )
    op.create_index(
        "uq_ledger_entry_lot_up",
        "ledger_entry",
        ["lot_id"],
        unique=True,
        sqlite_where=sa.text("lot_id IS NOT NULL AND delta > 0"),
        postgresql_where=sa.text("lot_id IS NOT NULL AND delta > 0"),
    )
    op.create_table(
        "holding",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("seats", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("seats > 0", name=op.f("ck_holding_seats")),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"], ["device.account_id", "device.id"], name="fk_holding_device"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "pool_id"], ["pool.account_id", "pool.id"], name="fk_holding_pool"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["smart_account.id"], name=op.f("fk_holding_account_id")),
        sa.PrimaryKeyConstraint("device_id", "pool_id", name=op.f("pk_holding")),
    )
    op.create_index(op.f("ix_holding_pool_id"), "holding", ["pool_id"], unique=False)
    op.create_table(
        "certificate",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_certificate")),
    )
    op.create_table(
        "id_certificate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=42), nullable=False),
        sa.Column("spki_sha256", sa.String(length=64), nullable=False),
        sa.Column("not_before", Moment(), nullable=False),
        sa.Column("not_after", Moment(), nullable=False),
        sa.Column("status", _words("status", "active", "superseded", "revoked"), nullable=False),
        sa.Column("predecessor_id", sa.Uuid(), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("issued_at", Moment(), nullable=False),
        sa.Column("first_used_at", Moment(), nullable=True),
        sa.Column("retired_at", Moment(), nullable=True),
        sa.CheckConstraint("not_after > not_before", name=op.f("ck_id_certificate_dates")),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"], ["device.account_id", "device.id"], name="fk_id_certificate_device"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "predecessor_id"],
            ["id_certificate.account_id", "id_certificate.id"],
            name="fk_id_certificate_predecessor",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "token_id"], ["id_token.account_id", "id_token.id"], name="fk_id_certificate_token"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["smart_account.id"], name=op.f("fk_id_certificate_account_id")
        ),
        sa.ForeignKeyConstraint(["sha256"], ["certificate.sha256"], name=op.f("fk_id_certificate_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_id_certificate")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_id_certificate_account_id_id")),
        sa.UniqueConstraint("sha256", name=op.f("uq_id_certificate_sha256")),
    )
    op.create_index(
        op.f("ix_id_certificate_account_id_spki_sha256"),
        "id_certificate",
        ["account_id", "spki_sha256"],
        unique=False,
    )
    op.create_index(op.f("ix_id_certificate_device_id"), "id_certificate", ["device_id"], unique=False)
    op.create_index(
        "uq_id_certificate_active",
        "id_certificate",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "uq_id_certificate_token",
        "id_certificate",
        ["token_id", "spki_sha256"],
        unique=True,
        sqlite_where=sa.text("token_id IS NOT NULL"),
        postgresql_where=sa.text("token_id IS NOT NULL"),
    )
    op.create_table(
        "device_entitlement",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.CheckConstraint(
            "requested >= 0 AND granted >= 0", name=op.f("ck_device_entitlement_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"],
            ["device.account_id", "device.id"],
            name="fk_device_entitlement_device",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "tag_id"],
            ["entitlement_tag.account_id", "entitlement_tag.id"],
            name="fk_device_entitlement_tag",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["smart_account.id"], name=op.f("fk_device_entitlement_account_id")
        ),
        sa.PrimaryKeyConstraint("device_id", "tag_id", name=op.f("pk_device_entitlement")),
    )
    op.create_table(
        "license_grant",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("previous_seq", sa.BigInteger(), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("previous_jti", sa.String(length=64), nullable=True),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("issued_at", Moment(), nullable=False),
        sa.Column("refresh_at", Moment(), nullable=False),
        sa.Column("deadline", Moment(), nullable=False),
        sa.Column("grace_end", Moment(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("acked_at", Moment(), nullable=True),
        sa.CheckConstraint("previous_seq >= 0 AND seq > previous_seq", name=op.f("ck_license_grant_rising")),
        sa.CheckConstraint(
            "refresh_at >= issued_at AND deadline >= refresh_at AND grace_end >= deadline",
            name=op.f("ck_license_grant_dates"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"], ["device.account_id", "device.id"], name="fk_license_grant_device"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["smart_account.id"], name=op.f("fk_license_grant_account_id")
        ),
        sa.PrimaryKeyConstraint("device_id", "seq", name=op.f("pk_license_grant")),
        sa.UniqueConstraint(
            "device_id", "previous_seq", name=op.f("uq_license_grant_device_id_previous_seq")
        ),
        sa.UniqueConstraint("jti", name=op.f("uq_license_grant_jti")),
    )
    for name in ("ledger_entry", "lot"):
        _never_changes(name)


def _never_changes(name: str) -> None:
    """What was written stays: the database refuses to change or remove a row."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_no_{action.lower()} BEFORE {action} ON {name}"
                f" BEGIN SELECT RAISE(ABORT, '{name} is never changed'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {name}_never_changes() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{name} is never changed' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}_never_changes()"
    )
