"""Running the Alembic migrations, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from publisher.model.errors import StoreError

__all__ = ["migrate", "scripts"]

_LOCK = 7_305_221  # PostgreSQL's advisory lock for this program's migrations; any constant does


def scripts() -> ScriptDirectory:
    """The migrations of this installation."""
    return ScriptDirectory.from_config(_config())


def migrate(engine: Engine, current: str | None) -> None:
    """Brings the schema from ``current`` to the newest, in one transaction; a second process waits, then finds it done.

    Raises StoreError for a database that a newer publisher made.
    """
    known = {script.revision for script in scripts().walk_revisions()}
    if current is not None and current not in known:
        raise StoreError(
            f"its schema {current} was made by a newer publisher",
            remedy="upgrade publisher; this database is not touched",
        )
    config = _config()
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
