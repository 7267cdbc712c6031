"""In PostgreSQL, rows of one account alone for whoever says that it works for that account: a second fence."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

_FENCED = {
    "smart_account": "id",
    "virtual_account": "account_id",
    "entitlement_tag": "account_id",
    "pool": "account_id",
    "lot": "account_id",
    "id_token": "account_id",
    "device": "account_id",
    "ledger_entry": "account_id",
    "holding": "account_id",
    "id_certificate": "account_id",
    "device_entitlement": "account_id",
    "license_grant": "account_id",
    "trust_ack": "account_id",
    "incident": "account_id",
}


def upgrade() -> None:
    """Take this step. The portal owns its tables, so the fence is for their owner too (`FORCE`)."""
    if op.get_bind().dialect.name != "postgresql":
        return
    said = "NULLIF(current_setting('anchorwatch.account', true), '')"
    for table, column in _FENCED.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # Both sides are evaluated once for a statement, not for every row of it.
        op.execute(
            f"CREATE POLICY fence ON {table}"
            f" USING ((SELECT {said}) IS NULL OR {column} = (SELECT {said}::uuid))"
        )
