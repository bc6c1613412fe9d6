"""Bringing a database to the schema of this version: backup first, all or nothing, never backwards."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from goip.errors import StartupError
from goip.store.backup import back_up
from goip.store.engine import Database, describe_trouble, startup_error

log = structlog.get_logger(__name__)


def scripts_folder() -> Path:
    """Where the migrations are: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


async def migrate(database: Database) -> str | None:
    """Upgrade to the newest schema; returns the schema version it started from, None for a new database.

    All migrations run in one transaction, so one that fails half-way leaves the database as it was; SQLite is
    copied beside itself first all the same. Raises StartupError for a newer schema, a damaged file, or a
    failed migration.
    """
    if database.path is not None:
        prepare_folder(database.path)
    config = _config()
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        async with database.writing() as connection:
            current = await connection.run_sync(_current_revision)
    except Exception as error:
        raise startup_error(database, error) from error
    if current == head:
        return current
    _refuse_newer(config, current)
    backup = await _back_up(database, current)
    await _upgrade(database, config, backup)
    log.info("database.migrated", started_from=current, now=head, backup=str(backup) if backup else None)
    return current


async def migrate_if_new(database: Database) -> None:
    """Make the tables where there are none. Raises StartupError for any other version than this one's.

    For commands beside a server that may be running: that server's schema is not theirs to change.
    """
    config = _config()
    try:
        async with database.writing() as connection:
            current = await connection.run_sync(_current_revision)
    except Exception as error:
        raise startup_error(database, error) from error
    if current is None:
        await migrate(database)
    elif current != ScriptDirectory.from_config(config).get_current_head():
        raise StartupError(f"The database has schema {current}, not this version's: run goip migrate first.")


async def _upgrade(database: Database, config: AlembicConfig, backup: Path | None) -> None:
    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    try:
        async with database.writing() as connection:
            await connection.run_sync(run)
    except Exception as error:
        kept = (
            f" The database is as it was before; a copy is {backup}." if backup else " Nothing was changed."
        )
        # The driver's own words, without the link that SQLAlchemy adds.
        words = getattr(error, "orig", None) or error
        raise StartupError(f"A migration failed: {words}.{kept}") from error


def _config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(scripts_folder()).replace("%", "%%"))
    return config


def _current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(config: AlembicConfig, current: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StartupError(
            f"The database has schema {current}, which is newer than this version of goip knows. "
            "Install the newer version again, or restore a backup from before the upgrade."
        )


async def _back_up(database: Database, current: str | None) -> Path | None:
    if database.path is None or current is None:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = database.path.with_name(f"{database.path.name}.before-{stamp}")
    try:
        await asyncio.to_thread(back_up, database.path, target)
    except (OSError, sqlite3.Error) as error:
        raise StartupError(
            f"The copy {target} that goes before a migration cannot be made: {describe_trouble(error)}"
        ) from error
    return target


def prepare_folder(path: Path) -> None:
    """Make the database's folder; raises StartupError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(f"The database's folder {path.parent} cannot be made: {error.strerror}") from error
