"""Bringing a database to today's schema: from nothing, from yesterday, never from tomorrow, and never half-way."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from goip.errors import StartupError
from goip.store import migrate as migrations
from goip.store import tables as t
from goip.store.engine import Database
from goip.store.migrate import migrate, scripts_folder
from goip.store.store import Store
from tests.conftest import PostgresDatabases, postgres_url
from tests.store.lives import all_rows, enrol, receive

HEAD = "0005"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("new_table", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("devices", sa.Column("colour", sa.Text, nullable=True))
    op.execute("UPDATE devices SET name = 'migrated', colour = 'red'")
    {end}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it, on each of the two kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'goip.db'}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    name = databases.make()
    yield postgres_url(name)
    databases.drop(name)


@pytest.fixture
async def own_url(bare_url: str) -> str:
    """A database of its own with today's schema, for tests that take it further."""
    await migrated(bare_url)
    return bare_url


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Store]:
    store = Store(url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Adds a migration to those that there are."""
    folder = tmp_path / "migrations 100%"
    shutil.copytree(scripts_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrations, "scripts_folder", lambda: folder)

    def add(end: str = "pass", revision: str = "9001", before: str = HEAD) -> Path:
        path = folder / "versions" / f"{revision}_next.py"
        path.write_text(NEXT.format(revision=revision, before=before, end=end))
        return path

    return add


def backups(url: str) -> list[Path]:
    path = Path(url.removeprefix("sqlite:///"))
    return sorted(path.parent.glob(f"{path.name}.before-*"))


async def migrated(url: str) -> str | None:
    database = Database(url)
    try:
        return await migrate(database)
    finally:
        await database.close()


async def ask(url: str, question: Callable[[Connection], Any]) -> Any:
    database = Database(url)
    try:
        async with database.reading() as connection:
            return await connection.run_sync(question)
    finally:
        await database.close()


async def read(url: str, query: str) -> Any:
    return await ask(url, lambda connection: connection.execute(text(query)).all())


def revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def columns(connection: Connection) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns("devices")}


# ---- from nothing ----


async def test_a_new_database_gets_todays_schema_and_a_second_look_changes_nothing(bare_url: str) -> None:
    assert await migrated(bare_url) is None
    assert await ask(bare_url, revision) == HEAD
    assert await migrated(bare_url) == HEAD
    assert backups(bare_url) == []


async def test_the_tables_of_the_code_are_those_of_the_migrations(bare_url: str) -> None:
    await migrated(bare_url)

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), t.metadata))

    assert await ask(bare_url, differences) == []


def _is_ours(_thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """The search index is the database's own business: FTS tables on SQLite, trigrams on PostgreSQL."""
    return not (name or "").startswith(
        ("sms_fts", "ix_sms_text") if kind in ("table", "index") else ("sms_fts",)
    )


async def test_the_comparison_would_see_a_difference(bare_url: str) -> None:
    await migrated(bare_url)

    def change(connection: Connection) -> list[Any]:
        connection.execute(text("ALTER TABLE devices ADD COLUMN colour TEXT"))
        return list(
            compare_metadata(
                MigrationContext.configure(connection, opts={"include_object": _is_ours}), t.metadata
            )
        )

    assert len(await ask(bare_url, change)) == 1


async def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b ü" / "goip.db"
    store = Store(f"sqlite:///{path}")
    await store.open()
    await store.close()
    assert path.is_file()


# ---- from yesterday ----


async def test_an_upgrade_keeps_everything_and_leaves_a_copy_from_before(
    own_url: str, scripts: Callable[..., Path]
) -> None:
    async with running(own_url) as store:
        await enrol(store, name="Roof")
        await receive(store, "kept")
    scripts()
    assert await migrated(own_url) == HEAD
    assert await ask(own_url, revision) == "9001"
    assert await read(own_url, "SELECT name, colour FROM devices") == [("migrated", "red")]
    assert await read(own_url, "SELECT message FROM sms") == [("kept",)]
    if own_url.startswith("sqlite"):
        (copy,) = backups(own_url)
        assert await ask(f"sqlite:///{copy}", revision) == HEAD
        assert await read(f"sqlite:///{copy}", "SELECT name FROM devices") == [("Roof",)]


async def test_a_copy_from_before_has_an_epoch_of_its_own(
    sqlite_template: Path, tmp_path: Path, scripts: Callable[..., Path]
) -> None:
    """When it is put back, a cursor from the database that went on must not be taken for a place in it."""
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'goip.db')}"
    async with running(url) as store:
        epoch = store.fleet.epoch
    scripts()
    await migrated(url)
    assert await read(url, "SELECT epoch FROM stream") == [(epoch,)]
    ((of_copy,),) = await read(f"sqlite:///{backups(url)[0]}", "SELECT epoch FROM stream")
    assert of_copy not in ("", epoch)


async def test_several_migrations_are_one_step(own_url: str, scripts: Callable[..., Path]) -> None:
    scripts()
    path = scripts(end="op.drop_table('new_table')", revision="9002", before="9001")
    kept = [
        line for line in path.read_text().splitlines() if "create_table" not in line and "add_col" not in line
    ]
    path.write_text("\n".join(kept))
    assert await migrated(own_url) == HEAD
    assert await ask(own_url, revision) == "9002"
    assert await ask(own_url, lambda c: inspect(c).has_table("new_table")) is False


# ---- half-way, and from tomorrow ----


@pytest.mark.parametrize("end", ["raise RuntimeError('half-way')", "op.execute('UPDATE nowhere SET x = 1')"])
async def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(
    own_url: str, scripts: Callable[..., Path], end: str
) -> None:
    async with running(own_url) as store:
        await enrol(store, name="Roof")
        await receive(store, "kept")
    async with running(own_url) as store:
        before = {table.name: await all_rows(store, table) for table in t.metadata.sorted_tables}
    broken = scripts(end)
    assert "A migration failed" in (told := await refusal_of(own_url))
    assert await ask(own_url, revision) == HEAD
    assert "colour" not in await ask(own_url, columns)
    assert await ask(own_url, lambda c: inspect(c).has_table("new_table")) is False
    if own_url.startswith("sqlite"):
        (copy,) = backups(own_url)
        assert str(copy) in told
        assert await ask(f"sqlite:///{copy}", revision) == HEAD
    else:
        assert "Nothing was changed" in told
    broken.unlink()
    async with running(own_url) as store:
        assert {table.name: await all_rows(store, table) for table in t.metadata.sorted_tables} == before


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    own_url: str, scripts: Callable[..., Path]
) -> None:
    newer = scripts()
    await migrated(own_url)
    newer.unlink()
    assert "schema 9001, which is newer than this version" in await refusal_of(own_url)
    assert await ask(own_url, revision) == "9001"
    assert "colour" in await ask(own_url, columns)


async def test_without_a_copy_there_is_no_migration(
    sqlite_template: Path, tmp_path: Path, scripts: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'goip.db')}"
    scripts()
    monkeypatch.setattr(migrations, "back_up", full)
    with pytest.raises(StartupError, match="the disk is full"):
        await migrated(url)
    assert await ask(url, revision) == HEAD


# ---- what cannot be used ----


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write anywhere: be somebody else for a while, where we are root."""
    import os

    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def refusal_of(url: str) -> str:
    store = Store(url)
    with pytest.raises(StartupError) as refusal:
        await asyncio.wait_for(store.open(), 30)
    return str(refusal.value)


async def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    with as_nobody():
        told = await refusal_of(f"sqlite:///{folder / 'goip.db'}")
    assert "cannot be used" in told
    assert str(folder) in told


async def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = await refusal_of(f"sqlite:///{tmp_path / 'file' / 'goip.db'}")
    assert "cannot be" in told
    assert str(tmp_path / "file") in told


async def test_a_file_that_is_no_database_is_told_of_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "goip.db"
    path.write_bytes(b"somebody's letters" * 1000)
    assert "restore a backup" in await refusal_of(f"sqlite:///{path}")
    assert path.read_bytes() == b"somebody's letters" * 1000


@pytest.mark.parametrize("table", ["alembic_version", "stream", "devices", "heartbeat_log"])
async def test_a_damaged_page_is_told_of(sqlite_template: Path, tmp_path: Path, table: str) -> None:
    path = tmp_path / "goip.db"
    shutil.copyfile(sqlite_template, path)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert "restore a backup" in await refusal_of(f"sqlite:///{path}")


async def test_a_database_locked_at_the_start_is_told_of(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goip.store.engine._BUSY_SECONDS", 0.05)
    path = tmp_path / "goip.db"
    shutil.copyfile(sqlite_template, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "locked by another process" in await refusal_of(f"sqlite:///{path}")


@pytest.mark.parametrize(
    "url",
    ["postgresql://nobody:secret@127.0.0.1:1/goip", "postgresql://nobody:secret@127.0.0.1/no_such_database"],
)
async def test_a_server_that_does_not_let_us_in_is_told_of_without_the_password(url: str) -> None:
    told = await refusal_of(url)
    assert "cannot be used" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("mysql://root@127.0.0.1/goip", "must be sqlite:///PATH or postgresql://"),
        ("goip.db", "not a database address"),
        ("", "not a database address"),
        ("http://user:secret@127.0.0.1/goip", "must be sqlite:///PATH or postgresql://"),
        ("postgresql//user:secret@127.0.0.1/goip", "not a database address"),
    ],
)
def test_an_address_that_is_none_is_told_of_without_a_password(url: str, complaint: str) -> None:
    with pytest.raises(StartupError, match="GOIP_DATABASE_URL") as refusal:
        Store(url)
    assert complaint in str(refusal.value)
    assert "secret" not in str(refusal.value)
