"""The tables brought up to this release, in both databases.

Every step runs in one transaction with the note that it was taken, so a program that is killed on the way leaves the
tables of before or of after. Programs that start at once wait for each other.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from anchorwatch.db.database import Database, Health
from anchorwatch.db.error import SchemaDiffers

HEAD = "0004"
"""The revision of this release."""
_FOLDER = Path(__file__).parent / "migrations"


def upgrade(database: Database, to: str = HEAD) -> str | None:
    """Bring the tables to this release, from nothing or from an earlier one; the revision they had before.

    Raises `SchemaDiffers`, and changes nothing, if they are of a later release. `to` is for tests.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with database.exclusive() as connection:
        found = revision(connection)
        try:
            ScriptDirectory.from_config(config).get_revision(found or to)
        except CommandError:
            raise _differs(found) from None
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    return found


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def check(database: Database) -> Health:
    """Ask whether the database answers and has the tables of this release. `DatabaseUnreachable` if it does not."""

    def look(connection: Connection) -> Health:
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        return Health(kind=database.kind, version=version, revision=revision(connection), wanted=HEAD)

    try:
        return database.read(look)
    except DBAPIError as error:
        raise _differs(None) from error


def require(database: Database) -> None:
    """`SchemaDiffers` unless the tables are those of this release."""
    health = check(database)
    if not health.ready:
        raise _differs(health.revision)


def _differs(found: str | None) -> SchemaDiffers:
    if found is None:
        sentence = "the database has no tables yet"
    elif found < HEAD:
        sentence = f"the tables are of an earlier release ({found}); this one wants {HEAD}"
    else:
        sentence = f"the tables are of a later release ({found[:20]!a}); this one knows {HEAD}"
    return SchemaDiffers(sentence, found=found, wanted=HEAD)
