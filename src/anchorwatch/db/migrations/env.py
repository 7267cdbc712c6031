"""How alembic runs the steps: in the transaction that `anchorwatch.db.migration` has opened."""

from __future__ import annotations

from alembic import context
from sqlalchemy import MetaData

from anchorwatch.db.table import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=MetaData(naming_convention=metadata.naming_convention),
    transactional_ddl=True,
)
context.run_migrations()
