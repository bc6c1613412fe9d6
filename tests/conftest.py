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
from goip.store.tables import metadata
from tests.services import POSTGRES_URL, postgres_trouble

IN_CI = os.environ.get("CI", "").lower() == "true"

LONG = (
    "crash",
    "streams/test_random_drops",
    "gateways/test_lossy_boxes",
    "gateways/test_tcp_boxes",
    "gateways/test_mqtt_boxes",
    "streams",
    "proxy",
    "browser",
    "faults",
    "fuzz",
)
"""Begun first: a long file that is begun last keeps one core busy while the other waits."""

WAITING = "guided"
"""Begun last: waits for the fuzzers, which have run beside everything else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes come first, the longest before all; what waits for all comes last."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        place = item.path.relative_to(here).as_posix()
        if place.startswith(WAITING):
            return len(LONG) + 1
        return next((n for n, start in enumerate(LONG) if place.startswith(start)), len(LONG))

    items.sort(key=rank)


class FakeClock:
    """ms since the epoch, standing still until it is moved."""

    def __init__(self, at: int = 1_795_238_541_123) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += round(seconds * 1000)


class PostgresDatabases:
    """Databases on the test server: new ones, and one to share, as to empty is a hundred times faster than to make."""

    def __init__(self) -> None:
        self._names = (f"goip_test_{os.getpid()}_{n}" for n in itertools.count())
        self._made: set[str] = set()
        self._shared: str | None = None

    def make(self) -> str:
        """The name of a new one, without a schema."""
        name = next(self._names)
        _run(_execute(POSTGRES_URL, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"))
        self._made.add(name)
        return name

    def drop(self, name: str) -> None:
        _run(_execute(POSTGRES_URL, f"DROP DATABASE {name} WITH (FORCE)"))
        self._made.discard(name)

    def emptied(self) -> str:
        """The shared one, with today's schema and not a row.

        Whoever still holds a connection loses it: a test that forgot to close its store harms no other.
        """
        if self._shared is None:
            self._shared = self.make()
            _run(_migrate(postgres_url(self._shared)))
        tables = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
        _run(_execute(postgres_url(self._shared), _END_OTHERS, ";".join(tables)))
        return self._shared

    def close(self) -> None:
        for name in list(self._made):
            self.drop(name)


def postgres_url(name: str) -> str:
    """The address of a database on the test server."""
    return make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)


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
def postgres_databases() -> Iterator[PostgresDatabases]:
    """Those of the test server; skips loudly where there is none, and fails where there must be one."""
    trouble = postgres_trouble()
    if trouble is not None:
        refuse = pytest.fail if IN_CI else pytest.skip
        refuse(f"PostgreSQL is left out: {trouble}")
    databases = PostgresDatabases()
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with today's schema, on each of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "goip.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    return postgres_url(databases.emptied())


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
