"""What every test may ask for: a clock that is set by hand, and an empty store on either database."""

import asyncio
import itertools
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


class PostgresDatabases:
    """Fresh databases on the test server, copied from one that is migrated once."""

    def __init__(self) -> None:
        # A loop of its own: fixtures run outside the loops of the tests, and a session outlives them.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._names = (f"goip_test_{os.getpid()}_{n}" for n in itertools.count())
        self._template = next(self._names)
        self._execute(f"CREATE DATABASE {self._template}")
        self._runner.run(_migrate(_postgres_url(self._template)))

    def make(self) -> str:
        """The name of a new one."""
        name = next(self._names)
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self.drop(self._template)
        self._runner.close()

    def _execute(self, statement: str) -> None:
        self._runner.run(_execute(statement))


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
def postgres_databases() -> Iterator[PostgresDatabases]:
    """The test server's databases; skips loudly where there is no server, and fails where there must be."""
    trouble = postgres_trouble()
    if trouble is not None:
        refuse = pytest.fail if IN_CI else pytest.skip
        refuse(f"PostgreSQL is left out: {trouble}")
    databases = PostgresDatabases()
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with today's schema, on each of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "goip.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    name = databases.make()
    yield _postgres_url(name)
    databases.drop(name)


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


async def _execute(statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(POSTGRES_URL)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(work)


def _postgres_url(name: str) -> str:
    return make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
