"""What every test may ask for: a clock that is set by hand, and an empty store on either database."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from goip.store.engine import Database
from goip.store.migrate import migrate
from goip.store.store import Store
from goip.store.tables import metadata
from tests.services import POSTGRES_URL, postgres_trouble

IN_CI = os.environ.get("CI", "").lower() == "true"


class FakeClock:
    """ms since the epoch, standing still until it is moved."""

    def __init__(self, at: int = 1_795_238_541_123) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += round(seconds * 1000)


class PostgresDatabase:
    """One database on the test server for the whole session: to empty it is a hundred times faster than to copy it."""

    def __init__(self) -> None:
        name = f"goip_test_{os.getpid()}"
        self.url = make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
        self._create, self._drop = f"CREATE DATABASE {name}", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"

    async def make(self) -> None:
        await _execute(POSTGRES_URL, self._drop, self._create)
        await _migrate(self.url)

    async def empty(self) -> None:
        """Whoever still holds a connection loses it: a test that forgot to close its store harms no other."""
        tables = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
        await _execute(self.url, _END_OTHERS, ";".join(tables))

    async def drop(self) -> None:
        await _execute(POSTGRES_URL, self._drop)


_END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to copy."""
    path = tmp_path_factory.mktemp("template") / "goip.db"
    _run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[PostgresDatabase]:
    """On the test server; skips loudly where there is none, and fails where there must be one."""
    trouble = postgres_trouble()
    if trouble is not None:
        refuse = pytest.fail if IN_CI else pytest.skip
        refuse(f"PostgreSQL is left out: {trouble}")
    database = PostgresDatabase()
    _run(database.make())
    yield database
    _run(database.drop())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with today's schema, on each of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "goip.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    _run(database.empty())
    return database.url


@pytest.fixture
async def store(database_url: str, clock: FakeClock) -> AsyncIterator[Store]:
    """An open, empty store."""
    store = Store(database_url, clock=clock)
    await store.open()
    yield store
    await store.close()


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


async def _execute(url: str, *statements: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """In a loop of its own: fixtures run outside the loops of the tests."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(work)
